/**
 * # The remote contract
 *
 * A remote is a flat map from keys to immutable byte strings. It knows nothing of pointers, packs or hashes' meaning;
 * everything that mlv promises is built from these few operations, and one suite (`test/remotes/contract.ts`) holds
 * every driver to them.
 *
 * - Keys are relative (`objects/ab/abcd…`), made only of `[0-9a-z._/-]`, and never begin or end with `/`.
 *   A driver prefixes them with the remote's own prefix and never shows that prefix in a result.
 * - Absence is a value: `stat` and `get` return undefined for a key that is not there; they throw only when they could
 *   not find out.
 * - `put` MUST be all or nothing: a reader sees either no blob or the whole blob, also when the writer dies at any
 *   moment. It MUST NOT replace what is there: of several racers exactly one gets `created: true`.
 * - A driver MUST send a checksum with every upload, and MUST fail when fewer or more bytes than `source.size` come.
 * - `replace` writes only if what is there is still what was read (`ifMatch`, or absent when undefined), and throws
 *   `conflict` otherwise.
 * - `get` MUST deliver exactly the asked range or throw; a connection that ends early is an error, never a short read.
 *   It does not resume by itself: the retry wrapper does, with `range` and `ifMatch`.
 * - `list` yields each key under a prefix once, in no promised order, across all pages (an empty page is not the end).
 * - A range that the blob cannot fill is `corrupt` and not retryable; a range of length 0 is legal and yields nothing.
 * - An aborted signal makes every call, and the stream of a `get`, throw the signal's own reason.
 * - A source that gives fewer or more bytes than it declared, or whose own reading fails, ends the `put`; what the source threw is thrown as it is.
 * - Buffers that a `get` or a source yields are the consumer's to keep: nobody changes them afterwards.
 * - Keys under `tmp/` belong to the driver: it may keep unfinished uploads there, and neither lists nor serves them.
 * - A prefix is text, not a folder: `objects/ab` is a prefix of `objects/ab/1` and of `objects/abc/1`.
 * - `remove` of a missing key is no error.
 * - A driver neither retries, nor limits, nor logs: wrappers of this same interface do that.
 * - Every failure is a `RemoteError` with one of a closed set of reasons. Its message carries no credential.
 */
export interface Remote {
  /** The remote's URL with every secret removed, for messages. */
  readonly url: string;
  readonly capabilities: RemoteCapabilities;

  stat(key: string, options?: CallOptions): Promise<RemoteStat | undefined>;
  get(key: string, options?: GetOptions): Promise<RemoteBody | undefined>;
  put(key: string, source: PutSource, options?: PutOptions): Promise<PutResult>;
  replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }>;
  list(prefix: string, options?: ListOptions): AsyncIterable<RemoteEntry>;
  remove(key: string, options?: CallOptions): Promise<void>;
  /** Deletes many keys with as few requests as the service allows; missing keys are no error. */
  removeMany(keys: readonly string[], options?: CallOptions): Promise<void>;
  /** Aborts uploads that were begun before `olderThan` (milliseconds since the epoch) and never finished; returns how many. */
  removeUnfinishedUploads(olderThan: number, options?: CleaningOptions): Promise<number>;
  /** Returns a URL that anyone can read the blob with for `expiresInSeconds`; throws `unsupported` where there is no such thing. */
  signedUrl(key: string, expiresInSeconds: number, options?: CallOptions): Promise<string>;
  /** Says in a few words where the credentials come from ("environment variables AWS_…"), never what they are; throws `unauthenticated` when there are none. */
  describeCredentials?(): Promise<string>;
  /** Frees sockets and file handles. Nothing else may be called afterwards. */
  close(): Promise<void>;
}

/** Says what a driver can do, as data, so that planners need no special case by name. */
export interface RemoteCapabilities {
  /** True when one large blob is faster in several parallel ranges. */
  readonly parallelRanges: boolean;
  /** How many requests at once suit the service. */
  readonly concurrency: number;
  /** True when `removeUnfinishedUploads` has something to look for. */
  readonly unfinishedUploads: boolean;
  readonly signedUrls: boolean;
  /** The path of the remote's root when it is a folder on this machine. */
  readonly localRoot?: string;
}

/** Carries what every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface CleaningOptions extends CallOptions {
  /** Told after each answer of the service, so that a long cleaning is not taken for silence. */
  readonly onProgress?: (() => void) | undefined;
}

export interface ListOptions extends CallOptions {
  /** Leaves out this key and all that sort before it. */
  readonly after?: string | undefined;
}

/** Names bytes `offset` to `offset + length` (exclusive). */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface GetOptions extends CallOptions {
  readonly range?: ByteRange | undefined;
  /** Fails with `conflict` when the blob is no longer the one of this ETag. */
  readonly ifMatch?: string | undefined;
}

export interface PutOptions extends CallOptions {
  /** Lower-case SHA-256 of all bytes, when the caller knows it: sent where the service can check it. */
  readonly sha256?: string | undefined;
  /**
   * A mark of this one put, the same in each of its retries. A driver whose replies can get lost stores it beside the blob:
   * a put that finds its own mark there made the blob, and says `created: true`.
   */
  readonly token?: string | undefined;
  /** Called with the bytes that the service has accepted so far. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

export interface ReplaceOptions extends PutOptions {
  /** The ETag of what was read, or undefined when nothing was there. */
  readonly ifMatch: string | undefined;
}

/** Is a blob's size in bytes and its ETag as the service gives it; `sha256` where the service stored one that it checked. */
export interface RemoteStat {
  readonly size: number;
  readonly etag: string;
  readonly sha256?: string;
  /** The mark of the put or replace that made it, where the driver stores marks. */
  readonly token?: string;
}

export interface RemoteEntry {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** When it was written, milliseconds since the epoch, by the service's clock. */
  readonly modifiedAt: number;
}

/** Is the bytes of a blob or range; must be consumed to its end or `return()`ed. `size` is the whole blob's, `length` what the stream yields. */
export interface RemoteBody {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly length: number;
  readonly size: number;
  readonly etag: string;
}

/** Is a re-openable source of bytes: a retry or a part opens it again. */
export interface PutSource {
  readonly size: number;
  /** Yields the bytes; a source that reads may fill `into`, as long as the range, and yield that, so that its memory is used again. */
  open(range?: ByteRange, into?: Uint8Array): AsyncIterable<Uint8Array>;
  /** The file that holds exactly these bytes, when there is one: a folder remote may clone it. */
  readonly path?: string;
}

export interface PutResult {
  /** False when a blob was there already; the caller compares size and checksum. */
  readonly created: boolean;
  readonly etag: string;
}

/** Says why a remote failed; a closed set. */
export type RemoteFailure =
  | "absent"
  | "denied"
  | "unauthenticated"
  | "throttled"
  | "unavailable"
  | "timeout"
  | "corrupt"
  | "full"
  | "unsupported"
  | "misconfigured"
  | "conflict"
  | "untrusted";
