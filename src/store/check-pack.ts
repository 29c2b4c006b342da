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
    const window = new ReadWindow(descriptor, size);
    let decoded: { readonly index: number; readonly data: Buffer } | undefined;
    for (const entry of entries) {
      const frame = footer.frame(entry.frame);
      if (frame.encoding === "delta" || entry.skip + entry.size > frame.decoded) return false;
      if (frame.encoding === "zstd" && decoded?.index !== entry.frame) {
        const stored = window.read(frame.offset, frame.stored);
        decoded = { index: entry.frame, data: decompress(stored, frame.decoded) };
      }
      if (sha256(readEntry(window, entry, { frame, data: decoded?.data })) !== entry.sha256) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    fs.closeSync(descriptor);
  }
}

function readEntry(
  window: ReadWindow,
  entry: PackEntry,
  { frame, data }: { readonly frame: PackFrame; readonly data: Buffer | undefined },
): Buffer {
  if (frame.encoding === "raw" || data === undefined) return window.read(frame.offset + entry.skip, entry.size);
  return data.subarray(entry.skip, entry.skip + entry.size);
}

const WINDOW_BYTES = 1024 * 1024;

/** Reads ranges that mostly follow one another with one call a megabyte; what it returns holds until the next read. */
class ReadWindow {
  readonly #descriptor: number;
  readonly #size: number;
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;
  #length = 0;

  constructor(descriptor: number, size: number) {
    this.#descriptor = descriptor;
    this.#size = size;
  }

  read(offset: number, length: number): Buffer {
    if (offset < this.#from || offset + length > this.#from + this.#length) {
      const wanted = Math.max(length, Math.min(WINDOW_BYTES, this.#size - offset));
      if (this.#bytes.length < wanted) this.#bytes = Buffer.allocUnsafeSlow(Math.max(wanted, Math.min(WINDOW_BYTES, this.#size)));
      this.#from = offset;
      this.#length = fs.readSync(this.#descriptor, this.#bytes, 0, wanted, offset);
    }
    const at = offset - this.#from;
    return this.#bytes.subarray(at, Math.min(at + length, this.#length));
  }
}
