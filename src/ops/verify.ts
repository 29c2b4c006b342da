import type { Sha256 } from "../base/ids.ts";
import { prepareCache, withWorkspace, type OperationContext } from "./open-workspace.ts";
import { selectTargets } from "./targets.ts";
import { verifyCache } from "./verify-cache.ts";
import { verifyRemote } from "./verify-remote.ts";
import { verifyWorkspace } from "./verify-workspace.ts";

/** Says what to check. */
export interface VerifyOptions {
  /** Targets or paths inside them; everything, all of the cache included, when empty. */
  readonly paths: readonly string[];
  readonly cache: boolean;
  readonly workspace: boolean;
  /** `full` downloads and hashes every blob, `quick` looks at presence and size only. */
  readonly remote: false | "full" | "quick";
  /** Which remote; the default one when absent. */
  readonly remoteName?: string | undefined;
  /** Mends what is damaged from wherever a good copy is. */
  readonly repair: boolean;
}

/** Is one thing whose bytes are not what they must be. */
export interface DamagedItem {
  readonly place: "cache" | "workspace" | "remote";
  readonly problem: "damaged" | "missing" | "unreadable";
  /** A file of the cache or workspace, or a remote's key. */
  readonly path: string;
  readonly sha256?: Sha256;
  /** Files of targets that it belongs to, relative to the repository's root; the first few. */
  readonly names: readonly string[];
  /** How many there are in all. */
  readonly nameCount: number;
  readonly status: "found" | "mended" | "unmended";
  /** Where the good copy came from, or why there was none. */
  readonly detail?: string;
}

/** Counts what was looked at. */
export interface VerifyCounts {
  readonly items: number;
  readonly bytes: number;
}

/** Is what `verify` found. */
export interface VerifyResult {
  readonly cache: VerifyCounts | undefined;
  readonly workspace: VerifyCounts | undefined;
  readonly remote: (VerifyCounts & { readonly name: string; readonly url: string; readonly notPushed: readonly string[] }) | undefined;
  /** Workspace files that were edited here, which is no damage. */
  readonly edited: number;
  readonly items: readonly DamagedItem[];
  readonly damaged: number;
  readonly mended: number;
  /** What is still damaged; the command's status is 14 when there is any. */
  readonly unmended: number;
}

/** Re-hashes cache, workspace or remote and says what is damaged. Damage is a result, not a failure. Throws `target-not-found`, `remote-…`. */
export async function verify(context: OperationContext, options: VerifyOptions): Promise<VerifyResult> {
  return withWorkspace(context, async (workspace) => {
    if (options.repair) await prepareCache(workspace);
    const selections = await selectTargets(workspace, options.paths);
    const { repair, remoteName: remote } = options;
    const isAll = options.paths.length === 0;
    // The cache comes first: workspace and remote are mended from it.
    const cache = options.cache ? await verifyCache(workspace, { selections: isAll ? undefined : selections, repair, remote }) : undefined;
    const files = options.workspace ? await verifyWorkspace(workspace, selections, { repair, remote }) : undefined;
    const remotely =
      options.remote === false ? undefined : await verifyRemote(workspace, selections, { depth: options.remote, repair, remote });
    const items = [...(cache?.items ?? []), ...(files?.items ?? []), ...(remotely?.items ?? [])];
    const mended = items.filter((item) => item.status === "mended").length;
    return {
      cache: cache?.counts,
      workspace: files?.counts,
      remote: remotely?.counts,
      edited: files?.edited ?? 0,
      items,
      damaged: items.length,
      mended,
      unmended: items.length - mended,
    };
  });
}
