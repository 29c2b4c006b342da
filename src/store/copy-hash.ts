/**
 * Reads a file once, hashing and writing it at the same time.
 *
 * Several 1 MiB buffers are in flight on Node's I/O pool while the main thread hashes them in order: 2 GiB in 1.3 s where streams
 * take 3.4 s and copy-then-hash 2.5 s (two cores, SHA-NI).
 */
import * as fs from "node:fs";
import { throwIfAborted } from "../base/concurrency.ts";
import { createSha256 } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { SyncBehind } from "../base/sync-behind.ts";

const BUFFER_BYTES = 1024 * 1024;
const BUFFERS = 4;
/** A range up to this size, such as a part of an upload, is read into one buffer: whoever needs it whole need not join pieces. */
const WHOLE_RANGE_BYTES = 16 * 1024 * 1024;

function readAt(descriptor: number, buffer: Buffer, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(descriptor, buffer, 0, buffer.length, offset, (error, bytesRead) => (error === null ? resolve(bytesRead) : reject(error)));
  });
}

function writeAt(descriptor: number, data: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(descriptor, data, 0, data.length, offset, (error, bytesWritten) => (error === null ? resolve(bytesWritten) : reject(error)));
  });
}

/** Says what to do with the bytes besides hashing them. */
export interface CopyHashOptions {
  /** A descriptor that gets the same bytes at the same places. */
  readonly destination?: number;
  /** Sees every buffer, in order; must not keep it. */
  readonly onData?: ((data: Uint8Array) => void) | undefined;
  /** Called with the bytes done since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the SHA-256 and length in bytes of everything from the start of descriptor `source` to its end, copying as it reads.
 * Most of a large copy is synced when it returns; the last fsync is the caller's.
 */
export async function copyAndHash(
  source: number,
  options: CopyHashOptions = {},
): Promise<{ readonly sha256: Sha256; readonly size: number }> {
  const hasher = createSha256();
  const behind = options.destination === undefined ? undefined : new SyncBehind(options.destination);
  let nextOffset = 0;
  let size = 0;
  let isAtEnd = false;
  let turn: Promise<void> = Promise.resolve();

  const lane = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    while (!isAtEnd) {
      throwIfAborted(options.signal);
      const offset = nextOffset;
      nextOffset += BUFFER_BYTES;
      const previousTurn = turn;
      const filled = readFull(source, buffer, offset);
      const mine = (async () => {
        const length = await filled;
        await previousTurn;
        if (length < BUFFER_BYTES) isAtEnd = true;
        if (length === 0) return 0;
        const data = buffer.subarray(0, length);
        hasher.update(data);
        options.onData?.(data);
        options.onProgress?.(length);
        size += length;
        return length;
      })();
      turn = mine.then(() => undefined);
      turn.catch(() => undefined);
      const length = await mine;
      if (length === 0) return;
      if (options.destination === undefined) continue;
      await writeFull(options.destination, buffer.subarray(0, length), offset);
      behind?.wrote(length);
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: BUFFERS }, lane));
  settled.push(...(await Promise.allSettled([behind?.settle()])));
  for (const result of settled) if (result.status === "rejected") throw result.reason;
  return { sha256: hasher.digest(), size };
}

async function readFull(descriptor: number, buffer: Buffer, offset: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const bytesRead = await readAt(descriptor, buffer.subarray(filled), offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

async function writeFull(descriptor: number, data: Uint8Array, offset: number): Promise<void> {
  let written = 0;
  while (written < data.length) {
    written += await writeAt(descriptor, data.subarray(written), offset + written);
  }
}

/**
 * Yields a file range in order, up to 16 MiB as one buffer, more in buffers of 1 MiB, reading one ahead; each buffer is the consumer's to keep.
 * A range that fills `into` exactly is read into that.
 */
export async function* readFileRange(file: string, offset: number, length: number, into?: Uint8Array): AsyncGenerator<Buffer> {
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY);
  try {
    let at = offset;
    const end = offset + length;
    const given = into?.length === length ? Buffer.from(into.buffer, into.byteOffset, length) : undefined;
    const bufferBytes = given !== undefined || length <= WHOLE_RANGE_BYTES ? length : BUFFER_BYTES;
    const readNext = (): Promise<Buffer> | undefined => {
      if (at >= end) return undefined;
      const buffer = given ?? Buffer.allocUnsafeSlow(Math.min(bufferBytes, end - at));
      const start = at;
      at += buffer.length;
      const reading = readFull(descriptor, buffer, start).then((filled) => {
        if (filled < buffer.length) throw new RangeError(`${file} ended before byte ${start + buffer.length}`);
        return buffer;
      });
      reading.catch(() => undefined);
      return reading;
    };
    let pending = readNext();
    while (pending !== undefined) {
      const following = readNext();
      yield await pending;
      pending = following;
    }
  } finally {
    fs.closeSync(descriptor);
  }
}
