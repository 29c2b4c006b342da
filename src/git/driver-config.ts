import path from "node:path";
import { MlvError } from "../base/errors.ts";
import type { Repository } from "./repository.ts";
import { findGit, gitEnvironment, runGit } from "./run-git.ts";

/** Holds the commands that Git shall call for pointers; each is a shell command line of the user's own program. */
export interface DriverCommands {
  /** `diff.mlv.textconv`: prints a pointer as text. */
  readonly textconv?: string;
  /** `diff.mlv.command`: prints the difference of two pointers in place of Git's own. */
  readonly diff?: string;
  /** `merge.mlv.driver`: merges pointers, with Git's `%O %A %B %P`. */
  readonly merge?: string;
  /** `merge.mlv-ancestor.driver`: merges the common ancestors of a criss-cross history into one, for `merge` to start from. */
  readonly ancestor?: string;
}

/** Is one setting of the repository's own configuration that changes; absent values mean that it is not set. */
export interface ConfigChange {
  readonly kind: "config";
  readonly key: string;
  readonly before?: string;
  readonly after?: string;
}

const KEYS = [
  "diff.mlv.textconv",
  "diff.mlv.command",
  "merge.mlv.name",
  "merge.mlv.driver",
  "merge.mlv.recursive",
  "merge.mlv-ancestor.driver",
] as const;

/**
 * Sets the diff and merge drivers in the repository's own configuration and returns what changed, or with `dryRun` what would.
 * Settings of an earlier install that are not wanted any more are taken out. Throws `git-failed`.
 */
export async function setDrivers(
  repository: Repository,
  commands: DriverCommands,
  options: { readonly dryRun?: boolean } = {},
): Promise<ConfigChange[]> {
  const wanted: Record<(typeof KEYS)[number], string | undefined> = {
    "diff.mlv.textconv": commands.textconv,
    "diff.mlv.command": commands.diff,
    "merge.mlv.name": commands.merge === undefined ? undefined : "mlv pointer merge",
    "merge.mlv.driver": commands.merge,
    "merge.mlv.recursive": commands.ancestor === undefined ? undefined : "mlv-ancestor",
    "merge.mlv-ancestor.driver": commands.ancestor,
  };
  const changes: ConfigChange[] = [];
  for (const key of KEYS) {
    const before = await readOwn(repository, key);
    const after = wanted[key];
    if (before === after) continue;
    changes.push({ kind: "config", key, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) });
  }
  if (options.dryRun !== true && changes.length > 0) await writeOwn(repository, changes);
  return changes;
}

/** Takes the drivers out of the repository's own configuration; returns what changed, or with `dryRun` what would. */
export function removeDrivers(repository: Repository, options: { readonly dryRun?: boolean } = {}): Promise<ConfigChange[]> {
  return setDrivers(repository, {}, options);
}

/**
 * Returns the keys of drivers that call mlv without a way out where it is missing, as an earlier mlv set them: Git dies of them there. Throws
 * `git-failed`.
 */
export async function findBareDrivers(repository: Repository): Promise<string[]> {
  const found: string[] = [];
  for (const key of KEYS) if ((await readOwn(repository, key))?.startsWith("mlv ") === true && key !== "merge.mlv.name") found.push(key);
  return found;
}

/** Returns the file that `git config --local` writes. */
function ownConfigFile(repository: Repository): string {
  return path.join(repository.commonDir, "config");
}

async function readOwn(repository: Repository, key: string): Promise<string | undefined> {
  const args = ["config", "--file", ownConfigFile(repository), "-z", "--get", key];
  const { status, stdout } = await runGit(repository, args, { acceptStatus: [1] });
  return status === 1 ? undefined : stdout.toString("utf8").replace(/\0$/, "");
}

async function writeOwn(repository: Repository, changes: readonly ConfigChange[]): Promise<void> {
  const { simpleGit } = await import("simple-git");
  const git = simpleGit({
    baseDir: repository.root,
    binary: findGit(process.env),
    // Each names one setting that this file writes, or a path with a space in it.
    unsafe: {
      allowUnsafeDiffExternal: true,
      allowUnsafeDiffTextConv: true,
      allowUnsafeMergeDriver: true,
      allowUnsafeCustomBinary: true,
    },
  }).env(plainEnvironment());
  try {
    for (const { key, after } of changes) {
      const change = after === undefined ? ["--unset-all", key] : ["--replace-all", key, after];
      await git.raw(["config", "--file", ownConfigFile(repository), ...change]);
    }
  } catch (cause) {
    throw new MlvError("git-failed", "cannot write the repository's Git configuration", {
      details: { path: ownConfigFile(repository) },
      cause,
    });
  }
}

// simple-git refuses an environment that names programs or configuration files; writing one given file needs neither.
const REFUSED = /^(?:GIT_.*|EDITOR|VISUAL|PAGER|SSH_ASKPASS|PREFIX)$/i;

function plainEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(gitEnvironment(process.env)).filter(([name]) => !REFUSED.test(name)));
}
