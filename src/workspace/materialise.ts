import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, uniqueName } from "../base/durable.ts";
import { fromSystemError, MlvError, systemErrorCode } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import type { LinkKind } from "../formats/project-config.ts";
import type { Cache } from "../store/cache.ts";
import type { AnchoredFolders } from "./anchored.ts";

/** Says which object goes where. */
export interface FileToWrite {
  /** Folder relative to the work tree's root. */
  readonly folder: string;
  readonly name: string;
  readonly sha256: Sha256;
  readonly isExecutable: boolean;
  /** True when nothing stands under the name: a small file is then written there at once. */
  readonly isNew: boolean;
}

/** Says how files are written. */
export interface MaterialiseContext {
  readonly cache: Cache;
  readonly folders: AnchoredFolders;
  /** A folder on the workspace's file system, outside the work tree's own files. */
  readonly stagingFolder: string;
  readonly link: LinkKind;
  readonly umask: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Writes one cached object into the workspace: into a staging file first, which then takes the name in one rename, so that a kill leaves
 * the old file or the new one. What stood under the name is replaced, never opened. A small file where nothing stands is created under its
 * name, which saves a rename; the caller notes that a kill may leave it torn. Returns the new file's stat data.
 * Throws `content-missing`, `content-mismatch` (nothing is written then), `disk-full`, `permission-denied`, `path-unsafe`.
 */
export async function materialise(context: MaterialiseContext, file: FileToWrite): Promise<fs.Stats> {
  const { cache, folders, stagingFolder } = context;
  const shown = path.posix.join(file.folder, file.name);
  const found = cache.locate(file.sha256);
  if (found === undefined) throw cache.missing(file.sha256);
  const staging = `${stagingFolder}/${stagingName()}`;
  try {
    if (found.kind === "packed") {
      const data = cache.readPacked(file.sha256, found.place);
      if (file.isNew) return createInPlace(context, file, data);
      const descriptor = createFile(staging, stagingFolder, file.isExecutable);
      try {
        if (data.length > 0) fs.writeSync(descriptor, data);
      } finally {
        fs.closeSync(descriptor);
      }
    } else {
      await cache.assertSound(file.sha256, context.signal);
      ensureFolder(stagingFolder);
      await linkObject(context, found.file, staging, file);
    }
    const place = folders.locate(file.folder, file.name, { create: true }) as string;
    const written = moveInto(staging, place);
    return written.isSymbolicLink() ? fs.statSync(cache.objectPath(file.sha256)) : written;
  } catch (error) {
    fs.rmSync(staging, { force: true });
    throw fromSystemError(error, "write", shown);
  }
}

/** Removes a file from the workspace, and the folders up to `stop` that this leaves empty. */
export function removeFile(folders: AnchoredFolders, folder: string, name: string, stop: string): void {
  const place = folders.locate(folder, name, { create: false });
  if (place === undefined) return;
  try {
    fs.unlinkSync(place);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw fromSystemError(error, "remove", path.posix.join(folder, name));
  }
  folders.removeEmpty(folder, stop);
}

let stagingPrefix: string | undefined;
let stagingCount = 0;

/** Random once a process and then counted: a name a file costs more than the file. */
function stagingName(): string {
  stagingPrefix ??= uniqueName("checkout");
  stagingCount += 1;
  return stagingCount === 1 ? stagingPrefix : `${stagingPrefix.slice(0, -8)}${stagingCount.toString(16).padStart(8, "0")}`;
}

function createInPlace({ folders }: MaterialiseContext, file: FileToWrite, data: Uint8Array): fs.Stats {
  const place = folders.locate(file.folder, file.name, { create: true }) as string;
  let descriptor: number;
  try {
    descriptor = fs.openSync(place, IN_PLACE, file.isExecutable ? 0o777 : 0o666);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    throw new MlvError("target-exists", `\`${file.folder}/${file.name}\` appeared while it was to be written`, { cause: error });
  }
  try {
    let written = 0;
    while (written < data.length) written += fs.writeSync(descriptor, data, written, data.length - written);
    return fs.fstatSync(descriptor);
  } catch (error) {
    fs.rmSync(place, { force: true });
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

const IN_PLACE = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW;

function createFile(staging: string, stagingFolder: string, isExecutable: boolean): number {
  const mode = isExecutable ? 0o777 : 0o666;
  try {
    return fs.openSync(staging, "wx", mode);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    ensureFolder(stagingFolder);
    return fs.openSync(staging, "wx", mode);
  }
}

/** Is more than a tick of any file system's clock. */
const SETTLED_SECONDS = 0.1;

async function linkObject(context: MaterialiseContext, object: string, staging: string, file: FileToWrite): Promise<void> {
  const { link, umask, cache } = context;
  // A link shares its mode with the cache, so executables are copied; across file systems there is no hard link at all.
  if (link === "symlink" && !file.isExecutable) {
    fs.symlinkSync(object, staging);
    return;
  }
  if (link === "hardlink" && !file.isExecutable && tryHardLink(object, staging)) {
    cache.ledger.trust(file.sha256, fs.lstatSync(object));
    return;
  }
  const clone = link === "reflink" ? fs.constants.COPYFILE_FICLONE_FORCE : fs.constants.COPYFILE_FICLONE;
  try {
    await fs.promises.copyFile(object, staging, fs.constants.COPYFILE_EXCL | (link === "copy" ? 0 : clone));
  } catch (error) {
    throw link === "reflink" ? cannotClone(error, file) : error;
  }
  fs.chmodSync(staging, (file.isExecutable ? 0o777 : 0o666) & ~umask);
  // An edit can only follow once the file has its name, so with an mtime a moment older it can never look unmodified.
  const mtime = Date.now() / 1000 - SETTLED_SECONDS;
  fs.utimesSync(staging, mtime, mtime);
}

function cannotClone(error: unknown, { folder, name }: FileToWrite): unknown {
  if (!["ENOTSUP", "EOPNOTSUPP", "EXDEV", "EINVAL", "ENOSYS", "ENOTTY"].includes(systemErrorCode(error) ?? "")) return error;
  return new MlvError(
    "io-failed",
    `\`${path.posix.join(folder, name)}\` lies where files cannot be cloned, and \`link: reflink\` allows nothing else`,
    {
      hint: "`mlv config set --local link auto` clones where that is possible and copies elsewhere",
      cause: error,
    },
  );
}

function tryHardLink(object: string, staging: string): boolean {
  try {
    fs.linkSync(object, staging);
    return true;
  } catch (error) {
    if (["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].includes(systemErrorCode(error) ?? "")) return false;
    throw error;
  }
}

function moveInto(staging: string, place: string): fs.Stats {
  try {
    fs.renameSync(staging, place);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EISDIR" || code === "ENOTEMPTY" || code === "EEXIST") {
      fs.rmdirSync(place);
      fs.renameSync(staging, place);
    } else if (code === "EXDEV") {
      // The work tree lies on another file system than its Git directory: a sibling of the place takes the staging file's part.
      const sibling = path.join(path.dirname(place), `.mlv-${uniqueName("checkout")}`);
      try {
        fs.copyFileSync(staging, sibling, fs.constants.COPYFILE_EXCL);
        fs.chmodSync(sibling, fs.statSync(staging).mode);
        fs.renameSync(sibling, place);
      } catch (inner) {
        fs.rmSync(sibling, { force: true });
        throw inner;
      }
      fs.rmSync(staging);
    } else {
      throw error;
    }
  }
  return fs.lstatSync(place);
}

/** Returns the process's umask without changing it. */
export function readUmask(): number {
  const status = fs.existsSync("/proc/self/status") ? fs.readFileSync("/proc/self/status", "latin1") : "";
  const found = /^Umask:\s*([0-7]+)/m.exec(status)?.[1];
  return found === undefined ? 0o022 : Number.parseInt(found, 8);
}
