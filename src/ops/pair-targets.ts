import { posix } from "node:path";
import type { RepoPath } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { LeftOut } from "./content-diff.ts";
import type { TargetPair } from "./diff-versions.ts";
import { areSizesNear } from "./folder-likeness.ts";
import type { PairedFolders, TargetSide } from "./pair-folders.ts";

/** Is the targets of two sides, each with its counterpart. */
export interface PairedTargets {
  /** Sorted by path. */
  readonly pairs: readonly TargetPair[];
  /** Targets for which no counterpart was looked for, with the reason. */
  readonly leftOut: readonly LeftOut[];
}

/** Pairs targets that are gone with new ones by what is in them. */
export interface ContentPairing {
  folders(gone: readonly TargetSide[], fresh: readonly TargetSide[]): Promise<PairedFolders>;
  /** Returns the files that new ones were before. */
  files(gone: readonly TargetSide[], fresh: readonly TargetSide[]): Promise<ReadonlyMap<RepoPath, RepoPath>>;
}

/**
 * Returns the targets of two sides in pairs: by name; then what is gone with what is new of the same version; then folders by what is in them; then
 * what is gone with the one new target that is like it, where no other is; then files by what is in them: renamed and edited in one go.
 */
export async function pairTargets(
  before: ReadonlyMap<RepoPath, Pointer>,
  after: ReadonlyMap<RepoPath, Pointer>,
  byContent: ContentPairing,
): Promise<PairedTargets> {
  const gone = [...before].filter(([target]) => !after.has(target)).map(([target, pointer]) => ({ target, pointer }));
  const fresh = [...after].filter(([target]) => !before.has(target)).map(([target, pointer]) => ({ target, pointer }));
  const renames = new Map<RepoPath, RepoPath>();
  const taken = new Set<RepoPath>();
  const take = (found: ReadonlyMap<RepoPath, RepoPath>): void => {
    for (const [target, from] of found) renames.set(target, from);
    for (const from of found.values()) taken.add(from);
  };
  const left = (): [gone: TargetSide[], fresh: TargetSide[]] => [
    gone.filter(({ target }) => !taken.has(target)),
    fresh.filter(({ target }) => !renames.has(target)),
  ];
  take(pairVersions(...left()));
  const folders = await byContent.folders(...left());
  take(folders.renames);
  take(pairTraits(...left()));
  take(await byContent.files(...left()));
  const pairs: TargetPair[] = [];
  for (const [target, pointer] of after) {
    const from = renames.get(target);
    const renamed = from === undefined ? {} : { from };
    pairs.push({ target, ...renamed, before: before.get(from ?? target), after: pointer });
  }
  for (const { target, pointer } of gone) if (!taken.has(target)) pairs.push({ target, before: pointer, after: undefined });
  const leftOut = folders.leftOut.filter(({ path, count }) => count > 1 || !renames.has(path as RepoPath));
  return { pairs: pairs.sort((a, b) => compareUtf8(a.target, b.target)), leftOut };
}

/** Returns for new targets the gone ones of the same version. */
function pairVersions(gone: readonly TargetSide[], fresh: readonly TargetSide[]): Map<RepoPath, RepoPath> {
  const renames = new Map<RepoPath, RepoPath>();
  const byVersion = Map.groupBy(gone, ({ pointer }) => pointer.sha256);
  for (const { target, pointer } of fresh) {
    const same = pointer.size > 0 ? byVersion.get(pointer.sha256)?.shift() : undefined;
    if (same !== undefined) renames.set(target, same.target);
  }
  return renames;
}

/** Returns for new targets the gone ones that alone share a trait with them. */
function pairTraits(gone: readonly TargetSide[], fresh: readonly TargetSide[]): Map<RepoPath, RepoPath> {
  const renames = new Map<RepoPath, RepoPath>();
  const taken = new Set<RepoPath>();
  const goneByTrait = groupByTraits(gone);
  for (const [trait, news] of groupByTraits(fresh)) {
    const [now, another] = news;
    const [was, other] = goneByTrait.get(trait) ?? [];
    if (now === undefined || was === undefined || another !== undefined || other !== undefined) continue;
    if (renames.has(now.target) || taken.has(was.target) || !areSizesNear(was.pointer, now.pointer)) continue;
    renames.set(now.target, was.target);
    taken.add(was.target);
  }
  return renames;
}

/** Groups targets by what stays when one is moved and edited: first the name without its folder, then the columns of a table. */
function groupByTraits(sides: readonly TargetSide[]): Map<string, readonly TargetSide[]> {
  const named = Map.groupBy(sides, ({ target, pointer }) => `${pointer.kind} name ${posix.basename(target)}`);
  const tables = sides.filter(({ pointer }) => (pointer.table?.columns.length ?? 0) > 1);
  const columned = Map.groupBy(tables, ({ pointer }) => `columns ${JSON.stringify([pointer.table?.format, pointer.table?.columns])}`);
  return new Map([...named, ...columned]);
}
