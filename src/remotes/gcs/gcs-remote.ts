import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { mapConcurrent, throwIfAborted } from "../../base/concurrency.ts";
import { BufferBudget } from "../buffer-budget.ts";
import { getEmptyRange } from "../empty-range.ts";
import { assertKey, assertPrefix, isKey } from "../keys.ts";
import { parseContentRange, responseBody } from "../node-stream.ts";
import { RemoteError } from "../remote-error.ts";
import { assertWithinWeek } from "../signed-urls.ts";
import type {
  CallOptions,
  CleaningOptions,
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
import { callGcs, callGcsJson, multipartBody, type GcsApiSettings } from "./api.ts";
import { uploadComposed } from "./compose.ts";
import { fromGcsError } from "./gcs-errors.ts";

/** Is everything a Google Cloud Storage remote is made of. */
export interface GcsRemoteParts {
  readonly api: GcsApiSettings;
  readonly url: string;
  readonly prefix: string;
  readonly concurrency: number;
  readonly partBytes: number;
  readonly storageClass: string | undefined;
  readonly kmsKey: string | undefined;
  readonly credentials: string;
}

/** Is an object's description as the service gives it. */
type Description = Readonly<Record<string, unknown>>;

const TOKEN = "mlv-token";

/** Keeps blobs in a Google Cloud Storage bucket; an ETag is the object's generation. */
export class GcsRemote implements Remote {
  readonly url: string;
  readonly capabilities: RemoteCapabilities;
  readonly #parts: GcsRemoteParts;
  readonly #budget = new BufferBudget();

  constructor(parts: GcsRemoteParts) {
    this.#parts = parts;
    this.url = parts.url;
    this.capabilities = {
      parallelRanges: true,
      concurrency: parts.concurrency,
      unfinishedUploads: true,
      signedUrls: parts.api.mayUseCredentials,
    };
  }

  async stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    const path = this.#path(key);
    return this.#orAbsent(`look at \`${key}\``, options.signal, async () => {
      const found = await callGcsJson(this.#parts.api, { kind: "stat", method: "GET", path, query: {}, signal: options.signal });
      const custom = found["metadata"];
      const token: unknown = typeof custom === "object" && custom !== null ? Reflect.get(custom, TOKEN) : undefined;
      return { size: sizeOf(found, key), etag: generationOf(found, key), ...(typeof token === "string" ? { token } : {}) };
    });
  }

  async get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    const { range, ifMatch, signal } = options;
    if (range?.length === 0) return getEmptyRange(this, key, options);
    const path = this.#path(key);
    if (ifMatch !== undefined && !/^\d+$/.test(ifMatch)) throw changed(key);
    const doing = `read \`${key}\``;
    return this.#orAbsent(doing, signal, async () => {
      const { meter } = this.#parts.api;
      const headers = range === undefined ? {} : { range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
      const query = { alt: "media", ifGenerationMatch: ifMatch };
      const answer = await callGcs(this.#parts.api, { kind: "get", method: "GET", path, query, headers, signal });
      if (answer.body === null) throw strangeAnswer(key);
      const stream = Readable.fromWeb(answer.body);
      const drop = (error: RemoteError): RemoteError => {
        stream.on("error", () => undefined).destroy();
        return error;
      };
      const etag = answer.headers.get("x-goog-generation");
      const announced = answer.headers.get("content-length") ?? answer.headers.get("x-goog-stored-content-length") ?? "";
      if (etag === null || !/^\d+$/.test(announced)) throw drop(strangeAnswer(key));
      // Not every service that speaks this dialect looks at the condition.
      if (ifMatch !== undefined && etag !== ifMatch) throw drop(changed(key));
      const span = parseContentRange(answer.headers.get("content-range") ?? undefined);
      if (range !== undefined && (span?.first !== range.offset || span.last !== range.offset + range.length - 1)) {
        throw drop(span === undefined ? strangeAnswer(key) : rangeOutside(range, key, span.size));
      }
      const size = span?.size ?? Number(announced);
      const length = range?.length ?? size;
      const onBytes = meter === undefined ? undefined : (bytes: number): void => meter.received(bytes);
      const translate = (error: unknown): unknown => fromGcsError(error, doing, this.url);
      return { stream: responseBody(stream, { length, key, signal, translate, onBytes }), length, size, etag };
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
    for await (const { name, found } of this.#listNames(prefix, options)) {
      if (!isKey(name) || isTemporary(name) || name === options.after) continue;
      yield { key: name, size: sizeOf(found, name), etag: generationOf(found, name), modifiedAt: timeOf(found) };
    }
  }

  async remove(key: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(this.#path(key), `delete \`${key}\``, options.signal);
  }

  async removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    await mapConcurrent(keys, this.#parts.concurrency, (key) => this.remove(key, options));
  }

  async removeUnfinishedUploads(olderThan: number, options: CleaningOptions = {}): Promise<number> {
    const old: string[] = [];
    const uploads = new Set<string>();
    for await (const { name, found } of this.#listNames("tmp/", options)) {
      options.onProgress?.();
      if (!isKey(name) || timeOf(found) >= olderThan) continue;
      old.push(name);
      uploads.add(name.split("/")[1] ?? "");
    }
    await this.#removeParts(old, options.signal, options.onProgress);
    return uploads.size;
  }

  async signedUrl(key: string, expiresInSeconds: number, options: CallOptions = {}): Promise<string> {
    const { api } = this.#parts;
    if (!api.mayUseCredentials) throw new RemoteError("unsupported", `${this.url} is anonymous: there is nothing to sign with`);
    assertWithinWeek(expiresInSeconds, "Google's V4 process");
    assertKey(key);
    const expires = Date.now() + expiresInSeconds * 1000;
    return this.#guard(`sign a URL of \`${key}\``, options.signal, async () => {
      const file = api.storage.bucket(api.bucket).file(this.#base() + key);
      const [url] = await file.getSignedUrl({ version: "v4", action: "read", expires });
      return url;
    });
  }

  async describeCredentials(): Promise<string> {
    const { api, credentials } = this.#parts;
    // Asked as every request asks: some credentials (self-signed tokens) answer nothing else.
    if (api.mayUseCredentials)
      await this.#guard("find credentials", undefined, () => api.storage.authClient.getRequestHeaders(api.storage.apiEndpoint));
    return credentials;
  }

  async close(): Promise<void> {}

  #base(): string {
    return this.#parts.prefix === "" ? "" : `${this.#parts.prefix}/`;
  }

  /** Returns the address of a blob behind `/o`. */
  #path(key: string): string {
    assertKey(key);
    if (isTemporary(key)) throw new RemoteError("misconfigured", `\`${key}\` lies in the remote's own \`tmp/\``);
    return pathOf(this.#base() + key);
  }

  /** Yields every object under a prefix, names without the remote's own prefix. */
  async *#listNames(prefix: string, options: ListOptions): AsyncGenerator<{ readonly name: string; readonly found: Description }> {
    const base = this.#base();
    const startOffset = options.after === undefined ? undefined : base + options.after;
    let pageToken: string | undefined;
    do {
      const query = { prefix: base + prefix, maxResults: "1000", startOffset, pageToken };
      const call = { kind: "list", method: "GET", path: "", query, signal: options.signal } as const;
      const page = await this.#guard(`list \`${prefix}\``, options.signal, () => callGcsJson(this.#parts.api, call));
      if (page["kind"] !== "storage#objects") throw strangeAnswer(prefix);
      const items = Array.isArray(page["items"]) ? (page["items"] as readonly Description[]) : [];
      for (const found of items) {
        const name = String(found["name"]);
        if (name.startsWith(base)) yield { name: name.slice(base.length), found };
      }
      const next = page["nextPageToken"];
      pageToken = typeof next === "string" && next !== "" ? next : undefined;
    } while (pageToken !== undefined);
  }

  async #write(key: string, source: PutSource, generation: string, options: PutOptions): Promise<string> {
    const { signal, token } = options;
    const { storageClass, partBytes, concurrency } = this.#parts;
    const doing = `upload \`${key}\``;
    this.#path(key);
    const watched = new WatchedSource(source, signal);
    const description = {
      contentType: "application/octet-stream",
      ...(token === undefined ? {} : { metadata: { [TOKEN]: token } }),
      ...(storageClass === undefined ? {} : { storageClass }),
    };
    try {
      if (!/^\d+$/.test(generation)) throw changed(key);
      if (source.size > partBytes) {
        const folder = `${this.#base()}tmp/${createHash("sha256").update(key).digest("hex").slice(0, 32)}/`;
        const tools = {
          findParts: () => this.#findParts(folder.slice(this.#base().length), signal),
          createPart: (name: string, body: Buffer) =>
            this.#unlessThere(() => this.#send(name, body, { generation: "0", description: {}, signal })),
          composePart: (sources: readonly string[], name: string) =>
            this.#unlessThere(() => this.#compose(sources, name, { generation: "0", description: {}, signal })),
          composeBlob: (sources: readonly string[]) => this.#compose(sources, this.#base() + key, { generation, description, signal }),
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
          budget: this.#budget,
          concurrency: Math.min(concurrency, 4),
          tools,
          signal,
          onProgress: options.onProgress,
        });
      }
      return await this.#budget.run(source.size, options.signal, async () => {
        const body = await collectStream(watched.open(), source.size);
        if (options.sha256 !== undefined && createHash("sha256").update(body).digest("hex") !== options.sha256) {
          throw new RemoteError("corrupt", "the data to upload does not match its SHA-256", { retryable: false });
        }
        const made = await this.#send(this.#base() + key, body, { generation, description, signal });
        options.onProgress?.(body.length);
        return made;
      });
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
  async #send(name: string, bytes: Buffer, how: Creation): Promise<string> {
    const md5Hash = createHash("md5").update(bytes).digest("base64");
    const { type, body } = multipartBody({ name, contentType: "application/octet-stream", ...how.description, md5Hash }, bytes);
    const query = { uploadType: "multipart", name, ifGenerationMatch: how.generation, kmsKeyName: this.#parts.kmsKey };
    const call = {
      kind: "put",
      method: "POST",
      path: "",
      query,
      headers: { "content-type": type },
      body,
      isUpload: true,
      signal: how.signal,
    } as const;
    return generationOf(await callGcsJson(this.#parts.api, call), name);
  }

  async #compose(sources: readonly string[], name: string, how: Creation): Promise<string> {
    const query = { ifGenerationMatch: how.generation, kmsKeyName: this.#parts.kmsKey };
    const body = JSON.stringify({
      destination: { contentType: "application/octet-stream", ...how.description },
      sourceObjects: sources.map((source) => ({ name: source })),
    });
    const headers = { "content-type": "application/json" };
    const call = { kind: "put", method: "POST", path: `${pathOf(name)}/compose`, query, headers, body, signal: how.signal } as const;
    return generationOf(await callGcsJson(this.#parts.api, call), name);
  }

  async #delete(path: string, doing: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#orAbsent(doing, signal, async () => {
      const answer = await callGcs(this.#parts.api, { kind: "remove", method: "DELETE", path, query: {}, signal });
      await answer.arrayBuffer();
    });
  }

  async #findParts(folder: string, signal: AbortSignal | undefined): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    for await (const { name } of this.#listNames(folder, { signal })) names.add(this.#base() + name);
    return names;
  }

  async #unlessThere(work: () => Promise<string>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const failure = fromGcsError(error, "upload a part", this.url);
      if (!(failure instanceof RemoteError) || failure.reason !== "conflict") throw error;
    }
  }

  async #removeParts(names: readonly string[], signal: AbortSignal | undefined, onProgress?: () => void): Promise<void> {
    await mapConcurrent(names, this.#parts.concurrency, async (name) => {
      await this.#delete(pathOf(this.#base() + name), "delete a part", signal);
      onProgress?.();
    });
  }

  async #guard<Output>(doing: string, signal: AbortSignal | undefined, work: () => Promise<Output>): Promise<Output> {
    throwIfAborted(signal);
    try {
      return await work();
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

/** Says on what condition an object is made, and what is written beside it. */
interface Creation {
  /** The generation that must be there now; "0" for none. */
  readonly generation: string;
  readonly description: object;
  readonly signal: AbortSignal | undefined;
}

function pathOf(name: string): string {
  return `/${encodeURIComponent(name)}`;
}

function isTemporary(key: string): boolean {
  return key === "tmp" || key.startsWith("tmp/");
}

function sizeOf(found: Description, key: string): number {
  const size = Number(found["size"] ?? Number.NaN);
  if (!Number.isInteger(size)) throw strangeAnswer(key);
  return size;
}

function generationOf(found: Description, key: string): string {
  const { generation } = found;
  if (typeof generation !== "string" || !/^\d+$/.test(generation)) throw strangeAnswer(key);
  return generation;
}

function timeOf(found: Description): number {
  return Date.parse(String(found["updated"] ?? found["timeCreated"]));
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
