import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";
import { afterAll } from "vitest";
import { COMPILED, findNode, findProgram, makeScratch } from "./program.ts";
import { makeTree, type Tree } from "./tree.ts";

export { flipByte, hashFile, listFiles, makeTree, noise, readTree, writeNoise, type SeenEntry, type Tree } from "./tree.ts";

/** Is what a program did. */
export interface RunResult {
  /** The exit status; undefined when a signal ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Says where and how a program runs. */
export interface RunOptions {
  /** Relative to the sandbox; its own folder when absent. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** Is a folder with an environment in which neither this machine's settings nor this user's reach Git or mlv. */
export class Sandbox {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(folder: string) {
    this.folder = folder;
    const home = path.join(folder, "home");
    fs.mkdirSync(home, { recursive: true });
    this.env = {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: home,
      XDG_CONFIG_HOME: path.join(home, ".config"),
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "Ada",
      GIT_AUTHOR_EMAIL: "ada@example.com",
      GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
      GIT_COMMITTER_NAME: "Ada",
      GIT_COMMITTER_EMAIL: "ada@example.com",
      GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
      GIT_TERMINAL_PROMPT: "0",
      TZ: "UTC",
      LC_ALL: "C.UTF-8",
      TERM: "dumb",
      // Every sandbox has a home of its own, and need not compile the program anew.
      NODE_COMPILE_CACHE: COMPILED,
    };
  }

  /** Returns an absolute path in the sandbox. */
  at(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** Runs mlv to its end. */
  run(args: readonly string[], options: RunOptions = {}): RunResult {
    return this.exec(findNode(), [findProgram(), ...args], options);
  }

  /** Runs mlv and throws, with all that it printed, unless it ends with `status`. */
  mlv(cwd: string, args: readonly string[], status = 0): RunResult {
    const result = this.run(args, { cwd });
    if (result.status === status) return result;
    throw new Error(`mlv ${args.join(" ")} ended with ${result.status}, not ${status}\n${result.stdout}${result.stderr}`);
  }

  /** Runs any program to its end. */
  exec(program: string, args: readonly string[], options: RunOptions = {}): RunResult {
    const result = spawnSync(program, args, {
      cwd: path.resolve(this.folder, options.cwd ?? ""),
      env: { ...this.env, ...options.env },
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
      ...(options.input === undefined ? {} : { input: options.input }),
    });
    if (result.error !== undefined) throw result.error;
    return { status: result.status ?? undefined, stdout: result.stdout, stderr: result.stderr };
  }

  /** Starts mlv and returns at once; `done` settles when it ended. */
  start(args: readonly string[], options: RunOptions = {}): { readonly child: ChildProcess; readonly done: Promise<RunResult> } {
    const child = spawn(findNode(), [findProgram(), ...args], {
      cwd: path.resolve(this.folder, options.cwd ?? ""),
      env: { ...this.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => void (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (output.stderr += text));
    const done = new Promise<RunResult>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve({ status: status ?? undefined, ...output }));
    });
    return { child, done };
  }

  /** Runs Git and returns what it printed; throws when it fails. */
  git(cwd: string, ...args: readonly string[]): string {
    const result = this.exec("git", args, { cwd });
    if (result.status !== 0) throw new Error(`git ${args.join(" ")} ended with ${result.status}\n${result.stdout}${result.stderr}`);
    return result.stdout.trimEnd();
  }

  /** Makes a Git repository that mlv is ready in, with a folder as its default remote, and commits it. */
  makeRepository(name: string, options: { readonly remote?: string; readonly tree?: Tree } = {}): void {
    fs.mkdirSync(this.at(name), { recursive: true });
    this.git(name, "init", "--quiet", "--initial-branch", "main");
    this.mlv(name, ["init"]);
    if (options.remote !== undefined) this.mlv(name, ["remote", "add", "origin", path.relative(this.at(name), this.at(options.remote))]);
    this.commit(name, "start");
    if (options.tree !== undefined) makeTree(this.at(name), options.tree);
  }

  /** Commits everything that Git sees. */
  commit(cwd: string, message: string): string {
    this.git(cwd, "add", "--all");
    this.git(cwd, "commit", "--quiet", "--allow-empty", "--message", message);
    return this.git(cwd, "rev-parse", "HEAD");
  }

  /** Clones a repository of the sandbox with Git, so without data. */
  clone(from: string, to: string): void {
    this.git("", "clone", "--quiet", from, to);
  }

  /**
   * Types commands (`mlv …`, `git …`) one after another and returns what a person would have seen: each command, its output, lines on stderr
   * marked with `!`, its exit status unless that is 0. Words are split at spaces; quotes hold a word together.
   */
  transcript(cwd: string, ...commands: readonly string[]): string {
    return commands.map((command) => this.#type(cwd, command)).join("\n");
  }

  #type(cwd: string, command: string): string {
    const [program, ...args] = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
    const result = program === "mlv" ? this.run(args, { cwd }) : this.exec(program ?? "", args, { cwd });
    const lines = [`$ ${command}`, ...splitLines(result.stdout), ...splitLines(result.stderr).map((line) => `! ${line}`)];
    if (result.status !== 0) lines.push(`[exit ${result.status}]`);
    return this.tidy(lines.join("\n"));
  }

  /** Replaces what differs from run to run and with the plan of a transfer: the sandbox's folder, durations, numbers of requests. */
  tidy(text: string): string {
    return text
      .replaceAll(this.folder, "<sandbox>")
      .replace(/, \d+ requests?, /g, ", <n> requests, ")
      .replace(/, \d+(?:\.\d)? s$/gm, ", <time>");
  }
}

function splitLines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

const scratch = makeScratch();
afterAll(() => {
  // Folders that a test made read-only must be writable before they can go.
  spawnSync("chmod", ["-R", "u+rwX", scratch]);
  fs.rmSync(scratch, { recursive: true, force: true });
});
let count = 0;

/** Makes a sandbox that is gone after the test file. */
export function makeSandbox(): Sandbox {
  return new Sandbox(path.join(scratch, String((count += 1))));
}
