import path from "node:path";
import { hashFollowed } from "./follow.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { isMlvError } from "../base/errors.ts";
import type { EventSink } from "../base/events.ts";
import type { Sha256 } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { Pointer } from "../formats/pointer.ts";
import { LOOSE_MIN_BYTES, type Cache } from "../store/cache.ts";
import { EntryFinder } from "../store/entry-finder.ts";
import { readManifestLeaf, readManifestRoot } from "../store/manifests.ts";
import { hashFileNow, readSmallFile } from "../store/small-files.ts";
import { contentPath } from "./cache-links.ts";
import { goneFolders, isWanted, isWantedFile, scanFile, scanFolder, type ScannedFile, type ScanPlace } from "./scan.ts";
import { unpackFolder, type IndexedFile } from "./workspace-index.ts";

/** Is one difference between a target's workspace and the version it was made from; `path` is relative to the target, `""` for a file target. */
export interface WorkspaceChange {
  readonly path: string;
  readonly kind: "new" | "modified" | "deleted" | "renamed" | "unsupported";
  /** Where a renamed file was. */
  readonly from?: string;
  /** Bytes on disk; absent for what was deleted. */
  readonly size?: number;
  /** True when only the executable bit differs. */
  readonly modeOnly?: boolean;
}

/** Is how a target's workspace differs from a version. */
export interface WorkspaceComparison {
  readonly changes: readonly WorkspaceChange[];
  /** Files of the target that are on disk. */
  readonly present: number;
  /** Files that are as the version has them. */
  readonly clean: number;
}

/** Says what a comparison works with. */
export interface CompareContext extends ScanPlace {
  readonly cache: Cache;
  readonly onEvent: EventSink;
  readonly signal: AbortSignal | undefined;
}

/**
 * Compares a target's workspace with `base`, the version it was made from. Files whose stat data the index knows are not read; of the others
 * those of another size are not read either. What is found out is recorded in the index, so that it is found out once.
 */
export function compareTarget(context: CompareContext, base: Pointer, only?: readonly string[]): WorkspaceComparison {
  return new Comparison(context, base, only).run();
}

class Comparison {
  readonly #context: CompareContext;
  readonly #base: Pointer;
  readonly #only: readonly string[] | undefined;
  readonly #lookup: ManifestLookup;
  readonly #changes: WorkspaceChange[] = [];
  readonly #goneHashes = new Map<string, IndexedFile>();
  #present = 0;
  #clean = 0;

  constructor(context: CompareContext, base: Pointer, only: readonly string[] | undefined) {
    this.#context = context;
    this.#base = base;
    this.#only = only;
    this.#lookup = new ManifestLookup(context.cache, base, context.target);
  }

  run(): WorkspaceComparison {
    if (this.#base.kind === "file") {
      this.#compareFolder("", "");
    } else {
      this.#walk("");
      this.#noteGoneFolders();
    }
    return { changes: this.#withRenames().sort((a, b) => compareUtf8(a.path, b.path)), present: this.#present, clean: this.#clean };
  }

  #walk(folder: string): void {
    throwIfAborted(this.#context.signal);
    const folders = this.#compareFolder(folder, folder === "" ? "" : `${folder}/`);
    for (const name of folders) {
      const inner = folder === "" ? name : `${folder}/${name}`;
      if (isWanted(inner, this.#only)) this.#walk(inner);
    }
  }

  #compareFolder(folder: string, prefix: string): readonly string[] {
    const { index, target } = this.#context;
    const isFile = this.#base.kind === "file";
    const scanned = isFile ? scanFile(this.#context) : scanFolder(this.#context, folder);
    this.#present += scanned.count;
    for (const other of scanned.others) {
      if (!isFile && !isWantedFile(prefix + other.name, this.#only)) continue;
      if (!isFile && other.kind === "symlink" && this.#isFollowed(prefix + other.name)) {
        this.#present += 1;
        this.#clean += 1;
      } else {
        this.#changes.push({ path: isFile ? "" : prefix + other.name, kind: "unsupported" });
      }
    }
    if (scanned.isClean) {
      this.#clean += scanned.count;
      return scanned.folders;
    }
    const records: IndexedFile[] = [];
    let isNews = false;
    for (const file of scanned.files()) {
      const record = this.#compareFile(prefix + file.name, file);
      if (record !== undefined) records.push(record);
      if (record !== file.known) isNews = true;
    }
    for (const file of scanned.gone()) {
      records.push(file);
      this.#noteGone(prefix + file.name, file);
    }
    if (isNews && index.target(target) !== undefined)
      index.setFolder(
        target,
        folder,
        records.sort((a, b) => compareUtf8(a.name, b.name)),
        true,
      );
    return scanned.folders;
  }

  /** Tells whether a symlink, which `add --follow` stored as a file, still leads to that file's content. */
  #isFollowed(relative: string): boolean {
    const wanted = this.#lookup.find(relative);
    return wanted !== undefined && hashFollowed(this.#context, relative) === wanted.sha256;
  }

  /** Returns what the index is to hold of a file afterwards; the very object that it holds when nothing was learned. */
  #compareFile(relative: string, file: ScannedFile): IndexedFile | undefined {
    if (this.#base.kind === "dir" && !isWantedFile(relative, this.#only)) return file.known;
    const { known } = file;
    if (known !== undefined && file.isUnchanged) {
      if (known.isEdited) this.#noteModified(relative, file, undefined);
      else this.#clean += 1;
      return known;
    }
    const wanted = known !== undefined && !known.isEdited ? { ...known, size: known.stat.size } : this.#lookup.find(relative);
    if (wanted === undefined) {
      this.#changes.push({ path: this.#shown(relative), kind: "new", size: file.stat.size });
      return undefined;
    }
    if (wanted.size !== file.stat.size) {
      this.#noteModified(relative, file, undefined);
      return known;
    }
    const sha256 = this.#hash(relative, file);
    const isEdited = sha256 !== wanted.sha256 || wanted.isExecutable !== file.isExecutable;
    if (isEdited) this.#noteModified(relative, file, sha256 === wanted.sha256);
    else this.#clean += 1;
    return { name: file.name, stat: file.stat, sha256, isExecutable: file.isExecutable, isEdited };
  }

  #noteModified(relative: string, file: ScannedFile, modeOnly: boolean | undefined): void {
    this.#changes.push({ path: this.#shown(relative), kind: "modified", size: file.stat.size, ...(modeOnly === true ? { modeOnly } : {}) });
  }

  #noteGone(relative: string, file: IndexedFile): void {
    if (this.#base.kind === "dir" && !isWantedFile(relative, this.#only)) return;
    this.#changes.push({ path: this.#shown(relative), kind: "deleted" });
    this.#goneHashes.set(relative, file);
  }

  #noteGoneFolders(): void {
    for (const folder of goneFolders(this.#context, this.#only)) {
      const known = this.#context.index.folder(this.#context.target, folder);
      for (const file of known === undefined ? [] : unpackFolder(known)) this.#noteGone(`${folder}/${file.name}`, file);
    }
  }

  /** Pairs a deleted file with a new one of the same content. */
  #withRenames(): WorkspaceChange[] {
    const bySize = new Map<number, { path: string; sha256: Sha256 }[]>();
    for (const [gone, file] of this.#goneHashes) {
      const list = bySize.get(file.stat.size) ?? [];
      list.push({ path: gone, sha256: file.sha256 });
      bySize.set(file.stat.size, list);
    }
    if (bySize.size === 0) return this.#changes;
    const renamedFrom = new Set<string>();
    const changes = this.#changes.map((change): WorkspaceChange => {
      const candidates = change.kind === "new" ? bySize.get(change.size ?? -1) : undefined;
      if (candidates === undefined || candidates.length === 0) return change;
      const sha256 = this.#hashPath(change.path, change.size ?? 0);
      const at = candidates.findIndex((candidate) => candidate.sha256 === sha256);
      const [found] = at === -1 ? [] : candidates.splice(at, 1);
      if (found === undefined) return change;
      renamedFrom.add(found.path);
      return { ...change, kind: "renamed", from: found.path };
    });
    return changes.filter((change) => !(change.kind === "deleted" && renamedFrom.has(change.path)));
  }

  #hashPath(relative: string, size: number): Sha256 | undefined {
    const scanned = scanFile({ ...this.#context, target: path.posix.join(this.#context.target, relative) }).files()[0];
    const absolute = path.join(this.#context.root, this.#context.target, relative);
    return scanned === undefined || scanned.stat.size !== size
      ? undefined
      : hashFileNow(contentPath(absolute, scanned.isCacheLink), scanned.stat);
  }

  #hash(relative: string, file: ScannedFile): Sha256 {
    const { root, target, onEvent } = this.#context;
    const absolute = contentPath(
      this.#base.kind === "file" ? path.join(root, target) : path.join(root, target, relative),
      file.isCacheLink,
    );
    if (file.stat.size >= LOOSE_MIN_BYTES)
      onEvent({ type: "progress", phase: "hash", files: 0, bytes: 0, totalBytes: file.stat.size, subject: target });
    return file.stat.size < LOOSE_MIN_BYTES ? readSmallFile(absolute, file.stat).sha256 : hashFileNow(absolute, file.stat);
  }

  #shown(relative: string): string {
    return this.#base.kind === "file" ? "" : relative;
  }
}

/** Finds entries of a version by path. A version whose manifest is not cached has no entries. */
class ManifestLookup {
  readonly #cache: Cache;
  readonly #base: Pointer;
  readonly #target: string;
  #finder: EntryFinder | undefined;
  #isLacking = false;

  constructor(cache: Cache, base: Pointer, target: string) {
    this.#cache = cache;
    this.#base = base;
    this.#target = target;
  }

  find(relative: string): { readonly sha256: Sha256; readonly size: number; readonly isExecutable: boolean } | undefined {
    if (this.#base.kind === "file") return { sha256: this.#base.sha256, size: this.#base.size, isExecutable: this.#base.mode === "x" };
    if (this.#isLacking) return undefined;
    const where = `\`${this.#target}\``;
    try {
      this.#finder ??= new EntryFinder(readManifestRoot(this.#cache, this.#base.sha256, where), (leaf) =>
        readManifestLeaf(this.#cache, leaf, where),
      );
    } catch (error) {
      this.#isLacking = true;
      if (isMlvError(error, "content-missing")) return undefined;
      throw error;
    }
    try {
      return this.#finder.find(relative);
    } catch (error) {
      if (isMlvError(error, "content-missing")) return undefined;
      throw error;
    }
  }
}
