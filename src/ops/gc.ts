import * as fs from "node:fs";
import path from "node:path";
import { isMlvError } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import type { Cache } from "../store/cache.ts";
import type { OpenPack } from "../store/pack-set.ts";
import { readRegistry, registryFile } from "./cache-registry.ts";
import { lockCache } from "./cache-lock.ts";
import { collectNeeds, collectWorktrees, type Needs } from "./gc-needs.ts";
import { planGc, type GcPlan } from "./gc-plan.ts";
import { readPackObjects } from "./mend.ts";
import { prepareState, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";

/** Says what a local gc may free. */
export interface GcOptions {
  /** More repositories that share this cache, besides those registered with it. */
  readonly repositories: readonly string[];
  /** Deletes; without it the result says what would be. */
  readonly isConfirmed: boolean;
  /** Frees the last known copies of data that was never pushed, too. */
  readonly force: boolean;
}

/** Is one cached thing that nothing needs. */
export interface GcItem {
  readonly sha256: Sha256;
  readonly kind: "file" | "dir" | "unknown";
  /** Bytes that freeing it gives back. */
  readonly size: number;
  /** How many files of a folder's version. */
  readonly files: number;
  /** When it came to the cache, milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** The target or file that had this content, where it is still known. */
  readonly names: readonly string[];
  readonly isPushed: boolean;
}

/** Is a repository that could not be read; nothing is deleted then. */
export interface UnreadableRepository {
  readonly repository: string;
  readonly message: string;
}

/** Is what a local gc did, or would do. */
export interface GcResult {
  readonly isDone: boolean;
  readonly freed: readonly GcItem[];
  readonly freedBytes: number;
  /** Not needed, but never pushed as far as is known, so kept without `force`. */
  readonly keptUnpushed: readonly GcItem[];
  readonly keptUnpushedBytes: number;
  readonly keptObjects: number;
  readonly keptBytes: number;
  readonly rewrittenPacks: number;
  readonly removedPacks: number;
  /** The repositories whose needs were counted. */
  readonly repositories: readonly string[];
  readonly blockedBy: readonly UnreadableRepository[];
}

/**
 * Frees cached content that no ref, reflog, stash, Git index, pointer or workspace of any repository that uses the cache names.
 * Deleting waits for commands that use the cache. Throws `locked` where it must not wait, `git-failed` when this repository cannot be read; other repositories that cannot are named in the result and block deletion.
 */
export async function gc(context: OperationContext, options: GcOptions): Promise<GcResult> {
  return withWorkspace(context, async (workspace) => {
    if (!options.isConfirmed) return collect(workspace, options);
    prepareState(workspace);
    const release = await lockCache(workspace.cache.tempFolder, context);
    try {
      return await collect(workspace, options);
    } finally {
      release();
    }
  });
}

async function collect(workspace: Workspace, options: GcOptions): Promise<GcResult> {
  const { cache, context } = workspace;
  const needs: Needs = { versions: new Map(), pushed: new Set() };
  await collectNeeds(needs, workspace.root, { ...context, cwd: workspace.root });
  const { repositories, blockedBy } = await collectOthers(needs, workspace, options);
  const isDone = options.isConfirmed && blockedBy.length === 0;
  if (isDone) {
    // What an older mlv, or one that could leave no note, added meanwhile counts too.
    await collectWorktrees(needs, workspace.repository, { ...context, cwd: workspace.root });
  }
  const plan = planGc(cache, needs, options);
  if (isDone) carryOut(cache, plan, context);
  return {
    isDone,
    freed: plan.freed,
    freedBytes: plan.freedBytes,
    keptUnpushed: plan.keptUnpushed,
    keptUnpushedBytes: plan.keptUnpushed.reduce((sum, item) => sum + item.size, 0),
    keptObjects: plan.keptObjects,
    keptBytes: plan.keptBytes,
    rewrittenPacks: plan.rewritePacks.length,
    removedPacks: plan.removePacks.length,
    repositories,
    blockedBy,
  };
}

interface Others {
  readonly repositories: readonly string[];
  readonly blockedBy: readonly UnreadableRepository[];
}

async function collectOthers(needs: Needs, workspace: Workspace, options: GcOptions): Promise<Others> {
  const { context, cache, root } = workspace;
  const given = options.repositories.map((repository) => path.resolve(context.cwd, repository));
  const repositories = [root];
  const blockedBy: UnreadableRepository[] = [];
  for (const repository of new Set([...readRegistry(cache.folder), ...given])) {
    if (repository === root) continue;
    try {
      await collectNeeds(needs, fs.realpathSync(repository), { ...context, cwd: repository, env: {} });
      repositories.push(repository);
    } catch (error) {
      if (isMlvError(error, "interrupted") || (isMlvError(error) && error.kind === "internal")) throw error;
      const note = registryFile(cache.folder, repository);
      const hint = fs.existsSync(note) ? `; if it is gone for good, delete \`${note}\`` : "";
      blockedBy.push({ repository, message: `${error instanceof Error ? error.message : String(error)}${hint}` });
    }
  }
  return { repositories, blockedBy };
}

/** Packs are written anew before the old ones go, so that a crash leaves an object twice, never not at all. */
function carryOut(cache: Cache, plan: GcPlan, { onEvent, signal }: OperationContext): void {
  let files = 0;
  let bytes = 0;
  const note = (size: number): void => {
    files += 1;
    bytes += size;
    onEvent({ type: "progress", phase: "delete", files, bytes, totalBytes: plan.freedBytes });
  };
  for (const { pack, keep } of plan.rewritePacks) {
    signal?.throwIfAborted();
    if (rewritePack(cache, pack, keep)) note(pack.size);
  }
  for (const pack of plan.removePacks) {
    signal?.throwIfAborted();
    cache.removePack(pack.sha256);
    note(pack.size);
  }
  for (const hash of plan.removeObjects) {
    signal?.throwIfAborted();
    cache.removeObject(hash);
    note(0);
  }
}

/** Returns false, and leaves the pack, when something in it that is needed is damaged: that is for `verify --repair`. */
function rewritePack(cache: Cache, pack: OpenPack, keep: ReadonlySet<Sha256>): boolean {
  const kept = [...readPackObjects(pack)].filter((object) => keep.has(object.sha256));
  if (kept.some((object) => object.data === undefined)) return false;
  cache.packs.exclude(pack.sha256);
  const writer = new CacheWriter(cache);
  for (const { sha256, data } of kept) if (data !== undefined) writer.addSmall(sha256, data);
  writer.finish();
  cache.removePack(pack.sha256);
  return true;
}
