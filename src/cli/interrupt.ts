import { MlvError } from "../base/errors.ts";
import { EXIT } from "./exit-status.ts";

/** One key press can arrive twice: from the terminal, which tells every process, and from a parent that hands it on. */
const ECHO_MS = 200;

/**
 * Returns a signal that the first Ctrl-C (or SIGTERM, SIGHUP) aborts, so that the operation stops at a place from which it resumes;
 * the second one ends the process at once.
 */
export function watchInterrupts(onFirst: () => void): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (): void => {
    const now = performance.now();
    if (controller.signal.aborted) {
      if (now - firstAt > ECHO_MS) process.exit(EXIT.interrupted);
      return;
    }
    firstAt = now;
    onFirst();
    controller.abort(new MlvError("interrupted", "interrupted", { hint: "run the same command again: it goes on where it stopped" }));
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  return controller.signal;
}
