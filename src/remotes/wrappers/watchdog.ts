import { RemoteError } from "../remote-error.ts";

/**
 * Runs `work` with a signal that follows `outer` and is aborted with a `timeout` error when nothing happens for `limitMs`.
 * `work` calls `touch` whenever something does. The result does not wait for work that ignores its signal.
 */
export async function withWatchdog<T>(
  limitMs: number | undefined,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal | undefined, touch: () => void) => Promise<T>,
): Promise<T> {
  if (limitMs === undefined) return work(outer, () => undefined);
  const watchdog = startWatchdog(limitMs, outer);
  try {
    return await watchdog.race(work(watchdog.signal, () => watchdog.touch()));
  } finally {
    watchdog.stop();
  }
}

/** Watches one attempt for silence. */
export interface Watchdog {
  readonly signal: AbortSignal;
  /** Says that something happened. */
  touch(): void;
  /** Suspends the limit until the next touch, while nobody asks for anything. */
  pause(): void;
  /** Settles as `work` does, or fails with the signal's reason as soon as it is aborted. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Ends the watch; the signal no longer follows the outer one. */
  stop(): void;
}

/** Starts a watchdog; it does not keep the process alive by itself. */
export function startWatchdog(limitMs: number, outer: AbortSignal | undefined): Watchdog {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const follow = (): void => controller.abort(outer?.reason);
  if (outer?.aborted === true) follow();
  else outer?.addEventListener("abort", follow, { once: true });
  const bark = (): void => controller.abort(new RemoteError("timeout", `the remote was silent for ${Math.round(limitMs / 1000)} seconds`));
  const touch = (): void => {
    if (timer === undefined) timer = setTimeout(bark, limitMs);
    else timer.refresh();
  };
  touch();
  const pause = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    signal: controller.signal,
    touch,
    pause,
    race: (work) => raceAgainst(work, controller.signal),
    stop() {
      pause();
      outer?.removeEventListener("abort", follow);
    },
  };
}

function raceAgainst<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      work.catch(() => undefined);
      reject(signal.reason as Error);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
