import { posix } from "node:path";
import { throwIfAborted } from "../base/concurrency.ts";
import { isMlvError } from "../base/errors.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { ManifestEntry, ManifestLeaf, ManifestRoot } from "../formats/manifest.ts";
import type { Pointer } from "../formats/pointer.ts";
import { differentLeaves } from "../store/manifest-differences.ts";
import { readManifestLeaf, readManifestRoot } from "../store/manifests.ts";
import type { LeftOut } from "./content-diff.ts";
import { likenessOf } from "./content-likeness.ts";
import { withManifests, type ManifestSource } from "./ensure-manifest.ts";
import { amountInCommon, editedInPlace, MIN_LIKENESS, sampleLeaves, share, type LeafSample } from "./folder-likeness.ts";
import type { Workspace } from "./open-workspace.ts";

/** Is a target that only one of two sides has. */
export interface TargetSide {
  readonly target: RepoPath;
  readonly pointer: Pointer;
}

/** Is what came of a search for renamed folders. */
export interface PairedFolders {
  /** The folders that new ones were before. */
  readonly renames: ReadonlyMap<RepoPath, RepoPath>;
  /** Folders that were not looked at, with the reason. */
  readonly leftOut: readonly LeftOut[];
}

/** So many folders of each side are looked at. */
const MAX_FOLDERS = 100;
/** So many bytes of lists are read in all; for the pairs that are left, no rename is looked for. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;

interface Candidate {
  readonly was: TargetSide;
  readonly now: TargetSide;
  readonly isNamesake: boolean;
  /** The smaller over the larger size. */
  readonly closeness: number;
}

/**
 * Pairs folders that are gone with new ones that have half of their files or bytes in common with them, the most alike first. Lists are read: their
 * roots, and of leaves that differ a sample; what is not cached of them is fetched. Cached contents are read of folders in which few files are the same. A list that cannot be had makes no pair, and is said in `leftOut`.
 */
export async function pairFolders(
  workspace: Workspace,
  {
    gone,
    fresh,
    remote,
  }: { readonly gone: readonly TargetSide[]; readonly fresh: readonly TargetSide[]; readonly remote: string | undefined },
): Promise<PairedFolders> {
  const looked = [gone, fresh].map((sides) => sides.filter(({ pointer }) => pointer.kind === "dir"));
  const [wereAll = [], areAll = []] = looked;
  if (wereAll.length === 0 || areAll.length === 0) return { renames: new Map(), leftOut: [] };
  const candidates = listCandidates(wereAll.slice(0, MAX_FOLDERS), areAll.slice(0, MAX_FOLDERS));
  const leftOut = areAll.length > MAX_FOLDERS || wereAll.length > MAX_FOLDERS ? [tooMany(wereAll, areAll)] : [];
  if (candidates.length === 0) return { renames: new Map(), leftOut };
  return withManifests(workspace, remote, async (source) => {
    const lists = new FolderLists(workspace, source);
    await lists.readRoots(candidates.flatMap(({ was, now }) => [was, now]));
    const { samples, unread } = lists.plan(candidates);
    await lists.fetchLeaves(samples);
    const scored: Scored[] = [];
    for (const { candidate, sample } of samples) scored.push({ candidate, likeness: await lists.likeness(candidate, sample) });
    return { renames: takeBest(scored), leftOut: [...leftOut, ...lists.unreadable(candidates), ...unread] };
  });
}

function tooMany(gone: readonly TargetSide[], fresh: readonly TargetSide[]): LeftOut {
  const rest = [...gone.slice(MAX_FOLDERS), ...fresh.slice(MAX_FOLDERS)];
  const reason = `renamed folders are looked for among ${MAX_FOLDERS} that are gone and ${MAX_FOLDERS} that are new`;
  return { path: rest[0]?.target ?? "", count: rest.length, reason };
}

/** Lists the pairs that can be alike by their sizes, the likeliest first. Namesakes that nothing else is near to need no look at their lists. */
function listCandidates(gone: readonly TargetSide[], fresh: readonly TargetSide[]): Candidate[] {
  const candidates: Candidate[] = [];
  for (const now of fresh) {
    for (const was of gone) {
      const closeness = Math.max(ratio(was.pointer.size, now.pointer.size), ratio(was.pointer.files ?? 0, now.pointer.files ?? 0));
      if (closeness < MIN_LIKENESS) continue;
      candidates.push({ was, now, isNamesake: posix.basename(was.target) === posix.basename(now.target), closeness });
    }
  }
  const byGone = Map.groupBy(candidates, ({ was }) => was.target);
  const byFresh = Map.groupBy(candidates, ({ now }) => now.target);
  const isAlone = ({ was, now }: Candidate): boolean => byGone.get(was.target)?.length === 1 && byFresh.get(now.target)?.length === 1;
  return candidates
    .filter((each) => !each.isNamesake || !isAlone(each))
    .sort((a, b) => Number(b.isNamesake) - Number(a.isNamesake) || b.closeness - a.closeness || compareUtf8(a.now.target, b.now.target));
}

function ratio(one: number, other: number): number {
  return one === 0 || other === 0 ? 0 : Math.min(one, other) / Math.max(one, other);
}

interface Scored {
  readonly candidate: Candidate;
  readonly likeness: number;
}

function takeBest(scored: readonly Scored[]): Map<RepoPath, RepoPath> {
  const renames = new Map<RepoPath, RepoPath>();
  const taken = new Set<RepoPath>();
  // Where two are as alike, the order of the candidates stands: namesakes come first.
  for (const { candidate, likeness } of scored.toSorted((a, b) => b.likeness - a.likeness)) {
    const { was, now } = candidate;
    if (likeness < MIN_LIKENESS || renames.has(now.target) || taken.has(was.target)) continue;
    renames.set(now.target, was.target);
    taken.add(was.target);
  }
  return renames;
}

interface PlannedSample {
  readonly candidate: Candidate;
  readonly sample: LeafSample;
}

/** Reads the lists of folders, as far as they are to be had. */
class FolderLists {
  readonly #workspace: Workspace;
  readonly #source: ManifestSource;
  readonly #roots = new Map<Sha256, ManifestRoot>();
  readonly #leaves = new Map<Sha256, readonly ManifestEntry[] | undefined>();
  #problem: string | undefined;

  constructor(workspace: Workspace, source: ManifestSource) {
    this.#workspace = workspace;
    this.#source = source;
  }

  async readRoots(sides: readonly TargetSide[]): Promise<void> {
    await this.#ensure(sides.map((side) => ({ ...side, leaves: new Set<Sha256>() })));
    for (const { target, pointer } of sides) {
      if (this.#roots.has(pointer.sha256)) continue;
      const root = this.#quietly(() => readManifestRoot(this.#workspace.cache, pointer.sha256, `\`${target}\``));
      if (root !== undefined) this.#roots.set(pointer.sha256, root);
    }
  }

  /** Chooses the leaves to look at for each pair, as far as there is room for them; each is counted once. */
  plan(candidates: readonly Candidate[]): { readonly samples: readonly PlannedSample[]; readonly unread: readonly LeftOut[] } {
    const samples: PlannedSample[] = [];
    const chosen = new Set<Sha256>();
    const unread: Candidate[] = [];
    let room = MAX_LIST_BYTES;
    for (const candidate of candidates) {
      const [was, now] = [this.#roots.get(candidate.was.pointer.sha256), this.#roots.get(candidate.now.pointer.sha256)];
      if (was === undefined || now === undefined) continue;
      const sample = sampleLeaves(was, now, differentLeaves(was.leaves, now.leaves));
      const more = [...sample.before, ...sample.after].filter(({ sha256 }) => !chosen.has(sha256));
      const bytes = more.reduce((sum, leaf) => sum + leaf.length, 0);
      if (bytes > room) {
        unread.push(candidate);
        continue;
      }
      room -= bytes;
      for (const { sha256 } of more) chosen.add(sha256);
      samples.push({ candidate, sample });
    }
    const [first] = unread;
    const reason = "it was not looked for whether more folders were renamed: their lists are long";
    return { samples, unread: first === undefined ? [] : [{ path: first.now.target, count: distinct(unread), reason }] };
  }

  async fetchLeaves(samples: readonly PlannedSample[]): Promise<void> {
    const bySide = new Map<Sha256, { readonly side: TargetSide; readonly leaves: Set<Sha256> }>();
    const want = (side: TargetSide, leaves: readonly ManifestLeaf[]): void => {
      const known = bySide.get(side.pointer.sha256) ?? { side, leaves: new Set() };
      for (const { sha256 } of leaves) known.leaves.add(sha256);
      bySide.set(side.pointer.sha256, known);
    };
    for (const { candidate, sample } of samples) {
      want(candidate.was, sample.before);
      want(candidate.now, sample.after);
    }
    const wanted = [...bySide.values()].filter(({ leaves }) => leaves.size > 0);
    if (wanted.length > 0) await this.#ensure(wanted.map(({ side, leaves }) => ({ ...side, leaves })));
  }

  /** What was edited under its name counts as far as the cached contents are alike: a folder of few large files has no two in common after an edit. */
  async likeness({ was, now }: Candidate, sample: LeafSample): Promise<number> {
    throwIfAborted(this.#workspace.context.signal);
    const read = (side: TargetSide, leaves: readonly ManifestLeaf[]): readonly ManifestEntry[] | undefined => {
      const found = leaves.map((leaf) => this.#readLeaf(side, leaf));
      return found.includes(undefined) ? undefined : found.flatMap((entries) => entries ?? []);
    };
    const before = read(was, sample.before);
    const after = read(now, sample.after);
    if (before === undefined || after === undefined) return 0;
    const common = amountInCommon(sample, before, after);
    const likeness = share(common, sample.whole);
    if (likeness >= MIN_LIKENESS) return likeness;
    let { size } = common;
    const contents = likenessOf(this.#workspace);
    for (const [old, edited] of editedInPlace(sample, before, after))
      size += (await contents.between(old, edited)) * Math.max(old.size, edited.size);
    contents.forget();
    return share({ files: common.files, size }, sample.whole);
  }

  /** Returns the new folders whose own list, or whose counterpart's, could not be had. */
  unreadable(candidates: readonly Candidate[]): LeftOut[] {
    if (this.#problem === undefined) return [];
    const missing = candidates.filter(({ was, now }) => !this.#roots.has(was.pointer.sha256) || !this.#roots.has(now.pointer.sha256));
    const [first = candidates[0]] = missing;
    if (first === undefined) return [];
    return [
      {
        path: first.now.target,
        count: Math.max(1, distinct(missing)),
        reason: `it cannot be told whether it was renamed: ${this.#problem}`,
      },
    ];
  }

  #readLeaf({ target }: TargetSide, leaf: ManifestLeaf): readonly ManifestEntry[] | undefined {
    if (!this.#leaves.has(leaf.sha256))
      this.#leaves.set(
        leaf.sha256,
        this.#quietly(() => readManifestLeaf(this.#workspace.cache, leaf, `\`${target}\``)),
      );
    return this.#leaves.get(leaf.sha256);
  }

  /** A remote that failed once is not asked again. */
  async #ensure(wanted: readonly (TargetSide & { readonly leaves: ReadonlySet<Sha256> })[]): Promise<void> {
    if (this.#problem !== undefined) return;
    try {
      await this.#source.ensure(wanted);
    } catch (error) {
      this.#problem = reasonOf(error);
    }
  }

  #quietly<Result>(read: () => Result): Result | undefined {
    try {
      return read();
    } catch (error) {
      this.#problem ??= reasonOf(error);
      return undefined;
    }
  }
}

function distinct(candidates: readonly Candidate[]): number {
  return new Set(candidates.map(({ now }) => now.target)).size;
}

/** A rename that is not found is no failure; what is a bug or an interruption is. */
function reasonOf(error: unknown): string {
  if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
  return error.message;
}
