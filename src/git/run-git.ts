/**
 * The one place that starts Git: by absolute path, without a shell, with an environment and options under which neither the
 * repository's configuration nor its content can run a command or change what Git prints.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";
import type { Readable } from "node:stream";
import { MlvError } from "../base/errors.ts";
import type { Environment, Repository } from "./repository.ts";

/** Says where and with which outer environment a Git runs; a `Repository` is one. */
export type GitPlace = Pick<Repository, "root"> & Partial<Pick<Repository, "environment">>;

/** Carries the options of a Git that runs to its end. */
export interface RunGitOptions {
  /** What Git reads from stdin. */
  readonly input?: string | Uint8Array;
  /** Exit statuses that are answers, not failures; 0 always is one. */
  readonly acceptStatus?: readonly number[];
  /** Fails when Git prints more; 256 MiB when absent. */
  readonly maxBytes?: number;
  /** Added to the sanitised environment. */
  readonly env?: Environment;
  readonly signal?: AbortSignal | undefined;
}

/** Holds what a finished Git said. */
export interface GitOutput {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** Runs Git to its end. Throws `git-failed` with Git's own words as cause, or the signal's reason. */
export async function runGit(place: GitPlace, args: readonly string[], options: RunGitOptions = {}): Promise<GitOutput> {
  const run = startGit(place, args, options);
  const chunks: Buffer[] = [];
  let bytes = 0;
  run.stdin.end(options.input);
  for await (const chunk of run.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > (options.maxBytes ?? DEFAULT_MAX_BYTES)) {
      run.kill();
      throw new MlvError("git-failed", `\`git ${commandOf(args)}\` printed more than mlv reads`, { details: { bytes } });
    }
    chunks.push(chunk);
  }
  const { status, stderr } = await run.finished;
  if (status !== 0 && options.acceptStatus?.includes(status) !== true) throw gitFailure(args, status, stderr);
  return { status, stdout: Buffer.concat(chunks), stderr };
}

/** Is a running Git; `finished` resolves with its exit status and never rejects because of one. */
export interface GitProcess {
  readonly stdin: ChildProcessWithoutNullStreams["stdin"];
  readonly stdout: Readable;
  readonly finished: Promise<{ readonly status: number; readonly stderr: string }>;
  kill(): void;
}

/** Starts Git and leaves its streams to the caller, who must read `stdout` to its end and await `finished`. */
export function startGit(
  place: GitPlace,
  args: readonly string[],
  options: { readonly env?: Environment; readonly signal?: AbortSignal | undefined } = {},
): GitProcess {
  options.signal?.throwIfAborted();
  // Loaded here because it costs milliseconds of start-up, and `status` seldom gets here.
  const { spawn } = process.getBuiltinModule("node:child_process");
  const child = spawn(findGit(process.env), [...SAFE_OPTIONS, ...args], {
    cwd: place.root,
    env: { ...gitEnvironment(process.env), ...place.environment, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  const errors: Buffer[] = [];
  let errorBytes = 0;
  child.stderr.on("data", (chunk: Buffer) => {
    // The end of a long complaint says no more than its beginning; reading on keeps Git from blocking.
    if (errorBytes < 64 * 1024) errors.push(chunk);
    errorBytes += chunk.length;
  });
  // A Git that ends early closes its stdin; its exit status tells the story, not EPIPE.
  child.stdin.on("error", () => undefined);
  const abort = (): void => void child.kill();
  options.signal?.addEventListener("abort", abort, { once: true });
  const finished = closed(child).then(
    (status) => {
      options.signal?.throwIfAborted();
      return { status, stderr: Buffer.concat(errors).toString("utf8") };
    },
    (cause: unknown) => {
      throw new MlvError("git-failed", "cannot start Git", { hint: "check that `git --version` works here", cause });
    },
  );
  void finished.catch(() => undefined).finally(() => options.signal?.removeEventListener("abort", abort));
  return { stdin: child.stdin, stdout: child.stdout, finished, kill: abort };
}

function closed(child: ChildProcessWithoutNullStreams): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve(status ?? 128));
  });
}

/** Yields the pieces that Git separates by `separator`, decoded as UTF-8, while it runs; throws `git-failed` when it fails. */
export async function* gitRecords(
  place: GitPlace,
  args: readonly string[],
  options: RunGitOptions & { readonly separator?: "\0" | "\n" } = {},
): AsyncGenerator<string, void, undefined> {
  const run = startGit(place, args, options);
  run.stdin.end(options.input);
  const separator = (options.separator ?? "\0").charCodeAt(0);
  let rest: Buffer = Buffer.alloc(0);
  let isDone = false;
  try {
    for await (const chunk of run.stdout as AsyncIterable<Buffer>) {
      const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = data.indexOf(separator); end >= 0; end = data.indexOf(separator, start)) {
        yield data.toString("utf8", start, end);
        start = end + 1;
      }
      rest = data.subarray(start);
    }
    isDone = true;
  } finally {
    if (!isDone) run.kill();
  }
  if (rest.length > 0) yield rest.toString("utf8");
  const { status, stderr } = await run.finished;
  if (status !== 0 && options.acceptStatus?.includes(status) !== true) throw gitFailure(args, status, stderr);
}

/** Makes the error of a Git that failed; its own words are the cause. */
export function gitFailure(args: readonly string[], status: number, stderr: string): MlvError {
  const words = stderr.trim();
  return new MlvError("git-failed", `\`git ${commandOf(args)}\` failed with status ${status}`, {
    details: { status, command: commandOf(args) },
    ...(words === "" ? {} : { cause: new Error(words) }),
    ...(words.includes("dubious ownership")
      ? { hint: "the repository belongs to another user: `git config --global --add safe.directory PATH` trusts it" }
      : {}),
  });
}

/** Git's own options before the command whose value is the next argument. */
const OPTIONS_WITH_VALUE: ReadonlySet<string> = new Set(["-c", "-C", "--git-dir", "--work-tree", "--namespace", "--config-env"]);

function commandOf(args: readonly string[]): string {
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? "";
    if (!argument.startsWith("-")) return argument;
    if (OPTIONS_WITH_VALUE.has(argument)) index += 1;
  }
  return args.find((argument) => !OPTIONS_WITH_VALUE.has(argument)) ?? "";
}

/** Names the options that keep configuration from running commands or changing output. */
const SAFE_OPTIONS: readonly string[] = [
  "--no-pager",
  "--no-optional-locks",
  "-c",
  "core.fsmonitor=false",
  "-c",
  `core.hooksPath=${process.platform === "win32" ? "NUL" : "/dev/null"}`,
  "-c",
  "core.quotePath=false",
  "-c",
  "core.warnAmbiguousRefs=false",
  "-c",
  "log.showSignature=false",
  "-c",
  "log.diffMerges=separate",
  "-c",
  "i18n.logOutputEncoding=UTF-8",
  "-c",
  "color.ui=false",
];

// Of Git's own variables, those that say who the user is, what they configured, and how they reach their server.
const KEPT_GIT_VARIABLE =
  /^GIT_(?:CONFIG(?:_.*)?|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|EXEC_PATH|TEMPLATE_DIR|SSH(?:_.*)?|ASKPASS|PROXY_.*|SSL_.*|HTTP_.*|ALLOW_PROTOCOL|PROTOCOL_FROM_USER|NO_LAZY_FETCH|NO_REPLACE_OBJECTS|AUTHOR_.*|COMMITTER_.*)$/;

/** Returns an environment for Git without the variables that redirect it, name programs to run, or change its output. */
export function gitEnvironment(env: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    const upper = name.toUpperCase();
    if (upper.startsWith("GIT_") && !KEPT_GIT_VARIABLE.test(upper)) continue;
    if (upper === "LC_ALL" || upper === "LANGUAGE" || upper === "PAGER" || upper === "EDITOR" || upper === "VISUAL") continue;
    result[name] = value;
  }
  result["LC_ALL"] = "C";
  result["GIT_TERMINAL_PROMPT"] = "0";
  return result;
}

const foundGits = new Map<string, string>();

/** Returns Git's absolute path from the absolute entries of PATH, never from the current folder; throws `git-failed` when there is none. */
export function findGit(env: Environment): string {
  const isWindows = process.platform === "win32";
  const searchPath = env["PATH"] ?? env["Path"] ?? "";
  const known = foundGits.get(searchPath);
  if (known !== undefined) return known;
  for (const folder of searchPath.split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue;
    const candidate = path.join(folder, isWindows ? "git.exe" : "git");
    if (!isExecutable(candidate)) continue;
    foundGits.set(searchPath, candidate);
    return candidate;
  }
  throw new MlvError("git-failed", "Git is not installed, or not in a folder that PATH names absolutely", {
    hint: "install Git (https://git-scm.com) and check that `git --version` works",
  });
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
