import * as fs from "node:fs";
import path from "node:path";
import { formatBytes, formatCount, formatPlural } from "../base/amounts.ts";
import { uniqueName } from "../base/durable.ts";
import { fromSystemError, isMlvError, systemErrorCode } from "../base/errors.ts";
import { toAbsolutePath } from "../git/repository.ts";
import { readPointer } from "../workspace/target.ts";
import { openWorkspace, prepareState, RETRIES_TO_LOOK, type OperationContext, type Workspace } from "./open-workspace.ts";
import { withRemote, type RemoteSession } from "./remote-session.ts";
import { listTargets } from "./targets.ts";

/** Is one thing that was looked at. */
export interface DoctorCheck {
  /** A stable name in kebab case, e.g. `git-version`. */
  readonly name: string;
  readonly state: "ok" | "warning" | "failed";
  readonly message: string;
  readonly hint?: string;
}

/** Is what `doctor` found. */
export interface DoctorResult {
  readonly checks: readonly DoctorCheck[];
  readonly warnings: number;
  readonly failures: number;
}

/** Says which checks to make. */
export interface DoctorOptions {
  /** Leaves the remotes alone. */
  readonly offline: boolean;
}

/** Looks at everything that mlv depends on here. What is wrong is a result, not a failure; works outside a repository, too. */
export async function doctor(context: OperationContext, options: DoctorOptions): Promise<DoctorResult> {
  const checks: DoctorCheck[] = [checkNode(), await checkGit(context)];
  let workspace: Workspace | undefined;
  try {
    workspace = await openWorkspace({ ...context, retries: RETRIES_TO_LOOK });
    checks.push(ok("repository", `work tree \`${workspace.root}\``), ...(await checkWorkspace(workspace, options)));
  } catch (error) {
    checks.push(fromError("repository", error));
  } finally {
    workspace?.close();
  }
  const count = (state: DoctorCheck["state"]): number => checks.filter((check) => check.state === state).length;
  return { checks, warnings: count("warning"), failures: count("failed") };
}

const NODE_FLOOR = [22, 19] as const;
const GIT_FLOOR = [2, 25] as const;

function checkNode(): DoctorCheck {
  const version = process.versions.node;
  if (isAtLeast(version, NODE_FLOOR)) return ok("node-version", `Node ${version}`);
  return {
    name: "node-version",
    state: "failed",
    message: `Node ${version} is too old`,
    hint: `install Node ${NODE_FLOOR.join(".")} or later`,
  };
}

async function checkGit(context: OperationContext): Promise<DoctorCheck> {
  try {
    const { runGit } = await import("../git/run-git.ts");
    const { stdout } = await runGit({ root: toAbsolutePath(path.resolve(context.cwd)) }, ["--version"], { signal: context.signal });
    const version = /\d+(?:\.\d+)+/.exec(stdout.toString("utf8"))?.[0] ?? "0";
    if (isAtLeast(version, GIT_FLOOR)) return ok("git-version", `Git ${version}`);
    return {
      name: "git-version",
      state: "warning",
      message: `Git ${version} is older than any that mlv is tested with`,
      hint: `install Git ${GIT_FLOOR.join(".")} or later`,
    };
  } catch (error) {
    return fromError("git-version", error);
  }
}

function isAtLeast(version: string, floor: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > floor[0] || (major === floor[0] && minor >= floor[1]);
}

async function checkWorkspace(workspace: Workspace, options: DoctorOptions): Promise<DoctorCheck[]> {
  const checks: DoctorCheck[] = [];
  const run = async (name: string, check: () => Promise<DoctorCheck | readonly DoctorCheck[]> | DoctorCheck): Promise<void> => {
    try {
      checks.push(...[await check()].flat());
    } catch (error) {
      checks.push(fromError(name, error));
    }
  };
  await run("configuration", async () => {
    const { remotes, defaultRemote } = await workspace.configuration();
    if (remotes.size === 0) return warn("configuration", "there is no remote yet", "add one: `mlv remote add origin URL`");
    if (defaultRemote === undefined)
      return warn("configuration", "there are several remotes and no default", "choose one: `mlv remote default NAME`");
    return ok("configuration", `${formatPlural(remotes.size, "remote")}, the default is \`${defaultRemote}\``);
  });
  await run("cache", () => checkCache(workspace));
  await run("free-space", () => checkFreeSpace(workspace));
  await run("links", () => checkLinks(workspace));
  await run("pointers", () => checkPointers(workspace));
  await run("leftovers", () => checkLeftovers(workspace));
  await run("hooks", async () => {
    const hooks = await checkHooks(workspace);
    return [hooks, ...(await checkDrivers(workspace, hooks))];
  });
  if (!options.offline) await run("remotes", () => checkRemotes(workspace));
  return checks;
}

function checkCache(workspace: Workspace): DoctorCheck {
  const { cache } = workspace;
  prepareState(workspace);
  const probe = cache.tempFile("probe");
  fs.writeFileSync(probe, "");
  fs.rmSync(probe);
  let bytes = 0;
  let objects = 0;
  for (const object of cache.looseObjects()) {
    bytes += object.size;
    objects += 1;
  }
  const packs = cache.packs.packs();
  for (const pack of packs) bytes += pack.size;
  return ok(
    "cache",
    `\`${cache.folder}\` is writable and holds ${formatBytes(bytes)} in ${formatPlural(objects, "object")} and ${formatPlural(packs.length, "pack")}`,
  );
}

const LOW_SPACE_BYTES = 1024 ** 3;

function checkFreeSpace(workspace: Workspace): DoctorCheck {
  const { bavail, bsize } = fs.statfsSync(fs.existsSync(workspace.cache.folder) ? workspace.cache.folder : workspace.root);
  const free = bavail * bsize;
  if (free >= LOW_SPACE_BYTES) return ok("free-space", `${formatBytes(free)} are free where the cache is`);
  return warn("free-space", `only ${formatBytes(free)} are free where the cache is`, "`mlv gc` lists what the cache can give back");
}

/** Tries on the spot what checkout would do: from the cache to where workspace files are staged. */
async function checkLinks(workspace: Workspace): Promise<DoctorCheck> {
  const { link = "auto" } = (await workspace.configuration()).local;
  const source = workspace.cache.tempFile("probe");
  const copies: Readonly<Record<"reflink" | "hardlink" | "symlink", (to: string) => void>> = {
    reflink: (to) => fs.copyFileSync(source, to, fs.constants.COPYFILE_FICLONE_FORCE),
    hardlink: (to) => fs.linkSync(source, to),
    symlink: (to) => fs.symlinkSync(source, to),
  };
  fs.writeFileSync(source, "probe");
  const works: string[] = [];
  try {
    for (const [name, copy] of Object.entries(copies)) {
      const to = path.join(workspace.stagingFolder, uniqueName("probe"));
      try {
        copy(to);
        works.push(name);
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error;
      } finally {
        fs.rmSync(to, { force: true });
      }
    }
  } finally {
    fs.rmSync(source, { force: true });
  }
  const found = `\`link\` is ${link}; what works here: ${[...works, "copy"].join(", ")}`;
  if (link !== "auto" && link !== "copy" && !works.includes(link)) return fail("links", found, "`mlv config set link auto`");
  return ok("links", found);
}

async function checkPointers(workspace: Workspace): Promise<DoctorCheck> {
  const targets = await listTargets(workspace);
  const broken: string[] = [];
  for (const target of targets) {
    try {
      readPointer(workspace.root, target, workspace.context.cwd);
    } catch (error) {
      if (!isMlvError(error)) throw error;
      broken.push(error.message);
    }
  }
  if (broken.length === 0) return ok("pointers", `${formatPlural(targets.length, "target")}, every pointer can be read`);
  return fail(
    "pointers",
    broken.slice(0, 5).join("; ") + (broken.length > 5 ? `; and ${formatCount(broken.length - 5)} more` : ""),
    "`mlv status` names them all",
  );
}

function checkLeftovers(workspace: Workspace): DoctorCheck {
  const partial = path.join(workspace.stateFolder, "partial");
  const names = fs.existsSync(partial) ? fs.readdirSync(partial) : [];
  const temporary = [...new Set([workspace.stagingFolder, workspace.cache.tempFolder])].flatMap((folder) =>
    fs.existsSync(folder) ? fs.readdirSync(folder) : [],
  );
  const files = formatPlural(temporary.length, "temporary file");
  const message = `${files} of commands that run now, ${formatPlural(names.length, "unfinished download")}`;
  return names.length === 0 ? ok("leftovers", message) : warn("leftovers", message, "`mlv pull` finishes downloads");
}

async function checkHooks(workspace: Workspace): Promise<DoctorCheck> {
  const { findHooksFolder } = await import("../git/hooks.ts");
  const { HOOK_NAMES, isOwnHook, removeBlock } = await import("../git/hook-scripts.ts");
  const folder = await findHooksFolder(workspace.repository);
  const missing = HOOK_NAMES.filter((name) => {
    const file = path.join(folder.path, name);
    const content = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    return !isOwnHook(content) && removeBlock(content) === undefined;
  });
  if (missing.length === 0) return ok("hooks", "all hooks are installed");
  return warn("hooks", `not installed: ${missing.join(", ")}`, "`mlv install` makes Git check out and push data by itself");
}

const NO_STORE_HINT = "`mlv push` makes it; where others have pushed, see that the disk is mounted and the URL is right";

/** An `mlv install` without the options that it had would take out what they brought. */
async function checkDrivers(workspace: Workspace, hooks: DoctorCheck): Promise<DoctorCheck[]> {
  const { findBareDrivers } = await import("../git/driver-config.ts");
  const keys = await findBareDrivers(workspace.repository);
  if (keys.length === 0) return [];
  const options = `${keys.includes("diff.mlv.command") ? " --diff-driver" : ""}${hooks.state === "ok" ? "" : " --no-hooks"}`;
  const message = `where mlv is not in PATH, \`git log -p\` and \`git diff\` fail at pointers: an earlier mlv set ${keys.join(", ")}`;
  return [warn("drivers", message, `\`mlv install${options}\` renews them`)];
}

async function checkRemotes(workspace: Workspace): Promise<DoctorCheck[]> {
  const { remotes } = await workspace.configuration();
  const checks: DoctorCheck[] = [];
  for (const name of remotes.keys()) {
    try {
      const check = async ({ store, remote, place }: RemoteSession): Promise<DoctorCheck> =>
        (await store.checkMarker(false, workspace.context.signal))
          ? ok(`remote-${name}`, `\`${name}\` is reachable`)
          : warn(`remote-${name}`, `\`${name}\` has no store at ${remote.url} yet`, [NO_STORE_HINT, place].filter(Boolean).join("; "));
      checks.push(await withRemote(workspace, name, check));
    } catch (error) {
      checks.push(fromError(`remote-${name}`, error, `\`mlv remote check ${name}\` tries every step`));
    }
  }
  return checks;
}

function ok(name: string, message: string): DoctorCheck {
  return { name, state: "ok", message };
}

function warn(name: string, message: string, hint: string): DoctorCheck {
  return { name, state: "warning", message, hint };
}

function fail(name: string, message: string, hint: string): DoctorCheck {
  return { name, state: "failed", message, hint };
}

function fromError(name: string, error: unknown, hint?: string): DoctorCheck {
  const known = fromSystemError(error, "check", name);
  if (!isMlvError(known) || known.kind === "internal") throw error;
  const shown = known.hint ?? hint;
  return { name, state: "failed", message: known.message, ...(shown === undefined ? {} : { hint: shown }) };
}
