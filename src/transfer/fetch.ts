import * as fs from "node:fs";
import path from "node:path";
import { mapConcurrent } from "../base/concurrency.ts";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import type { Body } from "../formats/body.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { Cache } from "../store/cache.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { leavesUnder, readManifestEntries, readManifestRoot } from "../store/manifests.ts";
import { BlobSpool } from "./blob-spool.ts";
import type { FetchContext, VersionToFetch, WantedObject } from "./fetch-context.ts";
import { fetchObjects } from "./fetch-objects.ts";
import { fetchManifest } from "./fetch-manifest.ts";
import { CompleteLeaves } from "./leaf-objects.ts";
import type { RemoteVersion } from "./remote-store.ts";

export type { FetchContext, VersionToFetch };

const VERSIONS_AT_ONCE = 3;

/** Is what a fetch did with one version. */
export interface FetchedVersion {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly status: "fetched" | "cached" | "not-on-remote" | "failed";
  /** Why it cannot be had whole, with `failed`. */
  readonly problem?: MlvError;
  readonly receivedBytes: number;
  readonly files: number;
}

/**
 * Brings versions into the cache, from what is cached already and from the remote; every object is hashed before it is visible.
 * Interrupted, it leaves what it fetched to the next run. A version that the remote lacks is a status, not a failure; with `goesOn` in the context
 * so is one that the remote has damaged or not whole, and so are all that are left once the remote could not be reached or refused. Otherwise throws `content-mismatch` when what the remote has is damaged, `content-missing` when it lost a blob, `remote-unavailable` when it has
 * neither the version nor a store's marker, `remote-…`, `disk-full`.
 */
export async function fetchVersions(context: FetchContext, versions: readonly VersionToFetch[]): Promise<FetchedVersion[]> {
  let marker: Promise<boolean> | undefined;
  let down: MlvError | undefined;
  try {
    return await mapConcurrent(versions, VERSIONS_AT_ONCE, async (wanted) => {
      if (isComplete(context.cache, wanted))
        return { target: wanted.target, pointer: wanted.pointer, status: "cached", receivedBytes: 0, files: 0 };
      if (down !== undefined) return failedVersion(wanted, down);
      try {
        const isStore = await (marker ??= context.store.checkMarker(false, context.signal));
        const fetched = await fetchOrFail(context, wanted);
        if (fetched.status === "not-on-remote" && !isStore) throw noStore(context.store);
        return fetched;
      } catch (error) {
        if (context.goesOn !== true || !isOfTheWholeRemote(error)) throw error;
        return failedVersion(wanted, (down ??= error));
      }
    });
  } finally {
    context.store.known.save();
  }
}

const OF_THE_WHOLE_REMOTE = [
  "endpoint-untrusted",
  "remote-denied",
  "remote-misconfigured",
  "remote-throttled",
  "remote-timeout",
  "remote-unauthenticated",
  "remote-unavailable",
] as const;

/** Tells whether a failure is one after which the next request of the same remote would fail in the same way. */
export function isOfTheWholeRemote(error: unknown): error is MlvError {
  return isMlvError(error, ...OF_THE_WHOLE_REMOTE);
}

/** Returns a version that could not be had for a reason. */
export function failedVersion({ target, pointer }: Pick<VersionToFetch, "target" | "pointer">, problem: MlvError): FetchedVersion {
  return { target, pointer, status: "failed", problem, receivedBytes: 0, files: 0 };
}

/** A disk that is not mounted looks like an empty folder: what nobody pushed to has no marker. */
function noStore({ remote }: FetchContext["store"]): MlvError {
  return new MlvError("remote-unavailable", `there is no mlv store at ${remote.url}: it has no mlv.json`, {
    hint: "see that the disk is mounted and the URL is right; where nothing was pushed yet, `mlv push` makes the store",
  });
}

/** Tells whether the cache holds everything of a version that is wanted. Does not look at the bytes. Who asks of many versions gives them one `complete`. */
export function isComplete(
  cache: Cache,
  version: Pick<VersionToFetch, "target" | "pointer" | "only" | "listOnly" | "leaves">,
  complete: CompleteLeaves = new CompleteLeaves(cache),
): boolean {
  const { target, pointer, only, listOnly, leaves } = version;
  if (pointer.kind === "file") return cache.has(pointer.sha256);
  if (!cache.has(pointer.sha256)) return false;
  try {
    const prefixes = only ?? [undefined];
    if (leaves !== undefined) return [...leaves].every((leaf) => cache.has(leaf));
    const root = readManifestRoot(cache, pointer.sha256, `\`${target}\``);
    if (only === undefined && listOnly !== true) return root.leaves.every((leaf) => complete.has(leaf));
    if (listOnly === true) {
      return prefixes.every((prefix) => leavesUnder(root, prefix).every((leaf) => cache.has(leaf.sha256)));
    }
    for (const prefix of prefixes) {
      for (const entry of readManifestEntries(cache, pointer.sha256, target, prefix)) if (!cache.has(entry.sha256)) return false;
    }
    return true;
  } catch (error) {
    if (isMlvError(error, "content-missing")) return false;
    throw error;
  }
}

async function fetchOne(context: FetchContext, wanted: VersionToFetch): Promise<FetchedVersion> {
  const { target, pointer } = wanted;
  const version = await context.store.readVersion(pointer.sha256, context.signal, pointer);
  if (version === undefined) return { target, pointer, status: "not-on-remote", receivedBytes: 0, files: 0 };
  // Once the cache has it nobody asks for its head again: were this killed meanwhile, `status` would call it not pushed.
  context.store.known.save();
  const relatives = version.body.bases.length === 0 ? [] : await readRelatives(context, await wanted.relatives());
  try {
    return await receive(context, wanted, { version, relatives });
  } catch (error) {
    if (!isMlvError(error, "content-mismatch")) throw error;
    // What was kept from an interrupted run, or copied from an earlier version, may be what is wrong: once more from nothing but the remote.
    fs.rmSync(partialFolderOf(context, version.body), { recursive: true, force: true });
    context.onEvent({
      type: "notice",
      level: "warning",
      message: `what was received of \`${target}\` did not match its hash; trying once more`,
    });
    return receive(context, wanted, { version, relatives: undefined });
  }
}

async function fetchOrFail(context: FetchContext, wanted: VersionToFetch): Promise<FetchedVersion> {
  const { target } = wanted;
  try {
    return await naming(target, () => fetchOne(context, wanted));
  } catch (error) {
    // What is damaged in the cache, which its file says, is the caller's to mend; a full disk would only be filled further.
    const isOfTheRemote = isMlvError(error, ...CONTENT_CODES) && error.code !== "disk-full" && error.details?.["file"] === undefined;
    if (context.goesOn !== true || !isOfTheRemote) throw error;
    return failedVersion(wanted, error);
  }
}

const CONTENT_CODES = [
  "recipe-malformed",
  "pack-malformed",
  "manifest-malformed",
  "format-newer",
  "content-mismatch",
  "content-missing",
  "disk-full",
] as const;

/** Runs `work`; what the remote has wrong or lacks is thrown with the target that it concerns. */
async function naming<Result>(target: RepoPath, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isMlvError(error, ...CONTENT_CODES)) throw error;
    throw new MlvError(error.code, `cannot fetch \`${target}\``, {
      hint: error.hint ?? "run `mlv verify --remote --repair` where the data is still cached: it names what is damaged and mends it",
      details: { ...error.details, target },
      cause: error,
    });
  }
}

interface Sources {
  readonly version: RemoteVersion;
  readonly relatives: readonly Body[] | undefined;
}

async function receive(context: FetchContext, wanted: VersionToFetch, { version, relatives }: Sources): Promise<FetchedVersion> {
  const { cache, signal, jobs, onEvent, store } = context;
  const { target, pointer } = wanted;
  let receivedBytes = 0;
  let files = 0;
  const totalBytes = expectedBytes(wanted, version.body);
  const total = totalBytes === undefined ? {} : { totalBytes };
  const onReceived = (bytes: number): void => {
    receivedBytes += bytes;
    onEvent({ type: "progress", phase: "download", files, bytes: receivedBytes, ...total, subject: target });
  };
  const folder = partialFolderOf(context, version.body);
  const spool = new BlobSpool({ remote: store.remote, folder, jobs, signal, onReceived });
  const writer = new CacheWriter(cache);
  const part = { ...context, body: version.body, spool, writer, relatives, onReceived };
  let isDone = false;
  try {
    let objects: readonly WantedObject[];
    if (pointer.kind === "file") {
      objects = [{ sha256: pointer.sha256, size: pointer.size, offset: 0, path: target }];
    } else {
      objects = await fetchManifest(part, wanted);
    }
    if (wanted.listOnly !== true) files = await fetchObjects(part, objects);
    writer.finish();
    isDone = true;
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    spool.close({ discard: isDone });
  }
  return { target, pointer, status: "fetched", receivedBytes, files };
}

/** Returns how many bytes a whole version without deltas takes when nothing of it is here yet: an upper bound, for progress. */
function expectedBytes({ only, listOnly, leaves }: VersionToFetch, { bases, segments }: Body): number | undefined {
  if (only !== undefined || listOnly === true || leaves !== undefined || bases.length > 0) return undefined;
  let bytes = 0;
  let frame: { readonly blob: number; readonly offset: number } | undefined;
  for (const segment of segments) {
    if (segment.encoding === "raw") {
      bytes += segment.length;
    } else if (segment.encoding === "zstd" && !(frame?.blob === segment.blob && frame.offset === segment.offset)) {
      bytes += segment.stored;
      frame = segment;
    }
  }
  return bytes;
}

function partialFolderOf(context: FetchContext, body: Body): string {
  return path.join(context.partialFolder, body.sha256);
}

async function readRelatives(context: FetchContext, pointers: readonly Pointer[]): Promise<Body[]> {
  const bodies: Body[] = [];
  for (const pointer of pointers) {
    if (!context.cache.has(pointer.sha256)) continue;
    try {
      const known = context.store.known.get(pointer.sha256);
      if (known !== undefined) bodies.push(await context.store.readBody(pointer.sha256, known.head, context.signal));
    } catch (error) {
      if (!isMlvError(error)) throw error;
    }
  }
  return bodies;
}
