import type { Action, Call } from "./command.ts";
import { EXIT } from "./exit-status.ts";
import { watchInterrupts } from "./interrupt.ts";
import { createSession, type GlobalOptions } from "./session.ts";

/** Runs a command's action in a session of its own, with Ctrl-C watched; returns its exit status. */
export async function runAction(
  action: Action,
  args: Call["args"],
  options: Record<string, unknown> & GlobalOptions,
  afterDashes?: readonly string[],
): Promise<number> {
  let stop = (): void => undefined;
  const signal = watchInterrupts(() => {
    stop();
    process.stderr.write("stopping; press Ctrl-C again to stop at once\n");
  });
  const session = createSession(options, signal);
  stop = session.stop;
  try {
    return (await action({ session, args, options, afterDashes })) ?? EXIT.done;
  } catch (error) {
    // Whatever failed because it was told to stop, failed because it was told to stop.
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    session.stop();
  }
}
