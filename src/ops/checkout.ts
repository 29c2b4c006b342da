import { mapConcurrent } from "../base/concurrency.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { AnchoredFolders } from "../workspace/anchored.ts";
import { checkoutTarget, type CheckoutContext, type CheckoutResult } from "../workspace/checkout.ts";
import { readUmask } from "../workspace/materialise.ts";
import { assertInside } from "./assert-inside.ts";
import { cacheMark } from "./cache-mark.ts";
import { ensureManifest } from "./ensure-manifest.ts";
import { removeLeftovers, type RemovedLeftover } from "./leftovers.ts";
import { prepareCache, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { withMending } from "./with-mending.ts";
import { requirePointer, selectTargets, setUnreadableAside, type Selection, type UnreadablePointer } from "./targets.ts";

/** Says what to check out and how. */
export interface CheckoutOptions {
  readonly paths: readonly string[];
  /** Replaces local edits, keeping them in the cache first. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

export type { CheckoutResult };

/** Is what `checkout` did, a line a target. */
export interface CheckoutSummary {
  readonly targets: readonly CheckoutResult[];
  /** Targets whose pointer cannot be read; they were left as they were. */
  readonly unreadable: readonly UnreadablePointer[];
  /** What was done with data whose pointer is gone; looked for only when no path was named. */
  readonly leftovers: readonly RemovedLeftover[];
}

/**
 * Makes the workspace what the pointers say, from the cache alone (a folder's list that is not cached is fetched). Local edits are left alone and named unless `force`.
 * Data whose pointer is gone is removed as far as it is unedited, cached and named by Git somewhere.
 * A target whose pointer cannot be read is left as it was and named. Throws `target-not-found`, `content-missing` for a folder whose list is not cached, `disk-full`, `path-unsafe`.
 */
export async function checkout(context: OperationContext, options: CheckoutOptions): Promise<CheckoutSummary> {
  return withWorkspace(context, async (workspace) => {
    if (!options.dryRun) await prepareCache(workspace);
    const { readable, unreadable } = setUnreadableAside(workspace, await selectTargets(workspace, options.paths));
    const leftovers = options.paths.length === 0 ? await removeLeftovers(workspace, options) : [];
    const targets = await withMending(workspace, undefined, () => checkoutSelections(workspace, readable, options));
    return { leftovers, targets, unreadable };
  });
}

/** Large files are copied on the I/O pool while small ones of another target are written. */
const TARGETS_AT_ONCE = 3;

/** Checks out what was selected, and saves the index even when one target fails. */
export async function checkoutSelections(
  workspace: Workspace,
  selections: readonly Selection[],
  options: Pick<CheckoutOptions, "force" | "dryRun">,
): Promise<CheckoutResult[]> {
  const { link = "auto" } = (await workspace.configuration()).local;
  await assertInside(workspace, selections);
  const folders = new AnchoredFolders(workspace.root);
  const mark = cacheMark(workspace.cache.folder);
  try {
    return await mapConcurrent(selections, TARGETS_AT_ONCE, async ({ target, only }) => {
      const pointer = requirePointer(workspace, target);
      // With nothing materialised here, only the wanted paths' part of the list is opened.
      const isPart = only?.length === 1 && workspace.index.folders(target).length === 0;
      if (pointer.kind === "dir") await ensureManifest(workspace, { target, pointer, ...(isPart ? { only } : {}) });
      const checkoutContext: CheckoutContext = {
        root: workspace.root,
        target,
        index: workspace.index,
        cache: workspace.cache,
        folders,
        stagingFolder: workspace.stagingFolder,
        stateFolder: workspace.stateFolder,
        link,
        umask: readUmask(),
        writer: new CacheWriter(workspace.cache),
        jobs: workspace.jobs,
        onEvent: workspace.context.onEvent,
        signal: workspace.context.signal,
        cacheMark: mark,
        ...options,
      };
      return checkoutTarget(checkoutContext, pointer, only);
    });
  } finally {
    folders.close();
    if (!options.dryRun) workspace.index.save();
  }
}
