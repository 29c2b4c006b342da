/**
 * Pack footers: what lies where in a pack, sorted by hash. Spec: docs/formats/pack.md. All numbers are little-endian.
 *
 *   pack    = frame bytes, footer, trailer
 *   footer  = u32 frames, u32 bases, u32 entries, then 32 bytes a frame, 32 a base's hash, 44 an entry
 *   frame   = u32 offset, u32 stored, u32 decoded, u8 encoding (0 raw, 1 zstd, 2 delta), 3 zero bytes,
 *             u32 base, u32 dictionary length, u64 dictionary offset
 *   entry   = 32 bytes SHA-256, u32 frame, u32 skip, u32 size
 *   trailer = u32 bytes of the footer, u32 CRC-32 of the footer, "MLVPACK1"
 */
import { crc32 } from "../base/checksum.ts";
import { MlvError } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import { MAX_FRAME_BYTES } from "./body-bounds.ts";

export const PACK_TRAILER_BYTES = 16;
const MAGIC = Buffer.from("MLVPACK1", "latin1");
const HEADER_BYTES = 12;
const FRAME_BYTES = 32;
const BASE_BYTES = 32;
const ENTRY_BYTES = 44;
const FANOUT_MIN_ENTRIES = 1024;
const ENCODINGS = ["raw", "zstd", "delta"] as const;

/** Is one stored run of a pack; `offset` and `stored` are bytes in the pack, `decoded` what it decodes to. */
export interface PackFrame {
  readonly encoding: "raw" | "zstd" | "delta";
  readonly offset: number;
  readonly stored: number;
  readonly decoded: number;
  /** The dictionary of a delta: a range of a base object's decoded bytes. */
  readonly dictionary?: { readonly base: Sha256; readonly offset: number; readonly length: number };
}

/** Is an object in a pack: `skip` to `skip + size` of what its frame decodes to. */
export interface PackEntry {
  readonly sha256: Sha256;
  readonly frame: number;
  readonly skip: number;
  readonly size: number;
}

/** Where one object lies in a pack. */
export interface PackPlace {
  readonly frame: PackFrame;
  readonly skip: number;
  readonly size: number;
}

/** Returns footer and trailer for a pack's frames and entries; entries may come in any order, each hash once. */
export function formatPackFooter(frames: readonly PackFrame[], entries: readonly PackEntry[]): Buffer {
  const bases = [...new Set(frames.flatMap((frame) => (frame.dictionary === undefined ? [] : [frame.dictionary.base])))];
  const length = HEADER_BYTES + frames.length * FRAME_BYTES + bases.length * BASE_BYTES + entries.length * ENTRY_BYTES;
  const bytes = Buffer.alloc(length + PACK_TRAILER_BYTES);
  bytes.writeUInt32LE(frames.length, 0);
  bytes.writeUInt32LE(bases.length, 4);
  bytes.writeUInt32LE(entries.length, 8);
  let at = HEADER_BYTES;
  for (const frame of frames) {
    bytes.writeUInt32LE(frame.offset, at);
    bytes.writeUInt32LE(frame.stored, at + 4);
    bytes.writeUInt32LE(frame.decoded, at + 8);
    bytes.writeUInt8(ENCODINGS.indexOf(frame.encoding), at + 12);
    if (frame.dictionary !== undefined) {
      bytes.writeUInt32LE(bases.indexOf(frame.dictionary.base), at + 16);
      bytes.writeUInt32LE(frame.dictionary.length, at + 20);
      bytes.writeBigUInt64LE(BigInt(frame.dictionary.offset), at + 24);
    }
    at += FRAME_BYTES;
  }
  for (const base of bases) at += bytes.write(base, at, "hex");
  const sorted = [...entries].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  for (const entry of sorted) {
    bytes.write(entry.sha256, at, "hex");
    bytes.writeUInt32LE(entry.frame, at + 32);
    bytes.writeUInt32LE(entry.skip, at + 36);
    bytes.writeUInt32LE(entry.size, at + 40);
    at += ENTRY_BYTES;
  }
  bytes.writeUInt32LE(length, at);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, length)), at + 4);
  MAGIC.copy(bytes, at + 8);
  return bytes;
}

/** Returns how many bytes the footer has, from a pack's last 16 bytes. Throws `pack-malformed` or `format-newer`. */
export function parsePackTrailer(trailer: Buffer, where: string): number {
  if (trailer.length !== PACK_TRAILER_BYTES) throw malformed(where, "it is too short");
  const magic = trailer.subarray(8);
  if (magic.subarray(0, 7).equals(MAGIC.subarray(0, 7)) && !magic.equals(MAGIC)) {
    throw new MlvError("format-newer", `the pack ${where} was written by a newer mlv`, { hint: "update mlv" });
  }
  if (!magic.equals(MAGIC)) throw malformed(where, "its last bytes are not a pack's");
  return trailer.readUInt32LE(0);
}

/** Finds objects in one pack by binary search over its footer, without making an object of each entry. */
export class PackFooter {
  readonly frameCount: number;
  readonly entryCount: number;
  readonly #where: string;
  readonly #bytes: Buffer;
  readonly #basesAt: number;
  readonly #entriesAt: number;
  #fanout: Uint32Array | undefined;

  /** Takes footer and trailer, checks CRC, counts and every frame against `dataLength`; entries are checked as they are found. Throws `pack-malformed`. */
  constructor(bytes: Buffer, dataLength: number, where: string) {
    const length = bytes.length - PACK_TRAILER_BYTES;
    if (length < HEADER_BYTES || parsePackTrailer(bytes.subarray(length), where) !== length)
      throw malformed(where, "its footer's length is wrong");
    if (crc32(bytes.subarray(0, length)) !== bytes.readUInt32LE(length + 4)) throw malformed(where, "its footer does not match its CRC");
    this.frameCount = bytes.readUInt32LE(0);
    const baseCount = bytes.readUInt32LE(4);
    this.entryCount = bytes.readUInt32LE(8);
    this.#where = where;
    this.#bytes = bytes;
    this.#basesAt = HEADER_BYTES + this.frameCount * FRAME_BYTES;
    this.#entriesAt = this.#basesAt + baseCount * BASE_BYTES;
    if (this.#entriesAt + this.entryCount * ENTRY_BYTES !== length) throw malformed(where, "its footer's counts are wrong");
    for (let index = 0; index < this.frameCount; index++) {
      const at = HEADER_BYTES + index * FRAME_BYTES;
      const isInside = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) <= dataLength;
      const isKnown = bytes.readUInt8(at + 12) < ENCODINGS.length;
      const hasBase = bytes.readUInt8(at + 12) !== 2 || bytes.readUInt32LE(at + 16) < baseCount;
      const isBounded = bytes.readUInt8(at + 12) === 0 || bytes.readUInt32LE(at + 8) <= MAX_FRAME_BYTES;
      const isEven = bytes.readUInt8(at + 12) !== 0 || bytes.readUInt32LE(at + 4) === bytes.readUInt32LE(at + 8);
      if (!isInside || !isKnown || !hasBase || !isBounded || !isEven) throw malformed(where, "a frame is wrong");
    }
  }

  /** Returns where an object lies, or undefined. `hash` is its 32 bytes. Throws `pack-malformed` for a place that cannot be. */
  find(hash: Buffer): PackPlace | undefined {
    let low = 0;
    let high = this.entryCount - 1;
    if (this.entryCount >= FANOUT_MIN_ENTRIES) {
      const fanout = (this.#fanout ??= this.#buildFanout());
      const prefix = hash.readUInt16BE(0);
      low = fanout[prefix] ?? 0;
      high = (fanout[prefix + 1] ?? 0) - 1;
    }
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const at = this.#entriesAt + middle * ENTRY_BYTES;
      const order = this.#bytes.compare(hash, 0, 32, at, at + 32);
      if (order === 0) return this.#place(at);
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** Counts the entries before each two-byte prefix, so that a search looks at one or two entries instead of a dozen. */
  #buildFanout(): Uint32Array {
    const fanout = new Uint32Array(65_537);
    for (let index = 0; index < this.entryCount; index++) {
      const next = this.#bytes.readUInt16BE(this.#entriesAt + index * ENTRY_BYTES) + 1;
      fanout[next] = (fanout[next] ?? 0) + 1;
    }
    for (let prefix = 1; prefix < fanout.length; prefix++) fanout[prefix] = (fanout[prefix] ?? 0) + (fanout[prefix - 1] ?? 0);
    return fanout;
  }

  /** Returns the entry at a position in hash order. */
  entry(index: number): PackEntry {
    const at = this.#entriesAt + index * ENTRY_BYTES;
    const bytes = this.#bytes;
    return {
      sha256: bytes.toString("hex", at, at + 32) as Sha256,
      frame: bytes.readUInt32LE(at + 32),
      skip: bytes.readUInt32LE(at + 36),
      size: bytes.readUInt32LE(at + 40),
    };
  }

  /** Returns the frame at a position in pack order. Throws `pack-malformed` when there is none. */
  frame(index: number): PackFrame {
    if (index >= this.frameCount) throw malformed(this.#where, "an entry names a frame that is not there");
    const at = HEADER_BYTES + index * FRAME_BYTES;
    const bytes = this.#bytes;
    const encoding = ENCODINGS[bytes.readUInt8(at + 12)] ?? "raw";
    const frame = { encoding, offset: bytes.readUInt32LE(at), stored: bytes.readUInt32LE(at + 4), decoded: bytes.readUInt32LE(at + 8) };
    if (encoding !== "delta") return frame;
    const baseAt = this.#basesAt + bytes.readUInt32LE(at + 16) * BASE_BYTES;
    const base = bytes.toString("hex", baseAt, baseAt + 32) as Sha256;
    return { ...frame, dictionary: { base, offset: Number(bytes.readBigUInt64LE(at + 24)), length: bytes.readUInt32LE(at + 20) } };
  }

  #place(at: number): PackPlace {
    const frame = this.frame(this.#bytes.readUInt32LE(at + 32));
    const skip = this.#bytes.readUInt32LE(at + 36);
    const size = this.#bytes.readUInt32LE(at + 40);
    if (skip + size > frame.decoded) throw malformed(this.#where, "an entry reaches past the end of its frame");
    return { frame, skip, size };
  }
}

function malformed(where: string, why: string): MlvError {
  return new MlvError("pack-malformed", `the pack ${where} is malformed: ${why}`, { hint: "run `mlv verify --repair`" });
}
