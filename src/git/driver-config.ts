import path from "node:path";
import { MlvError } from "../base/errors.ts";
import { isBareDriver, isInstalledDriver } from "./driver-scripts.ts";
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

/** Is a setting that somebody else made where mlv's would stand. */
export interface OwnSetting {
  readonly key: string;
  readonly value: string;
}

const KEYS = [
  "diff.mlv.textconv",
  "diff.mlv.command",
  "merge.mlv.name",
  "merge.mlv.driver",
  "merge.mlv.recursive",
  "merge.mlv-ancestor.driver",
] as const;

type Key = (typeof KEYS)[number];

const MERGE_NAME = "mlv pointer merge";
const ANCESTOR_DRIVER = "mlv-ancestor";

/**
 * Sets the diff and merge drivers in the repository's own configuration and returns what changed, or with `dryRun` what would.
 * Settings of an earlier install that are not wanted any more are taken out; what somebody else set stays (`findOwnSettings`). Throws `git-failed`.
 */
export async function setDrivers(
  repository: Repository,
  commands: DriverCommands,
  options: { readonly dryRun?: boolean } = {},
): Promise<ConfigChange[]> {
  const wanted = wantedValues(commands);
  const changes: ConfigChange[] = [];
  const before = await readAll(repository);
  // Of a merge driver of somebody else's the name and the rest are theirs, too.
  const isMergeOwn = isOwn("merge.mlv.driver", before.get("merge.mlv.driver"));
  for (const key of KEYS) {
    const values = before.get(key) ?? [];
    const after = isMergeOwn && key.startsWith("merge.") ? undefined : wanted[key];
    if (isOwn(key, values) || (values.length < 2 && values[0] === after)) continue;
    const last = values.at(-1);
    changes.push({ kind: "config", key, ...(last === undefined ? {} : { before: last }), ...(after === undefined ? {} : { after }) });
  }
  if (options.dryRun !== true && changes.length > 0) await writeOwn(repository, changes);
  return changes;
}

/** Returns settings of somebody else's that stand where `setDrivers` would put these commands, and so are left as they are. Throws `git-failed`. */
export async function findOwnSettings(repository: Repository, commands: DriverCommands): Promise<OwnSetting[]> {
  const wanted = wantedValues(commands);
  const before = await readAll(repository);
  const keys = KEYS.filter((key) => wanted[key] !== undefined && isOwn(key, before.get(key)));
  return keys.map((key) => ({ key, value: before.get(key)?.at(-1) ?? "" }));
}

function wantedValues(commands: DriverCommands): Record<Key, string | undefined> {
  return {
    "diff.mlv.textconv": commands.textconv,
    "diff.mlv.command": commands.diff,
    "merge.mlv.name": commands.merge === undefined ? undefined : MERGE_NAME,
    "merge.mlv.driver": commands.merge,
    "merge.mlv.recursive": commands.ancestor === undefined ? undefined : ANCESTOR_DRIVER,
    "merge.mlv-ancestor.driver": commands.ancestor,
  };
}

/** Tells whether any value of a setting is one that no install wrote. */
function isOwn(key: Key, values: readonly string[] = []): boolean {
  const fixed = key === "merge.mlv.name" ? MERGE_NAME : key === "merge.mlv.recursive" ? ANCESTOR_DRIVER : undefined;
  return !values.every((value) => (fixed === undefined ? isInstalledDriver(value) : value === fixed));
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
  const values = await readAll(repository);
  return KEYS.filter((key) => values.get(key)?.some(isBareDriver) === true);
}

/** Returns the file that `git config --local` writes. */
function ownConfigFile(repository: Repository): string {
  return path.join(repository.commonDir, "config");
}

async function readAll(repository: Repository): Promise<Map<Key, string[]>> {
  const found = new Map<Key, string[]>();
  for (const key of KEYS) {
    const args = ["config", "--file", ownConfigFile(repository), "-z", "--get-all", key];
    const { status, stdout } = await runGit(repository, args, { acceptStatus: [1] });
    if (status !== 1) found.set(key, stdout.toString("utf8").split("\0").slice(0, -1));
  }
  return found;
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
