import * as fs from "node:fs";
import path from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import type { AbsolutePath } from "../base/ids.ts";
import { configBoolean, configValue, parseGitConfig } from "./config-file.ts";
import { toAbsolutePath, type Repository } from "./repository.ts";

/** Is one work tree of a repository, linked or main. */
export interface Worktree {
  readonly gitDir: AbsolutePath;
  /** Its folder; undefined for the main one of a bare repository. The folder may be gone or on a disk that is not mounted. */
  readonly root: AbsolutePath | undefined;
}

/** Lists all work trees of a repository, the main one first, by reading Git's own files. */
export function listWorktrees(repository: Repository): Worktree[] {
  const { commonDir } = repository;
  const linked = readFolder(path.join(commonDir, "worktrees")).map((name): Worktree => {
    const gitDir = path.join(commonDir, "worktrees", name);
    const dotGit = readText(path.join(gitDir, "gitdir"))?.trimEnd();
    return worktree(gitDir, dotGit === undefined ? undefined : path.dirname(path.resolve(gitDir, dotGit)));
  });
  return [worktree(commonDir, mainRoot(commonDir)), ...linked];
}

/**
 * Returns the root that relative addresses in the repository's configuration start from: the main work tree's, so that every linked one means the same
 * folder; the own one where the main one is bare.
 */
export function addressRoot(repository: Repository): AbsolutePath {
  const { root, gitDir, commonDir } = repository;
  const main = gitDir === commonDir ? undefined : mainRoot(commonDir);
  return main === undefined ? root : toAbsolutePath(main);
}

/** Tells whether a repository is a submodule whose Git directory lies, as Git puts it, in that of another repository. */
export function isSubmodule({ commonDir }: Repository): boolean {
  const outer = /^(.*)[\\/]modules[\\/]/.exec(commonDir)?.[1];
  return outer !== undefined && fs.existsSync(path.join(outer, "HEAD")) && configuredWorktree(commonDir) !== undefined;
}

function configuredWorktree(commonDir: string): string | undefined {
  return configValue(parseGitConfig(readText(path.join(commonDir, "config")) ?? ""), "core.worktree");
}

function worktree(gitDir: string, root: string | undefined): Worktree {
  return { gitDir: toAbsolutePath(gitDir), root: root === undefined ? undefined : toAbsolutePath(root) };
}

function mainRoot(commonDir: string): string | undefined {
  const config = parseGitConfig(readText(path.join(commonDir, "config")) ?? "");
  const configured = configValue(config, "core.worktree");
  if (configured !== undefined) return path.resolve(commonDir, configured);
  return configBoolean(config, "core.bare") === true ? undefined : path.dirname(commonDir);
}

const SMALL_FILE_BYTES = 1024 * 1024;
// Where rebase, am, cherry-pick and revert keep the commits they will come back to, the autostash among them.
const STATE_FOLDERS = ["rebase-merge", "rebase-apply", "sequencer"];

/**
 * Returns every object id that a work tree's private files name and that `git log --all --reflog` may not start from: MERGE_HEAD,
 * ORIG_HEAD and their like, the state of a rebase under way, and refs and reflogs that belong to this work tree alone.
 */
export function privateObjectIds(gitDir: string, isLinked: boolean): Set<string> {
  const ids = new Set<string>();
  for (const name of readFolder(gitDir)) if (/^[A-Z_]+$/.test(name)) collectIds(path.join(gitDir, name), ids);
  for (const name of STATE_FOLDERS) collectTree(path.join(gitDir, name), ids);
  if (isLinked) for (const name of ["refs", "logs"]) collectTree(path.join(gitDir, name), ids);
  return ids;
}

function collectTree(folder: string, ids: Set<string>): void {
  for (const name of readFolder(folder, true)) collectIds(path.join(folder, name), ids);
}

function collectIds(file: string, ids: Set<string>): void {
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  // A patch that is being applied may be large; what names commits is small, except a reflog.
  if (stats?.isFile() !== true || (stats.size > SMALL_FILE_BYTES && !file.includes(`${path.sep}logs${path.sep}`))) return;
  for (const [id] of (readText(file) ?? "").matchAll(/\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b/g)) if (!/^0+$/.test(id)) ids.add(id);
}

function readFolder(folder: string, recursive = false): string[] {
  try {
    return fs.readdirSync(folder, { recursive, encoding: "utf8" }).sort();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return [];
    throw error;
  }
}

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
