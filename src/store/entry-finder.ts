import type { RepoPath } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { ManifestEntry, ManifestLeaf, ManifestRoot } from "../formats/manifest.ts";

/** Finds files of a version by path, keeping the leaf that it opened last: who asks in order opens each leaf once. */
export class EntryFinder {
  readonly #root: ManifestRoot;
  readonly #read: (leaf: ManifestLeaf) => readonly ManifestEntry[];
  #leaf: ManifestLeaf | undefined;
  #entries: ReadonlyMap<RepoPath, ManifestEntry> = new Map();

  /** `read` opens a leaf; what it throws, `find` throws. */
  constructor(root: ManifestRoot, read: (leaf: ManifestLeaf) => readonly ManifestEntry[]) {
    this.#root = root;
    this.#read = read;
  }

  /** Returns the entry of a path, or undefined when the version has no such file. */
  find(path: string): ManifestEntry | undefined {
    const leaf = leafOf(this.#root, path);
    if (leaf === undefined) return undefined;
    if (leaf !== this.#leaf) {
      this.#entries = new Map(this.#read(leaf).map((entry) => [entry.path, entry]));
      this.#leaf = leaf;
    }
    return this.#entries.get(path as RepoPath);
  }
}

/** Returns the last leaf that begins at or before a path. */
function leafOf({ leaves }: ManifestRoot, path: string): ManifestLeaf | undefined {
  let low = 0;
  let high = leaves.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(leaves[middle]?.firstPath ?? "", path) <= 0) low = middle + 1;
    else high = middle;
  }
  return leaves[low - 1];
}
