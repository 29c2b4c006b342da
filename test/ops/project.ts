import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import type { OperationEvent } from "../../src/base/events.ts";
import { add } from "../../src/ops/add.ts";
import type { OperationContext } from "../../src/ops/open-workspace.ts";
import { pull } from "../../src/ops/pull.ts";
import { push } from "../../src/ops/push.ts";
import { addRemote } from "../../src/ops/remotes.ts";

const base = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-ops-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
let count = 0;

/** Makes an empty folder that is gone after the test file. */
export function freshFolder(): string {
  const folder = path.join(base, String((count += 1)));
  fs.mkdirSync(folder);
  return folder;
}

/** Is a Git repository in a sealed environment, with what the operations need to run in it. */
export interface Project {
  readonly root: string;
  readonly context: OperationContext;
  readonly events: OperationEvent[];
  git(...args: string[]): string;
  /** Writes a file with its folders. */
  write(file: string, content: string | Uint8Array): void;
  read(file: string): string;
  exists(file: string): boolean;
  /** Adds targets and commits everything that Git sees. */
  record(message: string, ...targets: string[]): Promise<string>;
  push(): Promise<void>;
}

/** Opens the repository at `root`, making it first when there is none. */
export function openProject(root: string, env: Readonly<Record<string, string>> = {}): Project {
  const home = path.join(base, "home");
  fs.mkdirSync(home, { recursive: true });
  const sealed = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: path.join(home, "none"),
    LC_ALL: "C",
    ...env,
  };
  // The operations start Git with this process's environment.
  Object.assign(process.env, { HOME: home, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: path.join(home, "none") });
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false", ...args], {
      cwd: root,
      env: sealed,
      encoding: "utf8",
      stdio: "pipe",
    }).trimEnd();
  if (!fs.existsSync(path.join(root, ".git"))) git("init", "-q", "-b", "main");
  const events: OperationEvent[] = [];
  const context: OperationContext = { cwd: root, env: sealed, onEvent: (event) => void events.push(event) };
  return {
    root,
    context,
    events,
    git,
    write: (file, content) => {
      fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      fs.writeFileSync(path.join(root, file), content);
    },
    read: (file) => fs.readFileSync(path.join(root, file), "utf8"),
    exists: (file) => fs.existsSync(path.join(root, file)),
    record: async (message, ...targets) => {
      if (targets.length > 0) await add(context, { paths: targets, update: false, follow: false, force: false, dryRun: false });
      git("add", "-A");
      git("commit", "-q", "--allow-empty", "-m", message);
      return git("rev-parse", "HEAD");
    },
    push: async () => {
      await push(context, { paths: [], allBranches: false, allTags: false, allCommits: false, dryRun: false });
    },
  };
}

/** Makes a repository whose default remote is a fresh folder. */
export async function createProject(): Promise<Project & { readonly remote: string }> {
  const project = openProject(freshFolder());
  const remote = freshFolder();
  await addRemote(project.context, { name: "origin", url: remote, options: {}, local: false, force: false });
  await project.record("start");
  return { ...project, remote };
}

/** Clones a repository, with no data and no cache. */
export function cloneProject(from: Project): Project {
  const folder = path.join(freshFolder(), "clone");
  execFileSync("git", ["clone", "-q", from.root, folder], { env: from.context.env });
  return openProject(folder);
}

/** Pulls everything, or some paths. */
export async function pullAll(project: Project, ...paths: string[]): Promise<void> {
  await pull(project.context, { paths, force: false, dryRun: false });
}

/** Returns bytes that do not compress, the same for the same seed. */
export function noise(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state & 0xff;
  }
  return bytes;
}

/** Lists the files under a folder, relative to it, sorted. */
export function filesUnder(folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** Collects a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
