/**
 * Reads an object's bytes. The SDK's own read stream takes neither a condition nor a signal, follows redirects, and adds so many
 * listeners that Node warns on stderr; so this is Node's `fetch`, with the SDK's address and credentials.
 */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { File } from "@google-cloud/storage";
import type { ByteRange } from "../remote.ts";

/** Says what to read of an object. */
export interface MediaRequest {
  readonly file: File;
  readonly range: ByteRange | undefined;
  /** The generation that the object must still have. */
  readonly generation: string | undefined;
  /** False sends no credentials. */
  readonly mayUseCredentials: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Is an object's bytes on their way, and the headers that came before them. */
export interface OpenMedia {
  readonly stream: Readable;
  readonly headers: Headers;
}

/** Asks for an object or a range of it and returns once the answer's headers are there; throws an error with the HTTP status as `code`. */
export async function openMedia(request: MediaRequest): Promise<OpenMedia> {
  const { file, range, generation, signal } = request;
  const { storage } = file;
  const query = new URLSearchParams({ alt: "media" });
  if (generation !== undefined) query.set("ifGenerationMatch", generation);
  if (file.bucket.userProject !== undefined) query.set("userProject", file.bucket.userProject);
  const url = `${storage.apiEndpoint}/storage/v1/b/${encodeURIComponent(file.bucket.name)}/o/${encodeURIComponent(file.name)}?${query}`;
  const headers = new Headers(request.mayUseCredentials ? await storage.authClient.getRequestHeaders(url) : {});
  headers.set("accept-encoding", "identity");
  if (range !== undefined) headers.set("range", `bytes=${range.offset}-${range.offset + range.length - 1}`);
  const response = await fetch(url, { headers, redirect: "manual", ...(signal === undefined ? {} : { signal }) });
  if ((response.status !== 200 && response.status !== 206) || response.body === null) throw await failureOf(response);
  return { stream: Readable.fromWeb(response.body as ReadableStream), headers: response.headers };
}

async function failureOf(response: Response): Promise<Error> {
  const status = response.type === "opaqueredirect" ? 302 : response.status;
  const text = (await response.text().catch(() => "")).slice(0, 1000);
  return Object.assign(new Error(text), { code: status, response: { status, headers: response.headers } });
}
