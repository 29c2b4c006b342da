import { compareUtf8 } from "../base/safe-paths.ts";
import type { ManifestEntry, ManifestLeaf, ManifestRoot } from "../formats/manifest.ts";

/** What has less than this share in common is not the same thing renamed and edited: Git's own rule. */
export const MIN_LIKENESS = 0.5;

/** Tells whether two sizes let contents be alike: neither is empty, nor less than half of the other. */
export function areSizesNear(one: { readonly size: number }, other: { readonly size: number }): boolean {
  return one.size > 0 && Math.min(one.size, other.size) >= MIN_LIKENESS * Math.max(one.size, other.size);
}

/** Of longer lists a sample of the leaves that differ is read, so many bytes of each. */
const MAX_SAMPLE_BYTES = 2 * 1024 * 1024;
const SAMPLED_LEAVES = 32;
/** Of few files the share of them says little: a licence that both have is half of a folder of two. */
const MIN_FILES = 10;
/** The contents of so many edited files are looked at. */
const MAX_EDITED = 50;

/** Is how much of a list something is about. */
export interface Amount {
  readonly files: number;
  readonly size: number;
}

/** Is what is looked at to tell how alike two versions of a folder are. */
export interface LeafSample {
  /** Leaves of the earlier version, and those of the later one that cover the same paths. */
  readonly before: readonly ManifestLeaf[];
  readonly after: readonly ManifestLeaf[];
  /** What leaves that both have come to. */
  readonly same: Amount;
  /** What all leaves come to that only the earlier version has. */
  readonly different: Amount;
  /** The larger of both versions. */
  readonly whole: Amount;
}

/** Chooses the leaves to look at: none where those in common are enough, all where they are few, else 32 spread evenly. */
export function sampleLeaves(
  before: ManifestRoot,
  after: ManifestRoot,
  [gone, fresh]: readonly [gone: readonly ManifestLeaf[], fresh: readonly ManifestLeaf[]],
): LeafSample {
  const different = add(gone);
  const counts = {
    same: { files: before.files - different.files, size: before.size - different.size },
    different,
    whole: { files: Math.max(before.files, after.files), size: Math.max(before.size, after.size) },
  };
  if (share(counts.same, counts.whole) >= MIN_LIKENESS) return { ...counts, before: [], after: [] };
  const isShort = [gone, fresh].every((leaves) => leaves.reduce((sum, { length }) => sum + length, 0) <= MAX_SAMPLE_BYTES);
  if (isShort) return { ...counts, before: gone, after: fresh };
  const step = Math.max(1, gone.length / SAMPLED_LEAVES);
  const picked = Array.from({ length: Math.min(SAMPLED_LEAVES, gone.length) }, (_, at) => gone[Math.floor(at * step)]).filter(
    (leaf) => leaf !== undefined,
  );
  return { ...counts, before: picked, after: covering(after, { picked, of: before, fresh }) };
}

/** Returns the leaves of the later version that can hold a path of one of the picked leaves; both lists are in order. */
function covering(
  after: ManifestRoot,
  { picked, of, fresh }: { readonly picked: readonly ManifestLeaf[]; readonly of: ManifestRoot; readonly fresh: readonly ManifestLeaf[] },
): ManifestLeaf[] {
  const ends = (root: ManifestRoot): Map<ManifestLeaf, string | undefined> =>
    new Map(root.leaves.map((leaf, at) => [leaf, root.leaves[at + 1]?.firstPath]));
  const [endsBefore, endsAfter] = [ends(of), ends(after)];
  const isBelow = (path: string, end: string | undefined): boolean => end === undefined || compareUtf8(path, end) < 0;
  return fresh.filter((leaf) =>
    picked.some((each) => isBelow(leaf.firstPath, endsBefore.get(each)) && isBelow(each.firstPath, endsAfter.get(leaf))),
  );
}

/** Returns what two versions of a folder have in common, whatever the files are called; where a sample was taken, an estimate. */
export function amountInCommon(
  { before, same, different }: LeafSample,
  entriesBefore: readonly ManifestEntry[],
  entriesAfter: readonly ManifestEntry[],
): Amount {
  const left = new Map<string, number>();
  for (const entry of entriesAfter) left.set(contentOf(entry), (left.get(contentOf(entry)) ?? 0) + 1);
  let [files, size] = [0, 0];
  for (const entry of entriesBefore) {
    const count = left.get(contentOf(entry)) ?? 0;
    if (count === 0) continue;
    left.set(contentOf(entry), count - 1);
    files += 1;
    size += entry.size;
  }
  const seen = add(before);
  const scale = (of: number, all: number): number => (of === 0 ? 0 : all / of);
  return { files: same.files + files * scale(seen.files, different.files), size: same.size + size * scale(seen.size, different.size) };
}

/** Returns the files that two versions have under the same name with another content, when the sample is all that differs and they are few. */
export function editedInPlace(
  { before, different }: LeafSample,
  entriesBefore: readonly ManifestEntry[],
  entriesAfter: readonly ManifestEntry[],
): (readonly [before: ManifestEntry, after: ManifestEntry])[] {
  if (add(before).files !== different.files) return [];
  const byPath = new Map(entriesAfter.map((entry) => [entry.path, entry]));
  const edited = entriesBefore.flatMap((entry) => {
    const after = byPath.get(entry.path);
    return after === undefined || after.sha256 === entry.sha256 ? [] : [[entry, after] as const];
  });
  return edited.length > MAX_EDITED ? [] : edited;
}

/** Empty files are alike by their name alone. */
function contentOf({ sha256, size, path }: ManifestEntry): string {
  return size === 0 ? path : sha256;
}

/** Returns the share, 0 to 1, of bytes, or with ten files or more of files. */
export function share(part: Amount, whole: Amount): number {
  const ofFiles = whole.files < MIN_FILES ? 0 : part.files / whole.files;
  return Math.min(1, Math.max(ofFiles, whole.size === 0 ? 0 : part.size / whole.size));
}

function add(leaves: readonly ManifestLeaf[]): Amount {
  return { files: leaves.reduce((sum, leaf) => sum + leaf.files, 0), size: leaves.reduce((sum, leaf) => sum + leaf.size, 0) };
}
