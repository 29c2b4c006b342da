import { MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { openCatFile } from "../git/cat-file.ts";
import { resolveRevision } from "../git/revisions.ts";
import { UNSHALLOW } from "../git/shallow.ts";
import { isUnder } from "../store/manifests.ts";
import { isPointerPath, targetOf } from "../workspace/target.ts";
import { RETRIES_TO_LOOK, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { readPointersAt, type UnsafePointer } from "./read-pointers.ts";
import { compareCommits, type CommitDiff } from "./report-diffs.ts";
import { readGrowth, thin, type Growth, type GrowthPoint, type TargetPoint } from "./report-growth.ts";
import { readReportCommits, type ReportCommit } from "./report-history.ts";
import { toRepoPath } from "./targets.ts";

export type { CommitDiff } from "./report-diffs.ts";
export type { GrowthPoint, TargetPoint } from "./report-growth.ts";
export type { ReportChange, ReportCommit } from "./report-history.ts";

/** Says what to report on. */
export interface ReportOptions {
  /** Targets, or folders that hold some; everything when empty. */
  readonly paths: readonly string[];
  /** The revision to report on; HEAD when absent. */
  readonly rev?: string | undefined;
  /** Leaves this revision and everything before it out. */
  readonly since?: string | undefined;
  /** How many commits are listed; 100 unless said otherwise. */
  readonly limit?: number | undefined;
  /** Of how many commits the insides are compared; 5 unless said otherwise. */
  readonly diffs?: number | undefined;
  readonly remote?: string | undefined;
  /** How much content may be fetched for one commit's comparison; nothing is fetched when absent. */
  readonly fetchLimit?: string | undefined;
}

/** Is a target as the report's revision has it. */
export interface ReportTarget {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  /** How many commits of the branch's own line changed it, as far as they were read. */
  readonly versions: number;
  /** Its sizes over these commits, the oldest first; at most 60. */
  readonly sizes: readonly TargetPoint[];
}

/** Is something that a report does not have. */
export interface ReportGap {
  readonly part: "targets" | "commits" | "growth";
  readonly reason: string;
}

/** Is what there is to tell of a repository's data. */
export interface ReportResult {
  readonly revision: { readonly name: string; readonly commit: string };
  readonly since?: { readonly name: string; readonly commit: string };
  readonly totals: { readonly targets: number; readonly files: number; readonly sizeBytes: number };
  readonly targets: readonly ReportTarget[];
  /** Pointers that cannot be read, or whose name mlv does not take; they are in no sum. */
  readonly unreadable: readonly UnsafePointer[];
  /** Sizes along the branch's own line, the oldest first; at most 400. */
  readonly growth: readonly GrowthPoint[];
  /** The youngest first. */
  readonly commits: readonly ReportCommit[];
  /** Of the youngest commits. */
  readonly diffs: readonly CommitDiff[];
  readonly gaps: readonly ReportGap[];
}

const LIMIT = 100;
const DIFFS = 5;
const MAX_TARGETS = 2000;
const MAX_TARGET_POINTS = 60;

/**
 * Gathers targets, growth, commits and the last commits' differences from Git's history, within bounds; no remote is asked unless `fetchLimit` says so.
 * Throws `revision-not-found`, `target-not-found`.
 */
export async function report(context: OperationContext, options: ReportOptions): Promise<ReportResult> {
  const isOffline = options.fetchLimit === undefined;
  return withWorkspace({ ...context, isOffline, retries: RETRIES_TO_LOOK }, async (workspace) => {
    const { repository } = workspace;
    const { signal } = context;
    const name = options.rev ?? "HEAD";
    const start = await resolveRevision(repository, name, { signal });
    const since = options.since === undefined ? undefined : await resolveRevision(repository, options.since, { signal });
    const selection = selectPaths(workspace, options.paths);
    const { isWanted } = selection;
    const here = await readPointersAt(workspace, start);
    const pointers = new Map([...here.pointers].filter(([target]) => isWanted(target)));
    const unreadable = [...here.unreadable, ...here.unsafe].filter(({ target }) => isWanted(target));
    const catFile = openCatFile(repository, { signal });
    try {
      const question = { start, since, isWanted };
      const growth = await readGrowth(workspace, catFile, { ...question, pointers });
      const { commits, isCut } = await readReportCommits(workspace, catFile, { ...question, limit: options.limit ?? LIMIT });
      selection.assertFound();
      const { fetchLimit, remote, diffs = DIFFS } = options;
      return {
        revision: { name, commit: start },
        ...(since === undefined ? {} : { since: { name: options.since ?? "", commit: since } }),
        totals: sum(pointers),
        targets: [...pointers].slice(0, MAX_TARGETS).map(([target, pointer]) => describeTarget(target, pointer, growth)),
        unreadable,
        growth: growth.points,
        commits,
        diffs: await compareCommits(workspace, commits.filter(isKnown).slice(0, diffs), { remote, fetchLimit }),
        gaps: [
          ...gap(pointers.size > MAX_TARGETS, "targets", `only the first ${MAX_TARGETS} targets are listed; the sums are of all`),
          ...gap(growth.isCut, "growth", "the history is long: its oldest part was not read, so versions and sizes begin later"),
          ...gap(
            isCut,
            "commits",
            `older commits are left out: only the last ${commits.length} that changed targets are listed (\`--limit\`)`,
          ),
          ...gap(
            !commits.every(isKnown),
            "commits",
            `what was before is not known: this clone is shallow, \`${UNSHALLOW}\` brings its history`,
          ),
        ],
      };
    } finally {
      await catFile.close();
    }
  });
}

/** False for a commit with which a shallow clone's history begins. */
function isKnown({ changes }: ReportCommit): boolean {
  return !changes.some(({ action }) => action === "present");
}

function sum(pointers: ReadonlyMap<RepoPath, Pointer>): ReportResult["totals"] {
  let [files, sizeBytes] = [0, 0];
  for (const pointer of pointers.values()) {
    files += pointer.files ?? 1;
    sizeBytes += pointer.size;
  }
  return { targets: pointers.size, files, sizeBytes };
}

function describeTarget(target: RepoPath, pointer: Pointer, { byTarget }: Growth): ReportTarget {
  const seen = byTarget.get(target) ?? [];
  return { target, pointer, versions: seen.length, sizes: thin(seen, MAX_TARGET_POINTS) };
}

function gap(isThere: boolean, part: ReportGap["part"], reason: string): ReportGap[] {
  return isThere ? [{ part, reason }] : [];
}

interface PathSelection {
  readonly isWanted: (target: string) => boolean;
  /** Throws `target-not-found` for a path that no target of the history met. */
  assertFound(): void;
}

function selectPaths(workspace: Workspace, paths: readonly string[]): PathSelection {
  if (paths.length === 0) return { isWanted: () => true, assertFound: () => undefined };
  const wanted = paths.map((given) => {
    const repoPath = toRepoPath(workspace, given);
    return { given, path: isPointerPath(repoPath) ? targetOf(repoPath) : repoPath, isMet: false };
  });
  return {
    isWanted: (target) => {
      const met = wanted.filter(({ path }) => isUnder(target, path));
      for (const entry of met) entry.isMet = true;
      return met.length > 0;
    },
    assertFound: () => {
      const missed = wanted.find(({ isMet }) => !isMet);
      if (missed === undefined) return;
      throw new MlvError("target-not-found", `\`${missed.given}\` is no target, and the history that was read has none of that name`, {
        hint: "`mlv ls` lists what is tracked; a path inside a folder has no history of its own",
        details: { path: missed.given },
      });
    },
  };
}
