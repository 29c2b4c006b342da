import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, sweepTempFolder } from "../base/durable.ts";
import type { EventSink } from "../base/events.ts";
import type { LinkKind, LocalConfig, ProjectConfig } from "../formats/project-config.ts";
import { combineMlvIgnores, createMlvIgnore, type MlvIgnore, type MlvIgnoreLevel } from "../git/ignore.ts";
import { listWorktrees } from "../git/worktrees.ts";
import { findRepository, type Repository } from "../git/repository.ts";
import { Cache } from "../store/cache.ts";
import { WorkspaceIndex } from "../workspace/workspace-index.ts";
import { registerRepository } from "./cache-registry.ts";
import { readConfiguration, type Configuration } from "./configuration.ts";

/** Carries what every operation takes from its caller; operations themselves never look at the process. */
export interface OperationContext {
  /** Absolute path that relative paths start from. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onEvent: EventSink;
  readonly signal?: AbortSignal | undefined;
  /** How many files or requests at once; chosen from the machine when absent. */
  readonly jobs?: number | undefined;
  /** How much may travel to and from remotes, a size a second such as `10MiB`; no limit when absent. */
  readonly bandwidthLimit?: string | undefined;
  /** True to fail with `locked` instead of waiting. */
  readonly noWait?: boolean | undefined;
  /** How often a failing request is tried again where the remote does not say; often, for transfers, when absent. */
  readonly retries?: number | undefined;
  /** True to ask no remote: what is not in the cache is missing. */
  readonly isOffline?: boolean | undefined;
}

/** Of a remote that is down somebody who looks at something hears within seconds; what it would have told is left out. */
export const RETRIES_TO_LOOK = 3;

/** Is an opened repository with everything an operation needs of it; each part is opened when it is first used. */
export interface Workspace {
  readonly repository: Repository;
  /** Absolute path of the work tree's root. */
  readonly root: string;
  /** `.git/mlv` of the common Git directory. */
  readonly stateFolder: string;
  /** A folder for staging files on the workspace's side. */
  readonly stagingFolder: string;
  readonly context: OperationContext;
  readonly cache: Cache;
  readonly index: WorkspaceIndex;
  readonly jobs: number;
  configuration(): Promise<Configuration>;
  ignore(): Promise<MlvIgnore | undefined>;
  /** Holds off a gc of the cache until `close`, after waiting for one that runs. Throws `locked` where the caller must not wait. */
  useCache(): Promise<void>;
  /** Closes files and makes notes last. Never throws. */
  close(): void;
}

export type { LinkKind, LocalConfig, ProjectConfig };

/**
 * Opens the repository around `context.cwd`. Throws `not-a-repository`.
 * Nothing is created; what a killed command left in the temp folders is swept.
 */
export async function openWorkspace(context: OperationContext): Promise<Workspace> {
  const repository = findRepository(context.cwd, context.env);
  const stateFolder = path.join(repository.commonDir, "mlv");
  const { cacheFolder, localJobs } = await readLocalSettings(repository, stateFolder, context);
  const stagingFolder = path.join(stateFolder, "tmp");
  let cache: Cache | undefined;
  let index: WorkspaceIndex | undefined;
  let configuration: Promise<Configuration> | undefined;
  let ignore: Promise<MlvIgnore | undefined> | undefined;
  let cacheUse: Promise<() => void> | undefined;
  let release: (() => void) | undefined;
  return {
    repository,
    root: repository.root,
    stateFolder,
    stagingFolder,
    context,
    get cache() {
      return (cache ??= new Cache({ folder: cacheFolder, stateFolder, onEvent: context.onEvent }));
    },
    get index() {
      return (index ??= new WorkspaceIndex(path.join(stateFolder, "index", repository.worktreeId), stagingFolder));
    },
    get jobs() {
      return context.jobs ?? localJobs ?? Math.max(4, process.getBuiltinModule("node:os").availableParallelism() * 2);
    },
    configuration: () => (configuration ??= readConfiguration(repository, stateFolder)),
    ignore: () => (ignore ??= readIgnore(repository.root)),
    useCache: async () => {
      cacheUse ??= import("./cache-lock.ts").then(({ useCache }) => useCache(path.join(cacheFolder, "tmp"), context));
      release = await cacheUse;
    },
    close: () => {
      cache?.close();
      release?.();
    },
  };
}

/** Runs `work` with an opened workspace and closes it whatever happens. */
export async function withWorkspace<Result>(context: OperationContext, work: (workspace: Workspace) => Promise<Result>): Promise<Result> {
  const workspace = await openWorkspace(context);
  try {
    return await work(workspace);
  } finally {
    workspace.close();
  }
}

/** Makes the folders of the local state, and sweeps what killed commands left in its temp folders. For commands that write. */
export function prepareState(workspace: Workspace): void {
  ensureFolder(workspace.stagingFolder);
  sweepTempFolder(workspace.stagingFolder, Date.now());
  if (workspace.cache.tempFolder !== workspace.stagingFolder) {
    ensureFolder(workspace.cache.tempFolder);
    sweepTempFolder(workspace.cache.tempFolder, Date.now());
    // A gc of a shared cache asks everybody who is noted in it.
    registerRepository(workspace.cache.folder, listWorktrees(workspace.repository)[0]?.root ?? workspace.root);
  }
}

/** Does what `prepareState` does, and holds off a gc of the cache until the workspace is closed. For commands that need what they cache. */
export async function prepareCache(workspace: Workspace): Promise<void> {
  prepareState(workspace);
  await workspace.useCache();
}

interface LocalSettings {
  readonly cacheFolder: string;
  readonly localJobs: number | undefined;
}

/** The cache is where MLV_CACHE_DIR or `cache.dir` of local.yaml says, else in the state folder; local.yaml is read only when it is there. */
async function readLocalSettings(repository: Repository, stateFolder: string, context: OperationContext): Promise<LocalSettings> {
  const hasLocal = fs.existsSync(path.join(stateFolder, "local.yaml"));
  const local = hasLocal ? (await readConfiguration(repository, stateFolder)).local : undefined;
  const fromEnvironment = context.env["MLV_CACHE_DIR"] ?? "";
  const fromFile = local?.cacheDir === undefined ? stateFolder : path.resolve(repository.root, local.cacheDir);
  return { cacheFolder: fromEnvironment === "" ? fromFile : path.resolve(context.cwd, fromEnvironment), localJobs: local?.jobs };
}

async function readIgnore(root: string): Promise<MlvIgnore | undefined> {
  const file = path.join(root, ".mlvignore");
  if (!fs.existsSync(file)) return undefined;
  const levels: MlvIgnoreLevel[] = [{ folder: "", rules: await createMlvIgnore(fs.readFileSync(file, "utf8")) }];
  const combined = combineMlvIgnores(levels);
  return combined.isEmpty ? undefined : combined;
}
