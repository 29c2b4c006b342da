import path from "node:path";
import { mapConcurrent, throwIfAborted } from "../base/concurrency.ts";
import { isMlvError } from "../base/errors.ts";
import type { EventSink } from "../base/events.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { ManifestEntry } from "../formats/manifest.ts";
import { isSameVersion, type Pointer } from "../formats/pointer.ts";
import { LOOSE_MIN_BYTES, type Cache } from "../store/cache.ts";
import type { CacheWriter } from "../store/cache-writer.ts";
import { readManifestEntries } from "../store/manifests.ts";
import { readSmallFile } from "../store/small-files.ts";
import { parentOf } from "./anchored.ts";
import { emptyResult, type CheckoutResult } from "./checkout-result.ts";
import { FolderColumns } from "./folder-columns.ts";
import { hashFollowed } from "./follow.ts";
import { contentPath } from "./cache-links.ts";
import { findDifference, type Difference } from "./checkout-difference.ts";
import { materialise, removeFile, type MaterialiseContext } from "./materialise.ts";
import { isUntouched, isWantedFile, scanFile, scanFolder, scanTree, type ScannedFile, type ScannedFolder, type ScanPlace } from "./scan.ts";
import { TornWrites } from "./torn-writes.ts";
import { unpackFolder } from "./workspace-index.ts";

/** Says what a checkout works with. */
export interface CheckoutContext extends ScanPlace, MaterialiseContext {
  readonly cache: Cache;
  /** Holds the notes by which an interrupted checkout is recognised. */
  readonly stateFolder: string;
  readonly writer: CacheWriter;
  /** True to replace local edits, which are kept in the cache first. */
  readonly force: boolean;
  /** True to find out what would be done and do none of it. */
  readonly dryRun: boolean;
  readonly jobs: number;
  readonly onEvent: EventSink;
  /** Changes whenever anything goes from the cache; a target seen complete under it is noted as that. */
  readonly cacheMark: string;
}

interface FolderState {
  readonly scanned: ScannedFolder;
  readonly file: (name: string) => ScannedFile | undefined;
  /** The names that were once materialised here. */
  readonly known: ReadonlySet<string>;
  /** What the index is to hold afterwards. */
  readonly records: FolderColumns;
  readonly wanted: Set<string>;
  /** The names that were looked at, where others stay as the index has them. */
  readonly patched?: ReadonlySet<string>;
}

export type { CheckoutResult };

/** How many files are planned before they are written, so that memory stays bounded. */
const BATCH_FILES = 1024;

interface PlannedWrite {
  /** True when nothing was on disk under the name. */
  readonly isNew: boolean;
  readonly entry: ManifestEntry;
  readonly indexFolder: string;
  readonly name: string;
}

/**
 * Makes the workspace of one target what its pointer says, writing only what differs.
 *
 * Files that are on disk as the index knows them are replaced freely; anything else is somebody's work and left alone unless `force`.
 * Files that mlv once wrote, that are unedited and gone from the pointer, are removed; files that it does not know are kept.
 * A kill leaves each file whole, old or new; a second run recognises what was written by its content.
 */
export async function checkoutTarget(context: CheckoutContext, pointer: Pointer, only?: readonly string[]): Promise<CheckoutResult> {
  const base = context.index.target(context.target)?.pointer;
  if (only === undefined && base !== undefined && isSameVersion(base, pointer) && isUntouched(context, pointer))
    return emptyResult(context.target);
  const checkout = new Checkout(context, pointer);
  return checkout.run(base, only);
}

class Checkout {
  readonly #context: CheckoutContext;
  readonly #pointer: Pointer;
  readonly #states = new Map<string, FolderState>();
  #writes: PlannedWrite[] = [];
  /** Writes whose place is still taken by something that goes away: they are tried again after the removals. */
  readonly #deferred: PlannedWrite[] = [];
  #wasInterrupted = false;
  readonly #removals: { readonly folder: string; readonly name: string }[] = [];
  readonly #kept: string[] = [];
  readonly #saved: { path: string; sha256: Sha256 }[] = [];
  readonly #missing: string[] = [];
  readonly #damaged: { path: string; sha256: Sha256 }[] = [];
  #writtenBytes = 0;
  #written = 0;
  #isCached = false;

  constructor(context: CheckoutContext, pointer: Pointer) {
    this.#context = context;
    this.#pointer = pointer;
  }

  async run(base: Pointer | undefined, only: readonly string[] | undefined): Promise<CheckoutResult> {
    const context = this.#context;
    if (base !== undefined && base.kind !== this.#pointer.kind) await this.#clearOtherKind(base);
    const torn = new TornWrites(context.stateFolder, context.target);
    this.#wasInterrupted = torn.wasInterrupted;
    if (!context.dryRun) torn.begin();
    const difference =
      only !== undefined || torn.wasInterrupted || base === undefined ? undefined : findDifference(context, base, this.#pointer);
    if (difference === undefined) {
      await this.#planWrites(only);
      await this.#planRemovals();
    } else {
      await this.#planDifference(difference);
    }
    await this.#flush();
    if (!context.dryRun) {
      this.#removeAll();
      this.#writes = this.#deferred.splice(0);
      await this.#flush();
      for (const write of this.#deferred) this.#kept.push(this.#repoPath(write.indexFolder, write.name));
      this.#record();
      torn.end();
    }
    return {
      target: context.target as RepoPath,
      written: this.#written,
      writtenBytes: this.#writtenBytes,
      removed: this.#removals.length,
      kept: this.#kept.sort(compareUtf8),
      saved: this.#saved,
      missing: this.#missing,
      damaged: this.#damaged,
    };
  }

  /** A file became a folder or the other way round: what mlv wrote goes first. */
  async #clearOtherKind(base: Pointer): Promise<void> {
    const { index, target, folders, dryRun } = this.#context;
    const wasFile = base.kind === "file";
    const scans = wasFile ? [scanFile(this.#context)] : [...scanTree(this.#context)];
    for (const scanned of scans) {
      for (const file of scanned.files()) {
        // The pointer's kind is the other one already, so the path is made from what stood here.
        const inside = scanned.folder === "" ? file.name : `${scanned.folder}/${file.name}`;
        const relative = wasFile ? target : `${target}/${inside}`;
        if (!(await this.#mayReplace(file, relative, undefined)) || dryRun) continue;
        this.#context.writer.finish();
        removeFile(folders, parentOf(relative), path.posix.basename(relative), parentOf(target));
      }
    }
    if (!dryRun) index.removeTarget(target);
  }

  async #planWrites(only: readonly string[] | undefined): Promise<void> {
    for (const entry of this.#entries(only)) {
      throwIfAborted(this.#context.signal);
      const indexFolder = this.#pointer.kind === "file" ? "" : parentOf(entry.path);
      const name = this.#pointer.kind === "file" ? path.posix.basename(this.#context.target) : path.posix.basename(entry.path);
      const state = this.#state(indexFolder);
      const file = state.file(name);
      if (!isWantedFile(entry.path, only) && !state.known.has(name)) continue;
      if (state.known.size > 0) state.wanted.add(name);
      await this.#planOne({ entry, indexFolder, name, isNew: file === undefined }, state, file);
      if (this.#writes.length >= BATCH_FILES) await this.#flush();
    }
  }

  /** The workspace was made from another version as a whole: only what differs is looked at. */
  async #planDifference(difference: Difference): Promise<void> {
    const { index, target, cacheMark } = this.#context;
    this.#isCached = difference.isCached && index.target(target)?.cacheMark === cacheMark;
    for (const { folder, scanned, wanted } of difference.folders()) {
      throwIfAborted(this.#context.signal);
      const state = this.#openState(folder, scanned, new Set(wanted.keys()));
      for (const [name, entry] of wanted) {
        const file = state.file(name);
        if (entry !== undefined) await this.#planOne({ entry, indexFolder: folder, name, isNew: file === undefined }, state, file);
        else if (file !== undefined && state.known.has(name)) await this.#planRemoval(file, folder);
        if (this.#writes.length >= BATCH_FILES) await this.#flush();
      }
    }
  }

  *#entries(only: readonly string[] | undefined): Iterable<ManifestEntry> {
    const { cache, target } = this.#context;
    const pointer = this.#pointer;
    if (pointer.kind === "file") {
      yield {
        path: path.posix.basename(target) as RepoPath,
        sha256: pointer.sha256,
        size: pointer.size,
        isExecutable: pointer.mode === "x",
      };
      return;
    }
    const materialised = this.#context.index.folders(target);
    // Nothing materialised outside the wanted paths: only their leaves are opened.
    const prefix = only?.length === 1 && materialised.length === 0 ? only[0] : undefined;
    yield* readManifestEntries(cache, pointer.sha256, `\`${target}\``, prefix);
  }

  async #planOne(write: PlannedWrite, state: FolderState, file: ScannedFile | undefined): Promise<void> {
    const relative = this.#repoPath(write.indexFolder, write.name);
    if (file === undefined) {
      const blocking = state.scanned.others.find((other) => other.name === write.name);
      // What `add --follow` stored stays the symlink that it was, as long as it leads to the same content.
      const isFollowed =
        blocking?.kind === "symlink" &&
        this.#pointer.kind === "dir" &&
        hashFollowed(this.#context, write.entry.path) === write.entry.sha256;
      if (isFollowed) return;
      if (blocking !== undefined && !this.#context.force) this.#kept.push(relative);
      else this.#writes.push(write);
      return;
    }
    const { entry } = write;
    if (file.isUnchanged && file.known?.sha256 === entry.sha256 && file.isExecutable === entry.isExecutable) {
      state.records.addKnown({ ...file.known, isEdited: false });
      return;
    }
    if (file.isUnchanged && file.known?.isEdited === false) {
      this.#writes.push(write);
      return;
    }
    const hash = await this.#hash(relative, file);
    if (hash === entry.sha256 && file.isExecutable === entry.isExecutable) {
      state.records.add(write.name, file.stat, entry);
    } else if (this.#isTorn(file, relative, entry) || (await this.#mayReplace(file, relative, hash))) {
      this.#writes.push(write);
    } else if (file.known !== undefined) {
      state.records.add(write.name, file.stat, { sha256: hash, isExecutable: file.isExecutable, isEdited: true });
    }
  }

  /** Tells whether a file on disk may be replaced or removed; with `--force` its content goes into the cache first. */
  async #mayReplace(file: ScannedFile, relative: string, knownHash: Sha256 | undefined): Promise<boolean> {
    if (file.isUnchanged && file.known?.isEdited === false) return true;
    const hash = knownHash ?? (await this.#hash(relative, file));
    const { known } = file;
    if (known !== undefined && !known.isEdited && hash === known.sha256 && file.isExecutable === known.isExecutable) return true;
    if (!this.#context.force) {
      this.#kept.push(relative);
      return false;
    }
    if (!this.#context.dryRun) await this.#save(relative, file);
    this.#saved.push({ path: relative, sha256: hash });
    return true;
  }

  /** A file that an interrupted checkout began and did not finish holds the beginning of what it was to hold. */
  #isTorn(file: ScannedFile, relative: string, entry: ManifestEntry): boolean {
    if (!this.#wasInterrupted || file.known !== undefined || file.stat.size >= entry.size || entry.size >= LOOSE_MIN_BYTES) return false;
    const wanted = this.#context.cache.readSmall(entry.sha256);
    return (
      wanted !== undefined &&
      wanted.subarray(0, file.stat.size).equals(readSmallFile(path.join(this.#context.root, relative), file.stat).data)
    );
  }

  async #save(relative: string, file: ScannedFile): Promise<void> {
    const absolute = contentPath(path.join(this.#context.root, relative), file.isCacheLink);
    if (file.stat.size >= LOOSE_MIN_BYTES) {
      await this.#context.writer.storeFile(absolute, { signal: this.#context.signal });
    } else {
      const { sha256, data } = readSmallFile(absolute, file.stat);
      this.#context.writer.addSmall(sha256, data);
    }
  }

  async #hash(relative: string, file: ScannedFile): Promise<Sha256> {
    const absolute = contentPath(path.join(this.#context.root, relative), file.isCacheLink);
    if (file.stat.size < LOOSE_MIN_BYTES) return readSmallFile(absolute, file.stat).sha256;
    return this.#context.cache.hashLoose(absolute, this.#context.signal);
  }

  async #planRemovals(): Promise<void> {
    const { index, target } = this.#context;
    const isFile = this.#pointer.kind === "file";
    for (const folder of index.folders(target)) {
      const state = this.#state(folder);
      const known = index.folder(target, folder);
      for (const file of known === undefined ? [] : unpackFolder(known)) {
        if (state.wanted.has(file.name) || isFile) continue;
        const onDisk = state.file(file.name);
        if (onDisk !== undefined) await this.#planRemoval(onDisk, folder);
      }
    }
  }

  async #planRemoval(file: ScannedFile, folder: string): Promise<void> {
    if (await this.#mayReplace(file, this.#repoPath(folder, file.name), undefined)) this.#removals.push({ folder, name: file.name });
  }

  #removeAll(): void {
    const { folders, target } = this.#context;
    for (const { folder, name } of this.#removals) {
      removeFile(folders, folder === "" ? target : `${target}/${folder}`, name, parentOf(target));
    }
  }

  /** Writes what is planned; local edits that are to be replaced are durable in the cache before that. */
  async #flush(): Promise<void> {
    const { jobs, onEvent, dryRun, writer, target } = this.#context;
    const writes = this.#writes;
    this.#writes = [];
    if (dryRun) {
      this.#written += writes.length;
      for (const write of writes) this.#writtenBytes += write.entry.size;
      return;
    }
    writer.finish();
    const total = { totalFiles: this.#pointer.files ?? 1, totalBytes: this.#pointer.size };
    await mapConcurrent(writes, jobs, async (write) => {
      throwIfAborted(this.#context.signal);
      await this.#writeOne(write);
      onEvent({ type: "progress", phase: "checkout", files: this.#written, bytes: this.#writtenBytes, ...total, subject: target });
    });
  }

  async #writeOne(write: PlannedWrite): Promise<void> {
    const { entry, indexFolder, name, isNew } = write;
    const relative = this.#repoPath(indexFolder, name);
    const state = this.#state(indexFolder);
    const file = { folder: parentOf(relative), name, sha256: entry.sha256, isExecutable: entry.isExecutable, isNew };
    try {
      const stat = await materialise(this.#context, file);
      state.records.add(name, stat, entry);
      this.#written += 1;
      this.#writtenBytes += entry.size;
    } catch (error) {
      if (isMlvError(error, "content-missing")) this.#missing.push(relative);
      else if (isMlvError(error, "content-mismatch")) this.#damaged.push({ path: relative, sha256: entry.sha256 });
      else if (isMlvError(error, "target-exists")) this.#deferred.push(write);
      else throw error;
      // What stands there is still what the index knew.
      const known = state.file(name)?.known;
      if (known !== undefined && !isMlvError(error, "target-exists"))
        state.records.addKnown({ ...known, isEdited: known.sha256 !== entry.sha256 });
    }
  }

  #record(): void {
    const { index, target, cacheMark } = this.#context;
    index.setTarget(target, this.#pointer, this.#isCached ? cacheMark : "");
    const isSynced = this.#written === 0;
    for (const [folder, { records, patched }] of this.#states) {
      if (patched === undefined) index.setColumns(target, folder, records, isSynced);
      else index.patchFolder(target, folder, { names: patched, files: records, isSynced });
    }
  }

  #state(folder: string): FolderState {
    const opened = this.#states.get(folder);
    if (opened !== undefined) return opened;
    const place = this.#context;
    return this.#openState(
      folder,
      this.#pointer.kind === "file" ? scanFile(place) : scanFolder({ ...place, isIgnored: undefined }, folder),
    );
  }

  /** With `patched`, only those names are looked at. */
  #openState(folder: string, scanned: ScannedFolder, patched?: ReadonlySet<string>): FolderState {
    const names = this.#context.index.folder(this.#context.target, folder)?.names.split("\0");
    const files = patched === undefined ? new Map(scanned.files().map((file) => [file.name, file])) : undefined;
    const state: FolderState = {
      scanned,
      file: (name) => (files === undefined ? scanned.file(name) : files.get(name)),
      known: new Set(names),
      records: new FolderColumns(),
      wanted: new Set(),
      ...(patched === undefined ? {} : { patched }),
    };
    this.#states.set(folder, state);
    return state;
  }

  #repoPath(folder: string, name: string): string {
    const { target } = this.#context;
    if (this.#pointer.kind === "file") return target;
    return folder === "" ? `${target}/${name}` : `${target}/${folder}/${name}`;
  }
}
