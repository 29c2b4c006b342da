/**
 * Uploads in parallel parts, and goes on where an earlier upload of the same key stopped.
 *
 * An upload is found again by its key: the newest unfinished one whose parts have our part size. A part counts as sent only when the SHA-256
 * that the service checked equals that of our own bytes, so an upload of other bytes is never mixed in. Two live writers may share one
 * upload; both send the same bytes, one completes it, the other sees the blob there. What failed for good is aborted, if it was begun
 * here; what a network or Ctrl-C broke stays, to be resumed, or removed by `removeUnfinishedUploads`.
 */
import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  type CompletedPart,
  type CreateMultipartUploadCommandInput,
  type Part,
  type S3Client,
} from "@aws-sdk/client-s3";
import { mapConcurrent, throwIfAborted } from "../../base/concurrency.ts";
import type { BufferBudget, Lend } from "../buffer-budget.ts";
import { RemoteError } from "../remote-error.ts";
import { collectStream, type WatchedSource } from "../streams.ts";

const MAX_PARTS = 10_000;
const MIB = 1024 * 1024;

/** Says what to upload, where, and on what condition. */
export interface MultipartRequest {
  readonly client: S3Client;
  /** Bucket, key and what every request carries (payer, owner). */
  readonly place: { readonly Bucket: string; readonly Key: string };
  readonly create: Partial<CreateMultipartUploadCommandInput>;
  readonly condition: { readonly IfNoneMatch?: string; readonly IfMatch?: string };
  readonly source: WatchedSource;
  readonly partBytes: number;
  readonly budget: BufferBudget;
  readonly concurrency: number;
  readonly progress: MultipartProgress | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((sentBytes: number) => void) | undefined;
}

/** Is what is known of an upload under way, kept between the attempts of one put. */
export interface MultipartProgress {
  readonly uploadId: string;
  readonly isOwn: boolean;
  readonly done: Map<number, CompletedPart>;
}

/** Is a failure of an upload with what its next attempt can go on from. */
export class MultipartFailure {
  readonly error: unknown;
  readonly progress: MultipartProgress | undefined;

  constructor(error: unknown, progress: MultipartProgress | undefined) {
    this.error = error;
    this.progress = progress;
  }
}

/** Returns the size of parts for a blob: the wished one, or larger when that would need more than 10,000. */
export function partBytesFor(size: number, wished: number): number {
  const least = Math.ceil(size / MAX_PARTS / MIB) * MIB;
  return Math.max(wished, least, 5 * MIB);
}

/** Uploads and completes; returns the ETag. Throws a `MultipartFailure` around what the SDK threw. */
export async function uploadMultipart(request: MultipartRequest): Promise<string> {
  const { client, signal } = request;
  const send = signal === undefined ? {} : { abortSignal: signal };
  let progress = request.progress;
  try {
    progress ??= (await findUnfinished(request)) ?? (await begin(request));
    const { uploadId, done } = progress;
    const parts = planParts(request.source.size, request.partBytes);
    let sent = 0;
    const completed = await mapConcurrent(parts, request.concurrency, async (part) => {
      const finished =
        done.get(part.number) ?? (await request.budget.run(part.length, signal, (lend) => sendPart(request, { uploadId, part, lend })));
      done.set(part.number, finished);
      sent += part.length;
      request.onProgress?.(sent);
      return finished;
    });
    throwIfAborted(signal);
    const result = await client.send(
      new CompleteMultipartUploadCommand({
        ...request.place,
        ...request.condition,
        UploadId: uploadId,
        ChecksumType: "COMPOSITE",
        MpuObjectSize: request.source.size,
        MultipartUpload: { Parts: completed },
      }),
      send,
    );
    if (result.ETag === undefined) throw new RemoteError("corrupt", "the service completed an upload without saying its ETag");
    return result.ETag;
  } catch (error) {
    throw new MultipartFailure(error, progress);
  }
}

/** Gives up an upload; failures of it are ignored, `removeUnfinishedUploads` finds what is left. */
export async function abortMultipart(request: MultipartRequest, uploadId: string): Promise<void> {
  await request.client.send(new AbortMultipartUploadCommand({ ...request.place, UploadId: uploadId })).catch(() => undefined);
}

interface PlannedPart {
  readonly number: number;
  readonly offset: number;
  readonly length: number;
}

function planParts(size: number, partBytes: number): PlannedPart[] {
  const count = Math.ceil(size / partBytes);
  return Array.from({ length: count }, (_, index) => {
    const offset = index * partBytes;
    return { number: index + 1, offset, length: Math.min(partBytes, size - offset) };
  });
}

async function begin(request: MultipartRequest): Promise<MultipartProgress> {
  const command = new CreateMultipartUploadCommand({
    ...request.place,
    ...request.create,
    ChecksumAlgorithm: "SHA256",
    ChecksumType: "COMPOSITE",
  });
  const { UploadId } = await request.client.send(command, request.signal === undefined ? {} : { abortSignal: request.signal });
  if (UploadId === undefined) throw new RemoteError("corrupt", "the service began an upload without naming it");
  return { uploadId: UploadId, isOwn: true, done: new Map() };
}

interface PartToSend {
  readonly uploadId: string;
  readonly part: PlannedPart;
  readonly lend: Lend;
}

async function sendPart(request: MultipartRequest, { uploadId, part, lend }: PartToSend): Promise<CompletedPart> {
  const { offset, length } = part;
  const body = await collectStream(request.source.open({ offset, length }, lend(length)), length);
  const ChecksumSHA256 = createHash("sha256").update(body).digest("base64");
  const result = await request.client.send(
    new UploadPartCommand({
      ...request.place,
      UploadId: uploadId,
      PartNumber: part.number,
      Body: body,
      ContentLength: length,
      ChecksumSHA256,
    }),
    request.signal === undefined ? {} : { abortSignal: request.signal },
  );
  if (result.ETag === undefined) throw new RemoteError("corrupt", "the service took a part without saying its ETag");
  return { PartNumber: part.number, ETag: result.ETag, ChecksumSHA256 };
}

async function findUnfinished(request: MultipartRequest): Promise<MultipartProgress | undefined> {
  const send = request.signal === undefined ? {} : { abortSignal: request.signal };
  const { Bucket, Key, ...rest } = request.place;
  let uploads;
  try {
    uploads = (await request.client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key, ...rest }), send)).Uploads ?? [];
  } catch (error) {
    // Many credentials may write but not list uploads, and some services have no such request: then nothing is resumed.
    throwIfAborted(request.signal);
    if (error instanceof Error && /^(?:AccessDenied|NotImplemented|MethodNotAllowed)$/.test(error.name)) return undefined;
    throw error;
  }
  const newest = uploads
    .filter((upload) => upload.Key === Key && upload.UploadId !== undefined)
    .sort((left, right) => (right.Initiated?.getTime() ?? 0) - (left.Initiated?.getTime() ?? 0))[0];
  if (newest?.UploadId === undefined) return undefined;
  const parts = await listParts(request, newest.UploadId);
  const done = await matchParts(request, parts);
  if (done === undefined) return undefined;
  return { uploadId: newest.UploadId, isOwn: false, done };
}

async function listParts(request: MultipartRequest, uploadId: string): Promise<Part[]> {
  const parts: Part[] = [];
  let marker: string | undefined;
  do {
    const page = await request.client.send(
      new ListPartsCommand({
        ...request.place,
        UploadId: uploadId,
        ...(marker === undefined ? {} : { PartNumberMarker: marker }),
      }),
      request.signal === undefined ? {} : { abortSignal: request.signal },
    );
    parts.push(...(page.Parts ?? []));
    marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return parts;
}

/** Returns the parts that hold our own bytes, or undefined when there is none, or any that does not. */
async function matchParts(request: MultipartRequest, parts: readonly Part[]): Promise<Map<number, CompletedPart> | undefined> {
  const planned = new Map(planParts(request.source.size, request.partBytes).map((part) => [part.number, part]));
  const done = new Map<number, CompletedPart>();
  for (const { PartNumber, Size, ETag, ChecksumSHA256 } of parts) {
    const plan = planned.get(PartNumber ?? 0);
    if (plan === undefined || plan.length !== Size || ETag === undefined || ChecksumSHA256 === undefined) return undefined;
    const hash = createHash("sha256");
    for await (const data of request.source.open({ offset: plan.offset, length: plan.length })) hash.update(data);
    if (hash.digest("base64") !== ChecksumSHA256) return undefined;
    done.set(plan.number, { PartNumber: plan.number, ETag, ChecksumSHA256 });
  }
  return done.size === 0 ? undefined : done;
}
