/** Where a table's bytes come from. */
import { open } from "node:fs/promises";
import { fromSystemError } from "../base/errors.ts";

/** Is a file that can be read at any place; hyparquet's AsyncBuffer. */
export interface RandomAccessFile {
  readonly byteLength: number;
  slice(start: number, end?: number): ArrayBuffer | Promise<ArrayBuffer>;
}

/** Is one version of a table: its name, which tells the format, and its bytes, which are read more than once. */
export interface TableSource {
  readonly name: string;
  readonly file: RandomAccessFile;
  /** Where the same bytes lie on this machine, when they do: what DuckDB reads. */
  readonly path?: string;
}

/** Is a file of this machine, open until it is closed. */
export interface OpenTable extends TableSource {
  readonly path: string;
  close(): Promise<void>;
}

const PIECE_BYTES = 512 * 1024;
const GAP_BYTES = 64 * 1024;

/** Opens a file of this machine; `name` tells the format when the path does not. Throws `path-not-found` and what else opening can. */
export async function openTableFile(path: string, name: string = path): Promise<OpenTable> {
  try {
    const handle = await open(path, "r");
    const { size } = await handle.stat();
    return {
      name,
      path,
      file: {
        byteLength: size,
        async slice(start, end = size) {
          const buffer = new ArrayBuffer(Math.max(0, Math.min(end, size) - start));
          let done = 0;
          while (done < buffer.byteLength) {
            const { bytesRead } = await handle.read(new Uint8Array(buffer, done), {
              position: start + done,
            });
            if (bytesRead === 0) break;
            done += bytesRead;
          }
          return done === buffer.byteLength ? buffer : buffer.slice(0, done);
        },
      },
      close: async () => handle.close(),
    };
  } catch (error) {
    throw fromSystemError(error, "open", path);
  }
}

/** Returns a table over bytes in memory. */
export function tableFromBytes(name: string, bytes: Uint8Array): TableSource {
  const slice = (start: number, end = bytes.byteLength): ArrayBuffer => {
    const copy = new ArrayBuffer(Math.max(0, Math.min(end, bytes.byteLength) - start));
    new Uint8Array(copy).set(bytes.subarray(start, start + copy.byteLength));
    return copy;
  };
  return { name, file: { byteLength: bytes.byteLength, slice } };
}

/** Is a range of bytes, its end not included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Yields the bytes of some ranges, in pieces of half a mebibyte at most. Ranges that lie near one another are read at once. */
export async function* readRanges(file: RandomAccessFile, ranges: readonly ByteRange[], signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const group of groupRanges(ranges)) {
    signal?.throwIfAborted();
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined) continue;
    const bytes = Buffer.from(await file.slice(first.start, last.end));
    if (group.length === 1) yield bytes;
    else yield Buffer.concat(group.map(({ start, end }) => bytes.subarray(start - first.start, end - first.start)));
  }
}

/** Puts ranges that one read brings into one group; a long one is cut into several. */
function* groupRanges(ranges: readonly ByteRange[]): Generator<ByteRange[]> {
  let group: ByteRange[] = [];
  for (const range of ranges) {
    for (let start = range.start; start < range.end; start += PIECE_BYTES) {
      const part = { start, end: Math.min(start + PIECE_BYTES, range.end) };
      const [first, last] = [group[0], group.at(-1)];
      const isNear =
        first !== undefined && last !== undefined && part.start - last.end <= GAP_BYTES && part.end - first.start <= PIECE_BYTES;
      if (!isNear && group.length > 0) {
        yield group;
        group = [];
      }
      group.push(part);
    }
  }
  if (group.length > 0) yield group;
}

/** Yields a file's bytes from start to end, in pieces of half a mebibyte; the next one is read while one is used. */
export async function* readPieces(file: RandomAccessFile, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const read = async (at: number): Promise<Uint8Array> => new Uint8Array(await file.slice(at, Math.min(at + PIECE_BYTES, file.byteLength)));
  let next = read(0);
  for (let at = 0; at < file.byteLength; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    const piece = await next;
    if (at + PIECE_BYTES < file.byteLength) {
      next = read(at + PIECE_BYTES);
      next.catch(() => undefined);
    }
    yield piece;
  }
}
