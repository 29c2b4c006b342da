import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from "@aws-sdk/client-s3";
import { mapConcurrent, throwIfAborted } from "../../base/concurrency.ts";
import { getEmptyRange } from "../empty-range.ts";
import { assertKey, assertPrefix, isKey } from "../keys.ts";
import { parseContentRange, responseBody } from "../node-stream.ts";
import { RemoteError } from "../remote-error.ts";
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
import { rangeOutside } from "../streams.ts";
import { partBytesFor } from "./multipart.ts";
import { presignGet } from "./presign.ts";
import { fromS3Error } from "./s3-errors.ts";
import { S3Writer, sending, strangeAnswer, TOKEN, type S3RemoteParts } from "./s3-writer.ts";

const DELETE_BATCH = 1000;

/** Keeps blobs in an S3 bucket. Conditional writes need a service that has them (AWS since 2024, MinIO, Ceph, R2, versitygw). */
export class S3Remote implements Remote {
  readonly url: string;
  readonly capabilities: RemoteCapabilities;
  readonly #parts: S3RemoteParts;
  readonly #client: S3Client;
  readonly #writer: S3Writer;

  constructor(parts: S3RemoteParts) {
    this.url = parts.url;
    this.#parts = parts;
    this.#client = parts.client;
    this.#writer = new S3Writer(parts, (key) => this.#place(key));
    this.capabilities = {
      parallelRanges: true,
      concurrency: parts.concurrency,
      unfinishedUploads: true,
      signedUrls: parts.canSign,
    };
  }

  async stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    const place = this.#place(key);
    try {
      const head = await this.#client.send(new HeadObjectCommand({ ...place, ChecksumMode: "ENABLED" }), sending(options.signal));
      if (head.ETag === undefined || head.ContentLength === undefined) throw strangeAnswer(key);
      const sha256 = head.ChecksumSHA256?.includes("-") === false ? Buffer.from(head.ChecksumSHA256, "base64").toString("hex") : undefined;
      const token = head.Metadata?.[TOKEN];
      return {
        size: head.ContentLength,
        etag: head.ETag,
        ...(sha256 === undefined ? {} : { sha256 }),
        ...(token === undefined ? {} : { token }),
      };
    } catch (error) {
      return this.#absentOrThrow(error, `look at \`${key}\``, options.signal);
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    const { range, ifMatch, signal } = options;
    if (range?.length === 0) return getEmptyRange(this, key, options);
    const place = this.#place(key);
    try {
      const result = await this.#client.send(
        new GetObjectCommand({
          ...place,
          ...(range === undefined ? {} : { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
          ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
        }),
        sending(signal),
      );
      const { Body, ETag, ContentLength, ContentRange } = result;
      if (!(Body instanceof Readable) || ETag === undefined || ContentLength === undefined) {
        if (Body instanceof Readable) Body.on("error", () => undefined).destroy();
        throw strangeAnswer(key);
      }
      if (ifMatch !== undefined && ETag !== ifMatch) {
        Body.on("error", () => undefined).destroy();
        throw new RemoteError("conflict", `\`${key}\` is no longer what was read`);
      }
      const span = parseContentRange(ContentRange);
      const size = range === undefined ? ContentLength : (span?.size ?? 0);
      if (range !== undefined && (span?.first !== range.offset || span.last !== range.offset + range.length - 1)) {
        Body.on("error", () => undefined).destroy();
        throw span === undefined ? strangeAnswer(key) : rangeOutside(range, key, size);
      }
      const length = range?.length ?? size;
      const translate = (error: unknown): unknown => fromS3Error(error, `read \`${key}\``, this.url);
      const onBytes = this.#parts.meter === undefined ? undefined : (bytes: number): void => this.#parts.meter?.received(bytes);
      return {
        stream: responseBody(Body, { length, key, signal, translate, onBytes }),
        length,
        size,
        etag: ETag,
      };
    } catch (error) {
      return this.#absentOrThrow(error, `read \`${key}\``, signal);
    }
  }

  async put(key: string, source: PutSource, options: PutOptions = {}): Promise<PutResult> {
    assertKey(key);
    throwIfAborted(options.signal);
    if (source.size > partBytesFor(source.size, this.#parts.partBytes)) {
      const existing = await this.stat(key, options);
      if (existing !== undefined) return foundInstead(existing, options);
    }
    try {
      return { created: true, etag: await this.#writer.write(key, source, { IfNoneMatch: "*" }, options) };
    } catch (error) {
      if (!(error instanceof RemoteError) || error.reason !== "conflict") throw error;
      const existing = await this.stat(key, options);
      if (existing !== undefined) return foundInstead(existing, options);
      throw new RemoteError("unavailable", `\`${key}\` was there and is gone again, or another writer is at it`, { cause: error });
    }
  }

  async replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    assertKey(key);
    throwIfAborted(options.signal);
    const condition = options.ifMatch === undefined ? { IfNoneMatch: "*" } : { IfMatch: options.ifMatch };
    try {
      return { etag: await this.#writer.write(key, source, condition, options) };
    } catch (error) {
      // A condition on an object that is gone is answered with 404.
      if (!(error instanceof RemoteError) || error.reason !== "absent") throw error;
      throw new RemoteError("conflict", `\`${key}\` is no longer what was read`, { cause: error });
    }
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<RemoteEntry> {
    assertPrefix(prefix);
    const { bucket, common } = this.#parts;
    const base = this.#base();
    let continuation: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        ...common,
        Prefix: base + prefix,
        ...(options.after === undefined ? {} : { StartAfter: base + options.after }),
        ...(continuation === undefined ? {} : { ContinuationToken: continuation }),
      });
      const page = await this.#guard(`list \`${prefix}\``, options.signal, () => this.#client.send(command, sending(options.signal)));
      if (page.IsTruncated === undefined && page.KeyCount === undefined && page.Name === undefined) throw strangeAnswer(prefix);
      for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
        const key = Key?.slice(base.length) ?? "";
        if (Key?.startsWith(base) !== true || !isKey(key) || ETag === undefined) continue;
        yield { key, size: Size ?? 0, etag: ETag, modifiedAt: LastModified?.getTime() ?? 0 };
      }
      continuation = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      if (page.IsTruncated === true && continuation === undefined) throw strangeAnswer(prefix);
    } while (continuation !== undefined);
  }

  async remove(key: string, options: CallOptions = {}): Promise<void> {
    try {
      await this.#client.send(new DeleteObjectCommand(this.#place(key)), sending(options.signal));
    } catch (error) {
      this.#absentOrThrow(error, `delete \`${key}\``, options.signal);
    }
  }

  async removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) assertKey(key);
    const batches = Array.from({ length: Math.ceil(keys.length / DELETE_BATCH) }, (_, index) =>
      keys.slice(index * DELETE_BATCH, (index + 1) * DELETE_BATCH),
    );
    const { bucket, common } = this.#parts;
    await mapConcurrent(batches, this.#parts.partConcurrency, async (batch) => {
      const Objects = batch.map((key) => ({ Key: this.#base() + key }));
      const doing = `delete ${batch.length} blobs`;
      const command = new DeleteObjectsCommand({
        Bucket: bucket,
        ...common,
        Delete: { Objects, Quiet: true },
      });
      const result = await this.#guard(doing, options.signal, () => this.#client.send(command, sending(options.signal)));
      const failed = result.Errors?.find(({ Code }) => Code !== "NoSuchKey");
      if (failed !== undefined)
        throw fromS3Error(Object.assign(new Error(failed.Message ?? ""), { name: failed.Code ?? "InternalError" }), doing, this.url);
    });
  }

  async removeUnfinishedUploads(olderThan: number, options: CleaningOptions = {}): Promise<number> {
    const { bucket, common } = this.#parts;
    let removed = 0;
    let marker: { readonly KeyMarker: string; readonly UploadIdMarker?: string } | undefined;
    do {
      const listing = new ListMultipartUploadsCommand({
        Bucket: bucket,
        ...common,
        Prefix: this.#base(),
        ...marker,
      });
      const page = await this.#guard("list unfinished uploads", options.signal, () => this.#client.send(listing, sending(options.signal)));
      options.onProgress?.();
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || (Initiated?.getTime() ?? 0) >= olderThan) continue;
        const command = new AbortMultipartUploadCommand({
          Bucket: bucket,
          ...common,
          Key,
          UploadId,
        });
        try {
          await this.#client.send(command, sending(options.signal));
          removed++;
        } catch (error) {
          this.#absentOrThrow(error, "remove an unfinished upload", options.signal);
        }
        options.onProgress?.();
      }
      const { NextKeyMarker, NextUploadIdMarker } = page;
      marker = undefined;
      if (page.IsTruncated === true && NextKeyMarker !== undefined) {
        marker = {
          KeyMarker: NextKeyMarker,
          ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }),
        };
      }
    } while (marker !== undefined);
    return removed;
  }

  async signedUrl(key: string, expiresInSeconds: number, options: CallOptions = {}): Promise<string> {
    throwIfAborted(options.signal);
    if (!this.#parts.canSign) throw new RemoteError("unsupported", `${this.url} is anonymous: there is nothing to sign with`);
    try {
      return await presignGet(this.#client, this.#place(key), expiresInSeconds);
    } catch (error) {
      throw fromS3Error(error, `sign a URL of \`${key}\``, this.url);
    }
  }

  async describeCredentials(): Promise<string> {
    if (!this.#parts.canSign) return this.#parts.credentials;
    try {
      await this.#client.config.credentials();
    } catch (error) {
      throw fromS3Error(error, "find credentials", this.url);
    }
    return this.#parts.credentials;
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #base(): string {
    return this.#parts.prefix === "" ? "" : `${this.#parts.prefix}/`;
  }

  #place(key: string): { readonly Bucket: string; readonly Key: string } {
    assertKey(key);
    return { Bucket: this.#parts.bucket, ...this.#parts.common, Key: this.#base() + key };
  }

  async #guard<Output>(doing: string, signal: AbortSignal | undefined, work: () => Promise<Output>): Promise<Output> {
    try {
      return await work();
    } catch (error) {
      throwIfAborted(signal);
      throw fromS3Error(error, doing, this.url);
    }
  }

  #absentOrThrow(error: unknown, doing: string, signal: AbortSignal | undefined): undefined {
    throwIfAborted(signal);
    const failure = fromS3Error(error, doing, this.url);
    if (failure instanceof RemoteError && failure.reason === "absent") return undefined;
    throw failure;
  }
}

function foundInstead(existing: RemoteStat, options: PutOptions): PutResult {
  return {
    created: options.token !== undefined && existing.token === options.token,
    etag: existing.etag,
  };
}
