import path from "node:path";
import { throwIfAborted } from "../base/concurrency.ts";
import { MlvError } from "../base/errors.ts";
import type { EventSink } from "../base/events.ts";
import type { RepoPath } from "../base/ids.ts";
import { compareUtf8, unsafePathReason } from "../base/safe-paths.ts";
import type { ManifestEntry } from "../formats/manifest.ts";
import type { Pointer } from "../formats/pointer.ts";
import { LOOSE_MIN_BYTES, type Cache } from "../store/cache.ts";
import type { CacheWriter } from "../store/cache-writer.ts";
import { editManifest, readManifestRoot, type ManifestChange } from "../store/manifests.ts";
import { readSmallFile } from "../store/small-files.ts";
import { contentPath } from "./cache-links.ts";
import { FolderColumns } from "./folder-columns.ts";
import { FileIntake, INTAKE_BYTES, INTAKE_FILES, type TakenFile } from "./file-intake.ts";
import { followSymlink, type FollowedFile } from "./follow.ts";
import type { OtherEntry } from "./listing.ts";
import { warnOfCollisions, warnOfUnportable } from "./name-warnings.ts";
import { goneFolders, isWanted, isWantedFile, scanFolder, type ScannedFile, type ScannedFolder, type ScanPlace } from "./scan.ts";
import type { ScanNotes } from "./scan-notes.ts";
import { unpackFolder, type FileStat } from "./workspace-index.ts";

/** Says what a capture works with. */
export interface CaptureContext extends ScanPlace {
  readonly cache: Cache;
  readonly writer: CacheWriter;
  /** True where workspace files may become the cached objects by hard link. */
  readonly takeByLink: boolean;
  readonly jobs: number;
  readonly onEvent: EventSink;
  readonly signal: AbortSignal | undefined;
  /** True to store what symlinks inside the folder point to. */
  readonly follow: boolean;
  /** The folders that were looked at already. */
  readonly notes?: ScanNotes | undefined;
  /** Lets a table describer see a single file's bytes. */
  readonly onData?: ((data: Uint8Array) => void) | undefined;
}

/** Counts what a capture found. */
export interface CaptureCounts {
  added: number;
  modified: number;
  deleted: number;
  hashedBytes: number;
}

/** Is a new version of a target and what to record once its pointer is durable. */
export interface Capture {
  readonly pointer: Pointer;
  readonly counts: CaptureCounts;
  /** Records the workspace in the index; call it after the pointer was written. */
  record(cacheMark: string): void;
}

interface PendingFile {
  readonly path: RepoPath;
  readonly name: string;
  readonly folder: string;
  readonly stat: FileStat;
  readonly isExecutable: boolean;
  readonly isNew: boolean;
  /** Where the bytes are, when the path itself is a symlink that is followed. */
  readonly source: FollowedFile | undefined;
  readonly isCacheLink?: boolean | undefined;
}

/**
 * Stores the content of a folder target, or of the parts named in `only`, and returns its next version.
 * Files that the index knows to be unchanged are not read. Files of `base` that were never materialised here stay in the version.
 * Throws `symlink-in-folder`, `unsupported-file-type`, `name-not-utf8`, `path-unsafe`, `file-changed`, `disk-full`; nothing but cache content
 * has been written then.
 */
export async function captureFolder(context: CaptureContext, base: Pointer | undefined, only?: readonly string[]): Promise<Capture> {
  const counts: CaptureCounts = { added: 0, modified: 0, deleted: 0, hashedBytes: 0 };
  const folders = new Map<string, FolderColumns>();
  const baseManifest =
    base?.kind === "dir"
      ? { root: readManifestRoot(context.cache, base.sha256, `\`${context.target}\``), where: `\`${context.target}\`` }
      : undefined;
  const changes = new FolderChanges(context, { counts, folders, only, hasBase: baseManifest !== undefined });
  const edited = await editManifest(context.cache, context.writer, baseManifest, changes.batches());
  await context.writer.finishBeside();
  const pointer: Pointer = {
    kind: "dir",
    sha256: edited.sha256,
    size: edited.root.size,
    files: edited.root.files,
    ...(base?.source === undefined || base.sha256 !== edited.sha256 ? {} : { source: base.source }),
    ...(base?.extensions === undefined ? {} : { extensions: base.extensions }),
  };
  const record = (cacheMark: string): void => {
    context.index.setTarget(context.target, pointer, cacheMark);
    for (const [folder, columns] of folders) context.index.setColumns(context.target, folder, columns, true);
    folders.clear();
  };
  return { pointer, counts, record };
}

/** Stores the content of a target that is one file and returns its next version; throws as `captureFolder` does. */
export async function captureFile(context: CaptureContext, file: ScannedFile): Promise<Capture> {
  const absolute = contentPath(path.join(context.root, context.target), file.isCacheLink);
  const before = context.index.folder(context.target, "") !== undefined;
  const hashed = await storeOne(context, absolute, file.stat);
  context.writer.finish();
  const pointer: Pointer = {
    kind: "file",
    sha256: hashed.sha256,
    size: hashed.stat.size,
    ...(file.isExecutable ? { mode: "x" as const } : {}),
  };
  const counts = { added: before ? 0 : 1, modified: before ? 1 : 0, deleted: 0, hashedBytes: hashed.stat.size };
  const record = (cacheMark: string): void => {
    context.index.removeTarget(context.target);
    context.index.setTarget(context.target, pointer, cacheMark);
    const { name, isExecutable } = file;
    context.index.setFolder(context.target, "", [{ name, stat: hashed.stat, sha256: hashed.sha256, isExecutable, isEdited: false }], true);
  };
  return { pointer, counts, record };
}

async function storeOne(context: CaptureContext, absolute: string, stat: FileStat): Promise<TakenFile> {
  const { writer, signal, onData } = context;
  let bytes = 0;
  const onProgress = (more: number): void => {
    bytes += more;
    context.onEvent({ type: "progress", phase: "hash", files: 0, totalFiles: 1, bytes, totalBytes: stat.size, subject: context.target });
  };
  if (stat.size >= LOOSE_MIN_BYTES) return writer.storeFile(absolute, { takeByLink: context.takeByLink, onData, onProgress, signal });
  const { sha256, data } = readSmallFile(absolute, stat);
  onData?.(data);
  writer.addSmall(sha256, data);
  return { sha256, stat };
}

interface FolderChangesOptions {
  readonly counts: CaptureCounts;
  /** Gets, for each folder with a change, the files to record in the index. */
  readonly folders: Map<string, FolderColumns>;
  readonly only: readonly string[] | undefined;
  readonly hasBase: boolean;
}

/** Is a run of files that is taken in together, and what is gone from among them. */
interface Batch {
  readonly files: readonly PendingFile[];
  readonly taken: readonly TakenFile[];
  readonly deleted: ManifestChange[];
}

/** Walks a folder in path order and yields what differs from its base, hashing and storing a batch of files at a time. */
class FolderChanges {
  readonly #context: CaptureContext;
  readonly #options: FolderChangesOptions;
  readonly #intake: FileIntake;
  #pending: PendingFile[] = [];
  #pendingBytes = 0;
  #done = { files: 0, bytes: 0 };
  /** Changes that wait for the batch before them, in path order among the pending files. */
  #deleted: ManifestChange[] = [];
  #goneBefore: ManifestChange[] = [];
  #hasWarned = false;

  constructor(context: CaptureContext, options: FolderChangesOptions) {
    this.#context = context;
    this.#options = options;
    const { writer, jobs, signal } = context;
    this.#intake = new FileIntake({ writer, jobs, signal });
  }

  /** Yields the changes in path order; some batches are under way while the folders go on being looked at. */
  async *batches(): AsyncGenerator<readonly ManifestChange[]> {
    const underway: Promise<Batch>[] = [];
    try {
      this.#goneBefore = this.#collectGoneFolders();
      for (const _ of this.#visit("")) {
        void _;
        underway.push(this.#startBatch());
        while (underway.length >= this.#intake.width) yield this.#endBatch(await (underway.shift() as Promise<Batch>));
      }
      this.#deleted.push(...this.#goneBefore);
      this.#goneBefore = [];
      underway.push(this.#startBatch());
      for (let batch = underway.shift(); batch !== undefined; batch = underway.shift()) yield this.#endBatch(await batch);
    } finally {
      await Promise.allSettled(underway);
      await this.#intake.close();
    }
  }

  /** Yields whenever a batch is full. */
  *#visit(folder: string): Generator<void> {
    const { context, options } = { context: this.#context, options: this.#options };
    throwIfAborted(context.signal);
    const scanned = context.notes === undefined ? scanFolder(context, folder) : context.notes.take(folder);
    const inside = (name: string): string => (folder === "" ? name : `${folder}/${name}`);
    const followed = this.#checkOthers(scanned, folder);
    const needsFiles = !scanned.isClean || followed.length > 0 || !options.hasBase;
    if (!needsFiles) {
      for (const name of scanned.folders) if (isWanted(inside(name), options.only)) yield* this.#visit(inside(name));
      return;
    }
    this.#noteGone(scanned, folder);
    const files = scanned.files();
    this.#warnOfNames(files, folder);
    const recorded = this.#recordFor(folder);
    // Files come in order; what has to come among them is merged in, so that a million of them are not sorted again.
    const between = orderBetween(scanned.folders, followed);
    let next = 0;
    for (const file of files) {
      for (let entry = between[next]; entry !== undefined && compareUtf8(orderKey(entry), file.name) < 0; entry = between[next]) {
        next += 1;
        yield* this.#visitBetween(entry, folder);
      }
      this.#offer(file, folder, recorded);
      if (this.#isBatchFull) yield;
    }
    for (const entry of between.slice(next)) yield* this.#visitBetween(entry, folder);
  }

  *#visitBetween(entry: Between, folder: string): Generator<void> {
    const name = "link" in entry ? entry.link.name : entry.folder;
    const inside = folder === "" ? name : `${folder}/${name}`;
    if ("folder" in entry) {
      if (isWanted(inside, this.#options.only)) yield* this.#visit(inside);
      return;
    }
    this.#enqueue({ ...entry.link, path: inside as RepoPath, folder, isNew: true });
    if (this.#isBatchFull) yield;
  }

  get #isBatchFull(): boolean {
    return this.#pending.length >= INTAKE_FILES || this.#pendingBytes >= INTAKE_BYTES;
  }

  #warnOfNames(files: readonly ScannedFile[], folder: string): void {
    const { target, onEvent } = this.#context;
    const where = folder === "" ? target : `${target}/${folder}`;
    if (!this.#hasWarned) this.#hasWarned = warnOfUnportable(files, where, onEvent);
    warnOfCollisions(files, where, onEvent);
  }

  #offer(file: ScannedFile, folder: string, recorded: FolderColumns): void {
    const { only, hasBase } = this.#options;
    const path_ = (folder === "" ? file.name : `${folder}/${file.name}`) as RepoPath;
    if (!isWantedFile(path_, only) || (file.isUnchanged && file.known?.isEdited === false && hasBase)) {
      if (file.known !== undefined) recorded.addKnown(file.known);
      return;
    }
    const reason = unsafePathReason(path_);
    if (reason !== undefined) {
      throw new MlvError("path-unsafe", `cannot track \`${this.#context.target}/${path_}\`: ${reason}`, {
        hint: "rename the file, or list it in .mlvignore",
        details: { path: `${this.#context.target}/${path_}` },
      });
    }
    const { name, stat, isExecutable, isCacheLink } = file;
    this.#enqueue({ path: path_, name, folder, stat, isExecutable, isNew: file.known === undefined, source: undefined, isCacheLink });
  }

  #enqueue(file: PendingFile): void {
    while (this.#goneBefore.length > 0 && compareUtf8((this.#goneBefore[0] as ManifestChange).path, file.path) < 0) {
      this.#deleted.push(this.#goneBefore.shift() as ManifestChange);
    }
    this.#pending.push(file);
    if (file.stat.size < LOOSE_MIN_BYTES) this.#pendingBytes += file.stat.size;
  }

  #startBatch(): Promise<Batch> {
    throwIfAborted(this.#context.signal);
    const { root, target, takeByLink } = this.#context;
    const files = this.#pending;
    const deleted = this.#deleted;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#deleted = [];
    const taking = this.#intake.take(
      files.map(({ path: inside, source, stat, isCacheLink }) => ({
        file: source?.file ?? contentPath(`${root}/${target}/${inside}`, isCacheLink),
        stat,
        takeByLink: takeByLink && source === undefined && isCacheLink !== true,
      })),
    );
    const batch = taking.then((taken) => ({ files, taken, deleted }));
    // Heard when its turn comes.
    batch.catch(() => undefined);
    return batch;
  }

  #endBatch({ files, taken, deleted }: Batch): readonly ManifestChange[] {
    const changes = deleted;
    for (const [index, file] of files.entries()) {
      const { sha256, stat } = taken[index] as TakenFile;
      const entry: ManifestEntry = { path: file.path, sha256, size: stat.size, isExecutable: file.isExecutable };
      changes.push({ path: file.path, entry });
      if (file.source === undefined) {
        this.#recordFor(file.folder).add(file.name, stat, { sha256, isExecutable: file.isExecutable });
      }
      if (file.isNew) this.#options.counts.added += 1;
      else this.#options.counts.modified += 1;
      this.#options.counts.hashedBytes += stat.size;
      this.#done.files += 1;
      this.#done.bytes += stat.size;
    }
    if (files.length > 0) {
      this.#context.onEvent({ type: "progress", phase: "hash", ...this.#done, subject: this.#context.target });
    }
    return changes.sort((a, b) => compareUtf8(a.path, b.path));
  }

  get context(): CaptureContext {
    return this.#context;
  }

  #recordFor(folder: string): FolderColumns {
    let files = this.#options.folders.get(folder);
    if (files === undefined) this.#options.folders.set(folder, (files = new FolderColumns()));
    return files;
  }

  /** Turns what is gone from a folder on disk into deletions; parts that are not wanted stay known. */
  #noteGone(scanned: ScannedFolder, folder: string): void {
    for (const file of scanned.gone()) {
      const path_ = (folder === "" ? file.name : `${folder}/${file.name}`) as RepoPath;
      if (!isWantedFile(path_, this.#options.only)) this.#recordFor(folder).addKnown(file);
      else this.#goneBefore.push({ path: path_, entry: undefined });
      if (isWantedFile(path_, this.#options.only)) this.#options.counts.deleted += 1;
    }
    this.#goneBefore.sort((a, b) => compareUtf8(a.path, b.path));
  }

  #collectGoneFolders(): ManifestChange[] {
    const gone: ManifestChange[] = [];
    for (const folder of goneFolders(this.#context, this.#options.only)) {
      const known = this.#context.index.folder(this.#context.target, folder);
      if (known === undefined) continue;
      const kept = new FolderColumns();
      for (const file of unpackFolder(known)) {
        const path_ = `${folder}/${file.name}` as RepoPath;
        if (isWantedFile(path_, this.#options.only)) gone.push({ path: path_, entry: undefined });
        else kept.addKnown(file);
      }
      this.#options.folders.set(folder, kept);
    }
    this.#options.counts.deleted += gone.length;
    return gone;
  }

  /** Refuses what is no file, or follows symlinks where that was asked for. */
  #checkOthers(scanned: ScannedFolder, folder: string): FollowedFile[] {
    return scanned.others.flatMap((other) => {
      const path_ = folder === "" ? other.name : `${folder}/${other.name}`;
      if (!isWantedFile(path_, this.#options.only)) return [];
      if (other.kind === "symlink" && this.#context.follow) return [followSymlink(this.#context, path_, other.name)];
      throw otherEntry(`${this.#context.target}/${path_}`, other);
    });
  }
}

/** Is what comes among a folder's files: a sub-folder to enter, or a symlink to follow. */
type Between = { readonly folder: string } | { readonly link: FollowedFile };

/** Returns them in the order that their whole paths have. */
function orderBetween(folders: readonly string[], links: readonly FollowedFile[]): Between[] {
  const between: Between[] = [...folders.map((folder) => ({ folder })), ...links.map((link) => ({ link }))];
  return between.sort((a, b) => compareUtf8(orderKey(a), orderKey(b)));
}

function orderKey(entry: Between): string {
  return "folder" in entry ? `${entry.folder}/` : entry.link.name;
}

/** Makes the error that refuses a symlink, FIFO, socket or device by name. */
export function otherEntry(file: string, other: OtherEntry): MlvError {
  if (other.kind === "symlink") {
    return new MlvError("symlink-in-folder", `\`${file}\` is a symlink`, {
      hint: "add with `--follow` to store what it points to, or list it in .mlvignore to leave it out",
      details: { path: file },
    });
  }
  return new MlvError("unsupported-file-type", `\`${file}\` is a ${other.kind}, which cannot be tracked`, {
    hint: "remove it, or list it in .mlvignore to leave it out",
    details: { path: file },
  });
}
