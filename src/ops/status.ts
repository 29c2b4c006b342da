import * as fs from "node:fs";
import path from "node:path";
import { isMlvError, type MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { LOCK_FILE } from "../formats/lock-merge.ts";
import { isSameVersion, type Pointer } from "../formats/pointer.ts";
import { findTracked, readGitIndex, type GitIndex } from "../git/git-index.ts";
import { readManifestRoot } from "../store/manifests.ts";
import { countMissing } from "../transfer/leaf-objects.ts";
import { compareTarget, type WorkspaceChange } from "../workspace/compare.ts";
import { findLeftovers, type Leftover } from "../workspace/leftovers.ts";
import { pointerPath, readPointer } from "../workspace/target.ts";
import { cacheMark } from "./cache-mark.ts";
import { withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { readPushedVersions, type PushedVersions } from "./pushed-versions.ts";
import { selectTargets, type Selection } from "./targets.ts";

/** Is the state of one target. */
export interface TargetStatus {
  readonly target: RepoPath;
  /** Absent when the pointer cannot be read. */
  readonly pointer?: Pointer;
  /** Why the pointer cannot be read. */
  readonly problem?: MlvError;
  /** True when nothing of the target is on disk and nothing ever was here. */
  readonly isAbsent: boolean;
  /** True when the workspace was made from another version than Git now has. */
  readonly isOutOfDate: boolean;
  /** True when Git does not track the pointer yet. */
  readonly isUntracked: boolean;
  /** The paths for `git add` when it does not: the pointer, and the ignore file beside the target. */
  readonly toStage?: readonly string[];
  /** True when a merge left the pointer in conflict. */
  readonly isConflicted: boolean;
  /** The side of the merge that deleted the pointer, when it is in conflict for that. */
  readonly deletedBy?: "ours" | "theirs";
  /** The target in which this one lies, which a merge can bring about; they cannot both be tracked. */
  readonly inside?: RepoPath;
  /** Differences to the version that the workspace was made from. */
  readonly changes: readonly WorkspaceChange[];
  /** Files of the version that were never materialised here. */
  readonly notHere: number;
  /** Files of the version whose content the cache lacks. */
  readonly notCached: number;
  /** False when the version is cached here and the remote is not known to have it; undefined without a remote. */
  readonly isPushed: boolean | undefined;
}

/** Is an `mlv.lock` that a merge left in conflict. */
export interface ConflictedLock {
  readonly path: RepoPath;
  /** The side of the merge that deleted it, when it is in conflict for that. */
  readonly deletedBy?: "ours" | "theirs";
}

/** Is the state of the workspace. */
export interface StatusResult {
  readonly targets: readonly TargetStatus[];
  /** Run records in conflict; looked for only when no path was named. */
  readonly locks: readonly ConflictedLock[];
  /** Data whose pointer is gone; looked for only when no path was named. */
  readonly leftovers: readonly Leftover[];
  /** The remote that `isPushed` speaks of. */
  readonly remote: string | undefined;
  readonly root: string;
}

/**
 * Compares the workspace with its pointers, the cache and what is known of the remote; asks nobody over the network and starts no process.
 * A pointer that cannot be read is a problem of its target, not a failure. Throws `not-a-repository`, `target-not-found`.
 */
export async function status(context: OperationContext, options: { readonly paths: readonly string[] }): Promise<StatusResult> {
  return withWorkspace(context, async (workspace) => {
    const gitIndex = await readGitIndex(workspace.repository, { suffixes: [".mlv", LOCK_FILE] });
    const selections = await selectTargets(workspace, options.paths);
    const pushed = selections.length === 0 ? undefined : await readPushedVersions(workspace);
    const parts = { gitIndex, pushed, mark: cacheMark(workspace.cache.folder) };
    const targets: TargetStatus[] = [];
    for (const selection of selections) targets.push(await statusWithRules(workspace, selection, parts));
    const overlapping = withOverlaps(targets);
    saveQuietly(workspace);
    const { root, index, cache } = workspace;
    const leftovers = options.paths.length === 0 ? findLeftovers({ root, index, cache, gitIndex }) : [];
    const locks = options.paths.length === 0 ? conflictedLocks(gitIndex) : [];
    return { targets: overlapping, locks, leftovers, remote: pushed?.remote, root };
  });
}

/** A merge of a branch that tracks a folder with one that tracks something inside it is clean for Git. */
function withOverlaps(targets: readonly TargetStatus[]): TargetStatus[] {
  const names = new Set(targets.map(({ target }) => target));
  return targets.map((target) => {
    for (let slash = target.target.lastIndexOf("/"); slash > 0; slash = target.target.lastIndexOf("/", slash - 1)) {
      const outer = target.target.slice(0, slash) as RepoPath;
      if (names.has(outer)) return { ...target, inside: outer };
    }
    return target;
  });
}

/** What status learned saves time later; a read-only repository must not make it fail. */
function saveQuietly(workspace: Workspace): void {
  try {
    workspace.index.save();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

/** Ignore rules matter only where something is new, so a workspace without news never loads them. */
async function statusWithRules(workspace: Workspace, selection: Selection, parts: StatusParts): Promise<TargetStatus> {
  let first: TargetStatus | undefined;
  try {
    first = statusOf(workspace, selection, parts);
  } catch (error) {
    if (!isMlvError(error, "name-not-utf8", "unsupported-file-type", "permission-denied")) throw error;
  }
  const hasNews = first === undefined || first.changes.some(({ kind }) => kind === "new" || kind === "renamed" || kind === "unsupported");
  const ignore = hasNews ? await workspace.ignore() : undefined;
  if (first !== undefined && ignore === undefined) return first;
  return statusOf(workspace, selection, { ...parts, ...(ignore === undefined ? {} : { isIgnored: ignore.ignores.bind(ignore) }) });
}

interface StatusParts {
  readonly gitIndex: GitIndex | undefined;
  readonly pushed: PushedVersions | undefined;
  readonly mark: string;
  readonly isIgnored?: (path: string, isFolder: boolean) => boolean;
}

function statusOf(workspace: Workspace, { target, only }: Selection, parts: StatusParts): TargetStatus {
  const tracked = findTracked(parts.gitIndex, pointerPath(target));
  const isConflicted = (tracked?.stage ?? 0) > 0;
  const inGit = {
    isUntracked: tracked === undefined,
    isConflicted,
    ...(isConflicted ? deletedBy(parts.gitIndex, pointerPath(target)) : {}),
  };
  const unknown = { target, isAbsent: false, isOutOfDate: false, ...inGit, changes: [], notHere: 0, notCached: 0, isPushed: undefined };
  let pointer: Pointer | undefined;
  try {
    pointer = readPointer(workspace.root, target, workspace.context.cwd);
  } catch (error) {
    if (!isMlvError(error)) throw error;
    return { ...unknown, problem: error };
  }
  if (pointer === undefined) return unknown;
  const info = workspace.index.target(target);
  const base = info?.pointer ?? pointer;
  const isOnDisk = fs.lstatSync(path.join(workspace.root, target), { throwIfNoEntry: false }) !== undefined;
  const isAbsent = !isOnDisk && info === undefined;
  const compareContext = {
    root: workspace.root,
    target,
    index: workspace.index,
    ...(parts.isIgnored === undefined ? {} : { isIgnored: parts.isIgnored }),
    cache: workspace.cache,
    onEvent: workspace.context.onEvent,
    signal: workspace.context.signal,
  };
  const compared = isAbsent ? { changes: [], present: 0, clean: 0 } : compareTarget(compareContext, base, only);
  const total = base.files ?? 1;
  const notNew = compared.changes.filter(
    (change) => change.kind === "modified" || change.kind === "deleted" || change.kind === "renamed",
  ).length;
  const notCached = countNotCached(workspace, target, pointer, parts.mark);
  const isKnownPushed = parts.pushed?.has(pointer);
  return {
    target,
    pointer,
    isAbsent,
    isOutOfDate: info !== undefined && !isSameVersion(info.pointer, pointer),
    ...inGit,
    ...(tracked === undefined ? { toStage: pathsToStage(workspace, target) } : {}),
    changes: compared.changes,
    notHere: only === undefined ? Math.max(0, total - compared.clean - notNew) : 0,
    notCached,
    // What is not here cannot be pushed from here: whoever added it may well have.
    isPushed: isKnownPushed === false && (notCached > 0 || isAbsent) ? undefined : isKnownPushed,
  };
}

/** `mlv add` writes both: who commits the pointer alone shows everybody else the data as something new. */
function pathsToStage({ root }: Workspace, target: RepoPath): string[] {
  const ignoreFile = path.posix.join(path.posix.dirname(target), ".gitignore");
  return [...(fs.existsSync(path.join(root, ignoreFile)) ? [ignoreFile] : []), pointerPath(target)];
}

function conflictedLocks(gitIndex: GitIndex | undefined): ConflictedLock[] {
  const paths = gitIndex?.entries.flatMap((entry) =>
    entry.stage > 0 && path.posix.basename(entry.path) === LOCK_FILE ? [entry.path] : [],
  );
  return [...new Set(paths)].map((file) => ({ path: file as RepoPath, ...deletedBy(gitIndex, file as RepoPath) }));
}

function deletedBy(gitIndex: GitIndex | undefined, file: RepoPath): Pick<TargetStatus, "deletedBy"> {
  const stages = new Set(gitIndex?.entries.filter((entry) => entry.path === file).map((entry) => entry.stage));
  return stages.has(OURS) === stages.has(THEIRS) ? {} : { deletedBy: stages.has(OURS) ? "theirs" : "ours" };
}

/** Are Git's stages of the two sides of a merge. */
const OURS = 2;
const THEIRS = 3;

/** Counts a version's files whose content the cache lacks; a target seen complete is looked at again only when the cache changed. */
function countNotCached(workspace: Workspace, target: RepoPath, pointer: Pointer, mark: string): number {
  const { cache, index } = workspace;
  if (pointer.kind === "file") return cache.has(pointer.sha256) ? 0 : 1;
  const info = index.target(target);
  const isCurrent = info !== undefined && isSameVersion(info.pointer, pointer);
  if (isCurrent && info.cacheMark === mark) return 0;
  if (!cache.has(pointer.sha256)) return pointer.files ?? 1;
  let missing = 0;
  try {
    for (const leaf of readManifestRoot(cache, pointer.sha256, `\`${target}\``).leaves) {
      const bytes = cache.readSmall(leaf.sha256);
      missing += bytes === undefined ? leaf.files : countMissing(cache, leaf, bytes);
    }
  } catch (error) {
    if (!isMlvError(error, "content-missing", "content-mismatch")) throw error;
    return pointer.files ?? 1;
  }
  if (missing === 0 && isCurrent) index.setTarget(target, info.pointer, mark);
  return missing;
}
