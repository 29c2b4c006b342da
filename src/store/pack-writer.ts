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
/** Shorter runs of objects are collected like single ones. */
const RUN_MIN_BYTES = 64 * 1024;

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
  /** Where the next byte goes that is handed to the system; what is buffered comes after it. */
  #writeAt = 0;
  readonly #writing = new Set<Promise<void>>();

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

  /** True while a run is being written on Node's I/O pool. */
  get isWriting(): boolean {
    return this.#writing.size > 0;
  }

  has(hash: Sha256): boolean {
    return this.#known.has(hash);
  }

  /** Appends an object as it is. An object that is there already is not stored twice. */
  addRaw(hash: Sha256, data: Uint8Array): void {
    if (this.#known.has(hash)) return;
    const skip = this.#extendRaw(data.length);
    this.#entry({ sha256: hash, frame: this.#frames.length - 1, skip, size: data.length });
    this.#write(data);
  }

  /**
   * Appends objects that lie one behind the other in `data`, none of them here already and none twice, and writes long runs on Node's I/O
   * pool without copying them: `data` must stand until the promise resolves. Rejects with `disk-full` or `io-failed`.
   */
  async addRun(objects: readonly { readonly sha256: Sha256; readonly size: number }[], data: Uint8Array): Promise<void> {
    let skip = this.#extendRaw(data.length);
    const frame = this.#frames.length - 1;
    for (const { sha256, size } of objects) {
      this.#entry({ sha256, frame, skip, size });
      skip += size;
    }
    if (data.length < RUN_MIN_BYTES) {
      this.#write(data);
      return;
    }
    this.#flushBeside();
    this.#offset += data.length;
    await this.#writeBeside(data);
  }

  /** Makes room for bytes at the end of the last frame where that is raw, of a new one where it is not; returns where they start in it. */
  #extendRaw(length: number): number {
    const last = this.#frames.at(-1);
    if (last === undefined || last.encoding !== "raw") {
      this.#frames.push({ encoding: "raw", offset: this.#offset, stored: length, decoded: length });
      return 0;
    }
    this.#frames[this.#frames.length - 1] = { ...last, stored: last.stored + length, decoded: last.decoded + length };
    return last.decoded;
  }

  /** Appends a zstd or delta frame that holds the given objects at the given places; returns the frame. */
  addFrame(frame: Omit<PackFrame, "offset" | "stored">, stored: Uint8Array, objects: readonly Omit<PackEntry, "frame">[]): PackFrame {
    const placed: PackFrame = { ...frame, offset: this.#offset, stored: stored.length };
    this.#frames.push(placed);
    for (const object of objects) if (!this.#known.has(object.sha256)) this.#entry({ ...object, frame: this.#frames.length - 1 });
    this.#write(stored);
    return placed;
  }

  /** Writes the footer, syncs and closes; only when no run is being written. Throws `disk-full` or `io-failed`; the temp file is then removed. */
  finish(): FinishedPack {
    if (this.isWriting) throw new RangeError("a pack cannot be finished while a run is written");
    try {
      this.#write(formatPackFooter(this.#frames, this.#entries));
      this.#flush();
      fs.fsyncSync(this.#descriptor);
      return this.#close();
    } catch (error) {
      this.abort();
      throw fromSystemError(error, "write", this.#file);
    }
  }

  /** Does as `finish` once the runs are written, and syncs on Node's I/O pool. */
  async finishBeside(): Promise<FinishedPack> {
    try {
      this.#write(formatPackFooter(this.#frames, this.#entries));
      this.#flushBeside();
      await Promise.all(this.#writing);
      await new Promise<void>((resolve, reject) => {
        fs.fsync(this.#descriptor, (error) => (error === null ? resolve() : reject(error)));
      });
      return this.#close();
    } catch (error) {
      this.abort();
      throw fromSystemError(error, "write", this.#file);
    }
  }

  /** Drops the temp file. Its descriptor stays open while runs are written to it, so that they reach no other file. */
  abort(): void {
    fs.rmSync(this.#file, { force: true });
    const close = (): void => {
      try {
        fs.closeSync(this.#descriptor);
      } catch {
        // Closed already.
      }
    };
    if (this.#writing.size === 0) close();
    else void Promise.allSettled(this.#writing).then(close);
  }

  #close(): FinishedPack {
    fs.closeSync(this.#descriptor);
    return { file: this.#file, sha256: this.#hasher.digest(), size: this.#offset, frames: this.#frames, entries: this.#entries };
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
      while (written < data.length) {
        written += fs.writeSync(this.#descriptor, data, written, data.length - written, this.#writeAt + written);
      }
      this.#writeAt += data.length;
    } catch (error) {
      throw fromSystemError(error, "write", this.#file);
    }
  }

  /** Writes what is buffered without waiting: beside a write to the same file, a synchronous one waits for its end. */
  #flushBeside(): void {
    if (this.#buffered === 0) return;
    const data = Buffer.from(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
    // Its failure is heard by `finishBeside`.
    this.#writeBeside(data).catch(() => undefined);
  }

  #writeBeside(data: Uint8Array): Promise<void> {
    this.#hasher.update(data);
    const position = this.#writeAt;
    this.#writeAt += data.length;
    const writing = this.#writeAll(data, position);
    this.#writing.add(writing);
    // One that failed stays.
    writing.then(
      () => this.#writing.delete(writing),
      () => undefined,
    );
    return writing;
  }

  async #writeAll(data: Uint8Array, position: number): Promise<void> {
    try {
      for (let written = 0; written < data.length;) {
        written += await writeSome(this.#descriptor, data.subarray(written), position + written);
      }
    } catch (error) {
      throw fromSystemError(error, "write", this.#file);
    }
  }
}

function writeSome(descriptor: number, data: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(descriptor, data, 0, data.length, position, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}
