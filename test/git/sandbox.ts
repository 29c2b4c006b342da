import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import { findRepository, type Repository } from "../../src/git/repository.ts";

const top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "mlv-git-")));
const home = path.join(top, "home");
fs.mkdirSync(home);
let count = 0;

afterAll(() => fs.rmSync(top, { recursive: true, force: true }));

const SEALED = {
  HOME: home,
  XDG_CONFIG_HOME: path.join(home, ".config"),
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_AUTHOR_DATE: "2026-01-02T03:04:05+01:00",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
  GIT_COMMITTER_DATE: "2026-01-02T03:04:05+01:00",
};

// What the code under test starts must not see the machine's own configuration either.
for (const name of Object.keys(process.env)) if (name.startsWith("GIT_")) delete process.env[name];
Object.assign(process.env, SEALED);

/** Is a repository in a sealed environment: its own HOME, no system configuration, fixed author and dates. */
export interface Sandbox {
  readonly root: string;
  readonly repository: Repository;
  /** Runs Git in the work tree and returns what it printed, without the newline at the end. */
  readonly git: (...args: readonly string[]) => string;
  /** Runs Git with something on stdin. */
  readonly gitWithInput: (input: string, ...args: readonly string[]) => string;
  readonly write: (name: string, content: string) => void;
  /** Writes files, stages all, commits and returns the commit. */
  readonly commit: (files: Readonly<Record<string, string>>, message?: string) => string;
}

/** Returns a folder of its own that is deleted after the tests. */
export function freshFolder(): string {
  const folder = path.join(top, `t${++count}`);
  fs.mkdirSync(folder);
  return folder;
}

/** Runs Git in a folder; throws with its stderr when it fails. */
export function gitIn(folder: string, args: readonly string[], input = "", env: Readonly<Record<string, string>> = {}): string {
  const stdio = ["pipe", "pipe", "pipe"] as const;
  return execFileSync("git", [...args], {
    cwd: folder,
    encoding: "utf8",
    input,
    stdio: [...stdio],
    env: { ...process.env, ...env },
  }).replace(/\n$/, "");
}

/** Opens a repository that is there. */
export function sandboxAt(root: string): Sandbox {
  const git = (...args: readonly string[]): string => gitIn(root, args);
  const write = (name: string, content: string): void => {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), content);
  };
  return {
    root,
    get repository() {
      return findRepository(root);
    },
    git,
    gitWithInput: (input, ...args) => gitIn(root, args, input),
    write,
    commit(files, message = "change") {
      for (const [name, content] of Object.entries(files)) write(name, content);
      git("add", "-A");
      git("commit", "-q", "--allow-empty", "-m", message);
      return git("rev-parse", "HEAD");
    },
  };
}

/** Makes an empty repository on the branch main. */
export function createSandbox(...initArgs: readonly string[]): Sandbox {
  const root = path.join(freshFolder(), "work");
  gitIn(path.dirname(root), ["init", "-q", "-b", "main", ...initArgs, root]);
  return sandboxAt(root);
}

/** Returns a pointer's text for a made-up hash, long enough for Git's rename detection to tell two apart. */
export function pointer(seed: string): string {
  return `{\n  "mlv": 1,\n  "kind": "file",\n  "sha256": "${Buffer.from(seed.padEnd(32, "·").slice(0, 32)).toString("hex").slice(0, 64)}",\n  "size": ${seed.length}\n}\n`;
}

/** Collects an async iterable. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const result: Item[] = [];
  for await (const item of items) result.push(item);
  return result;
}
