import { throwIfAborted } from "../../base/concurrency.ts";
import { RemoteError } from "../remote-error.ts";
import type {
  CallOptions,
  GetOptions,
  PutOptions,
  PutResult,
  PutSource,
  Remote,
  RemoteBody,
  RemoteStat,
  ReplaceOptions,
} from "../remote.ts";
import { ForwardingRemote } from "./forwarding.ts";

/** Says how many calls may run at once. */
export interface LimitOptions {
  readonly limit: number;
  /** Told when throttling lowered, or quiet raised, the number. */
  readonly onChange?: (limit: number) => void;
}

/**
 * Returns the remote with at most `limit` reading and `limit` writing calls at once. A get counts until its answer begins, so that
 * a reader of many bodies, and an upload that reads from this same remote, cannot block themselves; listings do not count.
 * A `throttled` failure halves the number (once for all calls that were under way), each success adds a little back: AIMD, as TCP does.
 * Belongs inside the retry wrapper, so that waiting for a retry holds no place.
 */
export function withConcurrencyLimit(inner: Remote, options: LimitOptions): Remote {
  return new LimitedRemote(inner, options);
}

class LimitedRemote extends ForwardingRemote {
  readonly #reads: Gate;
  readonly #writes: Gate;

  constructor(inner: Remote, options: LimitOptions) {
    super(inner);
    this.#reads = new Gate(options);
    this.#writes = new Gate(options);
  }

  override stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    return this.#reads.run(options.signal, () => this.inner.stat(key, options));
  }

  override get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    return this.#reads.run(options.signal, () => this.inner.get(key, options));
  }

  override put(key: string, source: PutSource, options: PutOptions = {}): Promise<PutResult> {
    return this.#writes.run(options.signal, () => this.inner.put(key, source, options));
  }

  override replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    return this.#writes.run(options.signal, () => this.inner.replace(key, source, options));
  }

  override remove(key: string, options: CallOptions = {}): Promise<void> {
    return this.#writes.run(options.signal, () => this.inner.remove(key, options));
  }

  override removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    return this.#writes.run(options.signal, () => this.inner.removeMany(keys, options));
  }
}

/** Lets a number of calls through at once, fewer after throttling. */
class Gate {
  readonly #max: number;
  readonly #onChange: ((limit: number) => void) | undefined;
  readonly #waiting = new Set<() => void>();
  #limit: number;
  #running = 0;
  #started = 0;
  /** Calls that started before this number do not lower the limit again. */
  #deafUntil = 0;

  constructor(options: LimitOptions) {
    this.#max = Math.max(1, options.limit);
    this.#limit = this.#max;
    this.#onChange = options.onChange;
  }

  async run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const call = await this.#enter(signal);
    try {
      const result = await work();
      this.#leave(call);
      return result;
    } catch (error) {
      this.#leave(call, error);
      throw error;
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<number> {
    throwIfAborted(signal);
    while (this.#running >= Math.floor(this.#limit)) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal?.addEventListener("abort", wake, { once: true });
      });
      throwIfAborted(signal);
    }
    this.#running++;
    return this.#started++;
  }

  #leave(call: number, error?: unknown): void {
    this.#running--;
    const before = Math.floor(this.#limit);
    if (error instanceof RemoteError && error.reason === "throttled") {
      if (call >= this.#deafUntil) {
        this.#limit = Math.max(1, this.#limit / 2);
        this.#deafUntil = this.#started;
      }
    } else if (error === undefined) {
      this.#limit = Math.min(this.#max, this.#limit + 1 / this.#limit);
    }
    const after = Math.floor(this.#limit);
    if (after !== before) this.#onChange?.(after);
    let free = after - this.#running;
    for (const wake of this.#waiting) {
      if (free-- <= 0) break;
      wake();
    }
  }
}
