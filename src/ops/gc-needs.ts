import * as fs from "node:fs";
import path from "node:path";
import { isMlvError } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { reachablePointerBlobs } from "../git/reachable.ts";
import { findRepository, type Repository } from "../git/repository.ts";
import { listWorktrees } from "../git/worktrees.ts";
import { KnownHeads } from "../transfer/known-heads.ts";
import { isPointerPath, pointerPath, targetOf } from "../workspace/target.ts";
import { WorkspaceIndex } from "../workspace/workspace-index.ts";
import { openWorkspace, type OperationContext } from "./open-workspace.ts";
import { listTargets } from "./targets.ts";

/** Is what repositories need of a store. */
export interface Needs {
  /** Versions, and hashes of unknown kind from lock files and broken pointers, each with a target that it belongs to. */
  readonly versions: Map<Sha256, string>;
  /** Versions that some remote is known to have. */
  readonly pushed: Set<Sha256>;
}

/**
 * Adds what one repository holds on to: what any ref, reflog entry, stash, work tree or Git index names, pointers of its work trees, and the
 * versions that their workspaces were made from. Throws `git-failed`, `format-newer`, `not-a-repository`, `path-not-found`: what cannot be
 * read must block deletion.
 */
export async function collectNeeds(needs: Needs, root: string, context: OperationContext): Promise<void> {
  const repository = findRepository(root, root === context.cwd ? context.env : {});
  for await (const blob of reachablePointerBlobs(repository, { signal: context.signal })) {
    needText(needs, blob.content.toString("utf8"), blob.path);
  }
  await collectWorktrees(needs, repository, context);
  collectState(needs, path.join(repository.commonDir, "mlv"));
}

/** Adds what the work trees name now: cheap enough to look once more before anything is deleted. */
export async function collectWorktrees(needs: Needs, repository: Repository, context: OperationContext): Promise<void> {
  const roots = new Set<string>([repository.root]);
  // A work tree that is gone has nothing to name; what its workspace was made from is in its index.
  for (const { root } of listWorktrees(repository)) if (root !== undefined && fs.existsSync(path.join(root, ".git"))) roots.add(root);
  for (const root of roots) {
    const env = root === repository.root ? context.env : withoutGit(context.env);
    const workspace = await openWorkspace({ ...context, cwd: root, env });
    try {
      for (const target of await listTargets(workspace)) {
        const file = path.join(workspace.root, pointerPath(target));
        if (fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() === true)
          needText(needs, fs.readFileSync(file, "utf8"), pointerPath(target));
      }
    } finally {
      workspace.close();
    }
  }
}

function withoutGit(env: OperationContext["env"]): OperationContext["env"] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("GIT_")));
}

/** Adds what the indexes of all work trees were made from, and what the remotes are known to have. */
function collectState(needs: Needs, stateFolder: string): void {
  for (const name of readNames(path.join(stateFolder, "index"))) {
    const index = new WorkspaceIndex(path.join(stateFolder, "index", name), path.join(stateFolder, "tmp"));
    for (const target of index.targets()) {
      const pointer = index.target(target)?.pointer;
      if (pointer !== undefined) need(needs, pointer.sha256, target);
    }
  }
  for (const remote of readNames(path.join(stateFolder, "remotes"))) {
    for (const version of new KnownHeads(stateFolder, remote).versions()) needs.pushed.add(version);
  }
}

/** A pointer that cannot be parsed, and a lock file, hold on to everything in them that looks like a hash. */
function needText(needs: Needs, text: string, where: string): void {
  let pointer: Pointer | undefined;
  try {
    pointer = isPointerPath(where) ? parsePointer(text, where) : undefined;
  } catch (error) {
    if (!isMlvError(error, "pointer-malformed", "pointer-conflicted")) throw error;
  }
  const target = isPointerPath(where) ? targetOf(where) : where;
  if (pointer !== undefined) need(needs, pointer.sha256, target);
  else for (const [hash] of text.matchAll(/\b[0-9a-f]{64}\b/g)) need(needs, hash as Sha256, target);
}

function need(needs: Needs, hash: Sha256, target: string): void {
  if (!needs.versions.has(hash)) needs.versions.set(hash, target);
}

function readNames(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
