import * as fs from "node:fs";
import { fromSystemError, MlvError, systemErrorCode } from "../base/errors.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import { statCacheLink } from "./cache-links.ts";

/** Is something in a folder that is neither a file nor a folder. */
export interface OtherEntry {
  readonly name: string;
  readonly kind: "symlink" | "fifo" | "socket" | "device";
}

/** Is one folder as it is on disk, in columns: a million files never need a million objects. */
export interface FolderListing {
  /** The regular files' names, by their UTF-8 bytes. */
  readonly names: readonly string[];
  /** Four numbers a file: size in bytes, mtime and ctime in milliseconds, inode. */
  readonly stats: Float64Array;
  /** 1 for an executable file. */
  readonly executable: Uint8Array;
  /** The sub-folders' names, by their UTF-8 bytes. */
  readonly folders: readonly string[];
  readonly others: readonly OtherEntry[];
  /** The names among the files that are symlinks into the cache; their stat data are those of the objects. */
  readonly links?: ReadonlySet<string>;
}

/** Says what a listing is to leave out, and where the objects are to which symlinks count as files. */
export interface ListOptions {
  readonly isIgnored?: ((name: string, isFolder: boolean) => boolean) | undefined;
  readonly cacheFolder?: string | undefined;
}

const EMPTY: FolderListing = { names: [], stats: new Float64Array(0), executable: new Uint8Array(0), folders: [], others: [] };

/**
 * Lists a folder with one `readdir` and one `lstat` an entry; a folder that is not there lists as empty.
 * A symlink into the cache is the file that it stands for; where its object is gone, so is the file.
 * Throws `name-not-utf8` naming the file unless it is ignored, `permission-denied`, `io-failed`.
 */
export function listFolder(folder: string, { isIgnored, cacheFolder }: ListOptions = {}): FolderListing {
  const entries = readNames(folder, isIgnored);
  if (entries.length === 0) return EMPTY;
  const names: string[] = [];
  const folders: string[] = [];
  const others: OtherEntry[] = [];
  const stats = new Float64Array(entries.length * 4);
  const executable = new Uint8Array(entries.length);
  const prefix = `${folder}/`;
  let links: Set<string> | undefined;
  for (const name of entries) {
    let stat = lstat(prefix + name);
    if (stat === undefined) continue;
    let kind = stat.mode & fs.constants.S_IFMT;
    if (kind === fs.constants.S_IFLNK && cacheFolder !== undefined) {
      const object = statCacheLink(prefix + name, cacheFolder);
      if (object === "dangling") continue;
      if (object !== undefined) {
        (links ??= new Set()).add(name);
        stat = object;
        kind = fs.constants.S_IFREG;
      }
    }
    if (isIgnored?.(name, kind === fs.constants.S_IFDIR) === true) continue;
    if (kind === fs.constants.S_IFREG) {
      const at = names.length * 4;
      stats[at] = stat.size;
      stats[at + 1] = stat.mtimeMs;
      stats[at + 2] = stat.ctimeMs;
      stats[at + 3] = stat.ino;
      executable[names.length] = (stat.mode & 0o100) === 0 ? 0 : 1;
      names.push(name);
    } else if (kind === fs.constants.S_IFDIR) {
      folders.push(name);
    } else {
      others.push({ name, kind: otherKind(kind) });
    }
  }
  return { names, stats: stats.subarray(0, names.length * 4), executable, folders, others, ...(links === undefined ? {} : { links }) };
}

function lstat(file: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(file, { throwIfNoEntry: false });
  } catch (error) {
    throw fromSystemError(error, "look at", file);
  }
}

function readNames(folder: string, isIgnored: ListOptions["isIgnored"]): string[] {
  let names: string[];
  try {
    names = fs.readdirSync(folder);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return [];
    throw fromSystemError(error, "read the folder", folder);
  }
  let isPlain = true;
  for (const name of names) {
    for (let index = 0; index < name.length; index++) {
      const code = name.charCodeAt(index);
      if (code < 0xd800) continue;
      isPlain = false;
      if (code === 0xfffd) assertUtf8Names(folder, isIgnored);
    }
  }
  return isPlain ? names.sort() : names.sort(compareUtf8);
}

/** Tells a name that holds U+FFFD from one whose bytes are no UTF-8: Node shows both alike. */
function assertUtf8Names(folder: string, isIgnored: ListOptions["isIgnored"]): void {
  for (const bytes of fs.readdirSync(folder, { encoding: "buffer" })) {
    const name = bytes.toString("utf8");
    if (Buffer.from(name).equals(bytes) || isIgnored?.(name, false) === true) continue;
    const shown = [...bytes]
      .map((byte) => (byte < 0x20 || byte > 0x7e ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCharCode(byte)))
      .join("");
    throw new MlvError("name-not-utf8", `the file name \`${folder}/${shown}\` is not valid UTF-8`, {
      hint: "rename the file (`convmv` turns whole trees), or list it in .mlvignore",
      details: { folder, name: shown },
    });
  }
}

function otherKind(kind: number): OtherEntry["kind"] {
  switch (kind) {
    case fs.constants.S_IFLNK:
      return "symlink";
    case fs.constants.S_IFIFO:
      return "fifo";
    case fs.constants.S_IFSOCK:
      return "socket";
    default:
      return "device";
  }
}
