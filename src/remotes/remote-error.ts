import type { ErrorCode } from "../base/error-codes.ts";
import { MlvError, type MlvErrorOptions } from "../base/errors.ts";
import type { RemoteFailure } from "./remote.ts";

const CODES: Readonly<Record<RemoteFailure, ErrorCode>> = {
  absent: "remote-absent",
  denied: "remote-denied",
  unauthenticated: "remote-unauthenticated",
  throttled: "remote-throttled",
  unavailable: "remote-unavailable",
  timeout: "remote-timeout",
  corrupt: "remote-corrupt",
  full: "remote-full",
  unsupported: "remote-unsupported",
  misconfigured: "remote-misconfigured",
  conflict: "remote-conflict",
  untrusted: "endpoint-untrusted",
};

const RETRYABLE: ReadonlySet<RemoteFailure> = new Set(["throttled", "unavailable", "timeout", "corrupt"]);

/** Carries what a driver knows of a failure beyond its reason. */
export interface RemoteErrorOptions extends MlvErrorOptions {
  /** What the service asked for with `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Overrides what the reason says about retrying. */
  readonly retryable?: boolean;
}

/** Is every failure of a remote. Its code follows from its reason. */
export class RemoteError extends MlvError {
  readonly reason: RemoteFailure;
  /** True when the same call may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(reason: RemoteFailure, message: string, options: RemoteErrorOptions = {}) {
    super(CODES[reason], message, options);
    this.name = "RemoteError";
    this.reason = reason;
    this.retryable = options.retryable ?? RETRYABLE.has(reason);
    this.retryAfterMs = options.retryAfterMs;
  }
}
