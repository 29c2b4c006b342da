/**
 * The index file: what the workspace of one worktree looked like when mlv last hashed or wrote it. Spec: docs/formats/index.md.
 *
 * A log of records behind a 16-byte header; a later record replaces an earlier one of the same target and folder, so a small change is
 * one appended record and the whole is written anew once most of it is stale. A record that is torn or damaged ends the log: what it and its
 * successors said is forgotten, which costs hashing and never a byte.
 *
 *   header = "MLVINDEX" u32 version 1, u32 zero
 *   record = u32 bytes of the payload, u32 CRC-32 of the payload, payload, zeros up to a multiple of 8
 */
import * as fs from "node:fs";
import { crc32 } from "../base/checksum.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { Sha256 } from "../base/ids.ts";

const HEADER = Buffer.concat([Buffer.from("MLVINDEX", "latin1"), Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])]);
const RECORD_HEADER_BYTES = 8;
const STATS_PER_FILE = 4;

/** Marks a file whose content is not that of the pointer that the workspace was last made from. */
export const FLAG_EDITED = 1;
/** Marks an executable file. */
export const FLAG_EXECUTABLE = 2;

/** Is one folder of a target: its files in the order of their names' UTF-8 bytes, in columns. */
export interface IndexFolder {
  /** The names, joined by NUL. */
  readonly names: string;
  readonly count: number;
  /** Four numbers a file: size in bytes, mtime and ctime in milliseconds, inode. */
  readonly stats: Float64Array;
  readonly flags: Uint8Array;
  /** 32 bytes a file. */
  readonly hashes: Buffer;
  /** The file system's clock when the record was made, milliseconds: files as young as this may have changed unseen. */
  readonly recordedAt: number;
  /** What the kernel calls this boot, when the files were written without a sync: after a crash they count as unknown. */
  readonly boot: string;
}

/** Says what the index holds of one target besides its files. */
export interface IndexTarget {
  /** What the workspace was last made from: identity only. */
  readonly pointer: Pointer;
  /** What the cache looked like when it was last seen to hold all of the target. */
  readonly cacheMark: string;
}

export type IndexRecord =
  | { readonly type: "target"; readonly target: string; readonly value: IndexTarget | undefined }
  | { readonly type: "folder"; readonly target: string; readonly folder: string; readonly value: IndexFolder | undefined };

/** Returns a record's bytes as they stand in the file. */
export function formatRecord(record: IndexRecord): Buffer {
  const payload = record.type === "target" ? formatTarget(record) : formatFolder(record);
  const length = RECORD_HEADER_BYTES + payload.length;
  const bytes = Buffer.alloc(Math.ceil(length / 8) * 8);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt32LE(crc32(payload), 4);
  payload.copy(bytes, RECORD_HEADER_BYTES);
  return bytes;
}

/** Returns the bytes that a fresh index file begins with. */
export function formatIndexHeader(): Buffer {
  return HEADER;
}

function formatTarget(record: IndexRecord & { type: "target" }): Buffer {
  return Buffer.from(`T${JSON.stringify([record.target, record.value ?? null])}`);
}

function formatFolder(record: IndexRecord & { type: "folder" }): Buffer {
  const { value } = record;
  const names = Buffer.from(value?.names ?? "");
  const head = Buffer.from(
    JSON.stringify([
      record.target,
      record.folder,
      value === undefined ? -1 : value.count,
      names.length,
      value?.recordedAt ?? 0,
      value?.boot ?? "",
    ]),
  );
  // The columns of numbers start at a multiple of 8 in the file, so that they can be read in place.
  const prefix = 8;
  const textEnd = prefix + head.length + names.length;
  const statsAt = Math.ceil(textEnd / 8) * 8;
  const count = value?.count ?? 0;
  const payload = Buffer.alloc(statsAt + count * (STATS_PER_FILE * 8 + 1 + 32));
  payload.write("F", 0, "latin1");
  payload.writeUInt32LE(head.length, 4);
  head.copy(payload, prefix);
  names.copy(payload, prefix + head.length);
  if (value === undefined) return payload;
  const { stats, flags, hashes } = value;
  Buffer.from(stats.buffer, stats.byteOffset, stats.byteLength).copy(payload, statsAt);
  hashes.copy(payload, statsAt + stats.byteLength);
  payload.set(flags, statsAt + stats.byteLength + hashes.length);
  return payload;
}

/** Yields the sound records of an index file in order; nothing when there is no file or its header is another's. */
export function* readRecords(file: string): Generator<IndexRecord & { readonly bytes: number }> {
  let data: Buffer;
  try {
    data = readAligned(file);
  } catch {
    return;
  }
  if (!data.subarray(0, HEADER.length).equals(HEADER)) return;
  let at = HEADER.length;
  while (at + RECORD_HEADER_BYTES <= data.length) {
    const length = data.readUInt32LE(at);
    const payload = data.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
    if (length === 0 || payload.length < length || crc32(payload) !== data.readUInt32LE(at + 4)) return;
    const bytes = Math.ceil((RECORD_HEADER_BYTES + length) / 8) * 8;
    const record = payload[0] === 0x54 ? parseTarget(payload) : parseFolder(payload);
    yield { ...record, bytes };
    at += bytes;
  }
}

/** Reads a file into memory of its own, aligned to 8 bytes, unlike a slice of Node's pool. */
function readAligned(file: string): Buffer {
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY);
  try {
    const { size } = fs.fstatSync(descriptor);
    const data = Buffer.from(new ArrayBuffer(size));
    let filled = 0;
    while (filled < size) {
      const length = fs.readSync(descriptor, data, filled, size - filled, filled);
      if (length === 0) break;
      filled += length;
    }
    return data.subarray(0, filled);
  } finally {
    fs.closeSync(descriptor);
  }
}

function parseTarget(payload: Buffer): IndexRecord {
  const [target, value] = JSON.parse(payload.toString("utf8", 1)) as [string, IndexTarget | null];
  return { type: "target", target, value: value ?? undefined };
}

function parseFolder(payload: Buffer): IndexRecord {
  const prefix = 8;
  const headLength = payload.readUInt32LE(4);
  const [target, folder, count, namesLength, recordedAt, boot] = JSON.parse(payload.toString("utf8", prefix, prefix + headLength)) as [
    string,
    string,
    number,
    number,
    number,
    string,
  ];
  if (count < 0) return { type: "folder", target, folder, value: undefined };
  const textEnd = prefix + headLength + namesLength;
  const statsAt = Math.ceil(textEnd / 8) * 8;
  const names = payload.toString("utf8", prefix + headLength, textEnd);
  const stats = new Float64Array(payload.buffer, payload.byteOffset + statsAt, count * STATS_PER_FILE);
  const hashesAt = statsAt + stats.byteLength;
  const hashes = payload.subarray(hashesAt, hashesAt + count * 32);
  const flags = payload.subarray(hashesAt + count * 32, hashesAt + count * 33);
  return { type: "folder", target, folder, value: { names, count, stats, flags, hashes, recordedAt, boot } };
}

/** Returns the hash of the file at a position of a folder. */
export function hashAt(folder: IndexFolder, position: number): Sha256 {
  return folder.hashes.toString("hex", position * 32, position * 32 + 32) as Sha256;
}
