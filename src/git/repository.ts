import * as fs from "node:fs";
import path from "node:path";
import { MlvError, systemErrorCode } from "../base/errors.ts";
import type { AbsolutePath } from "../base/ids.ts";
import { configBoolean, configValue, parseGitConfig, type GitConfigValues } from "./config-file.ts";

/** Is a process environment, or a part of one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Says where one work tree of a Git repository lies; found without starting Git. */
export interface Repository {
  /** The work tree's root, with every symlink resolved. */
  readonly root: AbsolutePath;
  /** The Git directory of this work tree: HEAD, index and pseudo-refs lie here. */
  readonly gitDir: AbsolutePath;
  /** The Git directory that all work trees share: objects, branches, configuration, and mlv's own `mlv/`. */
  readonly commonDir: AbsolutePath;
  /** `main`, or the linked work tree's name (`main~` for one that is called main itself); safe as a file name. */
  readonly worktreeId: string;
  /** The index of this work tree, or what GIT_INDEX_FILE named. */
  readonly indexFile: AbsolutePath;
  readonly objectFormat: "sha1" | "sha256";
  readonly refStorage: "files" | "other";
  /** The GIT_* variables that make a child Git see the same repository; empty when it finds it by itself. */
  readonly environment: Environment;
}

/**
 * Finds the repository that a folder belongs to, as Git does: `.git` folders and files upwards, or GIT_DIR, GIT_WORK_TREE,
 * GIT_COMMON_DIR and GIT_INDEX_FILE when `env` holds them. Starts no process.
 * Throws `not-a-repository` (also for bare repositories and inside `.git`), `path-not-found` when the folder is missing.
 */
export function findRepository(startDirectory: string, env: Environment = {}): Repository {
  const start = realFolder(startDirectory);
  const fromEnvironment = env["GIT_DIR"];
  if (fromEnvironment !== undefined && fromEnvironment !== "") return openFromEnvironment(start, fromEnvironment, env);
  for (let folder = start; ;) {
    const gitDir = gitDirOf(path.join(folder, ".git"));
    if (gitDir !== undefined) return openRepository(gitDir, { folder, start, env });
    if (isGitDir(folder)) throw withoutWorkTree(folder);
    const parent = path.dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  throw new MlvError("not-a-repository", `\`${start}\` is not inside a Git repository`, {
    hint: "change into a Git repository, or make one here: `git init`",
    details: { path: start },
  });
}

function realFolder(directory: string): string {
  const absolute = path.resolve(directory);
  try {
    return fs.realpathSync.native(absolute);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT" && systemErrorCode(error) !== "ENOTDIR") throw error;
    throw new MlvError("path-not-found", `the folder \`${absolute}\` does not exist`, { details: { path: absolute }, cause: error });
  }
}

function withoutWorkTree(gitDir: string): MlvError {
  return new MlvError("not-a-repository", `\`${gitDir}\` is a Git directory or bare repository without a work tree`, {
    hint: "run mlv in a clone that has files checked out: `git clone`, or `git worktree add`",
    details: { path: gitDir },
  });
}

/** Returns the Git directory behind a `.git` folder or file; undefined when there is none, as Git skips an empty `.git` folder. */
function gitDirOf(dotGit: string): string | undefined {
  const stats = fs.statSync(dotGit, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) return isGitDir(dotGit) ? dotGit : undefined;
  if (!stats.isFile()) return undefined;
  const target = stats.size > 65_536 ? undefined : /^gitdir: ([^\0]+?)[\r\n]*$/.exec(fs.readFileSync(dotGit, "utf8"))?.[1];
  const gitDir = target === undefined ? undefined : path.resolve(path.dirname(dotGit), target);
  if (gitDir !== undefined && isGitDir(gitDir)) return gitDir;
  throw new MlvError("not-a-repository", `\`${dotGit}\` points to a Git directory that is not there`, {
    hint: "if the work tree or repository was moved, `git worktree repair` mends it",
    details: { path: dotGit, ...(gitDir === undefined ? {} : { gitDir }) },
  });
}

function isGitDir(folder: string): boolean {
  if (fs.lstatSync(path.join(folder, "HEAD"), { throwIfNoEntry: false }) === undefined) return false;
  const commonDir = commonDirOf(folder);
  return isFolder(path.join(commonDir, "objects")) && isFolder(path.join(commonDir, "refs"));
}

function isFolder(name: string): boolean {
  return fs.statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}

function commonDirOf(gitDir: string): string {
  const text = readIfPresent(path.join(gitDir, "commondir"));
  return text === undefined ? gitDir : path.resolve(gitDir, text.replace(/[\r\n]+$/, ""));
}

function readIfPresent(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw error;
  }
}

function openFromEnvironment(start: string, gitDirText: string, env: Environment): Repository {
  const named = path.resolve(start, gitDirText);
  const stats = fs.statSync(named, { throwIfNoEntry: false });
  const gitDir = stats?.isFile() === true ? gitDirOf(named) : named;
  if (gitDir === undefined || (!isGitDir(gitDir) && env["GIT_COMMON_DIR"] === undefined)) {
    throw new MlvError("not-a-repository", `GIT_DIR names \`${named}\`, which is not a Git repository`, {
      hint: "unset GIT_DIR, or point it to a `.git` folder",
      details: { path: named },
    });
  }
  return openRepository(gitDir, { folder: start, start, env });
}

interface Discovery {
  /** The folder that holds `.git`. */
  readonly folder: string;
  readonly start: string;
  readonly env: Environment;
}

function openRepository(foundGitDir: string, { folder, start, env }: Discovery): Repository {
  const gitDir = fs.realpathSync.native(foundGitDir);
  const commonFromEnvironment = env["GIT_COMMON_DIR"];
  const commonDir = fs.realpathSync.native(
    commonFromEnvironment === undefined ? commonDirOf(gitDir) : path.resolve(start, commonFromEnvironment),
  );
  const config = parseGitConfig(readIfPresent(path.join(commonDir, "config")) ?? "");
  const root = workTreeRoot({ gitDir, isLinked: gitDir !== commonDir, config, folder, start, env });
  const indexFile = env["GIT_INDEX_FILE"];
  return {
    root: toAbsolutePath(root),
    gitDir: toAbsolutePath(gitDir),
    commonDir: toAbsolutePath(commonDir),
    worktreeId: worktreeId(gitDir, commonDir),
    indexFile: toAbsolutePath(indexFile === undefined ? path.join(gitDir, "index") : path.resolve(root, indexFile)),
    objectFormat: configValue(config, "extensions.objectformat")?.toLowerCase() === "sha256" ? "sha256" : "sha1",
    refStorage: (configValue(config, "extensions.refstorage")?.toLowerCase() ?? "files") === "files" ? "files" : "other",
    environment: childEnvironment({ gitDir, commonDir, root, env }),
  };
}

/** Returns an absolute path as one; throws `internal` for any other. */
export function toAbsolutePath(text: string): AbsolutePath {
  if (isAbsolutePath(text)) return text;
  throw new MlvError("internal", `\`${text}\` was expected to be an absolute path`);
}

function isAbsolutePath(text: string): text is AbsolutePath {
  return path.isAbsolute(text);
}

interface WorkTreeQuestion extends Discovery {
  readonly gitDir: string;
  readonly isLinked: boolean;
  readonly config: GitConfigValues;
}

/** Follows Git's order: GIT_WORK_TREE, core.worktree, then the folder that holds `.git`; core.bare counts only for the main work tree. */
function workTreeRoot({ gitDir, isLinked, config, folder, start, env }: WorkTreeQuestion): string {
  const fromEnvironment = env["GIT_WORK_TREE"];
  if (fromEnvironment !== undefined && fromEnvironment !== "") return realFolder(path.resolve(start, fromEnvironment));
  const own = configBoolean(config, "extensions.worktreeconfig") === true ? ownConfig(gitDir) : undefined;
  const sources = [own, isLinked ? undefined : config].filter((values) => values !== undefined);
  const worktree = sources.map((values) => configValue(values, "core.worktree")).find((value) => value !== undefined);
  if (worktree !== undefined) return realFolder(path.resolve(gitDir, worktree));
  if (sources.map((values) => configBoolean(values, "core.bare")).find((value) => value !== undefined) === true) {
    throw withoutWorkTree(gitDir);
  }
  return folder;
}

function ownConfig(gitDir: string): GitConfigValues {
  return parseGitConfig(readIfPresent(path.join(gitDir, "config.worktree")) ?? "");
}

/** Names the work tree; `~` cannot occur in a name that Git gives, so a linked work tree called `main` stays apart from the main one. */
function worktreeId(gitDir: string, commonDir: string): string {
  if (gitDir === commonDir) return "main";
  const name = path.basename(gitDir);
  return name.toLowerCase() === "main" ? `${name}~` : name;
}

function childEnvironment(found: { gitDir: string; commonDir: string; root: string; env: Environment }): Environment {
  const { env } = found;
  const result: Record<string, string> = {};
  const isExplicit = ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"].some((name) => (env[name] ?? "") !== "");
  // A child that is told GIT_DIR skips Git's check of the folder's owner (safe.directory): say it only when the user did.
  if (isExplicit) Object.assign(result, { GIT_DIR: found.gitDir, GIT_WORK_TREE: found.root });
  if (env["GIT_COMMON_DIR"] !== undefined) result["GIT_COMMON_DIR"] = found.commonDir;
  if (env["GIT_INDEX_FILE"] !== undefined) result["GIT_INDEX_FILE"] = path.resolve(found.root, env["GIT_INDEX_FILE"]);
  for (const name of ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"]) {
    const value = env[name];
    if (value !== undefined) result[name] = value;
  }
  return result;
}
