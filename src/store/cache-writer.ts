import * as fs from "node:fs";
import { MlvError, fromSystemError, systemErrorCode } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import type { Cache } from "./cache.ts";
import { copyAndHash } from "./copy-hash.ts";
import { PACK_TARGET_BYTES, PackWriter } from "./pack-writer.ts";

/** Is what storing a large file found out. */
export interface StoredFile {
  readonly sha256: Sha256;
  readonly size: number;
  /** The workspace file's stat data, the same before and after it was read. */
  readonly stat: fs.Stats;
}

/** Says how to store a large file. */
export interface StoreFileOptions {
  /** Takes the file itself as the cached object by hard link instead of copying it. */
  readonly takeByLink?: boolean;
  readonly onData?: ((data: Uint8Array) => void) | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Is a small object whose bytes lie behind those of the one before it. */
export interface RunObject {
  /** Undefined for bytes that are not to be stored. */
  readonly sha256: Sha256 | undefined;
  readonly size: number;
}

interface ClosingPack {
  readonly pack: PackWriter;
  readonly published: Promise<void>;
}

/** Adds content to a cache: large files one by one, small ones into packs that `finish` makes durable together. */
export class CacheWriter {
  readonly #cache: Cache;
  #pack: PackWriter | undefined;
  /** Packs that are being synced in the background, and those that could not be. */
  readonly #closing = new Set<ClosingPack>();

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** Appends a small object whose hash the caller has just computed, unless the cache has it. Throws `disk-full`, `io-failed`. */
  addSmall(hash: Sha256, data: Uint8Array): void {
    if (this.#has(hash)) return;
    this.#pack ??= new PackWriter(this.#cache.tempFolder);
    this.#pack.addRaw(hash, data);
    if (this.#pack.size < PACK_TARGET_BYTES) return;
    if (this.#pack.isWriting) this.#closeBeside();
    else this.finish();
  }

  /**
   * Appends small objects that lie one behind the other in `data`, leaving out what the cache has. `data` must stand until the promise
   * resolves; what is appended before it does comes behind it. Rejects with `disk-full`, `io-failed`.
   */
  async addRun(objects: readonly RunObject[], data: Uint8Array): Promise<void> {
    const writes: Promise<void>[] = [];
    const runHashes = new Set<Sha256>();
    let run: { readonly sha256: Sha256; readonly size: number }[] = [];
    let start = 0;
    let at = 0;
    const endRun = (): void => {
      if (run.length > 0) {
        this.#pack ??= new PackWriter(this.#cache.tempFolder);
        writes.push(this.#pack.addRun(run, data.subarray(start, at)));
        if (this.#pack.size >= PACK_TARGET_BYTES) this.#closeBeside();
      }
      run = [];
    };
    for (const { sha256, size } of objects) {
      if (sha256 === undefined || runHashes.has(sha256) || this.#has(sha256)) {
        endRun();
        start = at + size;
      } else {
        run.push({ sha256, size });
        runHashes.add(sha256);
      }
      at += size;
    }
    endRun();
    const results = await Promise.allSettled(writes);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /**
   * Syncs and publishes what was appended: one fsync for the pack, none per object. Until then none of it is in the cache.
   * After `addRun`, `finishBeside` is to be called instead. Throws `disk-full`, `io-failed`.
   */
  finish(): void {
    if (this.#pack === undefined) return;
    const pack = this.#pack.finish();
    this.#pack = undefined;
    this.#cache.publishPack(pack.file, pack.sha256, pack.size);
  }

  /** Does as `finish`, and waits for the packs that were closed in the background before. */
  async finishBeside(): Promise<void> {
    this.#closeBeside();
    const closing = [...this.#closing];
    const results = await Promise.allSettled(closing.map(({ published }) => published));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /** Drops what was not finished; packs that are complete already may still reach the cache. */
  abort(): void {
    this.#pack?.abort();
    this.#pack = undefined;
  }

  #has(hash: Sha256): boolean {
    if (this.#pack?.has(hash) === true || this.#cache.packs.find(hash) !== undefined) return true;
    for (const { pack } of this.#closing) if (pack.has(hash)) return true;
    return false;
  }

  #closeBeside(): void {
    const pack = this.#pack;
    if (pack === undefined) return;
    this.#pack = undefined;
    const published = pack.finishBeside().then(({ file, sha256, size }) => {
      this.#cache.publishPack(file, sha256, size);
      this.#closing.delete(closing);
    });
    const closing: ClosingPack = { pack, published };
    this.#closing.add(closing);
    // One that failed stays, for `finishBeside` to tell.
    published.catch(() => undefined);
  }

  /**
   * Reads a file once, hashing it while it is copied into the cache (cloned first where the file system can), and makes the copy durable.
   * Throws `file-changed` when it was written to meanwhile, `unsupported-file-type` for anything but a regular file, `disk-full`,
   * `permission-denied` or `io-failed`; the cache then has nothing of it.
   */
  async storeFile(file: string, options: StoreFileOptions = {}): Promise<StoredFile> {
    const source = openRegularFile(file);
    const temp = this.#cache.tempFile("object");
    try {
      const before = fs.fstatSync(source);
      const isTaken = options.takeByLink === true && tryLink(file, temp);
      const isCloned = !isTaken && tryClone(file, temp);
      const { sha256, size } = isTaken || isCloned ? await hashFile(temp, options) : await copyTo(temp, source, options);
      const after = fs.fstatSync(source);
      // A link of our own changes ctime; everything else of the four must stand.
      const isSame = after.size === before.size && after.mtimeMs === before.mtimeMs && (isTaken || after.ctimeMs === before.ctimeMs);
      if (!isSame || size !== after.size) throw fileChanged(file);
      this.#cache.publishObject(temp, sha256);
      return { sha256, size, stat: isTaken ? fs.fstatSync(source) : after };
    } catch (error) {
      fs.rmSync(temp, { force: true });
      throw fromSystemError(error, "add", file);
    } finally {
      fs.closeSync(source);
    }
  }
}

/** Opens a file for reading, never through a symlink and never blocking on a FIFO. Throws `unsupported-file-type` and system errors' codes. */
export function openRegularFile(file: string): number {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === "ELOOP" || systemErrorCode(error) === "ENXIO") throw unsupportedType(file);
    throw fromSystemError(error, "read", file);
  }
  if (fs.fstatSync(descriptor).isFile()) return descriptor;
  fs.closeSync(descriptor);
  throw unsupportedType(file);
}

/** Makes the error that says a file was written to while it was read. */
export function fileChanged(file: string): MlvError {
  return new MlvError("file-changed", `\`${file}\` changed while it was being read`, {
    hint: "wait until nothing writes to it, then run the same command again",
    details: { path: file },
  });
}

function unsupportedType(file: string): MlvError {
  return new MlvError("unsupported-file-type", `\`${file}\` is not a regular file`, {
    hint: "mlv tracks files and folders; list the path in .mlvignore to leave it out",
    details: { path: file },
  });
}

function tryClone(file: string, temp: string): boolean {
  try {
    fs.copyFileSync(file, temp, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    fs.rmSync(temp, { force: true });
    return false;
  }
}

function tryLink(file: string, temp: string): boolean {
  try {
    fs.linkSync(file, temp);
    return true;
  } catch {
    return false;
  }
}

async function hashFile(file: string, options: StoreFileOptions): Promise<{ sha256: Sha256; size: number }> {
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY);
  try {
    const result = await copyAndHash(descriptor, options);
    fs.fsyncSync(descriptor);
    return result;
  } finally {
    fs.closeSync(descriptor);
  }
}

async function copyTo(temp: string, source: number, options: StoreFileOptions): Promise<{ sha256: Sha256; size: number }> {
  const destination = fs.openSync(temp, "wx", 0o444);
  try {
    const result = await copyAndHash(source, { ...options, destination });
    fs.fsyncSync(destination);
    return result;
  } finally {
    fs.closeSync(destination);
  }
}
