import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { BlobSASPermissions, type BlockBlobClient, type BlockBlobCommitBlockListOptions } from "@azure/storage-blob";
import { mapConcurrent, throwIfAborted } from "../../base/concurrency.ts";
import { BufferBudget } from "../buffer-budget.ts";
import { getEmptyRange } from "../empty-range.ts";
import { assertKey, assertPrefix, isKey } from "../keys.ts";
import { parseContentRange, responseBody } from "../node-stream.ts";
import { RemoteError } from "../remote-error.ts";
import { assertWithinWeek } from "../signed-urls.ts";
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
import type { AzureAccess } from "./azure-client.ts";
import { fromAzureError } from "./azure-errors.ts";
import { partBytesFor, stageBlocks } from "./blocks.ts";

/** Is everything an Azure remote is made of. */
export interface AzureRemoteParts {
  readonly access: AzureAccess;
  readonly url: string;
  readonly prefix: string;
  readonly concurrency: number;
  readonly partBytes: number;
  readonly tier: string | undefined;
  readonly encryptionScope: string | undefined;
  readonly meter: RequestMeter | undefined;
}

type Conditions = { readonly ifNoneMatch: "*" } | { readonly ifMatch: string };

// Metadata names must be C# identifiers.
const TOKEN = "mlvtoken";
const DELETE_BATCH = 256;

/** Keeps blobs as block blobs of an Azure container. */
export class AzureRemote implements Remote {
  readonly url: string;
  readonly capabilities: RemoteCapabilities;
  readonly #parts: AzureRemoteParts;
  readonly #budget = new BufferBudget();

  constructor(parts: AzureRemoteParts) {
    this.#parts = parts;
    this.url = parts.url;
    // Azure itself drops blocks that nobody committed after a week.
    this.capabilities = {
      parallelRanges: true,
      concurrency: parts.concurrency,
      unfinishedUploads: false,
      signedUrls: parts.access.signer !== undefined,
    };
  }

  async stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    const blob = this.#blob(key);
    return this.#orAbsent(`look at \`${key}\``, options.signal, async () => {
      const found = await blob.getProperties(aborting(options.signal));
      if (found.etag === undefined || found.contentLength === undefined) throw strangeAnswer(key);
      const token = found.metadata?.[TOKEN];
      return { size: found.contentLength, etag: quoted(found.etag), ...(token === undefined ? {} : { token }) };
    });
  }

  async get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    const { range, ifMatch, signal } = options;
    if (range?.length === 0) return getEmptyRange(this, key, options);
    const blob = this.#blob(key);
    const doing = `read \`${key}\``;
    return this.#orAbsent(doing, signal, async () => {
      const found = await blob.download(range?.offset ?? 0, range?.length, {
        ...aborting(signal),
        ...(ifMatch === undefined ? {} : { conditions: { ifMatch } }),
        maxRetryRequests: 0,
      });
      const { readableStreamBody: body, etag, contentLength } = found;
      const drop = (): void => void (body instanceof Readable && body.on("error", () => undefined).destroy());
      if (!(body instanceof Readable) || etag === undefined || contentLength === undefined) {
        drop();
        throw strangeAnswer(key);
      }
      const span = parseContentRange(found.contentRange);
      const size = range === undefined ? contentLength : (span?.size ?? 0);
      if (range !== undefined && (span?.first !== range.offset || span.last !== range.offset + range.length - 1)) {
        drop();
        throw span === undefined ? strangeAnswer(key) : rangeOutside(range, key, size);
      }
      const length = range?.length ?? size;
      const translate = (error: unknown): unknown => fromAzureError(unreadable(error), doing, this.url);
      const { meter } = this.#parts;
      const onBytes = meter === undefined ? undefined : (bytes: number): void => meter.received(bytes);
      return { stream: responseBody(body, { length, key, signal, translate, onBytes }), length, size, etag: quoted(etag) };
    });
  }

  async put(key: string, source: PutSource, options: PutOptions = {}): Promise<PutResult> {
    assertKey(key);
    throwIfAborted(options.signal);
    if (source.size > partBytesFor(source.size, this.#parts.partBytes)) {
      const existing = await this.stat(key, options);
      if (existing !== undefined) return foundInstead(existing, options);
    }
    try {
      return { created: true, etag: await this.#write(key, source, { ifNoneMatch: "*" }, options) };
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
    const conditions: Conditions = options.ifMatch === undefined ? { ifNoneMatch: "*" } : { ifMatch: options.ifMatch };
    try {
      return { etag: await this.#write(key, source, conditions, options) };
    } catch (error) {
      if (!(error instanceof RemoteError) || error.reason !== "absent") throw error;
      throw new RemoteError("conflict", `\`${key}\` is no longer what was read`, { cause: error });
    }
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<RemoteEntry> {
    assertPrefix(prefix);
    const base = this.#base();
    const { after } = options;
    const doing = `list \`${prefix}\``;
    const pages = this.#parts.access.container
      .listBlobsFlat({ ...aborting(options.signal), prefix: base + prefix, ...(after === undefined ? {} : { startFrom: base + after }) })
      .byPage({ maxPageSize: 5000 });
    for (;;) {
      const { done, value } = await this.#guard(doing, options.signal, () => pages.next());
      if (done === true) return;
      if (value.serviceEndpoint === undefined || value.segment === undefined) throw strangeAnswer(prefix);
      for (const item of value.segment.blobItems) {
        const key = item.name.slice(base.length);
        if (!item.name.startsWith(base) || !isKey(key) || key <= (after ?? "")) continue;
        const { contentLength, etag, lastModified } = item.properties;
        yield { key, size: contentLength ?? 0, etag: quoted(etag), modifiedAt: lastModified.getTime() };
      }
    }
  }

  async remove(key: string, options: CallOptions = {}): Promise<void> {
    const blob = this.#blob(key);
    await this.#orAbsent(`delete \`${key}\``, options.signal, () =>
      blob.delete({ ...aborting(options.signal), deleteSnapshots: "include" }),
    );
  }

  async removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) assertKey(key);
    const { access, concurrency } = this.#parts;
    if (access.signer === undefined || keys.length < 3) {
      await mapConcurrent(keys, concurrency, (key) => this.remove(key, options));
      return;
    }
    const batches = Array.from({ length: Math.ceil(keys.length / DELETE_BATCH) }, (_, index) =>
      keys.slice(index * DELETE_BATCH, (index + 1) * DELETE_BATCH),
    );
    await mapConcurrent(batches, Math.min(4, concurrency), async (batch) => {
      const clients = batch.map((key) => this.#blob(key));
      const doing = `delete ${batch.length} blobs`;
      const result = await this.#guard(doing, options.signal, () =>
        access.container.getBlobBatchClient().deleteBlobs(clients, { ...aborting(options.signal), deleteSnapshots: "include" }),
      );
      // A part of the batch that failed for another reason than absence is tried alone, so that its own error is seen.
      const again = batch.filter((_, index) => {
        const status = result.subResponses[index]?.status;
        return status !== 202 && status !== 404;
      });
      await mapConcurrent(again, concurrency, (key) => this.remove(key, options));
    });
  }

  async removeUnfinishedUploads(): Promise<number> {
    return 0;
  }

  async signedUrl(key: string, expiresInSeconds: number, options: CallOptions = {}): Promise<string> {
    const { access } = this.#parts;
    const blob = this.#blob(key);
    const permissions = BlobSASPermissions.parse("r");
    // A little in the past, so that a reader whose clock is behind is not refused.
    const startsOn = new Date(Date.now() - 300_000);
    const expiresOn = new Date(Date.now() + expiresInSeconds * 1000);
    return this.#guard(`sign a URL of \`${key}\``, options.signal, async () => {
      switch (access.signer) {
        case "key":
          return blob.generateSasUrl({ permissions, startsOn, expiresOn });
        case "user": {
          assertWithinWeek(expiresInSeconds, "a user delegation key");
          const delegation = await access.service.getUserDelegationKey(startsOn, expiresOn, aborting(options.signal));
          return blob.generateUserDelegationSasUrl({ permissions, startsOn, expiresOn }, delegation);
        }
        case undefined:
          throw new RemoteError("unsupported", `${this.url} has no key to sign with`, { hint: "sign in, or use an account key" });
      }
    });
  }

  async describeCredentials(): Promise<string> {
    const { access } = this.#parts;
    if (access.token !== undefined) {
      await this.#guard("find credentials", undefined, async () => access.token?.getToken("https://storage.azure.com/.default"));
    }
    return access.credentials;
  }

  async close(): Promise<void> {}

  #base(): string {
    return this.#parts.prefix === "" ? "" : `${this.#parts.prefix}/`;
  }

  #blob(key: string): BlockBlobClient {
    assertKey(key);
    return this.#parts.access.container.getBlockBlobClient(this.#base() + key);
  }

  async #write(key: string, source: PutSource, conditions: Conditions, options: PutOptions): Promise<string> {
    const { tier, encryptionScope, partBytes: wished, concurrency } = this.#parts;
    const blob = this.#blob(key);
    const watched = new WatchedSource(source, options.signal);
    const create: BlockBlobCommitBlockListOptions = {
      ...aborting(options.signal),
      conditions,
      ...(options.token === undefined ? {} : { metadata: { [TOKEN]: options.token } }),
      ...(tier === undefined ? {} : { tier }),
      ...(encryptionScope === undefined ? {} : { encryptionScope }),
    };
    try {
      const partBytes = partBytesFor(source.size, wished);
      if (source.size > partBytes) {
        const blocks = await stageBlocks({
          blob,
          source: watched,
          partBytes,
          budget: this.#budget,
          concurrency: Math.min(concurrency, 4),
          encryptionScope,
          signal: options.signal,
          onProgress: options.onProgress,
        });
        throwIfAborted(options.signal);
        return etagOf(await blob.commitBlockList([...blocks], create), key);
      }
      return await this.#budget.run(source.size, options.signal, async () => {
        const body = await collectStream(watched.open(), source.size);
        if (options.sha256 !== undefined && createHash("sha256").update(body).digest("hex") !== options.sha256) {
          throw new RemoteError("corrupt", "the data to upload does not match its SHA-256", { retryable: false });
        }
        const transactionalContentMD5 = createHash("md5").update(body).digest();
        const etag = etagOf(await blob.upload(body, body.length, { ...create, transactionalContentMD5 }), key);
        options.onProgress?.(body.length);
        return etag;
      });
    } catch (error) {
      throw watched.reportedFailure(error, (other) => fromAzureError(other, `upload \`${key}\``, this.url));
    }
  }

  async #guard<Output>(doing: string, signal: AbortSignal | undefined, work: () => Promise<Output>): Promise<Output> {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (error) {
      throwIfAborted(signal);
      throw fromAzureError(error, doing, this.url);
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

function aborting(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

/** Listings give ETags bare, everything else gives them in quotes. */
function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}

function etagOf(response: { readonly etag?: string }, key: string): string {
  if (response.etag === undefined) throw strangeAnswer(key);
  return quoted(response.etag);
}

/** The SDK names a body that broke off an AbortError. */
function unreadable(error: unknown): unknown {
  const isAbort = error instanceof Error && error.name === "AbortError";
  return isAbort ? new RemoteError("unavailable", "the connection broke in mid-body") : error;
}

function foundInstead(existing: RemoteStat, options: PutOptions): PutResult {
  return { created: options.token !== undefined && existing.token === options.token, etag: existing.etag };
}

function strangeAnswer(key: string): RemoteError {
  return new RemoteError("corrupt", `the answer about \`${key}\` is not one that Azure gives; is a proxy or sign-in page in between?`);
}
