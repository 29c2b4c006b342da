import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { isSameVersion } from "../formats/pointer.ts";
import { outgoingPointers } from "../git/reachable.ts";
import { gitRecords, runGit } from "../git/run-git.ts";
import { isComplete } from "../transfer/fetch.ts";
import type { CheckoutResult } from "../workspace/checkout.ts";
import { isPointerPath } from "../workspace/target.ts";
import { checkoutSelections } from "./checkout.ts";
import { removeLeftovers, type RemovedLeftover } from "./leftovers.ts";
import { prepareCache, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { push, type OutgoingCommits, type PushResult } from "./push.ts";
import { readPointersAt, readPointersHere } from "./read-pointers.ts";
import { status } from "./status.ts";
import type { Selection } from "./targets.ts";

/** Is what the post-checkout or post-merge hook did. */
export interface CheckedOut {
  readonly targets: readonly CheckoutResult[];
  /** What was done with data whose pointer is gone. */
  readonly leftovers: readonly RemovedLeftover[];
  /** Targets whose version is not in the cache. */
  readonly notCached: readonly RepoPath[];
}

/**
 * Brings the workspace to the pointers that Git checked out, from the cache alone: what is not cached is named, edits are left alone, and what
 * is as its pointer says is not looked at, so a target that is only partly here stays so.
 */
export async function afterCheckout(context: OperationContext): Promise<CheckedOut> {
  return withWorkspace(context, async (workspace) => {
    const { pointers } = await readPointersHere(workspace);
    const selections: Selection[] = [];
    const notCached: RepoPath[] = [];
    for (const [target, pointer] of pointers) {
      const info = workspace.index.target(target);
      if (info !== undefined && isSameVersion(info.pointer, pointer)) continue;
      // Of what was never here all must be cached; a target that is here gets what there is, and what is missing is named.
      const isHere = isComplete(workspace.cache, { target, pointer, listOnly: info !== undefined });
      if (isHere) selections.push({ target });
      else notCached.push(target);
    }
    const leftovers = await removeLeftovers(workspace, { dryRun: false });
    if (selections.length === 0) return { targets: [], leftovers, notCached };
    await prepareCache(workspace);
    return { leftovers, targets: await checkoutSelections(workspace, selections, { force: false, dryRun: false }), notCached };
  });
}

const NO_COMMIT = /^0+$/;

/**
 * Pushes the data that the pushed commits name, before Git pushes the commits; `input` is what Git tells a pre-push hook, a line a ref, and
 * `gitRemote` what Git calls the remote. The tips' data must be had; of the commits behind them goes what the cache has.
 * Returns undefined when there is no data in them. Throws what `push` throws.
 */
export async function beforePush(context: OperationContext, input: string, gitRemote?: string): Promise<PushResult | undefined> {
  const refs = input.split("\n").flatMap((line) => {
    const [, local, , remote] = line.split(" ");
    return local === undefined || NO_COMMIT.test(local) ? [] : [{ local, remote }];
  });
  const known = refs.flatMap(({ remote }) => (remote === undefined || NO_COMMIT.test(remote) ? [] : [remote]));
  const commits = { tips: [...new Set(refs.map(({ local }) => local))], known, gitRemote };
  if (!(await withWorkspace(context, (workspace) => haveData(workspace, commits)))) return undefined;
  return push(context, { paths: [], allBranches: false, allTags: false, allCommits: false, dryRun: false, commits });
}

async function haveData(workspace: Workspace, { tips, known, gitRemote }: OutgoingCommits): Promise<boolean> {
  for (const commit of tips) {
    const { pointers, unreadable } = await readPointersAt(workspace, commit);
    if (pointers.size + unreadable.length > 0) return true;
  }
  // Who tracks nothing any more may have no remote any more either.
  if ((await workspace.configuration()).defaultRemote === undefined) return false;
  for await (const { path } of outgoingPointers(workspace.repository, { tips, known, remote: gitRemote, signal: workspace.context.signal }))
    if (isPointerPath(path)) return true;
  return false;
}

/** Is what the pre-commit hook has to warn of. */
export interface CommitWarnings {
  /** The work tree's folder, which the paths are relative to. */
  readonly root: string;
  /** Files that Git is about to take in whole. */
  readonly large: readonly { readonly path: string; readonly size: number }[];
  readonly modified: readonly RepoPath[];
  /** Targets whose version is on no remote as far as is known here. */
  readonly notPushed: readonly RepoPath[];
  /** Pointers that cannot be read. */
  readonly broken: readonly { readonly target: RepoPath; readonly message: string }[];
}

/** Is the size from which a file in Git is warned of, in bytes. */
const LARGE_BYTES = 5 * 1024 * 1024;

/** Looks at what is about to be committed, and at the targets; starts nothing over the network. */
export async function beforeCommit(context: OperationContext): Promise<CommitWarnings> {
  const { root, large } = await withWorkspace(context, async (workspace) => ({ root: workspace.root, large: await findLarge(workspace) }));
  const { targets } = await status(context, { paths: [] });
  return {
    root,
    large,
    modified: targets.filter(({ changes }) => changes.length > 0).map(({ target }) => target),
    notPushed: targets.filter(({ isPushed }) => isPushed === false).map(({ target }) => target),
    broken: targets.flatMap(({ target, problem }) => (problem === undefined ? [] : [{ target, message: problem.message }])),
  };
}

async function findLarge(workspace: Workspace): Promise<CommitWarnings["large"]> {
  const { repository, context } = workspace;
  const staged: { readonly oid: string; readonly path: string }[] = [];
  let oid: string | undefined;
  const args = ["diff", "--cached", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=AM", "-z"];
  for await (const record of gitRecords(repository, args, { signal: context.signal })) {
    if (record.startsWith(":")) oid = record.split(" ")[3];
    else if (oid !== undefined && !isPointerPath(record)) staged.push({ oid, path: record });
  }
  if (staged.length === 0) return [];
  const input = `${staged.map((file) => file.oid).join("\n")}\n`;
  const { stdout } = await runGit(repository, ["cat-file", "--batch-check=%(objectsize)"], { input, signal: context.signal });
  const sizes = stdout.toString("utf8").split("\n").map(Number);
  return staged.flatMap(({ path }, at) => {
    const size = sizes[at] ?? 0;
    return size >= LARGE_BYTES ? [{ path, size }] : [];
  });
}

/** Runs a hook that must never stop Git; returns what went wrong instead of throwing it, unless it is a bug. */
export async function withoutFailing<Result>(work: () => Promise<Result>): Promise<Result | MlvError> {
  try {
    return await work();
  } catch (error) {
    if (isMlvError(error) && error.kind !== "internal") return error;
    throw error;
  }
}
