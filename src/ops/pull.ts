import type { CheckoutResult } from "../workspace/checkout.ts";
import { checkoutSelections } from "./checkout.ts";
import { assertReached, fetchSelections, isLacking, type FetchedTarget, type FetchResult } from "./fetch.ts";
import { isSameVersion } from "../formats/pointer.ts";
import { readPointer } from "../workspace/target.ts";
import { cacheMark } from "./cache-mark.ts";
import { removeLeftovers, type RemovedLeftover } from "./leftovers.ts";
import { prepareCache, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { assertRemote } from "./remote-session.ts";
import { withMending } from "./with-mending.ts";
import { selectTargets, setUnreadableAside, type Selection, type UnreadablePointer } from "./targets.ts";

/** Says what to pull. */
export interface PullOptions {
  readonly paths: readonly string[];
  readonly remote?: string | undefined;
  /** Replaces local edits, keeping them in the cache first. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Is what a pull fetched and checked out. */
export interface PullResult {
  readonly fetched: FetchResult;
  readonly targets: readonly CheckoutResult[];
  /** Targets whose pointer cannot be read; they were left as they were. */
  readonly unreadable: readonly UnreadablePointer[];
  /** What was done with data whose pointer is gone; looked for only when no path was named. */
  readonly leftovers: readonly RemovedLeftover[];
}

/**
 * Fetches and checks out. Cached content that turns out damaged is removed and fetched again, with a warning.
 * A version that the remote lacks, or has damaged or not whole, or whose pointer cannot be read, leaves its target as it was and is named in the result; the others are
 * checked out. So are those that are in the cache when the remote cannot be reached. Throws what else `fetch` and `checkout` throw.
 */
export async function pull(context: OperationContext, options: PullOptions): Promise<PullResult> {
  return withWorkspace(context, async (workspace) => {
    await assertRemote(workspace, options.remote);
    await prepareCache(workspace);
    const { readable: selections, unreadable } = setUnreadableAside(workspace, await selectTargets(workspace, options.paths));
    const fetched = await withMending(workspace, options.remote, () => fetchSelections(workspace, selections, options));
    const lacking = new Set(fetched.versions.filter(isLacking).map((version) => version.target));
    // Nothing can be done at all: that is the remote's failure, not a part of the result.
    if (selections.every(({ target }) => lacking.has(target))) assertReached(fetched);
    const ready = options.dryRun ? [] : selections.filter(({ target }) => !lacking.has(target));
    const leftovers = options.paths.length === 0 ? await removeLeftovers(workspace, options) : [];
    const targets = await withMending(workspace, options.remote, () => checkoutSelections(workspace, ready, options));
    if (!options.dryRun) noteComplete(workspace, ready);
    const mended = await mendDamaged(workspace, { selections: ready, targets, options });
    const versions = mergeVersions(fetched.versions, mended.lacking);
    return { fetched: { ...fetched, versions }, leftovers, targets: mended.targets, unreadable };
  });
}

/** What a second fetch could not bring either counts. */
function mergeVersions(versions: readonly FetchedTarget[], lacking: readonly FetchedTarget[]): readonly FetchedTarget[] {
  return versions.map((version) => lacking.find(({ target }) => target === version.target) ?? version);
}

/** Everything that was selected is in the cache now: the next command need not look again. */
function noteComplete(workspace: Workspace, selections: readonly Selection[]): void {
  const mark = cacheMark(workspace.cache.folder);
  for (const { target, only } of selections) {
    const info = workspace.index.target(target);
    const pointer = only === undefined ? readPointer(workspace.root, target, workspace.context.cwd) : undefined;
    if (info === undefined || pointer === undefined || info.cacheMark === mark || !isSameVersion(info.pointer, pointer)) continue;
    workspace.index.setTarget(target, info.pointer, mark);
  }
  workspace.index.save();
}

interface Damage {
  readonly selections: Parameters<typeof checkoutSelections>[1];
  readonly targets: readonly CheckoutResult[];
  readonly options: PullOptions;
}

async function mendDamaged(
  workspace: Parameters<typeof checkoutSelections>[0],
  { selections, targets, options }: Damage,
): Promise<{ readonly targets: readonly CheckoutResult[]; readonly lacking: readonly FetchedTarget[] }> {
  const damaged = targets.filter((target) => target.damaged.length > 0);
  if (damaged.length === 0) return { targets, lacking: [] };
  const { discardDamaged } = await import("./mend.ts");
  for (const target of damaged) {
    for (const file of target.damaged) {
      workspace.context.onEvent({
        type: "notice",
        level: "warning",
        message: `the cached copy of \`${file.path}\` was damaged; fetching it again`,
      });
      await discardDamaged(workspace, file.sha256);
    }
  }
  const again = selections.filter(({ target }) => damaged.some((other) => other.target === target));
  const fetched = await fetchSelections(workspace, again, options);
  const second = await checkoutSelections(workspace, again, options);
  const mendedTargets = targets.map((target) => {
    const mended = second.find((other) => other.target === target.target);
    if (mended === undefined) return target;
    return { ...mended, written: target.written + mended.written, writtenBytes: target.writtenBytes + mended.writtenBytes };
  });
  return { targets: mendedTargets, lacking: fetched.versions.filter(isLacking) };
}
