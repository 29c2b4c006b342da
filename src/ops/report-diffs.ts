import { throwIfAborted } from "../base/concurrency.ts";
import type { ContentsResult } from "./content-diff.ts";
import { compareVersions, type TargetDiff } from "./diff-versions.ts";
import type { Workspace } from "./open-workspace.ts";
import type { ReportCommit } from "./report-history.ts";

/** Is what one commit changed inside its targets. */
export interface CommitDiff extends ContentsResult {
  readonly commit: string;
  readonly targets: readonly TargetDiff[];
  /** How many changed targets were not compared. */
  readonly moreTargets?: number;
}

/** Says how much is compared. */
export interface CommitDiffOptions {
  readonly remote: string | undefined;
  /** A size; nothing is fetched when the workspace's context is offline. */
  readonly fetchLimit: string | undefined;
}

const MAX_TARGETS = 50;
const SAMPLES = 5;

/** Compares the targets of each commit with what they were before it. What cannot be had is said, not thrown. */
export async function compareCommits(
  workspace: Workspace,
  commits: readonly ReportCommit[],
  { remote, fetchLimit }: CommitDiffOptions,
): Promise<CommitDiff[]> {
  const diffs: CommitDiff[] = [];
  for (const { commit, changes, moreChanges = 0 } of commits) {
    const targets: TargetDiff[] = [];
    for (const { target, from, before, after } of changes.slice(0, MAX_TARGETS)) {
      throwIfAborted(workspace.context.signal);
      const pair = { target, ...(from === undefined ? {} : { from }), before, after };
      if (before === undefined && after === undefined) continue;
      const found = await compareVersions(workspace, { ...pair, only: undefined, remote, isIgnored: undefined }, false);
      if (found !== undefined) targets.push(found);
    }
    const { compareContents } = await import("./diff-rows.ts");
    const inside = await compareContents(workspace, targets, { samples: SAMPLES, fetchLimit, isWorkTree: false, remote });
    const more = Math.max(0, changes.length - MAX_TARGETS) + moreChanges;
    diffs.push({ commit, targets, ...inside, ...(more > 0 ? { moreTargets: more } : {}) });
  }
  return diffs;
}
