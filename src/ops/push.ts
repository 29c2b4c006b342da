import type { RepoPath } from "../base/ids.ts";
import { isMlvError, MlvError } from "../base/errors.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { outgoingPointers, pointersOf } from "../git/reachable.ts";
import { isPointerPath, readPointer, targetOf } from "../workspace/target.ts";
import { CompleteLeaves } from "../transfer/leaf-objects.ts";
import { isComplete } from "../transfer/fetch.ts";
import { pushVersions, type PushSummary, type VersionToPush } from "../transfer/push.ts";
import { ancestorsOf } from "./history.ts";
import { prepareCache, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import type { PointerBlob } from "../git/revisions.ts";
import { readPushedVersions } from "./pushed-versions.ts";
import { readPointersAt } from "./read-pointers.ts";
import { withMending } from "./with-mending.ts";
import { assertRemote, namingRemote, withRemote } from "./remote-session.ts";
import { selectTargets } from "./targets.ts";

/** Says what to push. */
export interface PushOptions {
  readonly paths: readonly string[];
  readonly remote?: string | undefined;
  readonly allBranches: boolean;
  readonly allTags: boolean;
  readonly allCommits: boolean;
  readonly dryRun: boolean;
  /** Sends what these commits name, and what the commits behind them name and the cache has, instead of what the work tree and HEAD do. */
  readonly commits?: OutgoingCommits | undefined;
}

/** Are the commits of a `git push`. */
export interface OutgoingCommits {
  readonly tips: readonly string[];
  /** What the other side has already. */
  readonly known: readonly string[];
  /** Git's name of the remote. */
  readonly gitRemote?: string | undefined;
}

/** Is what a push did. */
export interface PushResult extends PushSummary {
  readonly remote: string;
  readonly url: string;
  /** Requests made, retries included. */
  readonly requests: number;
}

/**
 * Makes the remote hold the versions that the work tree's pointers and HEAD's name, and more with `all…`.
 * Returns only when every blob they need was seen on the remote. Throws `content-missing`, `remote-…`; a second run resumes.
 */
export async function push(context: OperationContext, options: PushOptions): Promise<PushResult> {
  return withWorkspace(context, async (workspace) => {
    await assertRemote(workspace, options.remote);
    await prepareCache(workspace);
    const versions = await collectVersions(workspace, options);
    return withRemote(workspace, options.remote, async (session) => {
      const { config, remote, requests, store } = session;
      const pushAll = (): Promise<PushSummary> =>
        pushVersions(
          { cache: workspace.cache, store, jobs: workspace.jobs, onEvent: context.onEvent, signal: context.signal, dryRun: options.dryRun },
          versions,
        );
      const summary = await namingRemote(session, "push to", () => withMending(workspace, options.remote, pushAll));
      return { ...summary, requests: requests(), remote: config.name, url: remote.url };
    });
  });
}

async function collectVersions(workspace: Workspace, options: PushOptions): Promise<VersionToPush[]> {
  if (options.commits !== undefined) return versionsOfCommits(workspace, options.commits);
  const selected = await selectTargets(workspace, options.paths);
  const wanted = new Set<string>(selected.map(({ target }) => target));
  const versions = new Map<string, VersionToPush>();
  const include = (target: RepoPath, pointer: Pointer): void => {
    const key = `${target}\0${pointer.sha256}`;
    if (!versions.has(key)) versions.set(key, { target, pointer, ancestors: () => ancestorsBefore(workspace, target, pointer) });
  };
  for (const { target } of selected) {
    const pointer = readPointer(workspace.root, target, workspace.context.cwd);
    if (pointer !== undefined) include(target, pointer);
  }
  for await (const blob of pointersOf(workspace.repository, { ...options, signal: workspace.context.signal })) {
    if (!isPointerPath(blob.path)) continue;
    const target = targetOf(blob.path);
    if (options.paths.length > 0 && !wanted.has(target)) continue;
    try {
      include(target, parsePointer(blob.content.toString("utf8"), blob.path));
    } catch (error) {
      if (!isMlvError(error)) throw error;
      workspace.context.onEvent({ type: "notice", level: "warning", message: `left out: ${error.message}` });
    }
  }
  return [...versions.values()];
}

/** Throws `partly-done` for a pointer that cannot be read: a push that is asked for by commit must be whole. */
async function versionsOfCommits(workspace: Workspace, commits: OutgoingCommits): Promise<VersionToPush[]> {
  const versions = await versionsBehind(workspace, commits);
  for (const commit of commits.tips) {
    const { pointers, unreadable } = await readPointersAt(workspace, commit);
    if (unreadable[0] !== undefined) {
      throw new MlvError("partly-done", `cannot push the data of ${commit}: ${unreadable[0].message}`, {
        hint: "commit a pointer that can be read (`mlv add` writes it anew), or push the other targets by name: `mlv push PATH`",
        details: { commit },
      });
    }
    for (const [target, pointer] of pointers)
      versions.set(`${target}\0${pointer.sha256}`, { target, pointer, ancestors: () => ancestorsBefore(workspace, target, pointer) });
  }
  return [...versions.values()];
}

/** Returns the versions that the commits behind the tips wrote, oldest first: those that no remote is known to have and the cache has whole. */
async function versionsBehind(workspace: Workspace, { tips, known, gitRemote }: OutgoingCommits): Promise<Map<string, VersionToPush>> {
  const { cache, context, repository } = workspace;
  const pushed = await readPushedVersions(workspace);
  const complete = new CompleteLeaves(cache);
  const versions = new Map<string, VersionToPush>();
  for await (const blob of outgoingPointers(repository, { tips, known, remote: gitRemote, signal: context.signal })) {
    if (!isPointerPath(blob.path)) continue;
    const target = targetOf(blob.path);
    const pointer = readBlob(blob);
    if (pointer === undefined || pushed?.has(pointer) === true || !isComplete(cache, { target, pointer }, complete)) continue;
    versions.set(`${target}\0${pointer.sha256}`, { target, pointer, ancestors: () => ancestorsBefore(workspace, target, pointer) });
  }
  return versions;
}

/** A pointer that an earlier commit broke and a later one mended is nobody's any more. */
function readBlob({ path, content }: PointerBlob): Pointer | undefined {
  try {
    return parsePointer(content.toString("utf8"), path);
  } catch (error) {
    if (isMlvError(error)) return undefined;
    throw error;
  }
}

async function ancestorsBefore(workspace: Workspace, target: RepoPath, pointer: Pointer): Promise<Pointer[]> {
  const ancestors = await ancestorsOf(workspace, target);
  return ancestors.filter((ancestor) => ancestor.sha256 !== pointer.sha256);
}
