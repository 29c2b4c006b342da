import type {
  CallOptions,
  CleaningOptions,
  GetOptions,
  ListOptions,
  PutOptions,
  PutResult,
  PutSource,
  Remote,
  RemoteBody,
  RemoteEntry,
  RemoteStat,
  ReplaceOptions,
} from "../remote.ts";
import { ForwardingRemote, tappedSource } from "./forwarding.ts";
import { startWatchdog } from "./watchdog.ts";

/** The slowest upload that counts as alive: bytes handed to a socket are not seen again before the service took them all. */
const SLOWEST_BYTES_PER_MS = 64;

/** How long deleting one more blob may take: a batch is seen from outside only when it is through. */
const MS_PER_REMOVAL = 100;

/**
 * Returns the remote with a limit on silence: a call, or a wait for the next piece of a body, that lasts `idleTimeoutMs` fails with
 * `timeout`, and its request is aborted. Uploads get twice as long, and a second more for every 64 kB that are still to be sent.
 * A folder is returned as it is: a slow disk is still a disk. Belongs directly around the driver, so that queueing does not count as silence.
 */
export function withIdleTimeout(inner: Remote, idleTimeoutMs: number): Remote {
  return inner.capabilities.localRoot === undefined ? new IdleRemote(inner, idleTimeoutMs) : inner;
}

class IdleRemote extends ForwardingRemote {
  readonly #limitMs: number;

  constructor(inner: Remote, limitMs: number) {
    super(inner);
    this.#limitMs = limitMs;
  }

  override stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    return this.#watch(options.signal, (signal) => this.inner.stat(key, { signal }));
  }

  override remove(key: string, options: CallOptions = {}): Promise<void> {
    return this.#watch(options.signal, (signal) => this.inner.remove(key, { signal }));
  }

  override removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    const limitMs = this.#limitMs + keys.length * MS_PER_REMOVAL;
    return this.#watch(options.signal, (signal) => this.inner.removeMany(keys, { signal }), limitMs);
  }

  override signedUrl(key: string, expiresInSeconds: number, options: CallOptions = {}): Promise<string> {
    return this.#watch(options.signal, (signal) => this.inner.signedUrl(key, expiresInSeconds, { signal }));
  }

  override async removeUnfinishedUploads(olderThan: number, options: CleaningOptions = {}): Promise<number> {
    const watchdog = startWatchdog(this.#limitMs, options.signal);
    const onProgress = (): void => {
      watchdog.touch();
      options.onProgress?.();
    };
    try {
      return await watchdog.race(this.inner.removeUnfinishedUploads(olderThan, { signal: watchdog.signal, onProgress }));
    } finally {
      watchdog.stop();
    }
  }

  override async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<RemoteEntry> {
    const watchdog = startWatchdog(this.#limitMs, options.signal);
    const inner = this.inner.list(prefix, { ...options, signal: watchdog.signal })[Symbol.asyncIterator]();
    let isOver = false;
    try {
      for (;;) {
        watchdog.touch();
        const result = await watchdog.race(inner.next());
        watchdog.pause();
        isOver = result.done === true;
        if (result.done === true) return;
        yield result.value;
      }
    } finally {
      watchdog.stop();
      // One that went silent may never come back, so nobody waits for it.
      if (!isOver) void inner.return?.().catch(() => undefined);
    }
  }

  override async get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    const watchdog = startWatchdog(this.#limitMs, options.signal);
    try {
      const body = await watchdog.race(this.inner.get(key, { ...options, signal: watchdog.signal }));
      watchdog.pause();
      if (body === undefined) {
        watchdog.stop();
        return undefined;
      }
      const inner = body.stream[Symbol.asyncIterator]();
      const iterator: AsyncIterator<Uint8Array> = {
        async next() {
          watchdog.touch();
          try {
            const result = await watchdog.race(inner.next());
            watchdog.pause();
            if (result.done === true) watchdog.stop();
            return result;
          } catch (error) {
            watchdog.stop();
            throw error;
          }
        },
        async return() {
          watchdog.stop();
          await inner.return?.();
          return { done: true, value: undefined };
        },
      };
      return { ...body, stream: { [Symbol.asyncIterator]: () => iterator } };
    } catch (error) {
      watchdog.stop();
      throw error;
    }
  }

  override put(key: string, source: PutSource, options: PutOptions = {}): Promise<PutResult> {
    return this.#upload(source, options, (watched, call) => this.inner.put(key, watched, call));
  }

  override replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    return this.#upload(source, options, (watched, call) => this.inner.replace(key, watched, { ...call, ifMatch: options.ifMatch }));
  }

  async #watch<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>, limitMs = this.#limitMs): Promise<T> {
    const watchdog = startWatchdog(limitMs, signal);
    try {
      return await watchdog.race(work(watchdog.signal));
    } finally {
      watchdog.stop();
    }
  }

  async #upload<T>(source: PutSource, options: PutOptions, work: (source: PutSource, call: PutOptions) => Promise<T>): Promise<T> {
    const limitFor = (left: number): number => this.#limitMs * 2 + Math.max(0, left) / SLOWEST_BYTES_PER_MS;
    const watchdog = startWatchdog(limitFor(source.size), options.signal);
    const onProgress = (bytes: number): void => {
      watchdog.setLimit(limitFor(source.size - bytes));
      options.onProgress?.(bytes);
    };
    const watched = tappedSource(source, async function* touching(stream) {
      for await (const data of stream) {
        watchdog.touch();
        yield data;
      }
    });
    try {
      const withPath = source.path === undefined ? watched : { ...watched, path: source.path };
      return await watchdog.race(work(withPath, { ...options, signal: watchdog.signal, onProgress }));
    } finally {
      watchdog.stop();
    }
  }
}
