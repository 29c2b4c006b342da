import type { RepoPath } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { TargetPair } from "./diff-versions.ts";

/** A target that became smaller, or larger, than this share of the other is not taken for the same one renamed. */
const MIN_SIZE_RATIO = 0.5;

/**
 * Returns the targets of two sides in pairs, sorted by path: by name; then what is gone with what is new of the same version; then what is
 * gone with the one new target that is like it, where no other is: renamed and edited in one go.
 */
export function pairTargets(before: ReadonlyMap<RepoPath, Pointer>, after: ReadonlyMap<RepoPath, Pointer>): readonly TargetPair[] {
  const gone = [...before].filter(([target]) => !after.has(target)).map(([target, pointer]) => ({ target, pointer }));
  const fresh = [...after].filter(([target]) => !before.has(target)).map(([target, pointer]) => ({ target, pointer }));
  const renames = pairRenames(gone, fresh);
  const renamedFrom = new Set(renames.values());
  const pairs: TargetPair[] = [];
  for (const [target, pointer] of after) {
    const from = renames.get(target);
    const renamed = from === undefined ? {} : { from };
    pairs.push({ target, ...renamed, before: before.get(from ?? target), after: pointer });
  }
  for (const { target, pointer } of gone) if (!renamedFrom.has(target)) pairs.push({ target, before: pointer, after: undefined });
  return pairs.sort((a, b) => compareUtf8(a.target, b.target));
}

interface Side {
  readonly target: RepoPath;
  readonly pointer: Pointer;
}

/** Returns for new targets the gone ones that they were. */
function pairRenames(gone: readonly Side[], fresh: readonly Side[]): Map<RepoPath, RepoPath> {
  const renames = new Map<RepoPath, RepoPath>();
  const byVersion = Map.groupBy(gone, ({ pointer }) => pointer.sha256);
  for (const { target, pointer } of fresh) {
    const same = pointer.size > 0 ? byVersion.get(pointer.sha256)?.shift() : undefined;
    if (same !== undefined) renames.set(target, same.target);
  }
  const taken = new Set(renames.values());
  const goneByTrait = groupByTraits(gone.filter(({ target }) => !taken.has(target)));
  const freshByTrait = groupByTraits(fresh.filter(({ target }) => !renames.has(target)));
  for (const [trait, news] of freshByTrait) {
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
function groupByTraits(sides: readonly Side[]): Map<string, readonly Side[]> {
  const named = Map.groupBy(sides, ({ target, pointer }) => `${pointer.kind} name ${target.slice(target.lastIndexOf("/") + 1)}`);
  const tables = sides.filter(({ pointer }) => (pointer.table?.columns.length ?? 0) > 1);
  const columned = Map.groupBy(tables, ({ pointer }) => `columns ${JSON.stringify([pointer.table?.format, pointer.table?.columns])}`);
  return new Map([...named, ...columned]);
}

function areSizesNear(was: Pointer, now: Pointer): boolean {
  return Math.min(was.size, now.size) >= MIN_SIZE_RATIO * Math.max(was.size, now.size) && was.size > 0;
}
