/**
 * The one place that makes writes durable.
 *
 * Order of a write, and what is on disk if power fails after each step:
 *   1. a temp file of a unique name in a temp folder      → litter in `tmp/`, removed by a later `sweepTempFolder`
 *   2. its bytes, then fsync of the file                   → the same
 *   3. rename to the final name                            → the old file or the new one, never a mixture
 *   4. fsync of the folder, and of parents just made       → the new file
 * An fsync that fails is final: the kernel may have dropped the pages, so it is never tried again.
 */
import * as fs from "node:fs";
import path from "node:path";
import { fromSystemError, systemErrorCode } from "./errors.ts";
import { crypto, sha256 } from "./hashing.ts";

const MARK_DIGITS = 6;
let ownMark: string | undefined;

/** Returns six digits that stand for this machine, or container, by its name: a cache may be shared, and process ids mean nothing elsewhere. */
export function machineMark(): string {
  return (ownMark ??= sha256(process.getBuiltinModule("node:os").hostname()).slice(0, MARK_DIGITS));
}

/** Returns a file name that no other process uses: the process id, the machine's mark and 40 random bits. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${process.pid}-${machineMark()}${crypto().randomBytes(5).toString("hex")}`;
}

/** Returns the process that a unique name carries, and whether it is one of this machine; undefined for other names. */
export function ownerOf(name: string): { readonly pid: number; readonly isOfThisMachine: boolean } | undefined {
  const [, pid, mark] = /-(\d+)-([0-9a-f]{6})[0-9a-f]{10}$/.exec(name) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), isOfThisMachine: mark === machineMark() };
}

/** Syncs a folder's entries to disk. Platforms that cannot sync folders (Windows) are left alone. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const descriptor = fs.openSync(folder, fs.constants.O_RDONLY);
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Makes a folder and its missing parents, and syncs each parent that got a new entry. */
export function ensureFolder(folder: string, mode?: number): void {
  if (fs.existsSync(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) ensureFolder(parent, mode);
  try {
    fs.mkdirSync(folder, mode === undefined ? {} : { mode });
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return;
    throw fromSystemError(error, "create the folder", folder);
  }
  syncFolder(parent);
}

/** Says how `writeFileDurably` writes. */
export interface DurableWriteOptions {
  /** Where the temp file goes; on the same file system as the target, else a sibling of the target is used. */
  readonly tempFolder: string;
  /** Permission bits before the umask; 0o666 when absent. */
  readonly mode?: number;
}

/**
 * Replaces a small file's whole content durably, in the order above. A symlink at the target's name is replaced, not followed.
 * Throws `disk-full`, `permission-denied` or `io-failed`; the old file is then as it was.
 */
export function writeFileDurably(target: string, content: string | Uint8Array, options: DurableWriteOptions): void {
  const temp = path.join(options.tempFolder, uniqueName("write"));
  try {
    ensureFolder(options.tempFolder);
    writeAndSync(temp, content, options.mode);
    try {
      fs.renameSync(temp, target);
    } catch (error) {
      if (systemErrorCode(error) !== "EXDEV") throw error;
      fs.rmSync(temp, { force: true });
      writeThroughSibling(target, content, options.mode);
    }
    syncFolder(path.dirname(target));
  } catch (error) {
    fs.rmSync(temp, { force: true });
    throw fromSystemError(error, "write", target);
  }
}

/** Writes beside the target where the temp folder is on another file system; a crash leaves a `.mlv-write-…` sibling. */
function writeThroughSibling(target: string, content: string | Uint8Array, mode: number | undefined): void {
  const sibling = path.join(path.dirname(target), `.mlv-${uniqueName("write")}`);
  try {
    writeAndSync(sibling, content, mode);
    fs.renameSync(sibling, target);
  } catch (error) {
    fs.rmSync(sibling, { force: true });
    throw error;
  }
}

function writeAndSync(file: string, content: string | Uint8Array, mode: number | undefined): void {
  const descriptor = fs.openSync(file, "wx", mode ?? 0o666);
  try {
    fs.writeFileSync(descriptor, content);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Gives a finished, synced temp file its final name and syncs the folder, making it first if need be.
 * With `replace: false` a file that is there already wins and the temp file is removed; returns whether the temp file was used.
 */
export function publishFile(temp: string, target: string, options: { readonly replace: boolean }): boolean {
  ensureFolder(path.dirname(target));
  if (!options.replace && fs.existsSync(target)) {
    fs.rmSync(temp, { force: true });
    return false;
  }
  fs.renameSync(temp, target);
  syncFolder(path.dirname(target));
  return true;
}

/** Removes temp files whose process is gone: one of this machine that no longer runs, or any whose file nobody touched for a day. */
export function sweepTempFolder(tempFolder: string, now: number): void {
  let names: string[];
  try {
    names = fs.readdirSync(tempFolder);
  } catch {
    return;
  }
  for (const name of names) {
    const file = path.join(tempFolder, name);
    const owner = ownerOf(name);
    if (owner?.isOfThisMachine === true && owner.pid === process.pid) continue;
    const age = now - (fs.lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now);
    if (age > DAY_MS || (owner?.isOfThisMachine === true && !isAlive(owner.pid))) fs.rmSync(file, { recursive: true, force: true });
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}
