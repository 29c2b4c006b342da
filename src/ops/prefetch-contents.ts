import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { fetchVersions, type VersionToFetch } from "../transfer/fetch.ts";
import { ancestorsOf } from "./history.ts";
import { findVersionFile } from "./open-content.ts";
import { prepareCache, type Workspace } from "./open-workspace.ts";
import { partialFolder, withRemote } from "./remote-session.ts";

/** Is a file of a version whose content is wanted; `inner` is empty for a target that is a file. */
export interface WantedContent {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly inner: string;
}

/** Is what may still be fetched; what is fetched is taken off. */
export interface FetchBudget {
  bytes: number;
}

const MAX_FETCH_BYTES = 1024 * 1024 * 1024;

/** Returns how many bytes may be fetched. Throws `usage`. */
export async function readFetchLimit(limit: string | undefined): Promise<number> {
  if (limit === undefined) return MAX_FETCH_BYTES;
  const { parseBytes } = await import("../remotes/remote-options.ts");
  const bytes = parseBytes(limit);
  if (bytes !== undefined) return bytes;
  throw new MlvError("usage", `\`--fetch-limit\` takes a size such as 500MB or 2GiB, not \`${limit}\``);
}

/** Is what a prefetch came to. */
export interface Prefetched {
  /** Made of the remote, retries included; 0 when nothing had to be asked for. */
  readonly requests: number;
  /** Why nothing came: the remote could not be reached, so that asking again for each file is in vain. */
  readonly unreachable?: MlvError;
}

/**
 * Brings the contents that are not cached into the cache, those of one version in one go, as long as they fit the budget; each group is taken whole or
 * not at all, in order. What cannot be had is left to the one who reads it. Throws only what is a bug or an interruption.
 */
export async function prefetchContents(
  workspace: Workspace,
  groups: readonly (readonly WantedContent[])[],
  { budget, remote }: { readonly budget: FetchBudget; readonly remote: string | undefined },
): Promise<Prefetched> {
  const wanted = new Map<string, WantedContent & { readonly only: string[] }>();
  for (const group of groups) {
    const missing = await findMissing(workspace, group, remote);
    const size = missing.reduce((sum, file) => sum + file.size, 0);
    if (size > budget.bytes) continue;
    budget.bytes -= size;
    for (const { place } of missing) {
      const key = `${place.target}\0${place.pointer.sha256}`;
      const version = wanted.get(key) ?? { ...place, only: [] };
      version.only.push(place.inner);
      wanted.set(key, version);
    }
  }
  if (wanted.size === 0) return { requests: 0 };
  await prepareCache(workspace);
  const versions: VersionToFetch[] = [];
  for (const { target, pointer, only } of wanted.values()) {
    const relatives = (): Promise<readonly Pointer[]> => ancestorsOf(workspace, target);
    versions.push(pointer.kind === "dir" ? { target, pointer, only, relatives } : { target, pointer, relatives });
  }
  return fetchAll(workspace, versions, remote);
}

async function fetchAll(workspace: Workspace, versions: readonly VersionToFetch[], remote: string | undefined): Promise<Prefetched> {
  let requests = 0;
  try {
    await withRemote(workspace, remote, async (session) => {
      const { cache, jobs, context } = workspace;
      const { onEvent, signal } = context;
      try {
        await fetchVersions({ cache, store: session.store, partialFolder: partialFolder(workspace), jobs, onEvent, signal }, versions);
      } finally {
        requests = session.requests();
      }
    });
    return { requests };
  } catch (error) {
    if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
    return { requests, ...(error.kind === "remote" ? { unreachable: error } : {}) };
  }
}

interface MissingFile {
  readonly place: WantedContent;
  readonly size: number;
}

async function findMissing(workspace: Workspace, group: readonly WantedContent[], remote: string | undefined): Promise<MissingFile[]> {
  const missing: MissingFile[] = [];
  for (const place of group) {
    try {
      const file = await findVersionFile(workspace, { commit: undefined, ...place }, remote);
      if (!workspace.cache.has(file.sha256)) missing.push({ place, size: file.size });
    } catch (error) {
      if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
    }
  }
  return missing;
}
