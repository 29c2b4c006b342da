import { compareUtf8 } from "../base/safe-paths.ts";
import type { ManifestEntry, ManifestLeaf, ManifestRoot } from "../formats/manifest.ts";

/** Is one file before and after; undefined where a version does not have it. */
export type EntryPair = readonly [before: ManifestEntry | undefined, after: ManifestEntry | undefined];

/** Returns, for each of two versions, the leaves that the other does not have: no other leaf need be opened to compare them. */
export function differentLeaves(
  before: readonly ManifestLeaf[],
  after: readonly ManifestLeaf[],
): readonly [before: ManifestLeaf[], after: ManifestLeaf[]] {
  const inBefore = new Set(before.map((leaf) => leaf.sha256));
  const inAfter = new Set(after.map((leaf) => leaf.sha256));
  return [before.filter((leaf) => !inAfter.has(leaf.sha256)), after.filter((leaf) => !inBefore.has(leaf.sha256))];
}

/** Yields the files that two versions do not have alike, sorted by path; `read` is asked only for leaves that differ. */
export function* differentEntries(
  before: ManifestRoot,
  after: ManifestRoot,
  read: (leaf: ManifestLeaf) => readonly ManifestEntry[],
): Generator<EntryPair> {
  const [left, right] = differentLeaves(before.leaves, after.leaves);
  yield* joinEntries(readAll(left, read), readAll(right, read));
}

function* readAll(leaves: readonly ManifestLeaf[], read: (leaf: ManifestLeaf) => readonly ManifestEntry[]): Generator<ManifestEntry> {
  for (const leaf of leaves) yield* read(leaf);
}

/** Merges two lists that are sorted by path and yields the pairs that differ. */
function* joinEntries(before: Iterator<ManifestEntry>, after: Iterator<ManifestEntry>): Generator<EntryPair> {
  let left = before.next();
  let right = after.next();
  while (left.done !== true || right.done !== true) {
    const order = left.done === true ? 1 : right.done === true ? -1 : compareUtf8(left.value.path, right.value.path);
    if (order < 0 && left.done !== true) {
      yield [left.value, undefined];
      left = before.next();
    } else if (order > 0 && right.done !== true) {
      yield [undefined, right.value];
      right = after.next();
    } else if (left.done !== true && right.done !== true) {
      const isSame = left.value.sha256 === right.value.sha256 && left.value.isExecutable === right.value.isExecutable;
      if (!isSame) yield [left.value, right.value];
      left = before.next();
      right = after.next();
    }
  }
}
