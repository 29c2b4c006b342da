import { systemErrorCode } from "../base/errors.ts";
import { redactSecrets } from "./redact.ts";
import { RemoteError, type RemoteErrorOptions } from "./remote-error.ts";
import type { RemoteFailure } from "./remote.ts";

/** Is what a cloud driver found out about a failed request. */
export interface ServiceFailure {
  /** What was being done, e.g. "upload `objects/ab/…`". */
  readonly doing: string;
  /** The remote's URL without secrets. */
  readonly url: string;
  readonly status: number | undefined;
  /** The service's own name of the error. */
  readonly name: string | undefined;
  readonly retryAfter: string | undefined;
  readonly error: unknown;
}

const STATUS_REASONS: Readonly<Record<number, RemoteFailure>> = {
  401: "unauthenticated",
  402: "denied",
  403: "denied",
  404: "absent",
  408: "timeout",
  409: "conflict",
  412: "conflict",
  416: "corrupt",
  429: "throttled",
  500: "unavailable",
  501: "unsupported",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
  507: "full",
};

const EXPLANATIONS: Readonly<Record<RemoteFailure, string>> = {
  absent: "it is not there",
  denied: "the credentials lack the right",
  unauthenticated: "the credentials are missing, wrong or expired",
  throttled: "the service asks to slow down",
  unavailable: "the service cannot be reached or has a failure of its own",
  timeout: "the service went silent",
  corrupt: "what arrived does not match its checksum or length",
  full: "there is no room, or the quota is used up",
  unsupported: "the service lacks the feature",
  misconfigured: "the URL or an option is wrong",
  conflict: "what is there changed since it was read",
  untrusted: "the endpoint is not trusted",
};

const HINTS: Readonly<Partial<Record<RemoteFailure, string>>> = {
  denied: "`mlv remote check` tries each right",
  unauthenticated: "`mlv remote check` says which credentials are used",
};

/** Returns the RemoteError of a failure whose reason is known. The SDK's own error is reduced to its redacted text: it may hold headers. */
export function serviceError(
  failure: ServiceFailure,
  reason: RemoteFailure,
  options: RemoteErrorOptions & { readonly why?: string } = {},
): RemoteError {
  const label = [failure.status, failure.name].filter((part) => part !== undefined && part !== "").join(" ");
  const { why, ...rest } = options;
  const retryAfterMs = parseRetryAfter(failure.retryAfter, Date.now());
  return new RemoteError(
    reason,
    `cannot ${failure.doing} at ${failure.url}: ${why ?? EXPLANATIONS[reason]}${label === "" ? "" : ` (${redactSecrets(label)})`}`,
    {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(HINTS[reason] === undefined ? {} : { hint: HINTS[reason] }),
      cause: safeCause(failure.error),
      ...rest,
    },
  );
}

/** Returns the RemoteError of a failure known only by its HTTP status or network code; a failure that is neither comes back unchanged. */
export function fromStatusOrNetwork(failure: ServiceFailure): unknown {
  if (failure.error instanceof RemoteError) return failure.error;
  const network = fromNetworkError(failure);
  if (failure.status === undefined) return network ?? failure.error;
  if (failure.status >= 300 && failure.status < 400) {
    return serviceError(failure, "misconfigured", {
      why: "it redirects elsewhere, and redirects are not followed with credentials",
      hint: "check the options `endpoint` and `region`",
    });
  }
  // An answer that says "done" and cannot be read is no answer of this service: a captive portal, a proxy's page.
  if (failure.status < 300) return network ?? serviceError(failure, "corrupt", { why: "the answer is not what the service gives" });
  const reason = STATUS_REASONS[failure.status] ?? (failure.status >= 500 ? "unavailable" : "misconfigured");
  if (failure.status === 503 && failure.retryAfter !== undefined) return serviceError(failure, "throttled");
  return serviceError(failure, reason, reason === "corrupt" ? { retryable: false } : {});
}

const TLS = /^(?:CERT_|ERR_TLS|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/;
const NETWORK = /^(?:E[A-Z]+|UND_ERR_[A-Z_]+|ERR_(?:HTTP|SOCKET|STREAM|INVALID_PROTOCOL)[A-Z_0-9]*|HPE_[A-Z_]+|Z_[A-Z_]+)$/;

function fromNetworkError(failure: ServiceFailure): RemoteError | undefined {
  const code = deepErrorCode(failure.error);
  const name = failure.error instanceof Error ? failure.error.name : "";
  if (name === "TimeoutError" || code === "ETIMEDOUT" || code === "ESOCKETTIMEDOUT") return serviceError(failure, "timeout");
  if (code === undefined) return undefined;
  const labelled = { ...failure, name: failure.name ?? code };
  if (TLS.test(code)) return serviceError(labelled, "misconfigured", { why: "its certificate cannot be trusted" });
  if (code === "ENOTFOUND")
    return serviceError(labelled, "unavailable", {
      why: `${hostOf(failure.error)} cannot be resolved`,
      hint: "check the network and the options `endpoint`, `region` and, for an S3 service of one's own, `path-style`",
      retryable: false,
    });
  return NETWORK.test(code) ? serviceError(labelled, "unavailable", {}) : undefined;
}

/** Returns the name that was looked up in vain. */
function hostOf(error: unknown, depth = 0): string {
  const host: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "hostname") : undefined;
  if (typeof host === "string" && /^[\w.-]+$/.test(host)) return `the name \`${host}\``;
  return error instanceof Error && depth <= 4 ? hostOf(error.cause, depth + 1) : "its name";
}

function deepErrorCode(error: unknown, depth = 0): string | undefined {
  const code = systemErrorCode(error);
  if (code !== undefined && (NETWORK.test(code) || TLS.test(code))) return code;
  if (!(error instanceof Error) || depth > 4) return undefined;
  if (error instanceof AggregateError) {
    for (const inner of error.errors) {
      const found = deepErrorCode(inner, depth + 1);
      if (found !== undefined) return found;
    }
  }
  return deepErrorCode(error.cause, depth + 1);
}

/** Returns what `Retry-After` asks for in milliseconds: seconds or an HTTP date. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  if (/^\d+(?:\.\d+)?$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function safeCause(error: unknown): Error {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const cause = new Error(redactSecrets(text));
  delete cause.stack;
  return cause;
}
