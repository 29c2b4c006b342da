import * as fs from "node:fs";
import { sha256 } from "../base/hashing.ts";
import type { PackEntry, PackFrame } from "../formats/pack-footer.ts";
import { decompress } from "./compression.ts";
import { readPackFooter } from "./pack-set.ts";

/**
 * Tells whether a pack that came from elsewhere may serve as the cache's own: it has a sound footer and no deltas, and each object that the
 * footer lists is there. Otherwise it could stand for objects that it does not hold, and what is added under their hashes would be kept nowhere.
 */
export function isPackSound(file: string, size: number): boolean {
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY);
  try {
    const footer = readPackFooter(file, size, file);
    const entries = Array.from({ length: footer.entryCount }, (_, index) => footer.entry(index));
    entries.sort((a, b) => a.frame - b.frame || a.skip - b.skip);
    let decoded: { readonly index: number; readonly data: Buffer } | undefined;
    for (const entry of entries) {
      const frame = footer.frame(entry.frame);
      if (frame.encoding === "delta" || entry.skip + entry.size > frame.decoded) return false;
      if (frame.encoding === "zstd" && decoded?.index !== entry.frame) {
        const stored = readAt(descriptor, frame.offset, frame.stored);
        decoded = { index: entry.frame, data: decompress(stored, frame.decoded) };
      }
      if (sha256(readEntry(descriptor, entry, { frame, data: decoded?.data })) !== entry.sha256) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    fs.closeSync(descriptor);
  }
}

function readEntry(
  descriptor: number,
  entry: PackEntry,
  { frame, data }: { readonly frame: PackFrame; readonly data: Buffer | undefined },
): Buffer {
  if (frame.encoding === "raw" || data === undefined) return readAt(descriptor, frame.offset + entry.skip, entry.size);
  return data.subarray(entry.skip, entry.skip + entry.size);
}

function readAt(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const read = fs.readSync(descriptor, bytes, 0, length, offset);
  return bytes.subarray(0, read);
}
