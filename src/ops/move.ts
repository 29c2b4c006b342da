import * as fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { syncFolder } from "../base/durable.ts";
import { fromSystemError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { unsafePathReason } from "../base/safe-paths.ts";
import { formatPointer, type Pointer } from "../formats/pointer.ts";
import { findTracked, readGitIndex } from "../git/git-index.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { AnchoredFolders, parentOf } from "../workspace/anchored.ts";
import { removeFile } from "../workspace/materialise.ts";
import { scanFile, type ScannedFile } from "../workspace/scan.ts";
import { isPointerPath, pointerPath, targetOf } from "../workspace/target.ts";
import type { IndexedFile } from "../workspace/workspace-index.ts";
import { prepareState, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { ignoreTarget, unignoreTarget, writePointer } from "./pointer-files.ts";
import { enclosingTarget, listTargets, requirePointer, toRepoPath, toTypedPath } from "./targets.ts";

/** Says what to rename; both paths are relative to the caller's folder. */
export interface MoveOptions {
  readonly from: string;
  /** The new name, or an existing folder to move into. */
  readonly to: string;
  /** Replaces a file that stands at the destination, keeping it in the cache first; a target there is never replaced. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Is what `move` did. */
export interface MoveResult {
  readonly from: RepoPath;
  readonly to: RepoPath;
  readonly pointer: Pointer;
  /** False when the target's data was not in the workspace. */
  readonly isDataMoved: boolean;
  /** Paths to stage, relative to the repository's root. */
  readonly toStage: readonly string[];
  readonly root: string;
}

/**
 * Renames a target with its pointer and ignore line. What the index knows of its files is kept, so nothing is hashed again.
 * Throws `target-not-found`, `target-exists`, `target-overlap`, `tracked-by-git`, `path-unsafe`.
 */
export async function move(context: OperationContext, options: MoveOptions): Promise<MoveResult> {
  return withWorkspace(context, async (workspace) => {
    if (!options.dryRun) prepareState(workspace);
    const from = await findSource(workspace, options.from);
    const pointer = requirePointer(workspace, from);
    const to = findDestination(workspace, from, options.to);
    await checkDestination(workspace, { from, to, options });
    const isDataMoved = lstat(workspace, from) !== undefined;
    const toStage = new Set<string>([pointerPath(from), pointerPath(to)]);
    if (options.dryRun) return { from, to, pointer, isDataMoved, toStage: [...toStage].sort(), root: workspace.root };
    try {
      await keepReplaced(workspace, to);
      await carryOut(workspace, { from, to, pointer, isDataMoved, toStage });
    } finally {
      workspace.index.save();
    }
    return { from, to, pointer, isDataMoved, toStage: [...toStage].sort(), root: workspace.root };
  });
}

async function findSource(workspace: Workspace, given: string): Promise<RepoPath> {
  const repoPath = toRepoPath(workspace, given);
  const targets = await listTargets(workspace);
  const asTarget = isPointerPath(repoPath) ? targetOf(repoPath) : undefined;
  const found = targets.find((target) => target === repoPath) ?? targets.find((target) => target === asTarget);
  if (found !== undefined) return found;
  const around = enclosingTarget(workspace, path.posix.dirname(repoPath));
  throw new MlvError("target-not-found", `\`${given}\` is no target`, {
    hint:
      around === undefined
        ? "`mlv ls` lists what is tracked"
        : `it lies inside \`${around}\`: rename it with \`mv\`, then \`mlv add ${toTypedPath(workspace, around)}\``,
    details: { path: given },
  });
}

/** A folder that stands there, and is no target, is moved into. */
function findDestination(workspace: Workspace, from: RepoPath, given: string): RepoPath {
  const repoPath = toRepoPath(workspace, given);
  const named = isPointerPath(repoPath) && isPointerPath(given) ? targetOf(repoPath) : repoPath;
  const isFolder = named === "" || (lstat(workspace, named)?.isDirectory() === true && !hasPointer(workspace, named));
  const to = isFolder || given.endsWith("/") ? path.posix.join(named, path.posix.basename(from)) : named;
  const reason = unsafePathReason(to);
  if (reason !== undefined)
    throw new MlvError("path-unsafe", `cannot move to \`${given}\`: ${reason}`, { hint: "choose another name", details: { path: given } });
  return targetOf(pointerPath(to));
}

interface Destination {
  readonly from: RepoPath;
  readonly to: RepoPath;
  readonly options: MoveOptions;
}

async function checkDestination(workspace: Workspace, { from, to, options }: Destination): Promise<void> {
  if (to === from) throw exists(to, "that is its name already");
  if (to.startsWith(`${from}/`)) throw new MlvError("target-overlap", `\`${to}\` would lie inside \`${from}\` itself`);
  const around = enclosingTarget(workspace, path.posix.dirname(to));
  if (around !== undefined) {
    throw new MlvError("target-overlap", `\`${to}\` would lie inside the target \`${around}\``, {
      hint: `to make it a part of that target: \`mlv remove ${toTypedPath(workspace, from)}\`, move the data, then \`mlv add ${toTypedPath(workspace, around)}\``,
      details: { path: to, target: around },
    });
  }
  if (hasPointer(workspace, to)) throw exists(to, "it is a target");
  const inner = (await listTargets(workspace)).find((target) => target.startsWith(`${to}/`));
  if (inner !== undefined) throw new MlvError("target-overlap", `\`${to}\` holds the target \`${inner}\``);
  const tracked = findTracked(await readGitIndex(workspace.repository), to);
  if (tracked !== undefined) {
    throw new MlvError("tracked-by-git", `Git tracks \`${tracked.path}\` already`, {
      hint: `choose another name, or take it out of Git: \`git rm --cached -- ${toTypedPath(workspace, tracked.path)}\``,
    });
  }
  const there = lstat(workspace, to);
  if (there !== undefined && !(options.force && there.isFile()))
    throw exists(to, there.isFile() ? "a file stands there" : "something stands there");
}

function exists(to: string, why: string): MlvError {
  return new MlvError("target-exists", `cannot move to \`${to}\`: ${why}`, {
    hint:
      why === "a file stands there"
        ? "choose another name, or replace it with `--force`, which keeps it in the cache"
        : "choose another name",
    details: { path: to },
  });
}

async function keepReplaced(workspace: Workspace, to: RepoPath): Promise<void> {
  const stat = lstat(workspace, to);
  if (stat === undefined) return;
  const stored = await new CacheWriter(workspace.cache).storeFile(path.join(workspace.root, to), { signal: workspace.context.signal });
  workspace.context.onEvent({
    type: "notice",
    level: "info",
    message: `the file that stood at \`${to}\` is kept in the cache as ${stored.sha256}`,
  });
}

interface Rename {
  readonly from: RepoPath;
  readonly to: RepoPath;
  readonly pointer: Pointer;
  readonly isDataMoved: boolean;
  readonly toStage: Set<string>;
}

/**
 * The new ignore line, the new pointer, the data, then the old pointer and its ignore line: a crash leaves both pointers naming the same version and
 * the data under one of the names, ignored by Git; the same command then says so, and `mlv checkout` or `mlv remove` mends it.
 */
async function carryOut(workspace: Workspace, { from, to, pointer, isDataMoved, toStage }: Rename): Promise<void> {
  const folders = new AnchoredFolders(workspace.root);
  try {
    folders.locate(parentOf(to), path.posix.basename(to), { create: true });
    if (ignoreTarget(workspace, to)) toStage.add(ignoreFile(to));
    writePointer(workspace, to, formatPointer(pointer));
    const known =
      pointer.kind === "file" && isDataMoved
        ? scanFile({ root: workspace.root, target: from, index: workspace.index }).files()[0]
        : undefined;
    if (isDataMoved) renameData(workspace, folders, { from, to });
    workspace.index.moveTarget(from, to, await recordAgain(workspace, to, known));
    removeFile(folders, parentOf(from), path.posix.basename(pointerPath(from)), parentOf(from));
    if (unignoreTarget(workspace, from)) toStage.add(ignoreFile(from));
    folders.removeEmpty(parentOf(from), "");
  } finally {
    folders.close();
  }
}

function renameData(workspace: Workspace, folders: AnchoredFolders, { from, to }: Pick<Rename, "from" | "to">): void {
  const source = folders.locate(parentOf(from), path.posix.basename(from), { create: false });
  const place = folders.locate(parentOf(to), path.posix.basename(to), { create: true });
  if (source === undefined || place === undefined) return;
  try {
    fs.renameSync(source, place);
    syncFolder(path.dirname(path.join(workspace.root, to)));
  } catch (error) {
    throw fromSystemError(error, "move", from);
  }
}

/** A rename changes a file's ctime: what was known to be unchanged before it is recorded anew, late enough not to count as racy. */
async function recordAgain(workspace: Workspace, to: RepoPath, known: ScannedFile | undefined): Promise<IndexedFile | undefined> {
  if (known?.known === undefined || !known.isUnchanged) return undefined;
  const stat = lstat(workspace, to);
  if (stat === undefined || stat.size !== known.stat.size || stat.mtimeMs !== known.stat.mtimeMs || stat.ino !== known.stat.ino)
    return undefined;
  await sleep(SETTLE_MS);
  const { size, mtimeMs, ctimeMs, ino } = stat;
  return { ...known.known, name: path.posix.basename(to), stat: { size, mtimeMs, ctimeMs, ino } };
}

const SETTLE_MS = 25;

function ignoreFile(target: string): string {
  return path.posix.join(path.posix.dirname(target), ".gitignore");
}

function hasPointer(workspace: Workspace, target: string): boolean {
  return fs.lstatSync(path.join(workspace.root, pointerPath(target)), { throwIfNoEntry: false }) !== undefined;
}

function lstat(workspace: Workspace, repoPath: string): fs.Stats | undefined {
  return fs.lstatSync(path.join(workspace.root, repoPath), { throwIfNoEntry: false });
}
