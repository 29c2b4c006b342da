import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { syncFolder, writeFileDurably } from "../base/durable.ts";
import { fromSystemError, MlvError, systemErrorCode } from "../base/errors.ts";
import { BEFORE_SUFFIX, HOOK_NAMES, insertBlock, isOwnHook, isShellScript, ownHook, removeBlock, type HookName } from "./hook-scripts.ts";
import type { Repository } from "./repository.ts";
import { gitRecords } from "./run-git.ts";

/** Holds, for each hook, the shell command line that it runs with Git's arguments behind it. */
export type HookCommands = Readonly<Record<HookName, string>>;

/** Is one change to a hook, done or (with `dryRun`) to be done. */
export interface HookChange {
  readonly kind: "hook";
  readonly hook: HookName;
  /** The hook's file. */
  readonly path: string;
  /**
   * `chain`: the hook that was there goes on under `<hook>.before-mlv`. `insert`: a marked block goes into a hook manager's file.
   * `manual`: the hooks' folder is shared with other repositories, so `command` has to be added by hand. `restore`: what was
   * there before mlv is back. `blocked`: a `<hook>.before-mlv` is in the way.
   */
  readonly action: "create" | "chain" | "insert" | "update" | "restore" | "delete" | "manual" | "blocked";
  readonly command?: string;
}

interface Step {
  readonly change: HookChange;
  readonly apply?: () => void;
}

/**
 * Installs mlv's hooks beside what is there and returns what changed, or with `dryRun` what would; nothing the second time.
 * Each file is written durably; a crash between the rename of an old hook and the write of the new one leaves `<hook>.before-mlv`
 * alone, which the next install takes into the chain. Throws `permission-denied`, `disk-full`, `git-failed`.
 */
export async function installHooks(
  repository: Repository,
  commands: HookCommands,
  options: { readonly dryRun?: boolean } = {},
): Promise<HookChange[]> {
  return changeHooks([await findHooksFolder(repository)], options, (folder, name) => {
    if (folder.scope === "shared") return manual(folder, name, commands[name]);
    const file = path.join(folder.path, name);
    const current = readHook(file);
    // Hooks are handled as Latin-1, one character a byte.
    const command = Buffer.from(commands[name], "utf8").toString("latin1");
    const plan = folder.scope === "managed" && canHoldBlock(current, folder) ? planBlock : planOwn;
    return plan(repository, name, { file, current, command });
  });
}

/** Tells whether a block may go into a file: not where that would write through a link or wake a hook that was turned off. */
function canHoldBlock(current: HookFile | undefined, folder: HooksFolder): boolean {
  if (current === undefined) return true;
  if (current.isSymlink || isOwnHook(current.content) || !isShellScript(current.content)) return false;
  return folder.isHusky || (current.mode & 0o111) !== 0;
}

/** Takes mlv's hooks out and puts back exactly what was there; returns what changed, or with `dryRun` what would. */
export async function removeHooks(repository: Repository, options: { readonly dryRun?: boolean } = {}): Promise<HookChange[]> {
  const usual = path.join(repository.commonDir, "hooks");
  const found = await findHooksFolder(repository);
  // core.hooksPath may have been set after the install.
  const folders: HooksFolder[] = found.path === usual ? [found] : [found, { path: usual, scope: "own", isHusky: false }];
  return changeHooks(folders, options, (folder, name) => {
    const file = path.join(folder.path, name);
    const current = folder.scope === "shared" ? undefined : readHook(file);
    if (current === undefined || current.isSymlink) return undefined;
    if (!isOwnHook(current.content)) return planBlockRemoval(repository, name, { file, current });
    const before = `${file}${BEFORE_SUFFIX}`;
    if (!exists(before)) return step(name, file, "delete", () => remove(file));
    return step(name, file, "restore", () => rename(before, file));
  });
}

async function changeHooks(
  folders: readonly HooksFolder[],
  { dryRun }: { readonly dryRun?: boolean },
  plan: (folder: HooksFolder, name: HookName) => Step | undefined,
): Promise<HookChange[]> {
  const steps = folders.flatMap((folder) => HOOK_NAMES.map((name) => plan(folder, name))).filter((found) => found !== undefined);
  if (dryRun !== true) for (const { apply } of steps) apply?.();
  return steps.map(({ change }) => change);
}

/** Says where a repository's hooks lie. */
export interface HooksFolder {
  readonly path: string;
  /** `own`: Git's default place. `managed`: core.hooksPath names a folder of this repository. `shared`: a folder outside it. */
  readonly scope: "own" | "managed" | "shared";
  readonly isHusky: boolean;
}

/** Finds the folder that Git takes hooks from; for husky the folder above `_`, whose files husky itself rewrites. */
export async function findHooksFolder(repository: Repository): Promise<HooksFolder> {
  let configured = "";
  // Every Git that mlv starts has hooks turned off on its command line; the setting before that is the user's.
  const args = ["config", "--show-origin", "-z", "--get-all", "core.hooksPath"];
  let origin = "";
  for await (const record of gitRecords(repository, args, { acceptStatus: [1] })) {
    if (origin === "") {
      origin = record;
      continue;
    }
    if (!origin.startsWith("command line:")) configured = record;
    origin = "";
  }
  const usual = path.join(repository.commonDir, "hooks");
  if (configured === "") return { path: usual, scope: "own", isHusky: false };
  const folder = path.resolve(repository.root, configured.replace(/^~(?=\/|$)/, os.homedir()));
  const isHusky = path.basename(folder) === "_" && path.basename(path.dirname(folder)) === ".husky";
  const isInside = [repository.root, repository.commonDir].some((parent) => folder.startsWith(`${parent}${path.sep}`));
  if (folder === usual) return { path: usual, scope: "own", isHusky: false };
  return { path: isHusky ? path.dirname(folder) : folder, scope: isInside ? "managed" : "shared", isHusky };
}

interface HookFile {
  readonly content: string;
  readonly mode: number;
  readonly isSymlink: boolean;
}

interface PlanInput {
  readonly file: string;
  readonly current: HookFile | undefined;
  readonly command: string;
}

function planOwn(repository: Repository, name: HookName, { file, current, command }: PlanInput): Step | undefined {
  const wanted = ownHook(name, command);
  if (current?.content === wanted && !current.isSymlink) return undefined;
  const write = (): void => writeHook(repository, file, wanted, 0o755);
  if (current === undefined) return step(name, file, "create", write);
  if (isOwnHook(current.content) && !current.isSymlink) return step(name, file, "update", write);
  const before = `${file}${BEFORE_SUFFIX}`;
  if (exists(before)) return step(name, file, "blocked");
  return step(name, file, "chain", () => {
    rename(file, before);
    write();
  });
}

function planBlock(repository: Repository, name: HookName, { file, current, command }: PlanInput): Step | undefined {
  const wanted = insertBlock(current?.content, name, command);
  if (wanted === current?.content) return undefined;
  const action = current === undefined ? "create" : "insert";
  return step(name, file, action, () => writeHook(repository, file, wanted, current?.mode ?? 0o755));
}

function planBlockRemoval(repository: Repository, name: HookName, { file, current }: Omit<PlanInput, "command">): Step | undefined {
  const restored = current === undefined ? undefined : removeBlock(current.content);
  if (restored === undefined || current === undefined) return undefined;
  if (restored.wasMade) return step(name, file, "delete", () => remove(file));
  return step(name, file, "restore", () => writeHook(repository, file, restored.content, current.mode));
}

function manual(folder: HooksFolder, hook: HookName, command: string): Step {
  return { change: { kind: "hook", hook, path: path.join(folder.path, hook), action: "manual", command: `${command} "$@"` } };
}

function step(hook: HookName, file: string, action: HookChange["action"], apply?: () => void): Step {
  return { change: { kind: "hook", hook, path: file, action }, ...(apply === undefined ? {} : { apply }) };
}

function exists(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Reads a hook; Latin-1, so that a hook in any encoding (or a binary) is written back byte for byte. */
function readHook(file: string): HookFile | undefined {
  const stats = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isSymbolicLink()) return { content: "", mode: 0, isSymlink: true };
  if (!stats.isFile()) throw new MlvError("target-exists", `\`${file}\` is no file, so no hook can take its place`);
  return { content: fs.readFileSync(file, "latin1"), mode: stats.mode & 0o7777, isSymlink: false };
}

function writeHook(repository: Repository, file: string, content: string, mode: number): void {
  const tempFolder = path.join(repository.commonDir, "mlv", "tmp");
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    writeFileDurably(file, Buffer.from(content, "latin1"), { tempFolder, mode });
    // The umask may have taken bits that the file had.
    fs.chmodSync(file, mode);
  } catch (error) {
    throw fromSystemError(error, "write the hook", file);
  }
}

function rename(from: string, to: string): void {
  try {
    fs.renameSync(from, to);
    syncFolder(path.dirname(to));
  } catch (error) {
    throw fromSystemError(error, "rename the hook", from);
  }
}

function remove(file: string): void {
  try {
    fs.rmSync(file);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw fromSystemError(error, "remove the hook", file);
  }
}
