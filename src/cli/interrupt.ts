import { MlvError } from "../base/errors.ts";
import { EXIT } from "./exit-status.ts";

/**
 * Returns a signal that the first Ctrl-C (or SIGTERM, SIGHUP) aborts, so that the operation stops at a place from which it resumes;
 * the second one ends the process at once.
 */
export function watchInterrupts(onFirst: () => void): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    onFirst();
    controller.abort(new MlvError("interrupted", "interrupted", { hint: "run the same command again: it goes on where it stopped" }));
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  return controller.signal;
}
