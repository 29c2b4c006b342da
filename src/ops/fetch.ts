import { isMlvError, type MlvError } from "../base/errors.ts";
import { isSameVersion } from "../formats/pointer.ts";
import {
  fetchVersions,
  failedVersion,
  isComplete,
  isOfTheWholeRemote,
  type FetchedVersion,
  type VersionToFetch,
} from "../transfer/fetch.ts";
import { assertInside } from "./assert-inside.ts";
import { cacheMark } from "./cache-mark.ts";
import { ancestorsOf } from "./history.ts";
import { prepareCache, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { assertRemote, nameRemote, namingRemote, partialFolder, withRemote } from "./remote-session.ts";
import { originOf, type VersionOrigin } from "./version-origin.ts";
import { requirePointer, selectTargets, type Selection } from "./targets.ts";

/** Says what to fetch. */
export interface FetchOptions {
  readonly paths: readonly string[];
  readonly remote?: string | undefined;
  readonly dryRun: boolean;
}

/** Is what a fetch did with one version; `origin` says who may have what a remote that could be reached lacks, in part or whole. */
export interface FetchedTarget extends FetchedVersion {
  readonly origin?: VersionOrigin;
}

/** Is what a fetch did. */
export interface FetchResult {
  readonly versions: readonly FetchedTarget[];
  /** Absent when nothing had to be asked for. */
  readonly remote?: string;
  readonly url?: string;
  /** Requests made, retries included. */
  readonly requests?: number;
}

/**
 * Brings what the pointers name into the cache and leaves the workspace alone. A version that the remote lacks, or has damaged or not whole, is
 * named in the result; so is what is left when the remote could not be reached after something had been fetched. Throws what else
 * `fetchVersions` throws.
 */
export async function fetch(context: OperationContext, options: FetchOptions): Promise<FetchResult> {
  return withWorkspace(context, async (workspace) => {
    await assertRemote(workspace, options.remote);
    await prepareCache(workspace);
    const selections = await selectTargets(workspace, options.paths);
    const fetched = await fetchSelections(workspace, selections, options);
    if (!fetched.versions.some(({ status }) => status === "fetched")) assertReached(fetched);
    const lacking = new Set(fetched.versions.filter(isLacking).map(({ target }) => target));
    const had = selections.filter(({ target }) => !lacking.has(target));
    if (!options.dryRun) await assertInside(workspace, had, options.remote);
    return fetched;
  });
}

/** Tells whether a version could not be had whole. */
export function isLacking({ status }: FetchedTarget): boolean {
  return status === "not-on-remote" || status === "failed";
}

/** Throws what kept the remote from being reached, where that is why versions could not be had. */
export function assertReached({ versions }: FetchResult): void {
  const failed = versions.find(({ problem }) => isUnreached(problem));
  if (failed !== undefined) throw failed.problem;
}

function isUnreached(problem: MlvError | undefined): boolean {
  return isOfTheWholeRemote(problem) || isMlvError(problem, "remote-not-configured");
}

/**
 * Fetches what was selected; opens the remote only when something is missing. What a remote that cannot be reached keeps back is `failed`, all for the
 * same reason.
 */
export async function fetchSelections(
  workspace: Workspace,
  selections: readonly Selection[],
  options: Pick<FetchOptions, "remote" | "dryRun">,
): Promise<FetchResult> {
  const wanted = selections.map(({ target, only }) => ({
    target,
    pointer: requirePointer(workspace, target),
    ...(only === undefined ? {} : { only }),
  }));
  const mark = cacheMark(workspace.cache.folder);
  const missing = wanted.filter((version) => !isMarkedComplete(workspace, version, mark) && !isComplete(workspace.cache, version));
  const cached = wanted.filter((version) => !missing.includes(version)).map(toCached);
  if (missing.length === 0) return { versions: cached };
  if (options.dryRun)
    return {
      versions: [...cached, ...missing.map(({ target, pointer }) => ({ ...toCached({ target, pointer }), status: "fetched" as const }))],
    };
  try {
    return await fetchMissing(workspace, { cached, missing, remote: options.remote });
  } catch (error) {
    if (!isMlvError(error) || !isUnreached(error)) throw error;
    return { versions: [...cached, ...missing.map((version) => failedVersion(version, error))] };
  }
}

interface Missing {
  readonly cached: readonly FetchedVersion[];
  readonly missing: readonly Omit<VersionToFetch, "relatives">[];
  readonly remote: string | undefined;
}

function fetchMissing(workspace: Workspace, { cached, missing, remote: name }: Missing): Promise<FetchResult> {
  return withRemote(workspace, name, async (session) => {
    const { config, remote, requests, store } = session;
    const versions: VersionToFetch[] = [];
    for (const version of missing) versions.push({ ...version, relatives: () => ancestorsOf(workspace, version.target) });
    const fetching = {
      cache: workspace.cache,
      store,
      partialFolder: partialFolder(workspace),
      jobs: workspace.jobs,
      onEvent: workspace.context.onEvent,
      signal: workspace.context.signal,
      keepsBases: true,
      goesOn: true,
    };
    const fetched = await namingRemote(session, "fetch from", () => fetchVersions(fetching, versions));
    const named: FetchedTarget[] = [];
    const reasons = new Map<MlvError, MlvError>();
    for (const version of fetched) {
      const { problem } = version;
      if (problem !== undefined && isUnreached(problem)) {
        const reason = reasons.get(problem) ?? nameRemote(session, "fetch from", problem);
        reasons.set(problem, reason);
        named.push({ ...version, problem: reason });
      } else if (isLacking(version)) named.push({ ...version, origin: await originOf(workspace, version.target, version.pointer) });
      else named.push(version);
    }
    return { versions: [...cached, ...named], requests: requests(), remote: config.name, url: remote.url };
  });
}

/** Tells whether a target was seen complete while the cache was as it is. */
function isMarkedComplete(workspace: Workspace, { target, pointer }: Pick<VersionToFetch, "target" | "pointer">, mark: string): boolean {
  const info = workspace.index.target(target);
  return pointer.kind === "dir" && info !== undefined && info.cacheMark === mark && isSameVersion(info.pointer, pointer);
}

function toCached({ target, pointer }: Pick<VersionToFetch, "target" | "pointer">): FetchedVersion {
  return { target, pointer, status: "cached", receivedBytes: 0, files: 0 };
}
