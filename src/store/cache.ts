import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, publishFile, syncFolder, uniqueName } from "../base/durable.ts";
import { fromSystemError, MlvError, systemErrorCode } from "../base/errors.ts";
import type { EventSink } from "../base/events.ts";
import { sha256 } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { blobKey } from "../formats/layout.ts";
import { decompress } from "./compression.ts";
import { copyAndHash, readFileRange } from "./copy-hash.ts";
import { PackSet, type PackedObject } from "./pack-set.ts";
import { TrustLedger } from "./trust-ledger.ts";

/** Is the size in bytes from which a file becomes a loose object that can be linked; smaller ones go into packs. */
export const LOOSE_MIN_BYTES = 128 * 1024;

const READ_AHEAD_BYTES = 512 * 1024;

/** Is where an object lies in the cache. */
export type CachedObject =
  | { readonly kind: "loose"; readonly file: string; readonly size: number }
  | { readonly kind: "packed"; readonly place: PackedObject; readonly size: number };

/** Says where a cache and its notes are. */
export interface CacheOptions {
  /** Holds `objects/`, `packs/` and `tmp/`; may be shared by repositories and users. */
  readonly folder: string;
  /** Holds this repository's own notes about the cache. */
  readonly stateFolder: string;
  readonly onEvent: EventSink;
}

/**
 * The local store: loose objects for large files, packs for small ones, each found by its SHA-256.
 * Everything is written through a temp file in `tmp/`, so a crash leaves litter there and nothing else.
 */
export class Cache {
  readonly folder: string;
  readonly tempFolder: string;
  readonly packs: PackSet;
  readonly ledger: TrustLedger;
  readonly #onEvent: EventSink;
  readonly #descriptors = new Map<string, number>();
  #ahead: { readonly file: string; readonly at: number; readonly bytes: Buffer } | undefined;

  constructor(options: CacheOptions) {
    this.folder = options.folder;
    this.tempFolder = path.join(options.folder, "tmp");
    this.#onEvent = options.onEvent;
    this.ledger = new TrustLedger(path.join(options.stateFolder, "trusted"), path.join(options.stateFolder, "tmp"));
    this.packs = new PackSet(path.join(options.folder, "packs"), (name, error) => {
      this.#onEvent({
        type: "notice",
        level: "warning",
        message: `the cached pack ${name} cannot be read and is left out: ${error instanceof Error ? error.message : String(error)}`,
        hint: "run `mlv verify --cache --repair`",
      });
    });
  }

  /** Returns the path that a loose object of this hash has. */
  objectPath(hash: Sha256): string {
    return path.join(this.folder, blobKey("objects", hash));
  }

  /** Returns the path that a pack of this hash has. */
  packPath(hash: Sha256): string {
    return path.join(this.folder, blobKey("packs", hash));
  }

  /** Returns where an object lies, or undefined when the cache lacks it. Does not look at the bytes. */
  locate(hash: Sha256): CachedObject | undefined {
    const place = this.packs.find(hash);
    if (place !== undefined) return { kind: "packed", place, size: place.size };
    const file = this.objectPath(hash);
    const stat = fs.lstatSync(file, { throwIfNoEntry: false });
    return stat?.isFile() === true ? { kind: "loose", file, size: stat.size } : undefined;
  }

  has(hash: Sha256): boolean {
    return this.locate(hash) !== undefined;
  }

  /**
   * Returns a small object's bytes, checked against its hash, or undefined when the cache lacks it.
   * Throws `content-mismatch` when the cached bytes are damaged.
   */
  readSmall(hash: Sha256): Buffer | undefined {
    const found = this.locate(hash);
    if (found === undefined) return undefined;
    const bytes = found.kind === "packed" ? this.#readPlace(found.place) : fs.readFileSync(found.file);
    if (sha256(bytes) !== hash) throw this.damaged(hash, found);
    return bytes;
  }

  /** Returns a packed object's bytes, checked against its hash. Throws `content-mismatch`. */
  readPacked(hash: Sha256, place: PackedObject): Buffer {
    const bytes = this.#readPlace(place);
    if (sha256(bytes) !== hash) throw this.damaged(hash, { kind: "packed", place, size: place.size });
    return bytes;
  }

  /** Yields an object's bytes, or a range of them, in buffers of at most 1 MiB; call `assertSound` first for loose objects. */
  async *read(hash: Sha256, offset = 0, length?: number): AsyncGenerator<Uint8Array> {
    const found = this.locate(hash);
    if (found === undefined) throw this.missing(hash);
    const end = length === undefined ? found.size : offset + length;
    if (found.kind === "packed") yield this.readPacked(hash, found.place).subarray(offset, end);
    else yield* readFileRange(found.file, offset, end - offset);
  }

  /**
   * Makes sure that a loose object's bytes match its name, hashing it only when its stat data are not those of the last check.
   * Packed objects are checked as they are read. Throws `content-mismatch`, or `content-missing`.
   */
  async assertSound(hash: Sha256, signal?: AbortSignal): Promise<void> {
    const found = this.locate(hash);
    if (found === undefined) throw this.missing(hash);
    if (found.kind === "packed") return;
    const stat = fs.lstatSync(found.file);
    if (this.ledger.isTrusted(hash, stat)) return;
    const actual = await this.hashLoose(found.file, signal);
    if (actual !== hash) throw this.damaged(hash, found);
    this.ledger.trust(hash, stat);
  }

  /** Returns the SHA-256 that a file really has. */
  async hashLoose(file: string, signal?: AbortSignal): Promise<Sha256> {
    const descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    try {
      return (await copyAndHash(descriptor, { signal })).sha256;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  /**
   * Gives a synced temp file whose bytes are known to match `hash` its place among the loose objects; returns that place.
   * A sound object that is there already wins. The object is read-only and trusted from then on.
   */
  publishObject(temp: string, hash: Sha256): string {
    const file = this.objectPath(hash);
    const existing = fs.lstatSync(file, { throwIfNoEntry: false });
    if (existing !== undefined && this.ledger.isTrusted(hash, existing)) {
      fs.rmSync(temp, { force: true });
      return file;
    }
    fs.chmodSync(temp, 0o444);
    publishFile(temp, file, { replace: true });
    this.ledger.trust(hash, fs.lstatSync(file));
    return file;
  }

  /** Gives a synced temp pack whose bytes are known to match `hash` its place, and takes it into the lookup. */
  publishPack(temp: string, hash: Sha256, size: number): void {
    const file = this.packPath(hash);
    publishFile(temp, file, { replace: true });
    this.ledger.trust(`pack-${hash}`, fs.lstatSync(file));
    this.packs.include(hash, file, size);
  }

  /** Returns a fresh temp file's path; whoever takes it removes it, a crash leaves it to the next sweep. */
  tempFile(prefix: string): string {
    ensureFolder(this.tempFolder);
    return path.join(this.tempFolder, uniqueName(prefix));
  }

  /** Removes a loose object. */
  removeObject(hash: Sha256): void {
    const file = this.objectPath(hash);
    fs.rmSync(file, { force: true });
    this.ledger.forget(hash);
    if (fs.existsSync(path.dirname(file))) syncFolder(path.dirname(file));
  }

  /** Removes a pack with all its objects. */
  removePack(hash: Sha256): void {
    this.#forgetDescriptor(this.packPath(hash));
    this.#ahead = undefined;
    fs.rmSync(this.packPath(hash), { force: true });
    this.ledger.forget(`pack-${hash}`);
    this.packs.exclude(hash);
  }

  /** Yields the hash, size and file of every loose object. */
  *looseObjects(): Generator<{ readonly sha256: Sha256; readonly file: string; readonly size: number }> {
    const folder = path.join(this.folder, "objects");
    for (const prefix of listFolder(folder)) {
      for (const name of listFolder(path.join(folder, prefix))) {
        const file = path.join(folder, prefix, name);
        const stat = fs.lstatSync(file, { throwIfNoEntry: false });
        if (stat?.isFile() === true && /^[0-9a-f]{64}$/.test(name)) yield { sha256: name as Sha256, file, size: stat.size };
      }
    }
  }

  /** Closes open packs and makes the trust ledger last. */
  close(): void {
    for (const descriptor of this.#descriptors.values()) fs.closeSync(descriptor);
    this.#descriptors.clear();
    try {
      this.ledger.save();
    } catch {
      // The ledger only saves time: a full or read-only disk must not turn success into failure.
    }
  }

  /** Makes the error that says which cached content is damaged. */
  damaged(hash: Sha256, found: CachedObject): MlvError {
    const file = found.kind === "loose" ? found.file : found.place.pack.file;
    return new MlvError("content-mismatch", `the cached copy of ${hash} is damaged (in \`${file}\`)`, {
      hint: "run `mlv verify --repair` to mend it from the workspace or the remote",
      details: { sha256: hash, file },
    });
  }

  /** Makes the error that says the cache lacks an object. */
  missing(hash: Sha256): MlvError {
    return new MlvError("content-missing", `the cache lacks ${hash}`, { hint: "run `mlv fetch`", details: { sha256: hash } });
  }

  #readPlace(place: PackedObject): Buffer {
    const { frame } = place;
    if (frame.encoding === "delta") throw new MlvError("pack-malformed", `the cached pack ${place.pack.sha256} holds a delta`);
    const descriptor = this.#open(place.pack.file);
    const isRaw = frame.encoding === "raw";
    const bytes = Buffer.allocUnsafe(isRaw ? 0 : frame.stored);
    if (isRaw) return this.#readRaw(place, descriptor);
    const length = fs.readSync(descriptor, bytes, 0, bytes.length, frame.offset);
    if (length < bytes.length) return Buffer.alloc(0);
    try {
      return decompress(bytes, frame.decoded).subarray(place.skip, place.skip + place.size);
    } catch {
      return Buffer.alloc(0);
    }
  }

  /** Objects are mostly asked for in the order in which they lie, so a read that goes on where the last one ended reads ahead. */
  #readRaw(place: PackedObject, descriptor: number): Buffer {
    const at = place.frame.offset + place.skip;
    const { size } = place;
    const ahead = this.#ahead;
    const isSamePack = ahead?.file === place.pack.file;
    if (isSamePack && at >= ahead.at && at + size <= ahead.at + ahead.bytes.length)
      return ahead.bytes.subarray(at - ahead.at, at - ahead.at + size);
    const isNext = isSamePack && at >= ahead.at && at <= ahead.at + ahead.bytes.length + READ_AHEAD_BYTES / 8;
    const bytes = Buffer.allocUnsafeSlow(isNext ? Math.max(size, READ_AHEAD_BYTES) : size);
    const length = fs.readSync(descriptor, bytes, 0, bytes.length, at);
    if (length < size) return Buffer.alloc(0);
    this.#ahead = { file: place.pack.file, at, bytes: bytes.subarray(0, length) };
    return bytes.subarray(0, size);
  }

  #open(file: string): number {
    const known = this.#descriptors.get(file);
    if (known !== undefined) return known;
    if (this.#descriptors.size >= 64) for (const [name] of [...this.#descriptors].slice(0, 32)) this.#forgetDescriptor(name);
    try {
      const descriptor = fs.openSync(file, fs.constants.O_RDONLY);
      this.#descriptors.set(file, descriptor);
      return descriptor;
    } catch (error) {
      throw fromSystemError(error, "read the cached pack", file);
    }
  }

  #forgetDescriptor(file: string): void {
    const descriptor = this.#descriptors.get(file);
    if (descriptor === undefined) return;
    fs.closeSync(descriptor);
    this.#descriptors.delete(file);
  }
}

function listFolder(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw fromSystemError(error, "read the folder", folder);
  }
}
