import { setTimeout as sleep } from "node:timers/promises";
import type { GetOptions, PutOptions, PutResult, PutSource, Remote, RemoteBody, ReplaceOptions } from "../remote.ts";
import { ForwardingRemote, tappedBody, tappedSource } from "./forwarding.ts";

/** Says how fast bytes may travel, both directions together; undefined means as fast as they can. */
export interface BandwidthOptions {
  readonly bytesPerSecond: number | undefined;
  /** Milliseconds of a clock that only goes forward; the process's own when absent. */
  readonly now?: () => number;
  readonly wait?: (milliseconds: number) => Promise<void>;
}

/** Returns the remote held to a rate by a token bucket of a quarter of a second; the same bucket serves all calls. */
export function withBandwidthLimit(inner: Remote, options: BandwidthOptions): Remote {
  return options.bytesPerSecond === undefined ? inner : new LimitedBandwidthRemote(inner, new TokenBucket(options.bytesPerSecond, options));
}

class TokenBucket {
  readonly #bytesPerMs: number;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #wait: (milliseconds: number) => Promise<void>;
  #tokens: number;
  #filledAt: number;

  constructor(bytesPerSecond: number, options: BandwidthOptions) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#capacity = Math.max(1, bytesPerSecond / 4);
    this.#now = options.now ?? (() => performance.now());
    this.#wait = options.wait ?? ((milliseconds) => sleep(milliseconds));
    this.#tokens = this.#capacity;
    this.#filledAt = this.#now();
  }

  /** Takes tokens, going into debt, and waits until the debt is paid: callers queue in the order they came. */
  async take(bytes: number): Promise<void> {
    const now = this.#now();
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#filledAt) * this.#bytesPerMs);
    this.#filledAt = now;
    this.#tokens -= bytes;
    if (this.#tokens < 0) await this.#wait(-this.#tokens / this.#bytesPerMs);
  }
}

const PIECE_BYTES = 64 * 1024;

class LimitedBandwidthRemote extends ForwardingRemote {
  readonly #bucket: TokenBucket;

  constructor(inner: Remote, bucket: TokenBucket) {
    super(inner);
    this.#bucket = bucket;
  }

  override async get(key: string, options?: GetOptions): Promise<RemoteBody | undefined> {
    const body = await this.inner.get(key, options);
    return body === undefined ? undefined : tappedBody(body, (stream) => this.#paced(stream));
  }

  override put(key: string, source: PutSource, options?: PutOptions): Promise<PutResult> {
    return this.inner.put(
      key,
      tappedSource(source, (stream) => this.#paced(stream)),
      options,
    );
  }

  override replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    return this.inner.replace(
      key,
      tappedSource(source, (stream) => this.#paced(stream)),
      options,
    );
  }

  async *#paced(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const data of stream) {
      for (let at = 0; at < data.length; at += PIECE_BYTES) {
        const piece = data.subarray(at, at + PIECE_BYTES);
        await this.#bucket.take(piece.length);
        yield piece;
      }
    }
  }
}
