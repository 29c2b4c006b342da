import { throwIfAborted } from "../base/concurrency.ts";
import type { ContentsResult, LeftOut } from "./content-diff.ts";
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
  /** How much content is compared before only names and sizes are told of the older commits; 4 GiB unless said otherwise. */
  readonly maxComparedBytes?: number;
}

const MAX_TARGETS = 50;
/** Beyond so many bytes of compared content, or so many files, only names and sizes are told of the older commits. */
const MAX_COMPARED_BYTES = 4 * 1024 * 1024 * 1024;
const MAX_COMPARED_FILES = 1000;
const SAMPLES = 5;

/** Compares the targets of each commit with what they were before it, within bounds. What cannot be had is said, not thrown. */
export async function compareCommits(
  workspace: Workspace,
  commits: readonly ReportCommit[],
  { remote, fetchLimit, maxComparedBytes = MAX_COMPARED_BYTES }: CommitDiffOptions,
): Promise<CommitDiff[]> {
  const diffs: CommitDiff[] = [];
  let [bytes, files] = [0, 0];
  for (const { commit, changes, moreChanges = 0 } of commits) {
    const targets: TargetDiff[] = [];
    const unsafe: LeftOut[] = [];
    for (const { target, from, before, after, unsafe: reason } of changes.slice(0, MAX_TARGETS)) {
      throwIfAborted(workspace.context.signal);
      if (reason !== undefined) unsafe.push({ path: target, count: 1, reason: `mlv does not take its name: ${reason}` });
      if (reason !== undefined) continue;
      const pair = { target, ...(from === undefined ? {} : { from }), before, after };
      if (before === undefined && after === undefined) continue;
      const found = await compareVersions(workspace, { ...pair, only: undefined, remote, isIgnored: undefined }, false);
      if (found !== undefined) targets.push(found);
    }
    const { compareContents } = await import("./diff-rows.ts");
    const options = { samples: SAMPLES, fetchLimit, isWorkTree: false, remote };
    const inside =
      bytes > maxComparedBytes || files > MAX_COMPARED_FILES ? leftAlone(targets) : await compareContents(workspace, targets, options);
    files += inside.contents.length;
    bytes += inside.contents.reduce((sum, { path }) => sum + sizeOf(targets, path), 0);
    const more = Math.max(0, changes.length - MAX_TARGETS) + moreChanges;
    diffs.push({
      commit,
      targets,
      contents: inside.contents,
      leftOut: [...unsafe, ...inside.leftOut],
      ...(more > 0 ? { moreTargets: more } : {}),
    });
  }
  return diffs;
}

function leftAlone(targets: readonly TargetDiff[]): ContentsResult {
  const [first] = targets;
  const reason = "the comparisons of younger commits took all that a report may compare";
  return { contents: [], leftOut: first === undefined ? [] : [{ path: first.target, count: targets.length, reason }] };
}

/** Returns the sizes of both versions of a file that was compared. */
function sizeOf(targets: readonly TargetDiff[], path: string): number {
  for (const { target, files, sizeBefore, sizeAfter } of targets) {
    if (target === path) return sizeBefore + sizeAfter;
    const file = path.startsWith(`${target}/`) ? files.find((each) => each.path === path.slice(target.length + 1)) : undefined;
    if (file !== undefined) return (file.sizeBefore ?? 0) + (file.sizeAfter ?? 0);
  }
  return 0;
}
