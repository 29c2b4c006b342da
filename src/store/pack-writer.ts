import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, uniqueName } from "../base/durable.ts";
import { fromSystemError } from "../base/errors.ts";
import { createSha256, type Sha256Hasher } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { formatPackFooter, type PackEntry, type PackFrame } from "../formats/pack-footer.ts";

/** Is where a pack is closed: 64 MiB of stored bytes. */
export const PACK_TARGET_BYTES = 64 * 1024 * 1024;
const WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Is a finished, synced pack in the temp folder. */
export interface FinishedPack {
  readonly file: string;
  readonly sha256: Sha256;
  /** Bytes of the whole pack, footer included. */
  readonly size: number;
  readonly frames: readonly PackFrame[];
  readonly entries: readonly PackEntry[];
}

/**
 * Writes one pack into a temp file: frames, then footer. A crash leaves the temp file, which a later sweep removes.
 * Adjoining raw objects share one frame, so that a pack of a hundred thousand small files has a short footer.
 */
export class PackWriter {
  readonly #file: string;
  readonly #descriptor: number;
  readonly #hasher: Sha256Hasher = createSha256();
  readonly #frames: PackFrame[] = [];
  readonly #entries: PackEntry[] = [];
  readonly #known = new Set<Sha256>();
  #buffer = Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES);
  #buffered = 0;
  #offset = 0;

  constructor(tempFolder: string) {
    ensureFolder(tempFolder);
    this.#file = path.join(tempFolder, uniqueName("pack"));
    try {
      this.#descriptor = fs.openSync(this.#file, "wx", 0o444);
    } catch (error) {
      throw fromSystemError(error, "create", this.#file);
    }
  }

  /** Bytes stored so far, without the footer. */
  get size(): number {
    return this.#offset;
  }

  get entryCount(): number {
    return this.#entries.length;
  }

  has(hash: Sha256): boolean {
    return this.#known.has(hash);
  }

  /** Appends an object as it is; returns its offset in the pack. An object that is there already is not stored twice. */
  addRaw(hash: Sha256, data: Uint8Array): void {
    if (this.#known.has(hash)) return;
    const last = this.#frames.at(-1);
    const extend = last !== undefined && last.encoding === "raw";
    const frame: PackFrame = extend
      ? { ...last, stored: last.stored + data.length, decoded: last.decoded + data.length }
      : { encoding: "raw", offset: this.#offset, stored: data.length, decoded: data.length };
    const skip = extend ? last.decoded : 0;
    if (extend) this.#frames[this.#frames.length - 1] = frame;
    else this.#frames.push(frame);
    this.#entry({ sha256: hash, frame: this.#frames.length - 1, skip, size: data.length });
    this.#write(data);
  }

  /** Appends a zstd or delta frame that holds the given objects at the given places; returns the frame. */
  addFrame(frame: Omit<PackFrame, "offset" | "stored">, stored: Uint8Array, objects: readonly Omit<PackEntry, "frame">[]): PackFrame {
    const placed: PackFrame = { ...frame, offset: this.#offset, stored: stored.length };
    this.#frames.push(placed);
    for (const object of objects) if (!this.#known.has(object.sha256)) this.#entry({ ...object, frame: this.#frames.length - 1 });
    this.#write(stored);
    return placed;
  }

  /** Writes the footer, syncs and closes. Throws `disk-full` or `io-failed`; the temp file is then removed. */
  finish(): FinishedPack {
    try {
      this.#write(formatPackFooter(this.#frames, this.#entries));
      this.#flush();
      fs.fsyncSync(this.#descriptor);
      fs.closeSync(this.#descriptor);
    } catch (error) {
      this.abort();
      throw fromSystemError(error, "write", this.#file);
    }
    return { file: this.#file, sha256: this.#hasher.digest(), size: this.#offset, frames: this.#frames, entries: this.#entries };
  }

  /** Drops the temp file. */
  abort(): void {
    try {
      fs.closeSync(this.#descriptor);
    } catch {
      // Closed already: only the file is left to remove.
    }
    fs.rmSync(this.#file, { force: true });
  }

  #entry(entry: PackEntry): void {
    this.#known.add(entry.sha256);
    this.#entries.push(entry);
  }

  #write(data: Uint8Array): void {
    this.#offset += data.length;
    if (data.length > WRITE_BUFFER_BYTES) {
      this.#flush();
      this.#hasher.update(data);
      this.#writeOut(data);
      return;
    }
    if (this.#buffered + data.length > WRITE_BUFFER_BYTES) this.#flush();
    this.#buffer.set(data, this.#buffered);
    this.#buffered += data.length;
  }

  #flush(): void {
    if (this.#buffered === 0) return;
    const data = this.#buffer.subarray(0, this.#buffered);
    this.#hasher.update(data);
    this.#writeOut(data);
    this.#buffered = 0;
  }

  #writeOut(data: Uint8Array): void {
    try {
      let written = 0;
      while (written < data.length) written += fs.writeSync(this.#descriptor, data, written, data.length - written);
    } catch (error) {
      throw fromSystemError(error, "write", this.#file);
    }
  }
}
