/**
 * Cuts a stream into chunks where its content says so, so that an edit moves only the cuts around it.
 *
 * Gear hash with normalised chunking after Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data
 * Deduplication" (USENIX ATC 2016) and "The Design of Fast Content-Defined Chunking for Data Deduplication Based Storage Systems"
 * (IEEE TPDS 31, 2020). The rule is a format, for cuts are compared between versions:
 *
 * - The hash of a position is h = (h << 1) + table[byte] modulo 2^32 over the 32 bytes before it (older ones have been shifted out).
 *   `gear-table.ts` defines the table.
 * - For an average A = 2^b, a chunk of n bytes ends where A/4 <= n < A and h < 2^(32 - b - 2), or A <= n < 4A and h < 2^(32 - b + 2),
 *   and at n = 4A in any case.
 * - The last chunk is whatever is left; an empty stream has none.
 */
import { createSha256, type Sha256Hasher } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { createGearTable } from "./gear-table.ts";
import { GEAR_MODULE_BASE64 } from "./gear-wasm.ts";

/** Is the average chunk length aimed at, in bytes, for objects of up to 16 GiB. */
const DEFAULT_AVERAGE_BYTES = 64 * 1024;

const MIN_AVERAGE_BYTES = 256;
const MAX_AVERAGE_BYTES = 4 * 1024 * 1024;
const MAX_CHUNKS_AIMED_AT = 2 ** 18;
const NORMALISATION_BITS = 2;
const WINDOW_BYTES = 32;
const TABLE_BYTES = 1024;
const BLOCK_BYTES = 64 * 1024;

/** Takes the length in bytes of the chunk that was just completed. */
export type OnCut = (lengthBytes: number) => void;

/** Finds cuts over pieces of a stream; where the pieces begin and end makes no difference. */
export interface Chunker {
  /** Takes the next bytes, reporting each chunk that ends in them. */
  push(data: Uint8Array, onCut: OnCut): void;
  /** Reports the last chunk, if any bytes are left, and stands at the start of another stream. */
  finish(onCut: OnCut): void;
}

/** Says how the hash is computed; both ways give the same cuts. */
export type GearEngine = "wasm" | "portable";

/** Is one chunk of an object. */
export interface Chunk {
  readonly offset: number;
  readonly length: number;
  readonly sha256: Sha256;
}

/**
 * Returns the average chunk length for an object of `sizeBytes`: 64 KiB up to 16 GiB, then doubled as often as needed for at most 262,144
 * chunks, up to 4 MiB. An object with a known ancestor is to be cut with its ancestor's average, or no cut would agree.
 */
export function averageFor(sizeBytes: number): number {
  let average = DEFAULT_AVERAGE_BYTES;
  while (average < MAX_AVERAGE_BYTES && sizeBytes > average * MAX_CHUNKS_AIMED_AT) average *= 2;
  return average;
}

/** Creates a chunker; the average is a power of two from 256 bytes to 4 MiB, or a RangeError is thrown. */
export function createChunker(averageBytes: number, engine: GearEngine = "wasm"): Chunker {
  const bits = Math.log2(averageBytes);
  if (!Number.isInteger(bits) || averageBytes < MIN_AVERAGE_BYTES || averageBytes > MAX_AVERAGE_BYTES) {
    throw new RangeError(`an average chunk of ${averageBytes} bytes`);
  }
  const scanner = (engine === "wasm" ? createWasmScanner() : undefined) ?? createPortableScanner();
  const min = averageBytes / 4;
  const max = averageBytes * 4;
  const forced: Phase = { end: max, isHashed: false, limit: 0, next: undefined };
  const loose: Phase = {
    end: max - 1,
    isHashed: true,
    limit: 2 ** (32 - bits + NORMALISATION_BITS),
    next: forced,
  };
  const strict: Phase = {
    end: averageBytes - 1,
    isHashed: true,
    limit: 2 ** (32 - bits - NORMALISATION_BITS),
    next: loose,
  };
  const untested: Phase = { end: min - 1, isHashed: true, limit: 0, next: strict };
  return new GearChunker(scanner, {
    end: min - WINDOW_BYTES,
    isHashed: false,
    limit: 0,
    next: untested,
  });
}

/** Is a run of chunk lengths that are treated alike: skipped, only hashed, or hashed and tested. */
interface Phase {
  /** Is the chunk length at which the phase is over. */
  readonly end: number;
  readonly isHashed: boolean;
  /** A cut is behind each byte whose hash is less. */
  readonly limit: number;
  /** Is what follows; a cut, when it is undefined. */
  readonly next: Phase | undefined;
}

class GearChunker implements Chunker {
  readonly #scanner: GearScanner;
  readonly #first: Phase;
  #phase: Phase;
  #length = 0;

  constructor(scanner: GearScanner, first: Phase) {
    this.#scanner = scanner;
    this.#first = first;
    this.#phase = first;
    scanner.reset();
  }

  push(data: Uint8Array, onCut: OnCut): void {
    const scanner = this.#scanner;
    let loadedTo = 0;
    for (let at = 0; at < data.length;) {
      const phase = this.#phase;
      let to = Math.min(data.length, at + phase.end - this.#length);
      let isCut = false;
      if (phase.isHashed) {
        if (at >= loadedTo) {
          loadedTo = Math.min(data.length, at + BLOCK_BYTES);
          scanner.load(data.subarray(at, loadedTo), at);
        }
        to = Math.min(to, loadedTo);
        const found = scanner.scan(at, to, phase.limit);
        isCut = found >= 0;
        if (isCut) to = found;
      }
      this.#length += to - at;
      at = to;
      if (isCut) this.finish(onCut);
      else if (this.#length === phase.end) {
        if (phase.next === undefined) this.finish(onCut);
        else this.#phase = phase.next;
      }
    }
  }

  finish(onCut: OnCut): void {
    const length = this.#length;
    this.#length = 0;
    this.#phase = this.#first;
    this.#scanner.reset();
    if (length > 0) onCut(length);
  }
}

/** Hashes bytes of a loaded block and stops where the hash is under a limit. */
interface GearScanner {
  reset(): void;
  /** Makes `block` the bytes to scan; its first one is at position `start`. */
  load(block: Uint8Array, start: number): void;
  /** Returns the position behind the first byte of `from` to `to` whose hash is less than `limit`, or -1. */
  scan(from: number, to: number, limit: number): number;
}

/** Is as much of the WebAssembly interface as is used here; Node's types leave it out. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: GearExports };
}

interface GearExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly hash: { readonly value: number };
  scan(at: number, end: number, hash: number, limit: number): number;
}

let table: Uint32Array | undefined;
let gearModule: object | undefined;

function gearTable(): Uint32Array {
  table ??= createGearTable();
  return table;
}

/**
 * The module (source: scripts/build-gear-wasm.js) has its table in the first KiB of its memory, and the block behind it.
 * Undefined where Node runs without WebAssembly (`--jitless`).
 */
function createWasmScanner(): GearScanner | undefined {
  const host: WebAssemblyHost | undefined = Reflect.get(globalThis, "WebAssembly");
  if (host === undefined) return undefined;
  gearModule ??= new host.Module(Buffer.from(GEAR_MODULE_BASE64, "base64"));
  const machine = new host.Instance(gearModule).exports;
  const memory = Buffer.from(machine.memory.buffer);
  for (const [index, word] of gearTable().entries()) memory.writeUInt32LE(word, index * 4);
  let hash = 0;
  let shift = 0;
  return {
    reset: () => void (hash = 0),
    load(block, start) {
      memory.set(block, TABLE_BYTES);
      shift = TABLE_BYTES - start;
    },
    scan(from, to, limit) {
      const found = machine.scan(from + shift, to + shift, hash, limit);
      hash = machine.hash.value;
      return found === 0 ? -1 : found - shift;
    },
  };
}

function createPortableScanner(): GearScanner {
  const words = Int32Array.from(gearTable());
  let hash = 0;
  let block: Uint8Array = new Uint8Array();
  let shift = 0;
  return {
    reset: () => void (hash = 0),
    load(loaded, start) {
      block = loaded;
      shift = -start;
    },
    scan(from, to, limit) {
      let h = hash;
      for (let at = from + shift; at < to + shift; at++) {
        h = ((h << 1) + (words[block[at] ?? 0] ?? 0)) | 0;
        if (h >>> 0 < limit) {
          hash = h;
          return at + 1 - shift;
        }
      }
      hash = h;
      return -1;
    },
  };
}

/** Cuts a stream and hashes each chunk. Holds one buffer of the source at a time, no chunk. */
export async function* chunkStream(source: AsyncIterable<Uint8Array>, averageBytes: number): AsyncGenerator<Chunk> {
  const chunker = createChunker(averageBytes);
  let hasher: Sha256Hasher | undefined;
  let offset = 0;
  let cuts: number[] = [];
  const onCut = (lengthBytes: number): void => void cuts.push(lengthBytes);
  const complete = (length: number): Chunk => {
    const chunk = { offset, length, sha256: (hasher ?? createSha256()).digest() };
    offset += length;
    hasher = undefined;
    return chunk;
  };
  let end = 0;
  for await (const data of source) {
    cuts = [];
    chunker.push(data, onCut);
    const start = end;
    end += data.length;
    for (const length of cuts) {
      (hasher ??= createSha256()).update(data.subarray(Math.max(0, offset - start), offset + length - start));
      yield complete(length);
    }
    if (end > offset) (hasher ??= createSha256()).update(data.subarray(Math.max(0, offset - start)));
  }
  cuts = [];
  chunker.finish(onCut);
  for (const length of cuts) yield complete(length);
}
