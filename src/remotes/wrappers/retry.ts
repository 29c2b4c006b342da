import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfAborted } from "../../base/concurrency.ts";
import { RemoteError } from "../remote-error.ts";
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
import { discardStream } from "../streams.ts";
import { ForwardingRemote } from "./forwarding.ts";

/** Says how patient the retry wrapper is. */
export interface RetryOptions {
  /** How often a call that makes no progress is tried again; 8 when absent. */
  readonly retries?: number;
  /** The first wait, doubled each time up to `maxWaitMs`, and multiplied by 0.5 to 1 at random; 200 when absent. */
  readonly firstWaitMs?: number;
  /** The longest wait of its own accord; 20,000 when absent. */
  readonly maxWaitMs?: number;
  /** The longest `Retry-After` that is obeyed; a longer one fails at once; 120,000 when absent. */
  readonly maxRetryAfterMs?: number;
  readonly onRetry?: ((error: RemoteError, waitMs: number) => void) | undefined;
  /** Waits; the real clock when absent. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/**
 * Returns the remote with failures that may pass tried again: exponential backoff with jitter, and `Retry-After`.
 *
 * - A `get` that breaks in mid-body goes on behind the last byte, by range, and only while the blob's ETag stays.
 * - A `put` or `replace` carries one token through its attempts, so that one whose reply was lost recognises its own blob.
 * - A `list` goes on behind the last key.
 * - Progress (bytes, keys) makes the count of attempts start anew.
 */
export function withRetry(inner: Remote, options: RetryOptions = {}): Remote {
  return new RetryingRemote(inner, options);
}

class RetryingRemote extends ForwardingRemote {
  readonly #retries: number;
  readonly #firstWaitMs: number;
  readonly #maxWaitMs: number;
  readonly #maxRetryAfterMs: number;
  readonly #onRetry: RetryOptions["onRetry"];
  readonly #wait: NonNullable<RetryOptions["wait"]>;

  constructor(inner: Remote, options: RetryOptions) {
    super(inner);
    this.#retries = options.retries ?? 8;
    this.#firstWaitMs = options.firstWaitMs ?? 200;
    this.#maxWaitMs = options.maxWaitMs ?? 20_000;
    this.#maxRetryAfterMs = options.maxRetryAfterMs ?? 120_000;
    this.#onRetry = options.onRetry;
    this.#wait = options.wait ?? waitFor;
  }

  override stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    return this.#call(options, (call) => this.inner.stat(key, call));
  }

  override remove(key: string, options: CallOptions = {}): Promise<void> {
    return this.#call(options, (call) => this.inner.remove(key, call));
  }

  override removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    return this.#call(options, (call) => this.inner.removeMany(keys, call));
  }

  override removeUnfinishedUploads(olderThan: number, options: CleaningOptions = {}): Promise<number> {
    return this.#attempts(options.signal, () => this.inner.removeUnfinishedUploads(olderThan, options));
  }

  override signedUrl(key: string, expiresInSeconds: number, options: CallOptions = {}): Promise<string> {
    return this.#call(options, (call) => this.inner.signedUrl(key, expiresInSeconds, call));
  }

  override put(key: string, source: PutSource, options: PutOptions = {}): Promise<PutResult> {
    const token = options.token ?? randomUUID();
    return this.#attempts(options.signal, () => this.inner.put(key, source, { ...options, token }));
  }

  override replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    const token = options.token ?? randomUUID();
    let attempts = 0;
    return this.#attempts(options.signal, async () => {
      attempts++;
      try {
        return await this.inner.replace(key, source, { ...options, token });
      } catch (error) {
        if (attempts === 1 || !(error instanceof RemoteError) || error.reason !== "conflict") throw error;
        // An earlier attempt may have succeeded with its reply lost: then what conflicts is our own blob.
        const stat = await this.inner.stat(key, { signal: options.signal });
        if (stat?.token !== token) throw error;
        return { etag: stat.etag };
      }
    });
  }

  override async get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    const first = await this.#open(key, options);
    if (first === undefined) return undefined;
    let current: OpenBody | undefined = first;
    const whole = first.body;
    const start = options.range?.offset ?? 0;
    let received = 0;
    let attempt = 0;
    const reopen = async (): Promise<OpenBody> => {
      const range = { offset: start + received, length: whole.length - received };
      const opened = await this.#open(key, { ...options, range, ifMatch: whole.etag });
      if (opened !== undefined) return opened;
      throw new RemoteError("conflict", `\`${key}\` was removed while it was being read`);
    };
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      for (;;) {
        try {
          throwIfAborted(options.signal);
          current ??= await reopen();
          const result = await current.next();
          if (result.done === true) {
            if (received < whole.length) throw new RemoteError("unavailable", `\`${key}\` ended ${whole.length - received} bytes early`);
          } else {
            received += result.value.length;
            if (received > whole.length)
              throw new RemoteError("corrupt", `\`${key}\` is longer than announced`, {
                retryable: false,
              });
            attempt = 0;
          }
          return result;
        } catch (error) {
          current?.abandon();
          current = undefined;
          await this.#beforeRetry(error, attempt++, options.signal);
        }
      }
    };
    const iterator: AsyncIterator<Uint8Array> = {
      next,
      async return() {
        await current?.close();
        current = undefined;
        return { done: true, value: undefined };
      },
    };
    return { ...whole, stream: { [Symbol.asyncIterator]: () => iterator } };
  }

  override async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<RemoteEntry> {
    let last = options.after ?? "";
    let isAscending = true;
    for (let attempt = 0; ;) {
      try {
        for await (const entry of this.inner.list(prefix, {
          ...options,
          after: last === "" ? undefined : last,
        })) {
          if (entry.key <= last) isAscending = false;
          yield entry;
          last = entry.key;
          attempt = 0;
        }
        return;
      } catch (error) {
        // Without an order nobody knows which keys were seen already.
        if (!isAscending) throw error;
        await this.#beforeRetry(error, attempt++, options.signal);
      }
    }
  }

  #open(key: string, options: GetOptions): Promise<OpenBody | undefined> {
    return this.#attempts(options.signal, async () => {
      const body = await this.inner.get(key, options);
      return body === undefined ? undefined : openBody(body);
    });
  }

  #call<T>(options: CallOptions, work: (call: CallOptions) => Promise<T>): Promise<T> {
    return this.#attempts(options.signal, () => work(options));
  }

  async #attempts<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        await this.#beforeRetry(error, attempt, signal);
      }
    }
  }

  /** Waits before another attempt, or throws `error` when none would help. */
  async #beforeRetry(error: unknown, attempt: number, signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal);
    if (!(error instanceof RemoteError) || !error.retryable || attempt >= this.#retries) throw error;
    const askedMs = error.retryAfterMs ?? 0;
    if (askedMs > this.#maxRetryAfterMs) throw error;
    const ownMs = Math.min(this.#maxWaitMs, this.#firstWaitMs * 2 ** attempt) * (0.5 + Math.random() / 2);
    const waitMs = Math.max(askedMs, ownMs);
    this.#onRetry?.(error, waitMs);
    await this.#wait(waitMs, signal);
    throwIfAborted(signal);
  }
}

interface OpenBody {
  readonly body: RemoteBody;
  next(): Promise<IteratorResult<Uint8Array>>;
  close(): Promise<void>;
  /** Ends the stream without waiting for it. */
  abandon(): void;
}

function openBody(body: RemoteBody): OpenBody {
  const iterator = body.stream[Symbol.asyncIterator]();
  return {
    body,
    next: () => iterator.next(),
    async close() {
      await iterator.return?.();
    },
    abandon: () => void discardStream({ [Symbol.asyncIterator]: () => iterator }).catch(() => undefined),
  };
}

async function waitFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}
