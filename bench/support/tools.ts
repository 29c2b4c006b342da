import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Is the repository of mlv. */
export const PROJECT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
/** Is where data, tools of the benchmark's own and the folders of the runs lie. */
export const DATA = path.join(PROJECT, "bench", ".data");

const VENV = path.join(DATA, "venv", "bin");
const OWN_BIN = path.join(DATA, "bin");
const NODE_FOLDER = path.dirname(process.execPath);

/** Is the program that is measured: the built one. */
export const MLV = path.join(PROJECT, "bin", "mlv.js");

/** Says which programs were found, by name, with the first line of what they say of their version. */
export type Versions = Readonly<Record<string, string>>;

/**
 * Returns the environment that all commands get: a home of their own, Git without the machine's settings, no certificates read at
 * start-up, no usage reports. The same for everybody.
 */
export function createEnvironment(): NodeJS.ProcessEnv {
  const home = path.join(DATA, "home");
  fs.mkdirSync(home, { recursive: true });
  const gitConfig = path.join(home, ".gitconfig");
  fs.writeFileSync(gitConfig, GIT_CONFIG);
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...kept } = process.env;
  return {
    ...kept,
    PATH: [NODE_FOLDER, OWN_BIN, VENV, process.env["PATH"] ?? ""].join(path.delimiter),
    HOME: home,
    XDG_CACHE_HOME: path.join(home, "cache"),
    GIT_CONFIG_GLOBAL: gitConfig,
    GIT_CONFIG_NOSYSTEM: "1",
    DVC_NO_ANALYTICS: "1",
    DVC_SITE_CACHE_DIR: path.join(home, "dvc-site"),
    LC_ALL: "C.UTF-8",
  };
}

const GIT_CONFIG = `[user]
\tname = Ada
\temail = ada@example.com
[init]
\tdefaultBranch = main
[gc]
\tauto = 0
[maintenance]
\tauto = false
[protocol "file"]
\tallow = always
[filter "lfs"]
\tclean = git-lfs clean -- %f
\tsmudge = git-lfs smudge -- %f
\tprocess = git-lfs filter-process
\trequired = true
`;

/** Finds the programs and asks each for its version; who is missing is not in the answer. */
export function findTools(env: NodeJS.ProcessEnv): Versions {
  const questions: readonly (readonly [name: string, words: readonly string[]])[] = [
    ["mlv", [process.execPath, MLV, "--version"]],
    ["node", [process.execPath, "--version"]],
    ["git", ["git", "--version"]],
    ["dvc", ["dvc", "--version"]],
    ["git-lfs", ["git-lfs", "--version"]],
    ["openssl", ["openssl", "version"]],
    ["rsync", ["rsync", "--version"]],
    ["find", ["find", "--version"]],
    ["cp", ["cp", "--version"]],
  ];
  const found: Record<string, string> = {};
  for (const [name, [program = "", ...args]] of questions) {
    const answer = spawnSync(program, args, { env, encoding: "utf8" });
    if (answer.status === 0) found[name] = (answer.stdout.split("\n")[0] ?? "").trim();
  }
  return found;
}

/** Describes the machine in one line, and how busy it is now. */
export function describeMachine(): { readonly machine: string; readonly load: string } {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  const machine = `${cpus.length} × ${cpus[0]?.model.trim() ?? "unknown processor"}, ${memory} GiB of memory, ${os.type()} ${os.release()}`;
  return {
    machine,
    load: os
      .loadavg()
      .map((value) => value.toFixed(1))
      .join(" "),
  };
}

/** Names the commit that is measured; says so when the tree has edits. */
export function describeCommit(env: NodeJS.ProcessEnv): string {
  const git = (...args: string[]): string => spawnSync("git", args, { cwd: PROJECT, env, encoding: "utf8" }).stdout.trim();
  const isEdited = git("status", "--porcelain", "--", "src", "bin", "scripts") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${isEdited ? " with edits" : ""}`;
}
