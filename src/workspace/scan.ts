import * as fs from "node:fs";
import path from "node:path";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { Pointer } from "../formats/pointer.ts";
import { statCacheLink } from "./cache-links.ts";
import type { IndexFolder } from "./index-file.ts";
import { listFolder, type FolderListing, type OtherEntry } from "./listing.ts";
import { isUnchanged, unpackFile, type FileStat, type IndexedFile, type WorkspaceIndex } from "./workspace-index.ts";

/** Tells whether `.mlvignore` leaves a path (relative to the repository's root) out. */
export type IgnoreRule = (path: string, isFolder: boolean) => boolean;

/** Is one file on disk beside what the index knows of it. */
export interface ScannedFile {
  readonly name: string;
  readonly stat: FileStat;
  readonly isExecutable: boolean;
  readonly known: IndexedFile | undefined;
  /** True when the file is certainly the one that the index knows. */
  readonly isUnchanged: boolean;
  /** True when the file is a symlink into the cache; `stat` is then the object's. */
  readonly isCacheLink?: boolean;
}

/** Is one folder of a target beside what the index knows of it. */
export interface ScannedFolder {
  /** Path relative to the target, `""` for its top. */
  readonly folder: string;
  /** True when every file is unchanged, unedited and none came or went. */
  readonly isClean: boolean;
  readonly count: number;
  readonly folders: readonly string[];
  readonly others: readonly OtherEntry[];
  /** Returns the files in order, as objects. */
  files(): ScannedFile[];
  /** Returns what the index knows that is no longer on disk. */
  gone(): IndexedFile[];
  /** Returns one file as an object. */
  file(name: string): ScannedFile | undefined;
  /** Returns the names of files that are not on disk as the index knows them unedited: changed, edited, new and gone ones. */
  news(): string[];
}

/** Says what to scan. */
export interface ScanPlace {
  /** Absolute path of the work tree's root. */
  readonly root: string;
  readonly target: string;
  readonly index: WorkspaceIndex;
  readonly isIgnored?: IgnoreRule | undefined;
  /** The cache to which symlinks stand for files; without it they are symlinks like any others. */
  readonly cache?: { readonly folder: string } | undefined;
}

/** Compares one folder of a target with the index; for a target that is a file, its one name is compared. */
export function scanFolder(place: ScanPlace, folder: string): ScannedFolder {
  const relative = folder === "" ? place.target : `${place.target}/${folder}`;
  return compareFolder(
    place,
    folder,
    listFolder(path.join(place.root, relative), { isIgnored: ruleFor(place, relative, folder), cacheFolder: place.cache?.folder }),
  );
}

/** As in Git, ignore rules leave out what is new, never what is tracked already. */
function ruleFor(place: ScanPlace, relative: string, folder: string): ((name: string, isFolder: boolean) => boolean) | undefined {
  const { isIgnored } = place;
  if (isIgnored === undefined) return undefined;
  // What is known is asked only for names that a rule excludes, which are few.
  let known: ReadonlySet<string> | undefined;
  return (name, isFolder) => {
    if (!isIgnored(`${relative}/${name}`, isFolder)) return false;
    if (!isFolder) return !(known ??= new Set(place.index.folder(place.target, folder)?.names.split("\0"))).has(name);
    const inner = folder === "" ? name : `${folder}/${name}`;
    return !place.index.folders(place.target).some((other) => other === inner || other.startsWith(`${inner}/`));
  };
}

/** Compares a target that is a single file with the index. Its listing holds one file at most, under the target's base name. */
export function scanFile(place: ScanPlace): ScannedFolder {
  const file = path.join(place.root, place.target);
  const own = fs.lstatSync(file, { throwIfNoEntry: false });
  const object = own?.isSymbolicLink() === true && place.cache !== undefined ? statCacheLink(file, place.cache.folder) : undefined;
  const stat = object === "dangling" ? undefined : (object ?? own);
  const name = path.posix.basename(place.target);
  const isFile = stat?.isFile() === true;
  const kind =
    stat === undefined || isFile
      ? undefined
      : stat.isSymbolicLink()
        ? "symlink"
        : stat.isFIFO()
          ? "fifo"
          : stat.isSocket()
            ? "socket"
            : "device";
  const listing: FolderListing = {
    names: isFile ? [name] : [],
    stats: isFile ? Float64Array.of(stat.size, stat.mtimeMs, stat.ctimeMs, stat.ino) : new Float64Array(0),
    executable: Uint8Array.of(isFile && (stat.mode & 0o100) !== 0 ? 1 : 0),
    folders: stat?.isDirectory() === true ? [name] : [],
    others: kind === undefined || stat?.isDirectory() === true ? [] : [{ name, kind }],
    ...(object === undefined || object === "dangling" ? {} : { links: new Set([name]) }),
  };
  return compareFolder(place, "", listing);
}

function compareFolder(place: ScanPlace, folder: string, listing: FolderListing): ScannedFolder {
  const known = place.index.folder(place.target, folder);
  const isSettled = known !== undefined && place.index.isSettled(known);
  let split: readonly string[] | undefined;
  const knownNames = (): readonly string[] => (split ??= known === undefined ? [] : known.names.split("\0"));
  return {
    folder,
    isClean: isSettled && isListingClean(listing, known),
    count: listing.names.length,
    folders: listing.folders,
    others: listing.others,
    files: () => joinFiles(listing, known, isSettled),
    gone: () => findGone(listing, known),
    file: (name) => findFile(listing, name, { known, isSettled, knownNames }),
    news: () => findNews(listing, { known, isSettled, knownNames }),
  };
}

function isListingClean(listing: FolderListing, known: IndexFolder): boolean {
  const { names } = listing;
  if (names.length !== known.count || names.join("\0") !== known.names) return false;
  for (let index = 0; index < names.length; index++) if (!isFileClean(listing, index, known, index)) return false;
  return true;
}

/** The flags say edited (1) or executable (2): only an unedited file with the same bit is clean. */
function isFileClean(listing: FolderListing, index: number, known: IndexFolder, position: number): boolean {
  const flag = known.flags[position] ?? 0;
  return flag === (listing.executable[index] === 1 ? 2 : 0) && isUnchanged(known, position, statAt(listing, index));
}

function statAt({ stats }: FolderListing, index: number): FileStat {
  const at = index * 4;
  return { size: stats[at] ?? 0, mtimeMs: stats[at + 1] ?? 0, ctimeMs: stats[at + 2] ?? 0, ino: stats[at + 3] ?? 0 };
}

function joinFiles(listing: FolderListing, known: IndexFolder | undefined, isSettled: boolean): ScannedFile[] {
  const positions = new Map<string, number>();
  if (known !== undefined) for (const [position, name] of known.names.split("\0").entries()) positions.set(name, position);
  return listing.names.map((_, index) =>
    joinFile(listing, index, { known, isSettled, position: positions.get(listing.names[index] ?? "") }),
  );
}

interface KnownPlace {
  readonly known: IndexFolder | undefined;
  readonly isSettled: boolean;
  readonly position: number | undefined;
}

function joinFile(listing: FolderListing, index: number, { known, isSettled, position }: KnownPlace): ScannedFile {
  const name = listing.names[index] ?? "";
  const stat = statAt(listing, index);
  const isExecutable = listing.executable[index] === 1;
  const link = listing.links?.has(name) === true ? { isCacheLink: true } : undefined;
  if (known === undefined || position === undefined) return { name, stat, isExecutable, known: undefined, isUnchanged: false, ...link };
  const file = unpackFile(known, name, position);
  const unchanged = isSettled && file.isExecutable === isExecutable && isUnchanged(known, position, stat);
  return { name, stat, isExecutable, known: file, isUnchanged: unchanged, ...link };
}

interface KnownFolder {
  readonly known: IndexFolder | undefined;
  readonly isSettled: boolean;
  readonly knownNames: () => readonly string[];
}

function findFile(listing: FolderListing, name: string, { known, isSettled, knownNames }: KnownFolder): ScannedFile | undefined {
  const index = findName(listing.names, name);
  return index === undefined ? undefined : joinFile(listing, index, { known, isSettled, position: findName(knownNames(), name) });
}

/** Finds a name among names sorted by their UTF-8 bytes. */
function findName(names: readonly string[], name: string): number | undefined {
  let low = 0;
  let high = names.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareUtf8(names[middle] ?? "", name);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

function findNews(listing: FolderListing, { known, isSettled, knownNames: split }: KnownFolder): string[] {
  if (known === undefined) return [...listing.names];
  const knownNames = split();
  const news: string[] = [];
  let position = 0;
  for (const [index, name] of listing.names.entries()) {
    let order = 1;
    for (; position < knownNames.length; position++) {
      const knownName = knownNames[position] ?? "";
      order = knownName === name ? 0 : compareUtf8(knownName, name);
      if (order >= 0) break;
      news.push(knownName);
    }
    if (order > 0 || position === knownNames.length) {
      news.push(name);
    } else {
      if (!isSettled || !isFileClean(listing, index, known, position)) news.push(name);
      position += 1;
    }
  }
  return [...news, ...knownNames.slice(position)];
}

function findGone(listing: FolderListing, known: IndexFolder | undefined): IndexedFile[] {
  if (known === undefined) return [];
  const present = new Set(listing.names);
  return known.names.split("\0").flatMap((name, position) => (present.has(name) ? [] : [unpackFile(known, name, position)]));
}

/** Walks a folder target in the order of its files' paths; `only` limits it to some paths relative to the target. */
export function* scanTree(place: ScanPlace, only?: readonly string[], folder = ""): Generator<ScannedFolder> {
  const scanned = scanFolder(place, folder);
  yield scanned;
  for (const name of scanned.folders) {
    const path_ = folder === "" ? name : `${folder}/${name}`;
    if (isWanted(path_, only)) yield* scanTree(place, only, path_);
  }
}

/** Tells whether a folder is, holds, or lies under one of the wanted paths. */
export function isWanted(folder: string, only: readonly string[] | undefined): boolean {
  if (only === undefined) return true;
  return only.some((wanted) => wanted === "" || folder === wanted || folder.startsWith(`${wanted}/`) || wanted.startsWith(`${folder}/`));
}

/** Tells whether a file is one of the wanted paths or lies under one. */
export function isWantedFile(file: string, only: readonly string[] | undefined): boolean {
  return only === undefined || only.some((wanted) => wanted === "" || file === wanted || file.startsWith(`${wanted}/`));
}

/** Returns the folders that the index knows and that are no longer on disk, in order. */
export function goneFolders(place: ScanPlace, only?: readonly string[]): string[] {
  return place.index
    .folders(place.target)
    .filter((folder) => folder !== "" && isWanted(folder, only))
    .filter((folder) => fs.lstatSync(path.join(place.root, place.target, folder), { throwIfNoEntry: false })?.isDirectory() !== true)
    .sort(compareUtf8);
}

/** Tells whether every file of the version is on disk as the index knows it; `onScanned` gets the folders looked at for that. */
export function isUntouched(place: ScanPlace, pointer: Pointer, onScanned?: (scanned: ScannedFolder) => void): boolean {
  if (pointer.kind === "file") return scanFile(place).isClean;
  let files = 0;
  let folders = 0;
  for (const scanned of scanTree(place)) {
    onScanned?.(scanned);
    // What is neither file nor folder is in no record either: whoever asks has to look at it.
    if (scanned.others.length > 0) return false;
    // A folder without files of its own is in no record; any other must be known and clean.
    if (scanned.count > 0 && !scanned.isClean) return false;
    if (scanned.count === 0 && scanned.gone().length > 0) return false;
    if (scanned.count > 0) folders += 1;
    files += scanned.count;
  }
  return files === pointer.files && folders === place.index.folders(place.target).length;
}
