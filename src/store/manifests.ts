import { MlvError } from "../base/errors.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import {
  ManifestBuilder,
  MAX_ROOT_BYTES,
  parseLeaf,
  parseRoot,
  type ManifestEntry,
  type ManifestLeaf,
  type ManifestRoot,
} from "../formats/manifest.ts";
import { PathSequence } from "../formats/path-sequence.ts";
import type { Cache } from "./cache.ts";
import type { CacheWriter } from "./cache-writer.ts";

/** Is one difference to a folder: `entry` is undefined for a file that goes. */
export interface ManifestChange {
  readonly path: RepoPath;
  readonly entry: ManifestEntry | undefined;
}

/** Is a folder's version after an edit. */
export interface EditedManifest {
  readonly sha256: Sha256;
  readonly root: ManifestRoot;
}

/** Returns a manifest's root from the cache. Throws `content-missing` when it was never fetched, `content-mismatch`, `manifest-malformed`. */
export function readManifestRoot(cache: Cache, hash: Sha256, where: string): ManifestRoot {
  return parseRoot(readPart(cache, hash, where), where);
}

/** Returns one leaf's entries from the cache; throws as `readManifestRoot` does. */
export function readManifestLeaf(cache: Cache, leaf: ManifestLeaf, where: string, paths?: PathSequence): ManifestEntry[] {
  return parseLeaf(readPart(cache, leaf.sha256, where), leaf, where, paths);
}

/** Returns one leaf's bytes from the cache, checked against its hash and nothing else; throws as `readManifestRoot` does. */
export function readLeafBytes(cache: Cache, leaf: ManifestLeaf, where: string): Buffer {
  return readPart(cache, leaf.sha256, where);
}

function readPart(cache: Cache, hash: Sha256, where: string): Buffer {
  const bytes = cache.readSmall(hash);
  if (bytes === undefined) {
    throw new MlvError("content-missing", `the list of files of ${where} is not in the cache`, {
      hint: "run `mlv fetch` to get it from the remote",
      details: { sha256: hash },
    });
  }
  if (bytes.length > MAX_ROOT_BYTES) throw new MlvError("manifest-malformed", `the manifest of ${where} is too large`);
  return bytes;
}

/** Yields a manifest's entries in order, a leaf at a time; with `prefix` only those at or under that path, opening no other leaf. */
export function* readManifestEntries(cache: Cache, hash: Sha256, where: string, prefix?: string): Generator<ManifestEntry> {
  const root = readManifestRoot(cache, hash, where);
  const paths = new PathSequence();
  for (const leaf of leavesUnder(root, prefix)) {
    for (const entry of readManifestLeaf(cache, leaf, where, paths)) if (isUnder(entry.path, prefix)) yield entry;
  }
}

/** Returns the leaves that can hold a path at or under `prefix`. */
export function leavesUnder(root: ManifestRoot, prefix: string | undefined): readonly ManifestLeaf[] {
  if (prefix === undefined || prefix === "") return root.leaves;
  const { leaves } = root;
  return leaves.filter((leaf, index) => {
    const next = leaves[index + 1];
    // The last path that could be under the prefix sorts before `prefix + "0"` ("0" follows "/").
    return compareUtf8(leaf.firstPath, `${prefix}0`) < 0 && (next === undefined || compareUtf8(next.firstPath, prefix) > 0);
  });
}

/** Tells whether a path is `prefix` itself or lies under it; every path is under no prefix. */
export function isUnder(path: string, prefix: string | undefined): boolean {
  if (prefix === undefined || prefix === "") return true;
  return path === prefix || (path.startsWith(prefix) && path[prefix.length] === "/");
}

/** Returns one file's entry, opening a single leaf, or undefined. */
export function findManifestEntry(cache: Cache, hash: Sha256, where: string, path: string): ManifestEntry | undefined {
  for (const entry of readManifestEntries(cache, hash, where, path)) if (entry.path === path) return entry;
  return undefined;
}

/**
 * Applies changes, sorted by path and each path once, to a manifest and stores what is new of the result.
 * Leaves that no change touches are taken over without being opened, so the work grows with the change.
 * The root and its leaves are durable after the writer's `finish`.
 */
export async function editManifest(
  cache: Cache,
  writer: CacheWriter,
  base: { readonly root: ManifestRoot; readonly where: string } | undefined,
  changes: AsyncIterable<readonly ManifestChange[]>,
): Promise<EditedManifest> {
  const builder = new ManifestBuilder((leaf, bytes) => writer.addSmall(leaf.sha256, bytes));
  const leaves = base?.root.leaves ?? [];
  const where = base?.where ?? "";
  let leafIndex = 0;
  let entries: readonly ManifestEntry[] = [];
  let entryIndex = 0;

  /** Adds everything of the base that sorts before `path`; all of it when undefined. */
  const advanceTo = (path: RepoPath | undefined): void => {
    for (;;) {
      for (; entryIndex < entries.length; entryIndex++) {
        const entry = entries[entryIndex] as ManifestEntry;
        if (path !== undefined && compareUtf8(entry.path, path) >= 0) return;
        builder.add(entry);
      }
      const leaf = leaves[leafIndex];
      if (leaf === undefined || (path !== undefined && compareUtf8(leaf.firstPath, path) > 0)) return;
      const next = leaves[leafIndex + 1];
      leafIndex += 1;
      entryIndex = 0;
      // The last leaf ends with the list, not at a cut: it is taken over only when nothing follows it.
      const isUntouched = path === undefined || (next !== undefined && compareUtf8(next.firstPath, path) <= 0);
      if (isUntouched && builder.isAtCut) {
        builder.addLeaf(leaf, leaf.firstPath);
        entries = [];
      } else {
        entries = readManifestLeaf(cache, leaf, where);
      }
    }
  };

  for await (const batch of changes) {
    for (const change of batch) {
      advanceTo(change.path);
      if (entries[entryIndex]?.path === change.path) entryIndex += 1;
      if (change.entry !== undefined) builder.add(change.entry);
    }
  }
  advanceTo(undefined);
  const finished = builder.finish();
  writer.addSmall(finished.sha256, finished.bytes);
  return { sha256: finished.sha256, root: finished.root };
}
