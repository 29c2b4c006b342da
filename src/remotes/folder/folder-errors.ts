import { systemErrorCode } from "../../base/errors.ts";
import { RemoteError } from "../remote-error.ts";
import type { RemoteFailure } from "../remote.ts";

const REASONS: Readonly<Record<string, RemoteFailure>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  ENOTDIR: "misconfigured",
  ELOOP: "misconfigured",
  EISDIR: "misconfigured",
  ENAMETOOLONG: "misconfigured",
  EIO: "unavailable",
  ESTALE: "unavailable",
  EMFILE: "unavailable",
  ENFILE: "unavailable",
  EHOSTDOWN: "unavailable",
  ENOTCONN: "unavailable",
  EBUSY: "unavailable",
  ETIMEDOUT: "timeout",
};

const EXPLANATIONS: Readonly<Partial<Record<RemoteFailure, string>>> = {
  full: "its disk or quota is full",
  denied: "the file system refuses access",
  misconfigured: "a part of its path is not a folder",
  unavailable: "its disk reports an error",
  timeout: "its disk does not answer",
};

/** Turns a Node system error of a folder remote into a RemoteError; anything else is returned unchanged. */
export function fromFolderError(error: unknown, doing: string, root: string): unknown {
  if (error instanceof RemoteError) return error;
  const code = systemErrorCode(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  const reason = REASONS[code] ?? "unavailable";
  return new RemoteError(reason, `cannot ${doing} in the folder remote \`${root}\`: ${EXPLANATIONS[reason] ?? code} (${code})`, {
    details: { errno: code, path: root },
    retryable: code === "ESTALE" || code === "EMFILE" || code === "ENFILE" || code === "EBUSY" || code === "ETIMEDOUT",
    cause: error,
  });
}
