import type { RepoPath } from "../base/ids.ts";
import { unsafePathReason } from "../base/safe-paths.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { CatFile } from "../git/cat-file.ts";
import { changedPointers, type ChangedPointer } from "../git/changes.ts";
import { parentsOf } from "../git/revisions.ts";
import { isPointerPath, pointerPath, targetOf } from "../workspace/target.ts";
import type { LeftOut } from "./content-diff.ts";
import type { Workspace } from "./open-workspace.ts";
import { NO_PAIRING, pairByContent } from "./pair-contents.ts";
import { pairTargets } from "./pair-targets.ts";
import { readPointers } from "./read-blobs.ts";

/** Says how far to look for renames. */
interface PairChangesOptions {
  readonly withContents?: boolean;
  /** Hears of new targets of which it could not be said whether they were renamed. */
  readonly onLeftOut?: (left: LeftOut) => void;
}

/**
 * Returns what one commit changed with targets that were renamed and edited in one go as one change each, as `diff` pairs them; Git, which compares the
 * pointers' text, has these as one gone and one new. With contents, lists of folders are read, and fetched unless the workspace is offline,
 * and cached files.
 */
export async function pairChanges(
  workspace: Workspace,
  catFile: CatFile,
  changes: readonly ChangedPointer[],
  { withContents = true, onLeftOut }: PairChangesOptions = {},
): Promise<readonly ChangedPointer[]> {
  const has = (status: ChangedPointer["status"]): boolean => changes.some((change) => change.status === status);
  if (!has("added") || !has("deleted")) return changes;
  const loose = changes.filter(({ status, path }) => (status === "added" || status === "deleted") && isSafePointer(path));
  const pointers = await readPointers(
    catFile,
    loose.flatMap(({ oldOid, newOid }) => oldOid ?? newOid ?? []),
    workspace.context.signal,
  );
  const side = (status: ChangedPointer["status"]): Map<RepoPath, Pointer> =>
    new Map(
      loose.flatMap((change): [RepoPath, Pointer][] => {
        const pointer = change.status === status ? pointers.get(change.oldOid ?? change.newOid ?? "") : undefined;
        return pointer === undefined ? [] : [[targetOf(change.path), pointer]];
      }),
    );
  const byContent = withContents ? pairByContent(workspace, undefined) : NO_PAIRING;
  const { pairs, leftOut } = await pairTargets(side("deleted"), side("added"), byContent);
  for (const left of leftOut) onLeftOut?.(left);
  const deleted = new Map(loose.flatMap((change) => (change.status === "deleted" ? [[change.path, change] as const] : [])));
  const renames = new Map(
    pairs.flatMap(({ target, from }) => (from === undefined ? [] : [[pointerPath(target), pointerPath(from)] as const])),
  );
  const renamedFrom = new Set(renames.values());
  return changes.flatMap((change): ChangedPointer[] => {
    if (change.status === "deleted" && renamedFrom.has(change.path as RepoPath)) return [];
    const oldPath = change.status === "added" ? renames.get(change.path as RepoPath) : undefined;
    const old = oldPath === undefined ? undefined : deleted.get(oldPath);
    if (oldPath === undefined || old?.oldOid === undefined) return [change];
    return [{ ...change, status: "renamed", oldPath, oldOid: old.oldOid }];
  });
}

function isSafePointer(path: string): boolean {
  return isPointerPath(path) && unsafePathReason(targetOf(path)) === undefined;
}

const lastPaired = new WeakMap<Workspace, { readonly commit: string; readonly changes: Map<string, readonly ChangedPointer[]> }>();

/** Is where a target's history goes on under the name that it had before. */
export interface EarlierName {
  readonly from: RepoPath;
  /** The commit before that in which it was renamed. */
  readonly parent: string;
}

/** Returns the name that a target had before the commit in which its name came to be, when it was renamed and edited there. Throws `git-failed`. */
export async function findEarlierName(
  workspace: Workspace,
  catFile: CatFile,
  { commit, target, onLeftOut }: { readonly commit: string; readonly target: RepoPath } & Pick<PairChangesOptions, "onLeftOut">,
): Promise<EarlierName | undefined> {
  const { repository, context } = workspace;
  const { signal } = context;
  // Many targets may have been renamed in the same commit.
  const last = lastPaired.get(workspace);
  const paired = last?.commit === commit ? last.changes : new Map<string, readonly ChangedPointer[]>();
  lastPaired.set(workspace, { commit, changes: paired });
  for (const parent of await parentsOf(repository, commit, { signal })) {
    const changes =
      paired.get(parent) ??
      (await pairChanges(workspace, catFile, await changedPointers(repository, parent, commit, { signal }), {
        onLeftOut: (left) => (left.path === target || left.count > 1 ? onLeftOut?.(left) : undefined),
      }));
    paired.set(parent, changes);
    const renamed = changes.find(({ status, path }) => status === "renamed" && path === pointerPath(target));
    if (renamed?.oldPath !== undefined) return { from: targetOf(renamed.oldPath), parent };
  }
  return undefined;
}
