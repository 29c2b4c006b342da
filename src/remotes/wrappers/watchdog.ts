import { RemoteError } from "../remote-error.ts";

/** Watches one attempt for silence. */
export interface Watchdog {
  readonly signal: AbortSignal;
  /** Says that something happened. */
  touch(): void;
  /** Says that something happened, and how long silence may last from now on. */
  setLimit(milliseconds: number): void;
  /** Suspends the limit until the next touch, while nobody asks for anything. */
  pause(): void;
  /** Settles as `work` does, or fails with the signal's reason as soon as it is aborted. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Ends the watch; the signal no longer follows the outer one. */
  stop(): void;
}

/** Starts a watchdog; while paused it does not keep the process alive. Cheap enough for a call per piece of a body. */
export function startWatchdog(limitMs: number, outer: AbortSignal | undefined): Watchdog {
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = new Set<(reason: unknown) => void>();
  let isPaused = false;
  const follow = (): void => controller.abort(outer?.reason);
  if (outer?.aborted === true) follow();
  else outer?.addEventListener("abort", follow, { once: true });
  const failAll = (): void => {
    for (const fail of waiting) fail(signal.reason);
  };
  signal.addEventListener("abort", failAll, { once: true });
  let currentMs = limitMs;
  const bark = (): void => {
    if (!isPaused) controller.abort(new RemoteError("timeout", `the remote was silent for ${Math.round(currentMs / 1000)} seconds`));
  };
  let timer = setTimeout(bark, limitMs);
  return {
    signal,
    touch() {
      timer.refresh();
      if (isPaused) timer.ref();
      isPaused = false;
    },
    setLimit(milliseconds) {
      clearTimeout(timer);
      currentMs = milliseconds;
      isPaused = false;
      timer = setTimeout(bark, milliseconds);
    },
    pause() {
      if (!isPaused) timer.unref();
      isPaused = true;
    },
    race: (work) => {
      if (signal.aborted) {
        work.catch(() => undefined);
        return Promise.reject(signal.reason as Error);
      }
      return new Promise((resolve, reject) => {
        waiting.add(reject);
        work.then(
          (value) => {
            waiting.delete(reject);
            resolve(value);
          },
          (error: unknown) => {
            waiting.delete(reject);
            reject(error);
          },
        );
      });
    },
    stop() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", follow);
    },
  };
}
