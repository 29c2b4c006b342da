import { MlvError } from "../base/errors.ts";
import type { EventSink } from "../base/events.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import type { Body } from "../formats/body.ts";
import type { Pointer } from "../formats/pointer.ts";
import { LOOSE_MIN_BYTES, type Cache } from "../store/cache.ts";
import type { CacheWriter } from "../store/cache-writer.ts";
import type { BlobSpool } from "./blob-spool.ts";
import type { RemoteStore } from "./remote-store.ts";

/** Is a version to fetch, or the paths of a folder's version. */
export interface VersionToFetch {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly only?: readonly string[];
  /** Brings a folder's list of files and none of their content. */
  readonly listOnly?: boolean;
  /** Brings, with the root, the leaves of these hashes instead of those that `only` asks for. */
  readonly leaves?: ReadonlySet<Sha256>;
  /** Returns versions of the same target that may be cached, whose bytes need not be fetched again. Asked only when the version stands on others. */
  relatives(): Promise<readonly Pointer[]>;
}

/** Says what a fetch works with. */
export interface FetchContext {
  readonly cache: Cache;
  readonly store: RemoteStore;
  /** Holds what was fetched of versions that are not complete yet. */
  readonly partialFolder: string;
  readonly jobs: number;
  readonly onEvent: EventSink;
  readonly signal: AbortSignal | undefined;
  /** Keeps, with a version, the base that it stands on, so that later versions are received and sent as what differs. */
  readonly keepsBases?: boolean;
  /** Goes on with the other versions when the remote has one damaged or not whole. */
  readonly goesOn?: boolean;
}

/** Is an object that the cache lacks and where it lies in the version's stream. */
export interface WantedObject {
  readonly sha256: Sha256;
  readonly size: number;
  readonly offset: number;
  readonly path: string;
}

/** Says what fetching parts of one version works with. */
export interface FetchPartContext extends FetchContext {
  readonly body: Body;
  readonly spool: BlobSpool;
  readonly writer: CacheWriter;
  /** Bodies of versions that may be cached; undefined to use nothing but the remote. */
  readonly relatives: readonly Body[] | undefined;
  readonly onReceived: (bytes: number) => void;
}

/** Tells whether the cache holds an object; a small one is in a pack if anywhere, which saves a look at the disk for each that is missing. */
export function isCached(cache: Cache, { sha256, size }: { readonly sha256: Sha256; readonly size: number }): boolean {
  return size < LOOSE_MIN_BYTES ? cache.packs.find(sha256) !== undefined : cache.has(sha256);
}

/** Makes the error that says received content is not what it should be. */
export function mismatch(hash: Sha256, file?: string): MlvError {
  const what = file === undefined ? hash : `\`${file}\``;
  return new MlvError("content-mismatch", `what the remote has of ${what} does not match its hash`, {
    hint: "run `mlv verify --remote --repair` where the data is still cached: it names every damaged blob and mends it",
    details: { sha256: hash, ...(file === undefined ? {} : { path: file }) },
  });
}
