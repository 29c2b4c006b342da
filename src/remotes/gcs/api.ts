/**
 * Speaks the JSON API of Google Cloud Storage with the SDK's address and credentials, over Node's `fetch`.
 *
 * The SDK's own calls take no signal, follow redirects to anywhere (with the body of an upload), give no way to set a condition on a read,
 * and cannot set metadata when composing; those four are needed here.
 */
import type { Storage } from "@google-cloud/storage";
import type { RequestKind, RequestMeter } from "../request-meter.ts";

/** Says what every request of one remote shares. */
export interface GcsApiSettings {
  readonly storage: Storage;
  readonly bucket: string;
  /** The project that pays, where the bucket asks for that. */
  readonly userProject: string | undefined;
  readonly mayUseCredentials: boolean;
  readonly meter: RequestMeter | undefined;
}

/** Is one request. */
export interface GcsCall {
  readonly kind: RequestKind;
  readonly method: "GET" | "POST" | "DELETE";
  /** What follows `/b/BUCKET/o` in the address, percent-encoded, e.g. `/NAME/compose`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer<ArrayBuffer>;
  readonly isUpload?: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Is an answer that says no, with its HTTP status and the service's own reason; never a header of the request. */
export class GcsFailure extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly retryAfter: string | undefined;

  constructor(code: number, message: string, reason: string | undefined, retryAfter: string | undefined) {
    super(message);
    this.name = "GcsFailure";
    this.code = code;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** Sends a request and returns an answer whose body nobody has read; throws `GcsFailure` for anything but success. */
export async function callGcs(settings: GcsApiSettings, call: GcsCall): Promise<Response> {
  const { storage, meter } = settings;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...call.query, userProject: settings.userProject }))
    if (value !== undefined) query.set(name, value);
  const service = call.isUpload === true ? "/upload/storage/v1" : "/storage/v1";
  const url = `${storage.apiEndpoint}${service}/b/${encodeURIComponent(settings.bucket)}/o${call.path}?${query.toString()}`;
  const headers = new Headers(settings.mayUseCredentials ? await storage.authClient.getRequestHeaders(url) : {});
  for (const [name, value] of Object.entries({ "accept-encoding": "identity", ...call.headers })) headers.set(name, value);
  meter?.request(call.kind);
  if (call.body !== undefined) meter?.sent(call.body.length);
  const response = await fetch(url, {
    method: call.method,
    headers,
    redirect: "manual",
    ...(call.body === undefined ? {} : { body: call.body }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  });
  if (response.status < 200 || response.status > 299) throw await failureOf(response);
  return response;
}

/** Sends a request and returns its answer as a JSON object; throws `GcsFailure`, or a SyntaxError when it is something else. */
export async function callGcsJson(settings: GcsApiSettings, call: GcsCall): Promise<Readonly<Record<string, unknown>>> {
  const response = await callGcs(settings, call);
  const text = await response.text();
  settings.meter?.received(text.length);
  const value: unknown = text === "" ? {} : JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError("the answer is no JSON object");
  return value as Readonly<Record<string, unknown>>;
}

/** Returns the body of an upload that carries an object's description and bytes, and its content type. */
export function multipartBody(description: object, bytes: Buffer): { readonly type: string; readonly body: Buffer<ArrayBuffer> } {
  const boundary = `mlv-${crypto.randomUUID()}`;
  const head = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(description)}\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`;
  return {
    type: `multipart/related; boundary=${boundary}`,
    body: Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
}

async function failureOf(response: Response): Promise<GcsFailure> {
  const text = (await response.text().catch(() => "")).slice(0, 4000);
  const { reason, message } = explain(text);
  return new GcsFailure(response.status, message ?? text, reason, response.headers.get("retry-after") ?? undefined);
}

function explain(text: string): { readonly reason: string | undefined; readonly message: string | undefined } {
  try {
    const value = JSON.parse(text) as { error?: { message?: unknown; errors?: readonly { reason?: unknown }[] } };
    const { message, errors } = value.error ?? {};
    const reason = errors?.[0]?.reason;
    return { reason: typeof reason === "string" ? reason : undefined, message: typeof message === "string" ? message : undefined };
  } catch {
    return { reason: undefined, message: undefined };
  }
}
