import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { Bucket, File, FileMetadata, Storage } from "@google-cloud/storage";
import { mapConcurrent, throwIfAborted } from "../../base/concurrency.ts";
import { assertKey, assertPrefix, isKey } from "../keys.ts";
import { parseContentRange, responseBody } from "../node-stream.ts";
import { RemoteError } from "../remote-error.ts";
import type { RequestMeter } from "../request-meter.ts";
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  PutOptions,
  PutResult,
  PutSource,
  Remote,
  RemoteBody,
  RemoteCapabilities,
  RemoteEntry,
  RemoteStat,
  ReplaceOptions,
} from "../remote.ts";
import { collectStream, rangeOutside, WatchedSource } from "../streams.ts";
import { uploadComposed } from "./compose.ts";
import { fromGcsError } from "./gcs-errors.ts";
import { openMedia } from "./media.ts";

/** Is everything a Google Cloud Storage remote is made of. */
export interface GcsRemoteParts {
  readonly storage: Storage;
  readonly bucket: Bucket;
  readonly url: string;
  readonly prefix: string;
  readonly concurrency: number;
  readonly partBytes: number;
  readonly storageClass: string | undefined;
  readonly kmsKey: string | undefined;
  readonly mayUseCredentials: boolean;
  readonly credentials: string;
  readonly meter: RequestMeter | undefined;
}

const TOKEN = "mlv-token";

/** Keeps blobs in a Google Cloud Storage bucket; an ETag is the object's generation. */
export class GcsRemote implements Remote {
  readonly url: string;
  readonly capabilities: RemoteCapabilities;
  readonly #parts: GcsRemoteParts;

  constructor(parts: GcsRemoteParts) {
    this.#parts = parts;
    this.url = parts.url;
    this.capabilities = {
      parallelRanges: true,
      concurrency: parts.concurrency,
      unfinishedUploads: true,
      signedUrls: parts.mayUseCredentials,
    };
  }

  async stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    const file = this.#file(key);
    return this.#orAbsent(`look at \`${key}\``, options.signal, async () => {
      const [metadata] = await file.getMetadata();
      const token = metadata.metadata?.[TOKEN];
      return { size: sizeOf(metadata, key), etag: generationOf(metadata, key), ...(typeof token === "string" ? { token } : {}) };
    });
  }

  async get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    const { range, ifMatch, signal } = options;
    if (range?.length === 0) return this.#emptyRange(key, options);
    const file = this.#file(key);
    if (ifMatch !== undefined && !/^\d+$/.test(ifMatch)) throw changed(key);
    const doing = `read \`${key}\``;
    return this.#orAbsent(doing, signal, async () => {
      const { mayUseCredentials, meter } = this.#parts;
      meter?.request("get");
      const media = await openMedia({ file, range, generation: ifMatch, mayUseCredentials, signal });
      const etag = media.headers.get("x-goog-generation");
      const announced = media.headers.get("content-length") ?? media.headers.get("x-goog-stored-content-length") ?? "";
      const drop = (error: RemoteError): RemoteError => {
        media.stream.on("error", () => undefined).destroy();
        return error;
      };
      if (etag === null || !/^\d+$/.test(announced)) throw drop(strangeAnswer(key));
      // Not every service that speaks this dialect looks at the condition.
      if (ifMatch !== undefined && etag !== ifMatch) throw drop(changed(key));
      const span = parseContentRange(media.headers.get("content-range") ?? undefined);
      if (range !== undefined && (span?.first !== range.offset || span.last !== range.offset + range.length - 1)) {
        throw drop(span === undefined ? strangeAnswer(key) : rangeOutside(range, key, span.size));
      }
      const size = span?.size ?? Number(announced);
      const length = range?.length ?? size;
      const onBytes = meter === undefined ? undefined : (bytes: number): void => meter.received(bytes);
      const translate = (error: unknown): unknown => fromGcsError(error, doing, this.url);
      return { stream: responseBody(media.stream, { length, key, signal, translate, onBytes }), length, size, etag };
    });
  }

  async put(key: string, source: PutSource, options: PutOptions = {}): Promise<PutResult> {
    assertKey(key);
    throwIfAborted(options.signal);
    if (source.size > this.#parts.partBytes) {
      const existing = await this.stat(key, options);
      if (existing !== undefined) return foundInstead(existing, options);
    }
    try {
      return { created: true, etag: await this.#write(key, source, "0", options) };
    } catch (error) {
      if (!(error instanceof RemoteError) || error.reason !== "conflict") throw error;
      const existing = await this.stat(key, options);
      if (existing !== undefined) return foundInstead(existing, options);
      throw new RemoteError("unavailable", `\`${key}\` was there and is gone again`, { cause: error });
    }
  }

  async replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    assertKey(key);
    throwIfAborted(options.signal);
    return { etag: await this.#write(key, source, options.ifMatch ?? "0", options) };
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<RemoteEntry> {
    assertPrefix(prefix);
    for await (const { name, metadata } of this.#listNames(prefix, options)) {
      if (!isKey(name) || isTemporary(name) || name === options.after) continue;
      const modifiedAt = Date.parse(metadata.updated ?? metadata.timeCreated ?? "");
      yield { key: name, size: sizeOf(metadata, name), etag: generationOf(metadata, name), modifiedAt };
    }
  }

  async remove(key: string, options: CallOptions = {}): Promise<void> {
    const file = this.#file(key);
    await this.#orAbsent(`delete \`${key}\``, options.signal, () => file.delete());
  }

  async removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    await mapConcurrent(keys, this.#parts.concurrency, (key) => this.remove(key, options));
  }

  async removeUnfinishedUploads(olderThan: number, options: CallOptions = {}): Promise<number> {
    const old: string[] = [];
    const uploads = new Set<string>();
    for await (const { name, metadata } of this.#listNames("tmp/", options)) {
      if (!isKey(name) || Date.parse(metadata.timeCreated ?? "") >= olderThan) continue;
      old.push(name);
      uploads.add(name.split("/")[1] ?? "");
    }
    await this.#removeParts(old, options.signal);
    return uploads.size;
  }

  async signedUrl(key: string, expiresInSeconds: number, options: CallOptions = {}): Promise<string> {
    if (!this.#parts.mayUseCredentials) throw new RemoteError("unsupported", `${this.url} is anonymous: there is nothing to sign with`);
    if (expiresInSeconds > 604_800) throw new RemoteError("unsupported", "a signed URL is good for at most seven days");
    const file = this.#file(key);
    const expires = Date.now() + expiresInSeconds * 1000;
    return this.#guard(`sign a URL of \`${key}\``, options.signal, async () => {
      const [url] = await file.getSignedUrl({ version: "v4", action: "read", expires });
      return url;
    });
  }

  async describeCredentials(): Promise<string> {
    if (this.#parts.mayUseCredentials)
      await this.#guard("find credentials", undefined, () => this.#parts.storage.authClient.getAccessToken());
    return this.#parts.credentials;
  }

  async close(): Promise<void> {}

  #base(): string {
    return this.#parts.prefix === "" ? "" : `${this.#parts.prefix}/`;
  }

  #file(key: string): File {
    assertKey(key);
    if (isTemporary(key)) throw new RemoteError("misconfigured", `\`${key}\` lies in the remote's own \`tmp/\``);
    return this.#parts.bucket.file(this.#base() + key);
  }

  /** Yields every object under a prefix, names without the remote's own prefix. */
  async *#listNames(prefix: string, options: ListOptions): AsyncGenerator<{ readonly name: string; readonly metadata: FileMetadata }> {
    const base = this.#base();
    let pageToken: string | undefined;
    do {
      const query = {
        autoPaginate: false,
        prefix: base + prefix,
        maxResults: 1000,
        ...(options.after === undefined ? {} : { startOffset: base + options.after }),
        ...(pageToken === undefined ? {} : { pageToken }),
      };
      const [files, next, answer] = await this.#guard(`list \`${prefix}\``, options.signal, () => this.#parts.bucket.getFiles(query));
      if (typeof answer !== "object" || answer === null || Reflect.get(answer, "kind") !== "storage#objects") throw strangeAnswer(prefix);
      for (const file of files) if (file.name.startsWith(base)) yield { name: file.name.slice(base.length), metadata: file.metadata };
      const token: unknown = typeof next === "object" && next !== null ? Reflect.get(next, "pageToken") : undefined;
      pageToken = typeof token === "string" && token !== "" ? token : undefined;
    } while (pageToken !== undefined);
  }

  async #write(key: string, source: PutSource, generation: string, options: PutOptions): Promise<string> {
    const { signal, token } = options;
    const { storageClass, partBytes, concurrency } = this.#parts;
    const doing = `upload \`${key}\``;
    const file = this.#file(key);
    const watched = new WatchedSource(source, signal);
    const metadata: FileMetadata = {
      contentType: "application/octet-stream",
      ...(token === undefined ? {} : { metadata: { [TOKEN]: token } }),
      ...(storageClass === undefined ? {} : { storageClass }),
    };
    try {
      if (!/^\d+$/.test(generation)) throw changed(key);
      if (source.size > partBytes) {
        const folder = `${this.#base()}tmp/${createHash("sha256").update(key).digest("hex").slice(0, 32)}/`;
        const tools = {
          createPart: (name: string, body: Buffer) =>
            this.#unlessThere(() => this.#send(this.#parts.bucket.file(name), body, "0", {}, signal)),
          composePart: (sources: readonly string[], name: string) => this.#unlessThere(() => this.#compose(sources, name, "0", {})),
          composeBlob: (sources: readonly string[]) => this.#compose(sources, file.name, generation, metadata),
          removeParts: (names: readonly string[]) =>
            this.#removeParts(
              names.map((name) => name.slice(this.#base().length)),
              signal,
            ),
        };
        return await uploadComposed({
          source: watched,
          folder,
          partBytes,
          concurrency: Math.min(concurrency, 4),
          tools,
          signal,
          onProgress: options.onProgress,
        });
      }
      const body = await collectStream(watched.open(), source.size);
      if (options.sha256 !== undefined && createHash("sha256").update(body).digest("hex") !== options.sha256) {
        throw new RemoteError("corrupt", "the data to upload does not match its SHA-256", { retryable: false });
      }
      const made = await this.#send(file, body, generation, metadata, signal);
      options.onProgress?.(body.length);
      return made;
    } catch (error) {
      const failure = watched.reportedFailure(error, (other) => fromGcsError(other, doing, this.url));
      if (!(failure instanceof RemoteError) || failure.reason !== "absent") throw failure;
      // A part is gone: another writer of this blob has finished, and deleted what it was made of.
      if (source.size > partBytes)
        throw new RemoteError("unavailable", `the parts of \`${key}\` were removed by someone else`, { cause: failure });
      throw new RemoteError("conflict", `\`${key}\` is no longer what was read`, { cause: failure });
    }
  }

  /** Sends a whole object in one request, its MD5 with it, and returns its generation. */
  async #send(file: File, body: Buffer, generation: string, metadata: FileMetadata, signal: AbortSignal | undefined): Promise<string> {
    const { kmsKey } = this.#parts;
    if (kmsKey !== undefined) file.kmsKeyName = kmsKey;
    this.#parts.meter?.sent(body.length);
    await abortable(
      file.save(body, {
        resumable: false,
        validation: false,
        preconditionOpts: { ifGenerationMatch: generation },
        metadata: { ...metadata, md5Hash: createHash("md5").update(body).digest("base64") },
      }),
      signal,
    );
    return generationOf(file.metadata, file.name);
  }

  async #compose(sources: readonly string[], name: string, generation: string, metadata: FileMetadata): Promise<string> {
    const { bucket, kmsKey } = this.#parts;
    const [answer]: unknown[] = await bucket.file(name).request({
      method: "POST",
      uri: "/compose",
      qs: { ifGenerationMatch: generation, ...(kmsKey === undefined ? {} : { kmsKeyName: kmsKey }) },
      json: {
        destination: { contentType: "application/octet-stream", ...metadata },
        sourceObjects: sources.map((source) => ({ name: source })),
      },
    });
    return generationOf((answer ?? {}) as FileMetadata, name);
  }

  async #unlessThere(work: () => Promise<string>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const failure = fromGcsError(error, "upload a part", this.url);
      if (!(failure instanceof RemoteError) || failure.reason !== "conflict") throw error;
    }
  }

  async #removeParts(names: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    await mapConcurrent(names, this.#parts.concurrency, async (name) => {
      await this.#orAbsent("delete a part", signal, () => this.#parts.bucket.file(this.#base() + name).delete());
    });
  }

  async #emptyRange(key: string, options: GetOptions): Promise<RemoteBody | undefined> {
    const stat = await this.stat(key, options);
    if (stat === undefined) return undefined;
    if (options.ifMatch !== undefined && options.ifMatch !== stat.etag) throw changed(key);
    if (options.range !== undefined && options.range.offset > stat.size) throw rangeOutside(options.range, key, stat.size);
    return { stream: Readable.from([]), length: 0, size: stat.size, etag: stat.etag };
  }

  async #guard<Output>(doing: string, signal: AbortSignal | undefined, work: () => Promise<Output>): Promise<Output> {
    throwIfAborted(signal);
    try {
      return await abortable(work(), signal);
    } catch (error) {
      throwIfAborted(signal);
      throw fromGcsError(error, doing, this.url);
    }
  }

  async #orAbsent<Output>(doing: string, signal: AbortSignal | undefined, work: () => Promise<Output>): Promise<Output | undefined> {
    try {
      return await this.#guard(doing, signal, work);
    } catch (error) {
      if (error instanceof RemoteError && error.reason === "absent") return undefined;
      throw error;
    }
  }
}

/** The SDK takes no signals: the result does not wait for a request that runs on. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

function isTemporary(key: string): boolean {
  return key === "tmp" || key.startsWith("tmp/");
}

function sizeOf(metadata: FileMetadata, key: string): number {
  const size = Number(metadata.size ?? Number.NaN);
  if (!Number.isInteger(size)) throw strangeAnswer(key);
  return size;
}

function generationOf(metadata: FileMetadata, key: string): string {
  const generation = String(metadata.generation ?? "");
  if (!/^\d+$/.test(generation)) throw strangeAnswer(key);
  return generation;
}

function changed(key: string): RemoteError {
  return new RemoteError("conflict", `\`${key}\` is no longer what was read`);
}

function foundInstead(existing: RemoteStat, options: PutOptions): PutResult {
  return { created: options.token !== undefined && existing.token === options.token, etag: existing.etag };
}

function strangeAnswer(key: string): RemoteError {
  return new RemoteError(
    "corrupt",
    `the answer about \`${key}\` is not one that Google Cloud Storage gives; is a proxy or sign-in page in between?`,
  );
}
