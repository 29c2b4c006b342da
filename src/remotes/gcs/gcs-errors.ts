import { fromStatusOrNetwork, serviceError, type ServiceFailure } from "../cloud-errors.ts";
import { RemoteError } from "../remote-error.ts";
import { GcsFailure } from "./api.ts";

const THROTTLES = new Set(["rateLimitExceeded", "userRateLimitExceeded", "usageLimits", "tooManyRequests", "SlowDown"]);

/** Turns a failure of a request, or of the SDK's search for credentials, into a RemoteError; a bug is returned unchanged. */
export function fromGcsError(error: unknown, doing: string, url: string): unknown {
  if (error instanceof RemoteError || !(error instanceof Error)) return error;
  const answer = error instanceof GcsFailure ? error : undefined;
  const failure: ServiceFailure = { doing, url, status: answer?.code, name: answer?.reason, retryAfter: answer?.retryAfter, error };
  if (answer !== undefined) return fromAnswer(answer, failure);
  if (error instanceof SyntaxError) return serviceError(failure, "corrupt", { why: "the answer is not what the service gives" });
  const found = fromStatusOrNetwork(failure);
  if (found !== error || (error instanceof TypeError && error.message !== "fetch failed" && error.message !== "terminated")) return found;
  if (error instanceof TypeError) return serviceError(failure, "unavailable");
  // What is left comes from the search for credentials.
  return serviceError(failure, "unauthenticated", {
    why: "no usable credentials were found",
    hint: "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
  });
}

function fromAnswer(answer: GcsFailure, failure: ServiceFailure): unknown {
  if (answer.reason !== undefined && THROTTLES.has(answer.reason)) return serviceError(failure, "throttled");
  if (answer.code === 400 && /md5|crc32c|checksum|hash/i.test(`${answer.reason ?? ""} ${answer.message}`))
    return serviceError(failure, "corrupt");
  if (answer.code === 404 && /bucket does not exist/i.test(answer.message)) {
    return serviceError(failure, "misconfigured", {
      why: "the bucket does not exist",
      hint: "make the bucket, or correct the remote's URL",
    });
  }
  if (answer.code === 304) return serviceError(failure, "conflict");
  return fromStatusOrNetwork(failure);
}
