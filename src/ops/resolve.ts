import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import { LOCK_FILE, mergeLockFiles } from "../formats/lock-merge.ts";
import { formatPointer, parsePointer, type Pointer } from "../formats/pointer.ts";
import { openCatFile } from "../git/cat-file.ts";
import { readGitIndex } from "../git/git-index.ts";
import { isPointerPath, pointerPath, targetOf } from "../workspace/target.ts";
import { parsePointerQuietly } from "./history.ts";
import { mergeFolders } from "./merge-folders.ts";
import { prepareCache, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { isLockFile } from "./merge-pointer.ts";
import { writeInWorkspace, writePointer } from "./pointer-files.ts";
import { toRepoPath, toTypedPath } from "./targets.ts";

/** Says how conflicts are settled. */
export interface ResolveOptions {
  /** Targets, their pointers, or `mlv.lock`s; everything of these in conflict when empty. */
  readonly paths: readonly string[];
  /** Which side's version is taken, or with `union` which side wins where both changed the same file. */
  readonly side: "ours" | "theirs";
  /** Merges folders file by file, and run records stage by stage, instead of taking one side whole. */
  readonly union: boolean;
  /** Writes nothing outside the cache. */
  readonly dryRun: boolean;
}

/** Is one target whose conflict was settled. */
export interface ResolvedTarget {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  /** Files that both sides changed and that the preferred side won. */
  readonly settled: number;
}

/** Is one `mlv.lock` whose conflict was settled. */
export interface ResolvedLock {
  readonly path: RepoPath;
  /** Stages and other keys that both sides changed and that the preferred side won. */
  readonly settled: readonly string[];
}

/** Is what `resolve` did. */
export interface ResolveResult {
  readonly targets: readonly ResolvedTarget[];
  readonly locks: readonly ResolvedLock[];
  /** What is no folder on both sides, and so stays in conflict when `union` was asked for without a path. */
  readonly left: readonly RepoPath[];
  /** Paths to stage, relative to the repository's root. */
  readonly toStage: readonly string[];
  readonly root: string;
}

/**
 * Settles conflicts of pointers and run records from the versions that Git's index keeps of them, and writes what is chosen once all of it is; stages
 * nothing.
 * Throws `target-not-found` for what is in no conflict, `usage` for a union of what is no folder or a side that deleted the pointer.
 */
export async function resolveConflicts(context: OperationContext, options: ResolveOptions): Promise<ResolveResult> {
  return withWorkspace(context, async (workspace) => {
    const stages = await readStages(workspace);
    const wanted = options.paths.length === 0 ? [...stages.keys()] : options.paths.map((given) => asTarget(workspace, given));
    for (const [place, target] of wanted.entries()) {
      if (stages.has(target)) continue;
      throw new MlvError("target-not-found", `\`${options.paths[place] ?? target}\` is in no conflict`, {
        hint: "`git status` lists what is",
        details: { path: target },
      });
    }
    await prepareCache(workspace);
    const targets: ResolvedTarget[] = [];
    const locks: (ResolvedLock & { readonly text: string })[] = [];
    const left: RepoPath[] = [];
    const isAll = options.paths.length === 0;
    for (const target of wanted) {
      const versions = stages.get(target) ?? {};
      if (isLockFile(target)) locks.push(settleLock(workspace, { path: target, ...versions }, options));
      else if (isAll && options.union && wanted.length > 1 && !isFolderOnBothSides(target, versions)) left.push(target);
      else targets.push(await settle(workspace, { target, ...versions }, options));
    }
    if (!options.dryRun) {
      for (const { path, text } of locks) writeInWorkspace(workspace, path, text);
      for (const { target, pointer } of targets) writePointer(workspace, target, formatPointer(pointer));
    }
    const toStage = [...locks.map(({ path }) => path), ...targets.map(({ target }) => pointerPath(target))].sort(compareUtf8);
    return { targets, locks: locks.map(({ path, settled }) => ({ path, settled })), left, toStage, root: workspace.root };
  });
}

interface Stages {
  readonly base?: string;
  readonly ours?: string;
  readonly theirs?: string;
}

const STAGES = { 1: "base", 2: "ours", 3: "theirs" } as const;

/** Returns the versions of what is in conflict: a pointer's by its target, a lock file's by its path. */
async function readStages(workspace: Workspace): Promise<Map<RepoPath, Stages>> {
  const index = await readGitIndex(workspace.repository, { suffixes: [".mlv", LOCK_FILE] });
  const found = new Map<RepoPath, Stages>();
  const catFile = openCatFile(workspace.repository, { signal: workspace.context.signal });
  try {
    for (const { path, oid, stage } of index?.entries ?? []) {
      const name = STAGES[stage as keyof typeof STAGES] as (typeof STAGES)[keyof typeof STAGES] | undefined;
      if (name === undefined || !(isPointerPath(path) || isLockFile(path))) continue;
      const object = await catFile.read(oid);
      const target = isLockFile(path) ? (path as RepoPath) : targetOf(path);
      if (object !== undefined) found.set(target, { ...found.get(target), [name]: object.content.toString("utf8") });
    }
  } finally {
    await catFile.close();
  }
  return found;
}

function asTarget(workspace: Workspace, given: string): RepoPath {
  const repoPath = toRepoPath(workspace, given);
  return isPointerPath(repoPath) ? targetOf(repoPath) : repoPath;
}

function settleLock(
  workspace: Workspace,
  { path, base = "", ours, theirs }: Stages & { readonly path: RepoPath },
  { side, union }: ResolveOptions,
): ResolvedLock & { readonly text: string } {
  if (union && ours !== undefined && theirs !== undefined) {
    const merged = choosing(workspace, path, () => mergeLockFiles({ base, ours, theirs, where: path }, side));
    return { path, settled: [...merged.stages, ...merged.keys], text: merged.text };
  }
  const text = side === "ours" ? ours : theirs;
  if (text === undefined) throw deletedBy(workspace, side, { shown: path, file: path });
  return { path, settled: [], text };
}

function deletedBy(
  workspace: Workspace,
  side: "ours" | "theirs",
  { shown, file }: { readonly shown: string; readonly file: string },
): MlvError {
  const [word, fileWord] = [toTypedPath(workspace, shown), toTypedPath(workspace, file)];
  return new MlvError("usage", `${side === "ours" ? "our" : "their"} side deleted \`${shown}\``, {
    hint: `to delete it: \`git rm ${fileWord}\`; to keep it: \`mlv resolve --${side === "ours" ? "theirs" : "ours"} ${word}\``,
    details: { target: shown },
  });
}

/** Runs `work`; of a version that cannot be read the hint is to choose another, which `side` was not. */
function choosing<Result>(workspace: Workspace, shown: RepoPath, work: () => Result, side?: "ours" | "theirs"): Result {
  try {
    return work();
  } catch (error) {
    if (!isMlvError(error, "pointer-malformed", "pointer-conflicted", "lock-malformed")) throw error;
    const word = toTypedPath(workspace, shown);
    const sides = ["ours", "theirs"].filter((one) => one !== side).map((one) => `\`mlv resolve --${one} ${word}\``);
    throw new MlvError(error.code, error.message, {
      hint: `take ${sides.length > 1 ? "one" : "the other"} side whole: ${sides.join(" or ")}`,
      ...(error.details === undefined ? {} : { details: error.details }),
      cause: error,
    });
  }
}

function isFolderOnBothSides(target: RepoPath, { ours, theirs }: Stages): boolean {
  return [ours, theirs].every((text) => text !== undefined && parsePointerQuietly(Buffer.from(text), target)?.kind === "dir");
}

async function settle(
  workspace: Workspace,
  { target, base, ours, theirs }: Stages & { readonly target: RepoPath },
  { side, union }: ResolveOptions,
): Promise<ResolvedTarget> {
  const where = pointerPath(target);
  const parse = (text: string, version: string): Pointer =>
    choosing(workspace, target, () => parsePointer(text, { path: where, version }), union ? undefined : side);
  if (!union) {
    const text = side === "ours" ? ours : theirs;
    if (text !== undefined) return { target, pointer: parse(text, side), settled: 0 };
    throw deletedBy(workspace, side, { shown: target, file: where });
  }
  const [left, right] = [ours === undefined ? undefined : parse(ours, "ours"), theirs === undefined ? undefined : parse(theirs, "theirs")];
  if (left?.kind !== "dir" || right?.kind !== "dir") {
    const word = toTypedPath(workspace, target);
    throw new MlvError("usage", `\`${target}\` is no folder on both sides, so there is nothing to unite`, {
      hint: `choose one: \`mlv resolve --ours ${word}\` or \`mlv resolve --theirs ${word}\``,
      details: { target },
    });
  }
  const ancestor = base === undefined ? undefined : parse(base, "common ancestor");
  const versions = { target, base: ancestor?.kind === "dir" ? ancestor : undefined, ours: left, theirs: right };
  const merged = await mergeFolders(workspace, versions, side);
  if (merged.pointer !== undefined) return { target, pointer: merged.pointer, settled: merged.conflicts.length };
  const first = merged.conflicts.find(({ kind }) => kind === "file-and-folder")?.path ?? "";
  const word = toTypedPath(workspace, target);
  throw new MlvError("usage", `\`${target}/${first}\` is a file on one side and a folder on the other`, {
    hint: `choose one side: \`mlv resolve --ours ${word}\` or \`mlv resolve --theirs ${word}\`, then add the other files again`,
    details: { target, path: first },
  });
}
