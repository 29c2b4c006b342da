import { isMlvError, MlvError } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import type { ManifestLeaf } from "../formats/manifest.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { Cache } from "../store/cache.ts";
import { readManifestRoot } from "../store/manifests.ts";
import { isCached } from "./fetch-context.ts";

const HASH_CHARS = 64;
const [ZERO, NINE, NEWLINE] = [0x30, 0x39, 0x0a];

/**
 * Calls `visit` with hash and size of each file of a leaf in order, without looking at paths: a fifth of what `parseLeaf` costs. `bytes` must have
 * matched the leaf's hash. Throws `manifest-malformed` when they do not hold what the root says.
 */
export function visitObjects(bytes: Buffer, leaf: ManifestLeaf, visit: (sha256: Sha256, size: number) => void): void {
  const text = bytes.toString("latin1");
  let files = 0;
  let total = 0;
  for (let at = 0; at < bytes.length; files += 1) {
    let size = 0;
    let digit = at + HASH_CHARS + 1;
    for (; ; digit++) {
      const code = bytes[digit] ?? 0;
      if (code < ZERO || code > NINE) break;
      size = size * 10 + (code - ZERO);
    }
    const end = bytes.indexOf(NEWLINE, digit);
    if (end === -1) break;
    total += size;
    visit(text.slice(at, at + HASH_CHARS) as Sha256, size);
    at = end + 1;
  }
  if (files !== leaf.files || total !== leaf.size)
    throw new MlvError("manifest-malformed", `the list of files ${leaf.sha256} does not hold what its root says`);
}

/** Tells of leaves whether the cache holds all their files, each leaf once: versions of a folder share nearly all of theirs. Looks at no bytes of files. */
export class CompleteLeaves {
  readonly #cache: Cache;
  readonly #known = new Map<Sha256, boolean>();

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  has(leaf: ManifestLeaf): boolean {
    let isComplete = this.#known.get(leaf.sha256);
    if (isComplete === undefined) {
      const bytes = this.#cache.readSmall(leaf.sha256);
      isComplete = bytes !== undefined && countMissing(this.#cache, leaf, bytes) === 0;
      this.#known.set(leaf.sha256, isComplete);
    }
    return isComplete;
  }
}

/** Counts the files of a leaf that the cache lacks. */
export function countMissing(cache: Cache, leaf: ManifestLeaf, bytes: Buffer): number {
  let missing = 0;
  visitObjects(bytes, leaf, (hash, size) => {
    if (!isCached(cache, { sha256: hash, size })) missing += 1;
  });
  return missing;
}

/** Tells whether the cache holds all of a version that is in no leaf of the given folders. Looks at no bytes of files. */
export function isCovered(
  cache: Cache,
  { target, pointer }: { readonly target: string; readonly pointer: Pointer },
  folders: readonly Sha256[],
): boolean {
  if (pointer.kind === "file") return cache.has(pointer.sha256);
  const where = `\`${target}\``;
  try {
    const shared = new Set<Sha256>();
    for (const folder of folders) {
      if (cache.has(folder)) for (const leaf of readManifestRoot(cache, folder, where).leaves) shared.add(leaf.sha256);
    }
    const complete = new CompleteLeaves(cache);
    return readManifestRoot(cache, pointer.sha256, where).leaves.every((leaf) => shared.has(leaf.sha256) || complete.has(leaf));
  } catch (error) {
    if (isMlvError(error, "content-missing")) return false;
    throw error;
  }
}
