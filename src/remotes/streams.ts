import { throwIfAborted } from "../base/concurrency.ts";
import { RemoteError } from "./remote-error.ts";
import type { ByteRange, PutSource } from "./remote.ts";

/**
 * Returns a stream over a generator that calls `release` exactly once: at its end, on failure, or when it is returned,
 * also when it was never started (a bare generator runs none of its own code then).
 */
export function releasingStream(generator: AsyncGenerator<Uint8Array>, release: () => void | Promise<void>): AsyncIterable<Uint8Array> {
  let released: Promise<void> | undefined;
  const releaseOnce = (): Promise<void> => (released ??= Promise.resolve(release()));
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      try {
        const result = await generator.next();
        if (result.done === true) await releaseOnce();
        return result;
      } catch (error) {
        await releaseOnce();
        throw error;
      }
    },
    async return() {
      try {
        await generator.return(undefined);
      } finally {
        await releaseOnce();
      }
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** Ends a stream that will not be read, freeing what it holds. */
export async function discardStream(stream: AsyncIterable<Uint8Array>): Promise<void> {
  await stream[Symbol.asyncIterator]().return?.();
}

/** Yields a source's bytes and throws `corrupt` (not retryable) unless exactly the declared number comes. */
export async function* checkedSource(
  source: PutSource,
  range?: ByteRange,
  signal?: AbortSignal,
  into?: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const expected = range?.length ?? source.size;
  let seen = 0;
  for await (const data of range === undefined ? source.open() : source.open(range, into)) {
    throwIfAborted(signal);
    seen += data.length;
    if (seen > expected) throw wrongSourceSize(expected, seen);
    if (data.length > 0) yield data;
  }
  throwIfAborted(signal);
  if (seen !== expected) throw wrongSourceSize(expected, seen);
}

/** Reads a source and remembers what it threw, so that a driver can tell a failing source from a failing service. */
export class WatchedSource {
  readonly size: number;
  readonly #source: PutSource;
  readonly #signal: AbortSignal | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(source: PutSource, signal?: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    this.size = source.size;
  }

  /** Yields the bytes of all or of a range, which the source may read into `into`; throws `corrupt` unless exactly the declared number comes. */
  async *open(range?: ByteRange, into?: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      yield* checkedSource(this.#source, range, this.#signal, into);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  /** Returns the failure to report: the signal's reason when it is aborted, else what the source threw, else `error` as `translate` sees it. */
  reportedFailure(error: unknown, translate: (error: unknown) => unknown): unknown {
    if (this.#signal?.aborted === true) return this.#signal.reason;
    return this.#failure === undefined ? translate(error) : this.#failure.error;
  }
}

function wrongSourceSize(expected: number, seen: number): RemoteError {
  const relation = seen > expected ? "more than" : `only ${seen} of`;
  return new RemoteError("corrupt", `the data to upload has ${relation} the ${expected} bytes that it was said to have`, {
    retryable: false,
    hint: "the file changed while it was being sent; run the same command again",
  });
}

/** Returns all bytes of a stream in one buffer of exactly `size` bytes; throws `corrupt` otherwise. */
export async function collectStream(stream: AsyncIterable<Uint8Array>, size: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let seen = 0;
  for await (const data of stream) {
    seen += data.length;
    if (seen > size) throw new RemoteError("corrupt", `more than the expected ${size} bytes came`);
    pieces.push(data);
  }
  if (seen !== size) throw new RemoteError("corrupt", `only ${seen} of ${size} bytes came`);
  const only = pieces[0];
  if (pieces.length === 1 && only !== undefined) return Buffer.from(only.buffer, only.byteOffset, only.length);
  return Buffer.concat(pieces, size);
}

/** Yields the same bytes in pieces of exactly `pieceBytes`, the last one shorter; large inputs are not copied. */
export async function* rechunk(stream: AsyncIterable<Uint8Array>, pieceBytes: number): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const data of stream) {
    let at = 0;
    while (at < data.length) {
      const taken = data.subarray(at, at + pieceBytes - waitingBytes);
      at += taken.length;
      waiting.push(taken);
      waitingBytes += taken.length;
      if (waitingBytes === pieceBytes) {
        yield joined(waiting, waitingBytes);
        waiting = [];
        waitingBytes = 0;
      }
    }
  }
  if (waitingBytes > 0) yield joined(waiting, waitingBytes);
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const only = pieces[0];
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces, size);
}

/** Returns a source over bytes in memory. */
export function bytesSource(data: Uint8Array): PutSource {
  return {
    size: data.length,
    async *open(range) {
      const piece = range === undefined ? data : data.subarray(range.offset, range.offset + range.length);
      if (piece.length > 0) yield piece;
    },
  };
}

/** Returns the asked range inside a blob of `size` bytes, or throws `corrupt` (not retryable) when the blob cannot fill it. */
export function rangeWithin(size: number, range: ByteRange | undefined, key: string): ByteRange {
  if (range === undefined) return { offset: 0, length: size };
  if (range.offset < 0 || range.length < 0 || range.offset + range.length > size) throw rangeOutside(range, key, size);
  return range;
}

/** Is the failure of a range that the blob cannot fill. */
export function rangeOutside(range: ByteRange, key: string, size?: number): RemoteError {
  const end = range.offset + range.length;
  const has = size === undefined ? "is shorter" : `has only ${size} bytes`;
  return new RemoteError("corrupt", `bytes ${range.offset} to ${end} of \`${key}\` were asked for, but it ${has}`, { retryable: false });
}
