import { fromStatusOrNetwork, serviceError, type ServiceFailure } from "../cloud-errors.ts";
import { RemoteError } from "../remote-error.ts";

const THROTTLES = new Set(["rateLimitExceeded", "userRateLimitExceeded", "usageLimits", "tooManyRequests", "SlowDown"]);

/** Turns a failure of the Google SDK into a RemoteError; an abort or a bug is returned unchanged. */
export function fromGcsError(error: unknown, doing: string, url: string): unknown {
  if (error instanceof RemoteError || !(error instanceof Error)) return error;
  const status = statusOf(error);
  const reason = reasonOf(error);
  const failure: ServiceFailure = { doing, url, status, name: reason, retryAfter: retryAfterOf(error), error };
  if (reason !== undefined && THROTTLES.has(reason)) return serviceError(failure, "throttled");
  if (status === 400 && /md5|crc32c|checksum|hash/i.test(`${reason ?? ""} ${error.message}`)) return serviceError(failure, "corrupt");
  if (status === 404 && /bucket does not exist/i.test(error.message)) {
    return serviceError(failure, "misconfigured", {
      why: "the bucket does not exist",
      hint: "make the bucket, or correct the remote's URL",
    });
  }
  if (status === undefined && /could not load the default credentials|invalid_grant|refresh|getaddrinfo metadata/i.test(error.message)) {
    return serviceError(failure, "unauthenticated", {
      why: "no usable credentials were found",
      hint: "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    });
  }
  const found = fromStatusOrNetwork(failure);
  if (found !== error) return found;
  // The SDK gives failures of the connection and of parsing as plain errors without a code.
  return /socket hang up|premature close|aborted|terminated|network|fetch failed|other side closed/i.test(error.message)
    ? serviceError(failure, "unavailable")
    : /JSON|Unexpected token|Cannot parse/i.test(error.message)
      ? serviceError(failure, "corrupt", { why: "the answer is not what the service gives" })
      : error;
}

/** Returns the HTTP status in an error of the SDK. */
export function statusOf(error: Error): number | undefined {
  for (const name of ["code", "status", "statusCode"]) {
    const value: unknown = Reflect.get(error, name);
    if (typeof value === "number" && value >= 100 && value < 600) return value;
    if (typeof value === "string" && /^[1-5]\d\d$/.test(value)) return Number(value);
  }
  const response: unknown = Reflect.get(error, "response");
  const status: unknown =
    typeof response === "object" && response !== null
      ? (Reflect.get(response, "status") ?? Reflect.get(response, "statusCode"))
      : undefined;
  return typeof status === "number" && status > 0 ? status : undefined;
}

function reasonOf(error: Error): string | undefined {
  const errors: unknown = Reflect.get(error, "errors");
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const reason: unknown = typeof first === "object" && first !== null ? Reflect.get(first, "reason") : undefined;
  return typeof reason === "string" ? reason : undefined;
}

function retryAfterOf(error: Error): string | undefined {
  const response: unknown = Reflect.get(error, "response");
  const headers: unknown = typeof response === "object" && response !== null ? Reflect.get(response, "headers") : undefined;
  if (typeof headers !== "object" || headers === null) return undefined;
  const value: unknown = headers instanceof Headers ? headers.get("retry-after") : Reflect.get(headers, "retry-after");
  return typeof value === "string" ? value : undefined;
}
