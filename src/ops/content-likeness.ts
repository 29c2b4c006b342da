import * as fs from "node:fs";
import { zlib } from "../base/checksum.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { isMlvError, systemErrorCode } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import type { Cache } from "../store/cache.ts";
import { createChunker, type Chunker } from "../store/chunker.ts";
import type { Workspace } from "./open-workspace.ts";

/** Is a content in the cache, or in a file of the workspace. */
export type Content = { readonly size: number } & ({ readonly sha256: Sha256 } | { readonly file: string });

/** So many bytes are read in all to find out how alike files are. */
const MAX_READ_BYTES = 256 * 1024 * 1024;
/** Larger contents are cut where a rolling hash says so, which is faster than line by line; both of a pair in the same way. */
const MAX_LINEWISE_BYTES = 64 * 1024;
const MAX_FINE_BYTES = 1024 * 1024;
const SPAN_BYTES = 64;
const AVERAGE_FINE_BYTES = 256;
const AVERAGE_CHUNK_BYTES = 1024;
/** Of larger contents the beginning and the end are looked at. */
const SLICE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;
/** Beyond so many pieces in memory, what was read is forgotten. */
const MAX_KEPT_PIECES = 1_000_000;

/** Says how contents are cut: after lines, or where a rolling hash says so into chunks of so many bytes on average. */
type Cut = "lines" | number;

/** Is the pieces of a content: for the hash of each, how many bytes it has in all. */
interface Pieces {
  readonly bytes: number;
  readonly byHash: ReadonlyMap<number, number>;
}

const ofWorkspaces = new WeakMap<Workspace, ContentLikeness>();

/** Returns the one comparison of contents that a command has: what it may read in all, it may read once. */
export function likenessOf(workspace: Workspace): ContentLikeness {
  const known = ofWorkspaces.get(workspace) ?? new ContentLikeness(workspace.cache, workspace.context.signal);
  ofWorkspaces.set(workspace, known);
  return known;
}

/** Tells how alike contents are, as Git does: by the bytes of the pieces that both have. Reads at most 256 MiB in all, and fetches nothing. */
class ContentLikeness {
  readonly #cache: Cache;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<string, Pieces | undefined>();
  #pieces = 0;
  #room = MAX_READ_BYTES;

  constructor(cache: Cache, signal?: AbortSignal) {
    this.#cache = cache;
    this.#signal = signal;
  }

  /** Returns the share, 0 to 1, of the larger one that both have; 0 where a content is not here, or nothing more may be read. */
  async between(one: Content, other: Content): Promise<number> {
    const size = Math.max(one.size, other.size);
    const cut: Cut = size <= MAX_LINEWISE_BYTES ? "lines" : size <= MAX_FINE_BYTES ? AVERAGE_FINE_BYTES : AVERAGE_CHUNK_BYTES;
    const left = await this.#piecesOf(one, cut);
    const right = left === undefined ? undefined : await this.#piecesOf(other, cut);
    if (left === undefined || right === undefined) return 0;
    let common = 0;
    for (const [hash, bytes] of left.byHash) common += Math.min(bytes, right.byHash.get(hash) ?? 0);
    return common / Math.max(1, left.bytes, right.bytes);
  }

  /** Forgets what was read, which may be much. */
  forget(): void {
    this.#known.clear();
    this.#pieces = 0;
  }

  async #piecesOf(content: Content, cut: Cut): Promise<Pieces | undefined> {
    const key = `${"file" in content ? content.file : content.sha256} ${cut}`;
    if (this.#known.has(key)) return this.#known.get(key);
    throwIfAborted(this.#signal);
    const bytes = Math.min(content.size, 2 * SLICE_BYTES);
    let pieces: Pieces | undefined;
    if (bytes <= this.#room && ("file" in content || this.#cache.has(content.sha256))) {
      this.#room -= bytes;
      pieces = await this.#read(content, cut);
    }
    this.#pieces += pieces?.byHash.size ?? 0;
    if (this.#pieces > MAX_KEPT_PIECES) this.forget();
    this.#known.set(key, pieces);
    return pieces;
  }

  async #read(content: Content, cut: Cut): Promise<Pieces | undefined> {
    const { size } = content;
    const byHash = new Map<number, number>();
    const slices = size <= 2 * SLICE_BYTES ? [[0, size] as const] : [[0, SLICE_BYTES] as const, [size - SLICE_BYTES, SLICE_BYTES] as const];
    let bytes = 0;
    try {
      for (const [offset, length] of slices) {
        const slice = "file" in content ? readSlice(content.file, offset, length) : await this.#readCached(content.sha256, offset, length);
        bytes += slice.length;
        if (cut === "lines") countSpans(slice, byHash);
        else countChunks(slice, cut, byHash);
      }
    } catch (error) {
      // What is damaged or gone is like nothing; those who need it say what is wrong with it.
      if (!isMlvError(error, "content-missing", "content-mismatch") && systemErrorCode(error) === undefined) throw error;
      return undefined;
    }
    return { bytes, byHash };
  }

  async #readCached(sha256: Sha256, offset: number, length: number): Promise<Buffer> {
    const slice = Buffer.alloc(length);
    let at = 0;
    for await (const part of this.#cache.read(sha256, offset, length)) {
      slice.set(part, at);
      at += part.length;
    }
    return slice.subarray(0, at);
  }
}

function readSlice(file: string, offset: number, length: number): Buffer {
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, fs.readSync(descriptor, buffer, 0, length, offset));
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Cuts after each newline, and after 64 bytes without one, as Git's diffcore-delta does. */
function countSpans(content: Uint8Array, byHash: Map<number, number>): void {
  let hash = 0;
  let length = 0;
  for (let at = 0; at < content.length; at++) {
    const byte = content[at] ?? 0;
    hash = Math.imul(hash ^ byte, 0x0100_0193) + 1;
    length += 1;
    if (byte !== NEWLINE && length < SPAN_BYTES && at + 1 < content.length) continue;
    byHash.set(hash, (byHash.get(hash) ?? 0) + length);
    hash = 0;
    length = 0;
  }
}

/** A chunker stands at the start of another stream once it has finished one, and to make one takes longer than to cut a small file. */
const chunkers = new Map<number, Chunker>();

function countChunks(content: Uint8Array, averageBytes: number, byHash: Map<number, number>): void {
  let at = 0;
  const { crc32 } = zlib();
  const count = (length: number): void => {
    const hash = crc32(content.subarray(at, at + length));
    byHash.set(hash, (byHash.get(hash) ?? 0) + length);
    at += length;
  };
  const chunker = chunkers.get(averageBytes) ?? createChunker(averageBytes);
  chunkers.set(averageBytes, chunker);
  chunker.push(content, count);
  chunker.finish(count);
}
