import { fromStatusOrNetwork, serviceError, type ServiceFailure } from "../cloud-errors.ts";
import { RemoteError } from "../remote-error.ts";
import type { RemoteFailure } from "../remote.ts";

const NAMES: Readonly<Record<string, RemoteFailure>> = {
  BlobNotFound: "absent",
  ResourceNotFound: "absent",
  AuthenticationFailed: "unauthenticated",
  InvalidAuthenticationInfo: "unauthenticated",
  NoAuthenticationInformation: "unauthenticated",
  AuthorizationFailure: "denied",
  AuthorizationPermissionMismatch: "denied",
  AuthorizationProtocolMismatch: "denied",
  AuthorizationSourceIPMismatch: "denied",
  InsufficientAccountPermissions: "denied",
  AccountIsDisabled: "denied",
  PublicAccessNotPermitted: "denied",
  BlobArchived: "denied",
  BlobImmutableDueToPolicy: "denied",
  ServerBusy: "throttled",
  TooManyRequests: "throttled",
  InternalError: "unavailable",
  InvalidBlockList: "unavailable",
  InvalidBlobOrBlock: "unavailable",
  OperationTimedOut: "timeout",
  Md5Mismatch: "corrupt",
  Crc64Mismatch: "corrupt",
  // A list of blocks carries no checksum: what is wrong with it became so on the way.
  InvalidXmlDocument: "corrupt",
  InvalidXmlNodeValue: "corrupt",
  UnsupportedXmlNode: "corrupt",
  BlobAlreadyExists: "conflict",
  ConditionNotMet: "conflict",
  UnmodifiedConditionNotMet: "conflict",
  REQUEST_SEND_ERROR: "unavailable",
  PARSE_ERROR: "corrupt",
};

/** Turns a failure of the Azure SDK into a RemoteError; an abort or a bug is returned unchanged. */
export function fromAzureError(error: unknown, doing: string, url: string): unknown {
  if (error instanceof RemoteError || !(error instanceof Error)) return error;
  const status: unknown = Reflect.get(error, "statusCode");
  const details: unknown = Reflect.get(error, "details");
  const detailCode: unknown = typeof details === "object" && details !== null ? Reflect.get(details, "errorCode") : undefined;
  const code: unknown = detailCode ?? Reflect.get(error, "code");
  const name = typeof code === "string" ? code : undefined;
  const failure: ServiceFailure = {
    doing,
    url,
    status: typeof status === "number" ? status : undefined,
    name,
    retryAfter: readRetryAfter(error),
    error,
  };
  if (name === "ContainerNotFound") {
    return serviceError(failure, "misconfigured", {
      why: "the container does not exist",
      hint: "make the container, or correct the remote's URL",
    });
  }
  if (name === "ContainerBeingDeleted" || name === "ContainerDisabled")
    return serviceError(failure, "misconfigured", { why: "the container is being deleted" });
  if (name === "InvalidRange") return serviceError(failure, "corrupt", { why: "it is shorter than what was asked for", retryable: false });
  if (failure.status === 400 && (name === undefined || name === ""))
    return serviceError(failure, "corrupt", { why: "the request arrived damaged" });
  // The SDK's own reading of an answer fails with these when it is not one of the service's.
  if ((error instanceof RangeError || error instanceof TypeError) && error.stack?.includes("@azure") === true) {
    return serviceError(failure, "corrupt", { why: "the answer is not what the service gives" });
  }
  if (/^(?:CredentialUnavailable|Authentication|AggregateAuthentication|AuthenticationRequired)Error$/.test(error.name)) {
    return serviceError(failure, "unauthenticated", {
      why: "no credentials were found",
      hint: "sign in with `az login`, or set AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN",
    });
  }
  // The SDK gives this one neither a name nor a code.
  if (error.message.startsWith("Bearer token authentication is not permitted")) {
    return serviceError(failure, "unauthenticated", {
      why: "no key is set, and a token is not sent over plain http",
      hint: "set AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN; with `az login` the endpoint must be https",
    });
  }
  const reason = name === undefined ? undefined : NAMES[name];
  if (reason === undefined || (name === "REQUEST_SEND_ERROR" && failure.status === undefined)) {
    const found = fromStatusOrNetwork(failure);
    return found === error && reason !== undefined ? serviceError(failure, reason) : found;
  }
  return serviceError(failure, reason);
}

function readRetryAfter(error: Error): string | undefined {
  const response: unknown = Reflect.get(error, "response");
  if (typeof response !== "object" || response === null) return undefined;
  const headers: unknown = Reflect.get(response, "headers");
  if (typeof headers !== "object" || headers === null) return undefined;
  const get: unknown = Reflect.get(headers, "get");
  if (typeof get !== "function") return undefined;
  const value: unknown = get.call(headers, "retry-after");
  return typeof value === "string" ? value : undefined;
}
