import path from "node:path";
import { isMlvError } from "../base/errors.ts";
import type { ManifestEntry, ManifestLeaf, ManifestRoot } from "../formats/manifest.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { Cache } from "../store/cache.ts";
import { EntryFinder } from "../store/entry-finder.ts";
import { differentEntries } from "../store/manifest-differences.ts";
import { readManifestLeaf, readManifestRoot } from "../store/manifests.ts";
import { parentOf } from "./anchored.ts";
import { scanFolder, type ScannedFolder, type ScanPlace } from "./scan.ts";

/** Is one folder in which a checkout has something to look at, with the wanted state of these files only. */
export interface FolderWork {
  readonly folder: string;
  readonly scanned: ScannedFolder;
  /** By name; undefined for a file that the wanted version does not have. */
  readonly wanted: ReadonlyMap<string, ManifestEntry | undefined>;
}

/** Says which versions of which target to compare. */
export interface DifferencePlace extends ScanPlace {
  readonly cache: Cache;
}

/** Is where the wanted version differs from what the workspace was made from. */
export interface Difference {
  /** True when everything that only the wanted version has is in the cache. */
  readonly isCached: boolean;
  /** Yields the folders with something to look at, scanning one after another. */
  folders(): Generator<FolderWork>;
}

/**
 * Compares the version that the workspace was made from with the wanted one, opening only the leaves that differ, so that a checkout can leave
 * alone what is alike in both and on disk as the index knows it.
 * Returns undefined where that cannot be told: a part of a version is materialised, or the older list is not in the cache.
 */
export function findDifference(place: DifferencePlace, base: Pointer, pointer: Pointer): Difference | undefined {
  if (base.kind !== "dir" || pointer.kind !== "dir" || countIndexed(place) !== base.files) return undefined;
  const where = `\`${place.target}\``;
  const roots = readRoots(place.cache, { base, pointer, where });
  if (roots === undefined) return undefined;
  const read = (leaf: ManifestLeaf): ManifestEntry[] => readManifestLeaf(place.cache, leaf, where);
  const changes = new Map<string, Map<string, ManifestEntry | undefined>>();
  let isCached = true;
  try {
    for (const [before, after] of differentEntries(roots.before, roots.after, read)) {
      const file = (after ?? before)?.path ?? "";
      const folder = parentOf(file);
      const names = changes.get(folder);
      if (names === undefined) changes.set(folder, new Map([[path.posix.basename(file), after]]));
      else names.set(path.posix.basename(file), after);
      isCached &&= after === undefined || place.cache.has(after.sha256);
    }
  } catch (error) {
    // A leaf of the older version may be gone; one of the wanted version is missed again, and named, by whoever reads all of it.
    if (isMlvError(error, "content-missing")) return undefined;
    throw error;
  }
  const finder = new EntryFinder(roots.after, read);
  return { isCached, folders: () => folderWork(place, changes, finder) };
}

function* folderWork(
  place: ScanPlace,
  changes: ReadonlyMap<string, ReadonlyMap<string, ManifestEntry | undefined>>,
  finder: EntryFinder,
): Generator<FolderWork> {
  for (const folder of new Set([...place.index.folders(place.target), ...changes.keys()])) {
    const scanned = scanFolder({ ...place, isIgnored: undefined }, folder);
    const changed = changes.get(folder);
    if (changed === undefined && scanned.isClean) continue;
    const wanted = new Map(changed);
    if (!scanned.isClean) {
      for (const name of scanned.news()) {
        if (!wanted.has(name)) wanted.set(name, finder.find(folder === "" ? name : `${folder}/${name}`));
      }
    }
    yield { folder, scanned, wanted };
  }
}

function countIndexed({ index, target }: ScanPlace): number {
  return index.folders(target).reduce((sum, folder) => sum + (index.folder(target, folder)?.count ?? 0), 0);
}

interface Versions {
  readonly base: Pointer;
  readonly pointer: Pointer;
  readonly where: string;
}

function readRoots(
  cache: Cache,
  { base, pointer, where }: Versions,
): { readonly before: ManifestRoot; readonly after: ManifestRoot } | undefined {
  if (!cache.has(base.sha256)) return undefined;
  return { before: readManifestRoot(cache, base.sha256, where), after: readManifestRoot(cache, pointer.sha256, where) };
}
