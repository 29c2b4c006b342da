import type { RepoPath } from "../base/ids.ts";
import { unsafePathReason } from "../base/safe-paths.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { CatFile } from "../git/cat-file.ts";
import { readPointerChanges, type PointerCommit } from "../git/pointer-changes.ts";
import type { ChangedPointer } from "../git/changes.ts";
import { shallowEdges } from "../git/shallow.ts";
import { targetOf } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";
import { FollowedNames } from "./followed-names.ts";
import { blobsOf, readPointers } from "./read-blobs.ts";

/** Is what one commit did to one target. */
export interface ReportChange {
  readonly target: RepoPath;
  /** `present`: a shallow clone's history begins with this commit, so what it did is not known. */
  readonly action: "added" | "changed" | "renamed" | "deleted" | "present";
  readonly from?: RepoPath;
  /** Why mlv does not take its name, or the one before: nothing but reports may use it. */
  readonly unsafe?: string;
  /** Absent where there is none, and where it cannot be read. */
  readonly before?: Pointer;
  readonly after?: Pointer;
}

/** Is a commit that changed targets. */
export interface ReportCommit extends Omit<PointerCommit, "changes" | "committed"> {
  readonly changes: readonly ReportChange[];
  /** How many changes are not in the list. */
  readonly moreChanges?: number;
}

/** Says whose history a report is about. */
export interface HistoryQuestion {
  readonly start: string;
  readonly since: string | undefined;
  /** Tells whether a target is part of the report. */
  readonly isWanted: (target: string) => boolean;
}

const MAX_CHANGES_OF_COMMIT = 200;

/** Reads the youngest commits that changed targets; `isCut` says that there are older ones. */
export async function readReportCommits(
  workspace: Workspace,
  catFile: CatFile,
  question: HistoryQuestion & { readonly limit: number },
): Promise<{ readonly commits: readonly ReportCommit[]; readonly isCut: boolean }> {
  const { start, since, isWanted, limit } = question;
  const { signal } = workspace.context;
  const found: PointerCommit[] = [];
  const followed = new FollowedNames(workspace, catFile, { isWanted, withUnsafe: true });
  const edges = shallowEdges(workspace.repository);
  let isCut = false;
  for await (const commit of readPointerChanges(workspace.repository, { start, since, isFirstParent: false, signal })) {
    const changes = await followed.select(commit.changes);
    if (changes.length === 0) continue;
    isCut = found.length >= limit;
    if (isCut) break;
    for (const change of changes) followed.follow(change);
    found.push({ ...commit, changes });
  }
  const shown = found.map((commit) => commit.changes.slice(0, MAX_CHANGES_OF_COMMIT));
  const pointers = await readPointers(catFile, shown.flat().flatMap(blobsOf), signal);
  const commits = found.map(({ commit, author, email, date, subject, changes }, at) => {
    const more = changes.length - (shown[at]?.length ?? 0);
    const described = (shown[at] ?? []).map((change) => describe(change, pointers, edges.has(commit)));
    return { commit, author, email, date, subject, changes: described, ...(more > 0 ? { moreChanges: more } : {}) };
  });
  return { commits, isCut };
}

const ACTIONS = { added: "added", deleted: "deleted", modified: "changed", renamed: "renamed" } as const;

function describe(change: ChangedPointer, pointers: ReadonlyMap<string, Pointer>, isEdge: boolean): ReportChange {
  const before = change.oldOid === undefined ? undefined : pointers.get(change.oldOid);
  const after = change.newOid === undefined ? undefined : pointers.get(change.newOid);
  const unsafe = unsafePathReason(targetOf(change.path)) ?? (change.oldPath && unsafePathReason(targetOf(change.oldPath)));
  return {
    target: targetOf(change.path),
    action: isEdge ? "present" : ACTIONS[change.status],
    ...(change.oldPath === undefined ? {} : { from: targetOf(change.oldPath) }),
    ...(unsafe === undefined ? {} : { unsafe }),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}
