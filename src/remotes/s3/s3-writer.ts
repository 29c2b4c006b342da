import { createHash } from "node:crypto";
import { PutObjectCommand, type PutObjectCommandInput, type S3Client } from "@aws-sdk/client-s3";
import { throwIfAborted } from "../../base/concurrency.ts";
import { BufferBudget } from "../buffer-budget.ts";
import { RemoteError } from "../remote-error.ts";
import type { RequestMeter } from "../request-meter.ts";
import type { PutOptions, PutSource } from "../remote.ts";
import { collectStream, WatchedSource } from "../streams.ts";
import {
  abortMultipart,
  MultipartFailure,
  partBytesFor,
  uploadMultipart,
  type MultipartProgress,
  type MultipartRequest,
} from "./multipart.ts";
import { fromS3Error } from "./s3-errors.ts";

/** Is the metadata that holds the mark of the put that made an object. */
export const TOKEN = "mlv-token";

/** Is everything an S3 remote is made of. */
export interface S3RemoteParts {
  readonly client: S3Client;
  readonly url: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly concurrency: number;
  readonly partConcurrency: number;
  readonly partBytes: number;
  /** Fields of every request. */
  readonly common: { readonly RequestPayer?: "requester"; readonly ExpectedBucketOwner?: string };
  /** Fields of every request that makes an object. */
  readonly stored: {
    readonly ServerSideEncryption?: string;
    readonly SSEKMSKeyId?: string;
    readonly StorageClass?: string;
  };
  readonly canSign: boolean;
  readonly credentials: string;
  readonly meter: RequestMeter | undefined;
}

/** Makes objects: small ones in one request, large ones in parts. */
export class S3Writer {
  readonly #parts: S3RemoteParts;
  readonly #placeOf: (key: string) => { readonly Bucket: string; readonly Key: string };
  readonly #budget = new BufferBudget();
  readonly #uploads = new Map<string, MultipartProgress>();

  constructor(parts: S3RemoteParts, placeOf: (key: string) => { readonly Bucket: string; readonly Key: string }) {
    this.#parts = parts;
    this.#placeOf = placeOf;
  }

  /** Writes an object on a condition, in one request or in parts, and returns its ETag. */
  async write(
    key: string,
    source: PutSource,
    condition: { readonly IfNoneMatch?: string; readonly IfMatch?: string },
    options: PutOptions,
  ): Promise<string> {
    const watched = new WatchedSource(source, options.signal);
    const translate = (error: unknown): unknown => fromS3Error(error, `upload \`${key}\``, this.#parts.url);
    const create = {
      ...this.#parts.stored,
      ...(options.token === undefined ? {} : { Metadata: { [TOKEN]: options.token } }),
    } as Partial<PutObjectCommandInput>;
    const partBytes = partBytesFor(source.size, this.#parts.partBytes);
    if (source.size > partBytes) return this.#writeParts(key, watched, { create, condition, partBytes }, options);
    try {
      return await this.#budget.run(source.size, options.signal, async () => {
        const body = await collectStream(watched.open(), source.size);
        const checksum = createHash("sha256").update(body).digest();
        if (options.sha256 !== undefined && checksum.toString("hex") !== options.sha256) {
          throw new RemoteError("corrupt", "the data to upload does not match its SHA-256", {
            retryable: false,
          });
        }
        const result = await this.#parts.client.send(
          new PutObjectCommand({
            ...this.#placeOf(key),
            ...create,
            ...condition,
            Body: body,
            ContentLength: body.length,
            ChecksumSHA256: checksum.toString("base64"),
          }),
          sending(options.signal),
        );
        if (result.ETag === undefined) throw strangeAnswer(key);
        options.onProgress?.(body.length);
        return result.ETag;
      });
    } catch (error) {
      throw watched.reportedFailure(error, translate);
    }
  }

  async #writeParts(
    key: string,
    source: WatchedSource,
    how: Pick<MultipartRequest, "create" | "condition" | "partBytes">,
    options: PutOptions,
  ): Promise<string> {
    // Only the attempts of one put share progress: another put of this key may bring other bytes.
    const memo = options.token === undefined ? undefined : `${options.token} ${key}`;
    const request: MultipartRequest = {
      ...how,
      client: this.#parts.client,
      place: this.#placeOf(key),
      source,
      budget: this.#budget,
      concurrency: this.#parts.partConcurrency,
      progress: memo === undefined ? undefined : this.#uploads.get(memo),
      signal: options.signal,
      onProgress: options.onProgress,
    };
    try {
      const etag = await uploadMultipart(request);
      if (memo !== undefined) this.#uploads.delete(memo);
      return etag;
    } catch (thrown) {
      const { error, progress } = thrown instanceof MultipartFailure ? thrown : { error: thrown, progress: undefined };
      const failure = source.reportedFailure(error, (other) => fromS3Error(other, `upload \`${key}\``, this.#parts.url));
      if (memo !== undefined) this.#uploads.delete(memo);
      if (failure instanceof RemoteError && failure.reason === "absent") {
        // The upload is gone: completed by an earlier attempt or another writer, or swept. The next attempt looks and begins anew.
        throw new RemoteError("unavailable", `the upload of \`${key}\` was ended by someone else`, {
          cause: failure,
        });
      }
      const mayResume = options.signal?.aborted === true || (failure instanceof RemoteError && failure.retryable);
      if (mayResume && progress !== undefined && memo !== undefined) this.#uploads.set(memo, progress);
      if (!mayResume && progress?.isOwn === true) await abortMultipart(request, progress.uploadId);
      throw failure;
    }
  }
}

/** Returns what every request gets from the caller's signal; throws its reason when it is aborted. */
export function sending(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  throwIfAborted(signal);
  return signal === undefined ? {} : { abortSignal: signal };
}

/** Is the failure of an answer that S3 does not give. */
export function strangeAnswer(key: string): RemoteError {
  return new RemoteError("corrupt", `the answer about \`${key}\` is not one that S3 gives; is a proxy or sign-in page in between?`);
}
