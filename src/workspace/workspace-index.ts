import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, uniqueName } from "../base/durable.ts";
import type { Sha256 } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { Pointer } from "../formats/pointer.ts";
import { FolderColumns } from "./folder-columns.ts";
import {
  FLAG_EDITED,
  FLAG_EXECUTABLE,
  formatIndexHeader,
  formatRecord,
  readRecords,
  type IndexFolder,
  type IndexRecord,
  type IndexTarget,
} from "./index-file.ts";

/** Is the stat data that decide whether a file is the one that was hashed. */
export interface FileStat {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
}

/** Is what the index knows of one file. */
export interface IndexedFile {
  readonly name: string;
  readonly stat: FileStat;
  readonly sha256: Sha256;
  readonly isExecutable: boolean;
  /** True when the content is not that of the pointer that the workspace was last made from. */
  readonly isEdited: boolean;
}

/** Says which files of a folder are to have which records. */
export interface FolderPatch {
  readonly names: ReadonlySet<string>;
  /** All of which are among `names`. */
  readonly files: FolderColumns;
  /** True when the bytes of `files` are known to be on disk. */
  readonly isSynced: boolean;
}

/** Is the time in milliseconds within which two writes can carry the same time stamp: a kernel tick and some. */
const TICK_MS = 20;
/** Below this many stale bytes the log is only appended to. */
const REWRITE_SLACK_BYTES = 1024 * 1024;

interface TargetState {
  info: IndexTarget;
  readonly folders: Map<string, IndexFolder>;
}

/**
 * Knows, for each target of one worktree, the pointer that the workspace was last made from, and for each file materialised here its stat
 * data and hash. Nothing else decides that a file need not be hashed, and only a path that is in here can count as deleted.
 * Lost or damaged, it is rebuilt by hashing; two processes that save at once may lose one's records, which costs the same.
 */
export class WorkspaceIndex {
  readonly #file: string;
  readonly #tempFolder: string;
  readonly #boot: string;
  readonly #targets = new Map<string, TargetState>();
  #pending: IndexRecord[] = [];
  #fileBytes = 0;

  constructor(file: string, tempFolder: string) {
    this.#file = file;
    this.#tempFolder = tempFolder;
    this.#boot = currentBoot();
    for (const record of readRecords(file)) {
      this.#fileBytes += record.bytes;
      this.#apply(record);
    }
  }

  /** Returns the targets that were materialised here, in no promised order. */
  targets(): string[] {
    return [...this.#targets.keys()];
  }

  /** Returns what a target's workspace was last made from, or undefined when it never was. */
  target(target: string): IndexTarget | undefined {
    return this.#targets.get(target)?.info;
  }

  /** Returns one folder of a target (`""` for its top, and for a target that is a file), or undefined. */
  folder(target: string, folder: string): IndexFolder | undefined {
    return this.#targets.get(target)?.folders.get(folder);
  }

  /** Returns the folders of a target that hold files. */
  folders(target: string): string[] {
    return [...(this.#targets.get(target)?.folders.keys() ?? [])];
  }

  /** Tells whether files of a folder recorded before a restart of the machine may have lost their bytes in it. */
  isSettled(folder: IndexFolder): boolean {
    return folder.boot === "" || folder.boot === this.#boot;
  }

  /** Records what a target's workspace is made from. */
  setTarget(target: string, pointer: Pointer, cacheMark: string): void {
    const { kind, sha256, size, files, mode } = pointer;
    const identity: Pointer = { kind, sha256, size, ...(files === undefined ? {} : { files }), ...(mode === undefined ? {} : { mode }) };
    this.#change({ type: "target", target, value: { pointer: identity, cacheMark } });
  }

  /** Replaces a folder's files; none removes the folder. `isSynced` says that the files' bytes are known to be on disk. */
  setFolder(target: string, folder: string, files: readonly IndexedFile[], isSynced: boolean): void {
    const columns = new FolderColumns();
    for (const file of files) columns.addKnown(file);
    this.setColumns(target, folder, columns, isSynced);
  }

  /** Does as `setFolder` with files that were collected in columns, which are the index's then. */
  setColumns(target: string, folder: string, columns: FolderColumns, isSynced: boolean): void {
    const before = this.folder(target, folder);
    // Files that were written without a sync since the machine was started stay in doubt, whoever looked at them meanwhile.
    const packed = columns.finish(isSynced && before?.boot !== this.#boot ? "" : this.#boot);
    const value = packed.count === 0 ? undefined : packed;
    if (value === undefined && before === undefined) return;
    this.#change({ type: "folder", target, folder, value });
  }

  /**
   * Replaces some of a folder's files: each of `names` becomes its record in `files`, or goes when it has none. The others keep their records, so
   * the caller has just seen that they are as recorded.
   */
  patchFolder(target: string, folder: string, patch: FolderPatch): void {
    const before = this.folder(target, folder);
    const value = applyPatch(before, patch, patch.isSynced && before?.boot !== this.#boot ? "" : this.#boot);
    if (value === undefined && before === undefined) return;
    this.#change({ type: "folder", target, folder, value });
  }

  /** Forgets a target with all its files. */
  removeTarget(target: string): void {
    if (this.#targets.has(target)) this.#change({ type: "target", target, value: undefined });
  }

  /**
   * Renames a target with everything known of its files, times of record included. A target that is one file, whose name and ctime a rename
   * changes, keeps its hash only when `file` gives its new stat data, taken while it was known to be unchanged.
   */
  moveTarget(from: string, to: string, file?: IndexedFile): void {
    const state = this.#targets.get(from);
    if (state === undefined) return;
    this.#change({ type: "target", target: to, value: undefined });
    this.#change({ type: "target", target: to, value: state.info });
    if (state.info.pointer.kind === "dir") {
      for (const [folder, value] of state.folders) this.#change({ type: "folder", target: to, folder, value });
    } else if (file !== undefined) {
      this.setFolder(to, "", [file], true);
    }
    this.removeTarget(from);
  }

  /**
   * Makes what was recorded last: appends it in one write, or writes the whole file anew once more than half of it is stale.
   * Does nothing when nothing was recorded. Throws `disk-full` or `permission-denied`; the old index is then as it was.
   */
  save(): void {
    if (this.#pending.length === 0) return;
    ensureFolder(path.dirname(this.#file));
    const added = this.#fileBytes === 0 ? undefined : Buffer.concat(this.#pending.map(formatRecord));
    if (added === undefined || this.#fileBytes + added.length > 2 * this.#liveBytes() + REWRITE_SLACK_BYTES) {
      this.#rewrite();
    } else {
      fs.appendFileSync(this.#file, added);
      this.#fileBytes += added.length;
    }
    this.#pending = [];
  }

  #rewrite(): void {
    ensureFolder(this.#tempFolder);
    const temp = path.join(this.#tempFolder, uniqueName("index"));
    const descriptor = fs.openSync(temp, "wx", 0o644);
    let written = 0;
    try {
      for (const part of this.#allRecords()) written += fs.writeSync(descriptor, part);
    } finally {
      fs.closeSync(descriptor);
    }
    fs.renameSync(temp, this.#file);
    this.#fileBytes = written;
  }

  /** Yields what a fresh index file holds, a folder at a time. */
  *#allRecords(): Generator<Buffer> {
    yield formatIndexHeader();
    for (const [target, state] of this.#targets) {
      yield formatRecord({ type: "target", target, value: state.info });
      for (const [folder, value] of state.folders) yield formatRecord({ type: "folder", target, folder, value });
    }
  }

  #liveBytes(): number {
    let bytes = 0;
    for (const { folders } of this.#targets.values()) {
      bytes += 200;
      for (const folder of folders.values()) bytes += 200 + folder.names.length + folder.count * 65;
    }
    return bytes;
  }

  #change(record: IndexRecord): void {
    this.#apply(record);
    this.#pending.push(record);
  }

  #apply(record: IndexRecord): void {
    if (record.type === "target") {
      if (record.value === undefined) {
        this.#targets.delete(record.target);
        return;
      }
      const state = this.#targets.get(record.target);
      if (state === undefined) this.#targets.set(record.target, { info: record.value, folders: new Map() });
      else state.info = record.value;
      return;
    }
    const folders = this.#targets.get(record.target)?.folders;
    if (folders === undefined) return;
    if (record.value === undefined) folders.delete(record.folder);
    else folders.set(record.folder, record.value);
  }
}

/**
 * Tells whether a file is certainly the one that was recorded: size, times and inode agree, and it was not modified in the tick in which it
 * was recorded (Git's "racy" rule): a later edit then has another mtime.
 */
export function isUnchanged(folder: IndexFolder, position: number, stat: FileStat): boolean {
  const { stats } = folder;
  const at = position * 4;
  return (
    stats[at] === stat.size &&
    stats[at + 1] === stat.mtimeMs &&
    stats[at + 2] === stat.ctimeMs &&
    stats[at + 3] === stat.ino &&
    stat.mtimeMs < folder.recordedAt - TICK_MS
  );
}

/** Returns the files of a folder as objects. */
export function unpackFolder(folder: IndexFolder): IndexedFile[] {
  return folder.names.split("\0").map((name, position) => unpackFile(folder, name, position));
}

/** Returns the file at one position of a folder as an object. */
export function unpackFile(folder: IndexFolder, name: string, position: number): IndexedFile {
  const { stats, flags, hashes } = folder;
  const at = position * 4;
  const flag = flags[position] ?? 0;
  return {
    name,
    stat: { size: stats[at] ?? 0, mtimeMs: stats[at + 1] ?? 0, ctimeMs: stats[at + 2] ?? 0, ino: stats[at + 3] ?? 0 },
    sha256: hashes.toString("hex", position * 32, position * 32 + 32) as Sha256,
    isExecutable: (flag & FLAG_EXECUTABLE) !== 0,
    isEdited: (flag & FLAG_EDITED) !== 0,
  };
}

/** Merges columns with columns; what stays is copied as it is. */
function applyPatch(before: IndexFolder | undefined, { names, files }: FolderPatch, boot: string): IndexFolder | undefined {
  const patch = files.finish(boot);
  if (before === undefined) return patch.count === 0 ? undefined : patch;
  const patchNames = patch.count === 0 ? [] : patch.names.split("\0");
  const kept: { readonly from: IndexFolder; readonly position: number; readonly name: string }[] = [];
  let next = 0;
  const takeUpTo = (limit: string | undefined): void => {
    for (let name = patchNames[next]; name !== undefined; name = patchNames[next]) {
      if (limit !== undefined && compareUtf8(name, limit) > 0) return;
      kept.push({ from: patch, position: next, name });
      next += 1;
    }
  };
  for (const [position, name] of before.names.split("\0").entries()) {
    takeUpTo(name);
    if (!names.has(name)) kept.push({ from: before, position, name });
  }
  takeUpTo(undefined);
  if (kept.length === 0) return undefined;
  const stats = new Float64Array(kept.length * 4);
  const flags = new Uint8Array(kept.length);
  const hashes = Buffer.allocUnsafeSlow(kept.length * 32);
  for (const [at, { from, position }] of kept.entries()) {
    for (let column = 0; column < 4; column++) stats[at * 4 + column] = from.stats[position * 4 + column] ?? 0;
    flags[at] = from.flags[position] ?? 0;
    from.hashes.copy(hashes, at * 32, position * 32, position * 32 + 32);
  }
  return { names: kept.map(({ name }) => name).join("\0"), count: kept.length, stats, flags, hashes, recordedAt: patch.recordedAt, boot };
}

function currentBoot(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim().slice(0, 8);
  } catch {
    return "unknown";
  }
}
