import { ERROR_CODES, type ErrorCode } from "./error-codes.ts";

/** Sorts failures by who can mend them; the command line turns it into an exit status. */
export type ErrorKind = "usage" | "user" | "config" | "data" | "remote" | "busy" | "interrupted" | "internal";

/** Holds machine-readable facts of an error: paths, counts, hashes. Never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Carries everything but the code of an error. */
export interface MlvErrorOptions {
  /** What to type next, or how to mend it; shown behind `hint:`. */
  readonly hint?: string;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** Is the one error that mlv throws on purpose; anything else that reaches the top is a bug. */
export class MlvError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly details: ErrorDetails | undefined;

  constructor(code: ErrorCode, message: string, options: MlvErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "MlvError";
    this.code = code;
    this.kind = ERROR_CODES[code].kind;
    this.hint = options.hint;
    this.details = options.details;
  }
}

/** Tells whether a value is an `MlvError`, of one of the given codes when any are named. */
export function isMlvError(error: unknown, ...codes: readonly ErrorCode[]): error is MlvError {
  return error instanceof MlvError && (codes.length === 0 || codes.includes(error.code));
}

/** Returns the `code` of a Node system error (`ENOENT`, `EACCES`, …), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Turns a Node system error into the MlvError a user can act on, naming the path that failed.
 * An MlvError is returned as it is; an error without a system code is returned unchanged, so that a bug stays a bug.
 */
export function fromSystemError(error: unknown, doing: string, filePath: string): unknown {
  if (error instanceof MlvError) return error;
  const code = systemErrorCode(error);
  const details = { path: filePath, errno: code ?? "" };
  switch (code) {
    case undefined:
      return error;
    case "ENOSPC":
    case "EDQUOT":
      return new MlvError("disk-full", `cannot ${doing} \`${filePath}\`: the disk is full`, {
        hint: "free some space (`mlv gc` lists what the cache can give back), then run the same command again",
        details,
        cause: error,
      });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new MlvError("permission-denied", `cannot ${doing} \`${filePath}\`: ${describeErrno(code)}`, {
        hint: "check the owner and mode of the file and of its folder",
        details,
        cause: error,
      });
    case "ENOENT":
      return new MlvError("path-not-found", `cannot ${doing} \`${filePath}\`: it does not exist`, { details, cause: error });
    default:
      return new MlvError("io-failed", `cannot ${doing} \`${filePath}\`: ${describeErrno(code)}`, { details, cause: error });
  }
}

function describeErrno(code: string): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "EROFS":
      return "the file system is read-only";
    case "EIO":
      return "the disk reports an input/output error";
    case "EMFILE":
    case "ENFILE":
      return "too many open files";
    case "EFBIG":
      return "the file would be larger than the limit";
    case "ENOTDIR":
      return "a part of the path is not a folder";
    case "EISDIR":
      return "it is a folder";
    case "ELOOP":
      return "a part of the path is a symlink";
    case "ENAMETOOLONG":
      return "the name is too long";
    default:
      return code;
  }
}
