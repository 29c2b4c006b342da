import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { CatFile } from "../git/cat-file.ts";
import { readPointerChanges, type PointerCommit } from "../git/pointer-changes.ts";
import { shallowEdges } from "../git/shallow.ts";
import { targetOf } from "../workspace/target.ts";
import { FollowedNames } from "./followed-names.ts";
import type { Workspace } from "./open-workspace.ts";
import { blobsOf, readPointers } from "./read-blobs.ts";
import type { HistoryQuestion } from "./report-history.ts";

/** Is how much the targets came to after a commit. */
export interface GrowthPoint {
  readonly commit: string;
  /** When it was committed, ISO 8601. */
  readonly date: string;
  readonly targets: number;
  readonly sizeBytes: number;
}

/** Is the size of one target, under the name that it had then, after a commit that changed it; 0 when that deleted it. */
export interface TargetPoint {
  readonly commit: string;
  readonly author: string;
  readonly date: string;
  readonly sizeBytes: number;
  /** True when a shallow clone's history begins with this commit, so that it may not have changed the target. */
  readonly isEdge?: true;
}

/** Is how the targets grew along the branch's own line; everything is the oldest first. */
export interface Growth {
  readonly points: readonly GrowthPoint[];
  readonly byTarget: ReadonlyMap<RepoPath, readonly TargetPoint[]>;
  /** True when older commits were not read. */
  readonly isCut: boolean;
}

/** So much of the history is read: beyond, a report would take longer than its reader waits. */
const MAX_COMMITS = 10_000;
const MAX_CHANGES = 50_000;
const MAX_POINTS = 400;

/** Goes back from the targets of the start and takes off what each commit had done, so that a history that is cut has true sizes all the same. */
export async function readGrowth(
  workspace: Workspace,
  catFile: CatFile,
  { start, since, isWanted, pointers }: HistoryQuestion & { readonly pointers: ReadonlyMap<RepoPath, Pointer> },
): Promise<Growth> {
  const { signal } = workspace.context;
  const commits: (PointerCommit & { readonly owners: readonly RepoPath[] })[] = [];
  const followed = new FollowedNames(workspace, catFile, { isWanted, withUnsafe: false });
  let count = 0;
  let isCut = false;
  for await (const commit of readPointerChanges(workspace.repository, { start, since, isFirstParent: true, signal })) {
    const changes = await followed.select(commit.changes);
    if (changes.length === 0) continue;
    isCut = commits.length >= MAX_COMMITS || (count += changes.length) > MAX_CHANGES;
    if (isCut) break;
    commits.push({ ...commit, changes, owners: changes.map((change) => followed.follow(change)) });
  }
  const known = await readPointers(
    catFile,
    commits.flatMap(({ changes }) => changes.flatMap(blobsOf)),
    signal,
  );
  const sizes = new Map([...pointers].map(([target, { size }]) => [target, size]));
  let sizeBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const edges = shallowEdges(workspace.repository);
  const points: GrowthPoint[] = [];
  const byTarget = new Map<RepoPath, TargetPoint[]>();
  for (const { commit, author, committed: date, changes, owners } of commits) {
    points.push({ commit, date, targets: sizes.size, sizeBytes });
    for (const [at, { path, oldPath, oldOid }] of changes.entries()) {
      const target = targetOf(path);
      const owner = owners[at] ?? target;
      const size = sizes.get(target) ?? 0;
      const seen = byTarget.get(owner) ?? [];
      seen.push({ commit, author, date, sizeBytes: size, ...(edges.has(commit) ? { isEdge: true } : {}) });
      byTarget.set(owner, seen);
      const before = oldOid === undefined ? undefined : known.get(oldOid)?.size;
      sizeBytes += (before ?? 0) - size;
      sizes.delete(target);
      if (before !== undefined) sizes.set(oldPath === undefined ? target : targetOf(oldPath), before);
    }
  }
  for (const seen of byTarget.values()) seen.reverse();
  return { points: thin(points.reverse(), MAX_POINTS), byTarget, isCut };
}

/** Returns at most so many of the values, evenly spread, the first and the last among them. */
export function thin<Value>(values: readonly Value[], limit: number): Value[] {
  if (values.length <= limit) return [...values];
  const step = (values.length - 1) / (limit - 1);
  return Array.from({ length: limit }, (_, at) => values[Math.round(at * step)]).filter((value) => value !== undefined);
}
