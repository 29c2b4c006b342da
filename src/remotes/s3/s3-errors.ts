import { fromStatusOrNetwork, serviceError, type ServiceFailure } from "../cloud-errors.ts";
import { RemoteError } from "../remote-error.ts";
import type { RemoteFailure } from "../remote.ts";

const NAMES: Readonly<Record<string, RemoteFailure>> = {
  NoSuchKey: "absent",
  NotFound: "absent",
  NoSuchUpload: "absent",
  AccessDenied: "denied",
  AllAccessDisabled: "denied",
  InvalidObjectState: "denied",
  AccountProblem: "denied",
  InvalidAccessKeyId: "unauthenticated",
  SignatureDoesNotMatch: "unauthenticated",
  ExpiredToken: "unauthenticated",
  ExpiredTokenException: "unauthenticated",
  InvalidToken: "unauthenticated",
  TokenRefreshRequired: "unauthenticated",
  CredentialsProviderError: "unauthenticated",
  TokenProviderError: "unauthenticated",
  SlowDown: "throttled",
  Throttling: "throttled",
  ThrottlingException: "throttled",
  RequestLimitExceeded: "throttled",
  TooManyRequests: "throttled",
  TooManyRequestsException: "throttled",
  BadDigest: "corrupt",
  InvalidDigest: "corrupt",
  XAmzContentChecksumMismatch: "corrupt",
  XAmzContentSHA256Mismatch: "corrupt",
  InternalError: "unavailable",
  ServiceUnavailable: "unavailable",
  IncompleteBody: "unavailable",
  OperationAborted: "unavailable",
  RequestTimeout: "timeout",
  PreconditionFailed: "conflict",
  ConditionalRequestConflict: "conflict",
  QuotaExceeded: "full",
  XMinioStorageFull: "full",
  NotImplemented: "unsupported",
};

/** Turns a failure of the AWS SDK into a RemoteError; an abort or a bug is returned unchanged. */
export function fromS3Error(error: unknown, doing: string, url: string): unknown {
  if (error instanceof RemoteError || !(error instanceof Error)) return error;
  const name = readText(error, "Code") ?? error.name;
  const response = readRecord(error, "$response");
  const headers = readRecord(response, "headers");
  const status = readNumber(readRecord(error, "$metadata"), "httpStatusCode") ?? readNumber(response, "statusCode");
  const isNamed = name !== "Error" && name !== "UnknownError" && name !== "TypeError" && name !== "SyntaxError";
  const failure: ServiceFailure = {
    doing,
    url,
    status,
    name: isNamed ? name : undefined,
    retryAfter: readText(headers, "retry-after"),
    error,
  };
  switch (name) {
    case "NoSuchBucket":
      return serviceError(failure, "misconfigured", {
        why: "the bucket does not exist",
        hint: "make the bucket, or correct the remote's URL",
      });
    case "InvalidRange":
      return serviceError(failure, "corrupt", {
        why: "it is shorter than what was asked for",
        retryable: false,
      });
    case "RequestTimeTooSkewed":
      // The SDK has taken the service's clock from this very answer: the next attempt is signed with it.
      return serviceError(failure, "unauthenticated", {
        why: "this machine's clock differs from the service's",
        hint: "set the clock",
        retryable: true,
      });
    case "PermanentRedirect":
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException":
      return serviceError(failure, "misconfigured", {
        why: "the bucket is in another region",
        hint: regionHint(headers),
      });
    case "CredentialsProviderError":
      return serviceError(failure, "unauthenticated", {
        why: "no credentials were found",
        hint: "set AWS_PROFILE or AWS_ACCESS_KEY_ID, sign in with `aws sso login`, or use the option `anonymous`",
      });
    default: {
      // The SDK gives this one neither a name nor a code.
      if (error.message.startsWith("Region is missing")) {
        return serviceError(failure, "misconfigured", { why: "no region is set", hint: "set the option `region`, or AWS_REGION" });
      }
      const reason = NAMES[name];
      return reason === undefined ? fromStatusOrNetwork(failure) : serviceError(failure, reason);
    }
  }
}

function regionHint(headers: object | undefined): string {
  const region = readText(headers, "x-amz-bucket-region");
  return region !== undefined && /^[a-z0-9-]{1,40}$/.test(region) ? `set the option \`region\` to ${region}` : "set the option `region`";
}

function readRecord(value: object | undefined, name: string): object | undefined {
  const found: unknown = value === undefined ? undefined : Reflect.get(value, name);
  return typeof found === "object" && found !== null ? found : undefined;
}

function readText(value: object | undefined, name: string): string | undefined {
  const found: unknown = value === undefined ? undefined : Reflect.get(value, name);
  return typeof found === "string" ? found : undefined;
}

function readNumber(value: object | undefined, name: string): number | undefined {
  const found: unknown = value === undefined ? undefined : Reflect.get(value, name);
  return typeof found === "number" ? found : undefined;
}
