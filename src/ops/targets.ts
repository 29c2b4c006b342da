import { quoteForShell } from "../base/shell-words.ts";
import * as fs from "node:fs";
import path from "node:path";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { compareUtf8, unsafePathReason } from "../base/safe-paths.ts";
import { POINTER_SUFFIX, type Pointer } from "../formats/pointer.ts";
import { readGitIndex } from "../git/git-index.ts";
import { isPointerPath, pointerPath, readPointer, targetOf } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";

/** Is a target with the paths inside it that were asked for; all of it when `only` is absent. */
export interface Selection {
  readonly target: RepoPath;
  readonly only?: readonly string[];
}

/** Is a target whose pointer is in conflict, damaged or of a newer mlv. */
export interface UnreadablePointer {
  readonly target: RepoPath;
  readonly problem: MlvError;
}

/** Returns a path as the repository sees it. Throws `path-outside-repository`. */
export function toRepoPath(workspace: Workspace, given: string): RepoPath {
  const absolute = path.resolve(workspace.context.cwd, given);
  const direct = path.relative(workspace.root, absolute);
  const relative = isInside(direct) ? direct : path.relative(workspace.root, resolveParent(absolute));
  if (!isInside(relative)) {
    throw new MlvError("path-outside-repository", `\`${given}\` is outside the repository \`${workspace.root}\``, {
      hint: "run the command in the repository that holds it, or copy the data into this one",
      details: { path: given },
    });
  }
  return relative.split(path.sep).join("/") as RepoPath;
}

function isInside(relative: string): boolean {
  return relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

/** The working directory may reach the repository through a symlink above it. */
function resolveParent(absolute: string): string {
  try {
    return path.join(fs.realpathSync(path.dirname(absolute)), path.basename(absolute));
  } catch {
    return absolute;
  }
}

/** Returns a repository path as the user would type it from where they are. */
export function toShownPath(workspace: Workspace, repoPath: string): string {
  return path.relative(workspace.context.cwd, path.join(workspace.root, repoPath)) || ".";
}

/** Returns a repository path as a word that the user can type in a shell where they are. */
export function toTypedPath(workspace: Workspace, repoPath: string): string {
  return quoteForShell(toShownPath(workspace, repoPath));
}

/**
 * Returns every target of the work tree, sorted: those whose pointer Git tracks or mlv materialised, and pointers beside these that Git does
 * not know yet. Names that Git holds but that mlv must not touch are left out.
 */
export async function listTargets(workspace: Workspace): Promise<RepoPath[]> {
  const gitIndex = await readGitIndex(workspace.repository, { suffixes: [POINTER_SUFFIX] });
  const pointers = new Set<string>(gitIndex?.entries.map((entry) => entry.path));
  for (const target of workspace.index.targets()) pointers.add(pointerPath(target));
  const known = new Set(pointers);
  const folders = new Set([
    "",
    ...[...pointers].map((pointer) => path.posix.dirname(pointer)).map((folder) => (folder === "." ? "" : folder)),
  ]);
  for (const folder of folders) {
    for (const name of readNames(path.join(workspace.root, folder))) {
      if (isPointerPath(name)) pointers.add(path.posix.join(folder, name));
    }
  }
  return [...pointers]
    .filter((pointer) => isPointerPath(pointer) && unsafePathReason(targetOf(pointer)) === undefined)
    .filter((pointer) => {
      const stat = fs.lstatSync(path.join(workspace.root, pointer), { throwIfNoEntry: false });
      // What took the place of a pointer that Git or mlv knows is a broken pointer; anything else of that name is none.
      return stat?.isFile() === true || (stat?.isDirectory() === false && known.has(pointer));
    })
    .map(targetOf)
    .sort(compareUtf8);
}

function readNames(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/** Returns the target that a path is or lies in, from its own and its parents' pointers on disk. */
export function enclosingTarget(workspace: Workspace, repoPath: string): RepoPath | undefined {
  for (let current = repoPath; current !== "" && current !== "."; current = path.posix.dirname(current)) {
    if (fs.existsSync(path.join(workspace.root, pointerPath(current)))) return current as RepoPath;
  }
  return undefined;
}

/**
 * Returns what the given paths select: a target, its pointer, a path inside one, or a folder that holds some; everything when none are given.
 * Throws `target-not-found` for a path that selects nothing, `path-outside-repository`.
 */
export async function selectTargets(workspace: Workspace, paths: readonly string[]): Promise<Selection[]> {
  const all = await listTargets(workspace);
  if (paths.length === 0) return all.map((target) => ({ target }));
  const chosen = new Map<RepoPath, string[] | undefined>();
  for (const given of paths) {
    const found = selectOne(all, toRepoPath(workspace, given));
    if (found.length === 0) throw targetNotFound(workspace, given, all);
    for (const { target, only } of found) {
      const before = chosen.get(target);
      const isWhole = only === undefined || (chosen.has(target) && before === undefined);
      chosen.set(target, isWhole ? undefined : [...(before ?? []), ...only]);
    }
  }
  return [...chosen].sort(([a], [b]) => compareUtf8(a, b)).map(([target, only]) => (only === undefined ? { target } : { target, only }));
}

function selectOne(all: readonly RepoPath[], repoPath: string): Selection[] {
  const asTarget = repoPath.endsWith(POINTER_SUFFIX) ? targetOf(repoPath) : undefined;
  const target = all.find((candidate) => candidate === repoPath) ?? all.find((candidate) => candidate === asTarget);
  if (target !== undefined) return [{ target }];
  const around = all.find((candidate) => repoPath.startsWith(`${candidate}/`));
  if (around !== undefined) return [{ target: around, only: [repoPath.slice(around.length + 1)] }];
  return all.filter((candidate) => repoPath === "" || candidate.startsWith(`${repoPath}/`)).map((candidate) => ({ target: candidate }));
}

function targetNotFound(workspace: Workspace, given: string, all: readonly string[]): MlvError {
  const exists = fs.existsSync(path.resolve(workspace.context.cwd, given));
  const near = all.find((target) => path.posix.basename(target) === path.basename(given));
  const hint = exists
    ? `track it with \`mlv add ${quoteForShell(given)}\``
    : near === undefined
      ? "`mlv ls` lists what is tracked"
      : `did you mean \`${toShownPath(workspace, near)}\`?`;
  return new MlvError("target-not-found", `\`${given}\` is no tracked target, nor inside one`, { hint, details: { path: given } });
}

/**
 * Sets aside the targets whose pointers cannot be read, so that they do not stand in the way of the others. Throws the problem of the first where all
 * of them are such.
 */
export function setUnreadableAside(
  workspace: Workspace,
  selections: readonly Selection[],
): { readonly readable: readonly Selection[]; readonly unreadable: readonly UnreadablePointer[] } {
  const readable: Selection[] = [];
  const unreadable: UnreadablePointer[] = [];
  for (const selection of selections) {
    try {
      requirePointer(workspace, selection.target);
      readable.push(selection);
    } catch (error) {
      if (!isMlvError(error, "pointer-conflicted", "pointer-malformed", "format-newer")) throw error;
      unreadable.push({ target: selection.target, problem: error });
    }
  }
  const [first] = unreadable;
  if (first !== undefined && readable.length === 0) throw first.problem;
  return { readable, unreadable };
}

/** Returns a target's pointer. Throws `target-not-found` when it has none, and what `readPointer` throws. */
export function requirePointer(workspace: Workspace, target: RepoPath): Pointer {
  const pointer = readPointer(workspace.root, target, workspace.context.cwd);
  if (pointer !== undefined) return pointer;
  throw new MlvError("target-not-found", `\`${target}\` has no pointer`, {
    hint: `track it with \`mlv add ${toTypedPath(workspace, target)}\``,
  });
}
