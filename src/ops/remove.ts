import * as fs from "node:fs";
import path from "node:path";
import { throwIfAborted } from "../base/concurrency.ts";
import { syncFolder } from "../base/durable.ts";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { LOOSE_MIN_BYTES } from "../store/cache.ts";
import { hashFileNow, readSmallFile } from "../store/small-files.ts";
import { AnchoredFolders, parentOf } from "../workspace/anchored.ts";
import { removeFile } from "../workspace/materialise.ts";
import { scanFile, scanTree } from "../workspace/scan.ts";
import { isPointerPath, pointerPath, readPointer, targetOf } from "../workspace/target.ts";
import type { FileStat } from "../workspace/workspace-index.ts";
import { prepareState, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { unignoreTarget } from "./pointer-files.ts";
import { enclosingTarget, listTargets, toRepoPath, toTypedPath } from "./targets.ts";

/** Says what to stop tracking. */
export interface RemoveOptions {
  /** Targets, relative to the caller's folder. */
  readonly targets: readonly string[];
  /** Deletes the data in the workspace too. */
  readonly delete: boolean;
  /** Deletes edits that the cache does not hold; they are kept in the cache first. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Is what `remove` did to one target. */
export interface RemovedTarget {
  readonly target: RepoPath;
  /** Undefined when the pointer could not be read. */
  readonly pointer: Pointer | undefined;
  /** Files of the workspace that were deleted, and their bytes. */
  readonly deletedFiles: number;
  readonly deletedBytes: number;
  /** True when data of the target stays on disk, no longer ignored by Git. */
  readonly isDataKept: boolean;
}

/** Is what `remove` did. */
export interface RemoveResult {
  readonly targets: readonly RemovedTarget[];
  /** Paths to stage, relative to the repository's root. */
  readonly toStage: readonly string[];
  readonly root: string;
}

/**
 * Stops tracking targets: pointer, ignore line and index entry go, the data stays unless `delete`.
 * Throws `target-not-found`, and `target-modified` when `delete` meets edits that the cache does not hold and `force` is not set.
 */
export async function remove(context: OperationContext, options: RemoveOptions): Promise<RemoveResult> {
  return withWorkspace(context, async (workspace) => {
    if (!options.dryRun) prepareState(workspace);
    const all = await listTargets(workspace);
    const targets = [...new Set(options.targets.map((given) => findTarget(workspace, given, all)))];
    const plans = targets.map((target) => ({ target, pointer: readQuietly(workspace, target) }));
    const results: RemovedTarget[] = [];
    const toStage = new Set<string>();
    try {
      // Every refusal comes before the first deletion.
      const deletions = new Map<RepoPath, Deletion>();
      if (options.delete)
        for (const { target, pointer } of plans)
          deletions.set(target, await planDeletion(workspace, { target, pointer, force: options.force, dryRun: options.dryRun }));
      for (const { target, pointer } of plans) {
        const deletion = deletions.get(target);
        if (!options.dryRun) {
          if (deletion !== undefined) deleteData(workspace, target, deletion);
          forget(workspace, target, toStage);
        } else {
          toStage.add(pointerPath(target));
        }
        results.push({
          target,
          pointer,
          deletedFiles: deletion?.files.length ?? 0,
          deletedBytes: deletion?.files.reduce((sum, file) => sum + file.size, 0) ?? 0,
          isDataKept: fs.lstatSync(path.join(workspace.root, target), { throwIfNoEntry: false }) !== undefined && deletion === undefined,
        });
      }
    } finally {
      if (!options.dryRun) workspace.index.save();
    }
    return { targets: results, toStage: [...toStage].sort(), root: workspace.root };
  });
}

function findTarget(workspace: Workspace, given: string, all: readonly RepoPath[]): RepoPath {
  const repoPath = toRepoPath(workspace, given);
  const asTarget = isPointerPath(repoPath) ? targetOf(repoPath) : undefined;
  const found = all.find((target) => target === repoPath) ?? all.find((target) => target === asTarget);
  if (found !== undefined) return found;
  const around = enclosingTarget(workspace, path.posix.dirname(repoPath));
  throw new MlvError(
    "target-not-found",
    `\`${given}\` is no target${around === undefined ? "" : `, but lies inside the target \`${around}\``}`,
    {
      hint: around === undefined ? "`mlv ls` lists what is tracked" : `delete the file, then \`mlv add ${toTypedPath(workspace, around)}\``,
      details: { path: given },
    },
  );
}

/** A broken pointer must not keep its target from being removed. */
function readQuietly(workspace: Workspace, target: RepoPath): Pointer | undefined {
  try {
    return readPointer(workspace.root, target, workspace.context.cwd);
  } catch (error) {
    if (!isMlvError(error)) throw error;
    return undefined;
  }
}

function forget(workspace: Workspace, target: RepoPath, toStage: Set<string>): void {
  // The pointer goes first: a crash after it leaves an ignored file that nobody tracks, never a tracked one that Git sees.
  fs.rmSync(path.join(workspace.root, pointerPath(target)), { force: true });
  syncFolder(path.dirname(path.join(workspace.root, target)));
  toStage.add(pointerPath(target));
  if (unignoreTarget(workspace, target)) toStage.add(path.posix.join(path.posix.dirname(target), ".gitignore"));
  workspace.index.removeTarget(target);
}

interface DeletedFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly size: number;
}

interface Deletion {
  readonly files: readonly DeletedFile[];
}

interface DeletionRequest {
  readonly target: RepoPath;
  readonly pointer: Pointer | undefined;
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Lists what would be deleted. What the cache does not hold refuses, or goes into the cache first with `force`. */
async function planDeletion(workspace: Workspace, request: DeletionRequest): Promise<Deletion> {
  const { target, force, dryRun } = request;
  const { root, index, cache } = workspace;
  const place = { root, target, index };
  const isFolder = fs.lstatSync(path.join(root, target), { throwIfNoEntry: false })?.isDirectory() === true;
  const writer = new CacheWriter(cache);
  const files: DeletedFile[] = [];
  const unsaved: string[] = [];
  try {
    for (const scanned of isFolder ? scanTree(place) : [scanFile(place)]) {
      for (const file of scanned.files()) {
        throwIfAborted(workspace.context.signal);
        const relative = isFolder ? path.posix.join(target, scanned.folder, file.name) : target;
        files.push({ path: relative, size: file.stat.size });
        if (file.isUnchanged && file.known !== undefined && cache.has(file.known.sha256)) continue;
        const absolute = path.join(root, relative);
        if (cache.has(hashFileNow(absolute, file.stat))) continue;
        if (!force) unsaved.push(relative);
        else if (!dryRun) await keep(writer, absolute, file.stat);
      }
      for (const other of scanned.others) if (!force) unsaved.push(path.posix.join(target, scanned.folder, isFolder ? other.name : ""));
    }
    if (unsaved.length > 0) throw notSaved(workspace, target, unsaved);
    writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  }
  return { files };
}

async function keep(writer: CacheWriter, file: string, stat: FileStat): Promise<void> {
  if (stat.size >= LOOSE_MIN_BYTES) {
    await writer.storeFile(file);
    return;
  }
  const { sha256, data } = readSmallFile(file, stat);
  writer.addSmall(sha256, data);
}

function deleteData(workspace: Workspace, target: RepoPath, { files }: Deletion): void {
  const folders = new AnchoredFolders(workspace.root);
  try {
    for (const file of files) removeFile(folders, parentOf(file.path), path.posix.basename(file.path), parentOf(target));
    folders.removeEmpty(target, parentOf(target));
  } finally {
    folders.close();
  }
}

function notSaved(workspace: Workspace, target: string, unsaved: readonly string[]): MlvError {
  const [first = ""] = unsaved;
  const more = unsaved.length > 1 ? ` and ${unsaved.length - 1} more` : "";
  return new MlvError(
    "target-modified",
    `\`${first}\`${more} would be lost: the cache does not hold ${unsaved.length > 1 ? "them" : "it"}`,
    {
      hint: `record the edits with \`mlv add ${toTypedPath(workspace, target)}\`, or delete them all the same with \`--force\`, which keeps regular files in the cache`,
      details: { target, paths: unsaved.slice(0, 20) },
    },
  );
}
