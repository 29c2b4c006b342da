import * as fs from "node:fs";
import { MlvError, systemErrorCode } from "../base/errors.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { Repository } from "./repository.ts";

/** Is one path of Git's index. */
export interface GitIndexEntry {
  /** Relative to the repository's root; bytes that are not UTF-8 appear as U+FFFD. */
  readonly path: string;
  readonly mode: number;
  readonly oid: string;
  /** 0, or 1 to 3 (base, ours, theirs) while a merge has left a conflict. */
  readonly stage: number;
  /** True when sparse checkout leaves the file out of the work tree. */
  readonly skipWorktree: boolean;
  /** True after `git add --intent-to-add`: the object is not the file's content. */
  readonly intentToAdd: boolean;
}

/** Holds the paths of Git's index that were asked for, sorted by the UTF-8 bytes of the path and then by stage. */
export interface GitIndex {
  readonly entries: readonly GitIndexEntry[];
}

/** Says which paths to keep; everything when empty. */
export interface GitIndexOptions {
  /** Keeps paths that end with one of these; compared as bytes, so the others cost next to nothing. */
  readonly suffixes?: readonly string[];
  /** Keeps paths for which this is true, after `suffixes`. */
  readonly filter?: (path: string) => boolean;
}

/** Is what reading an index needs of a repository. */
export type IndexPlace = Pick<Repository, "root" | "indexFile" | "objectFormat" | "environment">;

/**
 * Reads Git's index without starting Git (versions 2 to 4, SHA-1 and SHA-256); format: gitformat-index(5).
 * A split or sparse index, or anything unknown, is read by `git ls-files`. Returns undefined when there is no index yet.
 * Throws `git-failed` when Git cannot read it either.
 */
export async function readGitIndex(place: IndexPlace, options: GitIndexOptions = {}): Promise<GitIndex | undefined> {
  let data: Buffer;
  try {
    data = fs.readFileSync(place.indexFile);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const entries = parseGitIndex(data, place.objectFormat === "sha256" ? 32 : 20, options);
  return { entries: entries ?? (await listThroughGit(place, options)) };
}

/** Parses an index file; returns undefined for what only Git itself can read. Throws `git-failed` for a damaged one. */
export function parseGitIndex(data: Buffer, oidBytes: 20 | 32, options: GitIndexOptions = {}): GitIndexEntry[] | undefined {
  if (data.length < 12 + oidBytes || data.readUInt32BE(0) !== SIGNATURE) throw damaged();
  const version = data.readUInt32BE(4);
  const count = data.readUInt32BE(8);
  if (version < 2 || version > 4) return undefined;
  const collector = createCollector(data, oidBytes, options);
  const end = version === 4 ? scanCompressed(data, count, collector) : scanPadded(data, count, collector);
  if (!hasKnownExtensions(data, end, data.length - oidBytes)) return undefined;
  if (collector.namelessEntries() > 0) throw damaged();
  return collector.entries;
}

/** Git reads past the end of a short index without a word, so damage is never handed on to it. */
function damaged(): MlvError {
  return new MlvError("git-failed", "Git's index is damaged", {
    hint: '`rm "$(git rev-parse --git-path index)" && git reset` makes it again from the last commit; the work tree stays as it is',
  });
}

const SIGNATURE = 0x44495243; // DIRC
const EXTENDED = 0x4000;
const SKIP_WORKTREE = 0x4000;
const INTENT_TO_ADD = 0x2000;
const NAME_LENGTH = 0x0fff;

interface Collector {
  readonly entries: GitIndexEntry[];
  readonly flagsOffset: number;
  readonly limit: number;
  /** Counts entries without a name, which only a split index has. */
  readonly namelessEntries: () => number;
  /** Takes the entry at `at` whose name is the given bytes. */
  take(at: number, name: Buffer, start: number, end: number): void;
}

function createCollector(data: Buffer, oidBytes: number, { suffixes, filter }: GitIndexOptions): Collector {
  const endings = suffixes?.map((suffix) => Buffer.from(suffix));
  const entries: GitIndexEntry[] = [];
  const flagsOffset = 40 + oidBytes;
  let nameless = 0;
  return {
    entries,
    namelessEntries: () => nameless,
    flagsOffset,
    limit: data.length - oidBytes,
    take(at, name, start, end) {
      if (start === end) nameless++;
      if (endings !== undefined && !endings.some((ending) => endsWith(name, start, end, ending))) return;
      const path = name.toString("utf8", start, end);
      if (filter !== undefined && !filter(path)) return;
      const flags = data.readUInt16BE(at + flagsOffset);
      const extended = (flags & EXTENDED) === 0 ? 0 : data.readUInt16BE(at + flagsOffset + 2);
      entries.push({
        path,
        mode: data.readUInt32BE(at + 24),
        oid: data.toString("hex", at + 40, at + flagsOffset),
        stage: (flags >> 12) & 3,
        skipWorktree: (extended & SKIP_WORKTREE) !== 0,
        intentToAdd: (extended & INTENT_TO_ADD) !== 0,
      });
    },
  };
}

function endsWith(name: Buffer, start: number, end: number, ending: Buffer): boolean {
  const from = end - ending.length;
  if (from < start) return false;
  for (let index = ending.length - 1; index >= 0; index--) if (name[from + index] !== ending[index]) return false;
  return true;
}

/** Walks the entries of versions 2 and 3, each padded with NULs to a multiple of eight; returns where they end. */
function scanPadded(data: Buffer, count: number, collector: Collector): number {
  const { flagsOffset, limit } = collector;
  let at = 12;
  for (let index = 0; index < count; index++) {
    if (at + flagsOffset + 4 > limit) throw damaged();
    const flags = data.readUInt16BE(at + flagsOffset);
    const start = at + flagsOffset + ((flags & EXTENDED) === 0 ? 2 : 4);
    let length = flags & NAME_LENGTH;
    if (length === NAME_LENGTH) length = data.indexOf(0, start) - start;
    const end = start + length;
    if (length < 0 || end >= limit || data[end] !== 0) throw damaged();
    collector.take(at, data, start, end);
    at += (end - at + 8) & ~7;
  }
  return at;
}

/** Walks the entries of version 4, whose names leave out what they share with the name before; returns where they end. */
function scanCompressed(data: Buffer, count: number, collector: Collector): number {
  const { flagsOffset, limit } = collector;
  let name = Buffer.alloc(4096);
  let nameLength = 0;
  let at = 12;
  for (let index = 0; index < count; index++) {
    if (at + flagsOffset + 4 > limit) throw damaged();
    const flags = data.readUInt16BE(at + flagsOffset);
    let cursor = at + flagsOffset + ((flags & EXTENDED) === 0 ? 2 : 4);
    let byte = data[cursor++] ?? 0;
    let strip = byte & 127;
    while ((byte & 128) !== 0 && cursor < limit) {
      byte = data[cursor++] ?? 0;
      strip = (strip + 1) * 128 + (byte & 127);
    }
    const end = data.indexOf(0, cursor);
    if (strip > nameLength || end < 0 || end >= limit) throw damaged();
    const kept = nameLength - strip;
    nameLength = kept + end - cursor;
    if (nameLength > name.length) name = Buffer.concat([name], nameLength * 2);
    data.copy(name, kept, cursor, end);
    collector.take(at, name, 0, nameLength);
    at = end + 1;
  }
  return at;
}

/** Tells whether every extension may be ignored: Git gives those that may a name that begins with a capital letter. */
function hasKnownExtensions(data: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at + 8 <= end) {
    const first = data[at] ?? 0;
    if (first < 0x41 || first > 0x5a) return false;
    at += 8 + data.readUInt32BE(at + 4);
  }
  if (at !== end) throw damaged();
  return true;
}

async function listThroughGit(place: IndexPlace, { suffixes, filter }: GitIndexOptions): Promise<GitIndexEntry[]> {
  const { gitRecords } = await import("./run-git.ts");
  const emptyBlob = EMPTY_BLOBS[place.objectFormat];
  const entries: GitIndexEntry[] = [];
  for await (const record of gitRecords(place, ["ls-files", "--stage", "-t", "-z"])) {
    const match = /^(\S) (\d+) ([0-9a-f]+) (\d)\t([^]*)$/.exec(record);
    const [, tag, mode, oid, stage, path] = match ?? [];
    if (tag === undefined || mode === undefined || oid === undefined || path === undefined) continue;
    if (suffixes !== undefined && !suffixes.some((suffix) => path.endsWith(suffix))) continue;
    if (filter !== undefined && !filter(path)) continue;
    const intentToAdd = oid === emptyBlob;
    entries.push({ path, mode: Number.parseInt(mode, 8), oid, stage: Number(stage), skipWorktree: tag === "S", intentToAdd });
  }
  return entries;
}

// `ls-files` cannot say what was only announced; a pointer is never empty, so the empty blob is taken as the announcement.
const EMPTY_BLOBS = {
  sha1: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
  sha256: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
} as const;

const GITLINK = 0o160000;

/**
 * Returns the entry by which Git tracks a path itself, something under it, or a submodule above it; undefined when there is none.
 * The index must have been read without `suffixes` and `filter`, or with ones that keep the path's surroundings.
 */
export function findTracked(index: GitIndex | undefined, path: string): GitIndexEntry | undefined {
  if (index === undefined) return undefined;
  const { entries } = index;
  const own = entries[lowerBound(entries, path)];
  if (own?.path === path) return own;
  const under = entries[lowerBound(entries, `${path}/`)];
  if (under?.path.startsWith(`${path}/`) === true) return under;
  for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
    const above = path.slice(0, slash);
    const entry = entries[lowerBound(entries, above)];
    if (entry?.path === above && entry.mode === GITLINK) return entry;
  }
  return undefined;
}

/** Tells whether Git tracks a path: the file, anything under the folder, or a submodule above it; see `findTracked`. */
export function isTrackedByGit(index: GitIndex | undefined, path: string): boolean {
  return findTracked(index, path) !== undefined;
}

/** Returns the place of the first entry whose path is not before `path`. */
function lowerBound(entries: readonly GitIndexEntry[], path: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(entries[middle]?.path ?? "", path) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
