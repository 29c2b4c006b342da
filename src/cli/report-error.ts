import { getSystemErrorMessage } from "node:util";
import type { ErrorCode } from "../base/error-codes.ts";
import { MlvError, systemErrorCode, type ErrorDetails } from "../base/errors.ts";
import { redact } from "../base/redaction.ts";
import { exitStatusOf } from "./exit-status.ts";
import { createStyle, escapeJson, escapeMessage } from "./terminal.ts";

declare const MLV_VERSION: string;

/** Is an error as text, as the JSON document on stderr, and as an exit status. */
export interface ErrorReport {
  readonly text: string;
  readonly json: string;
  readonly exitStatus: number;
}

/** Says how to report. */
export interface ReportOptions {
  readonly isColored: boolean;
  readonly isDebug: boolean;
}

/** Returns an error as `--json` documents name it: code, kind, message, causes, the first hint, details; secrets redacted. */
export function errorDocument(error: MlvError): object {
  const chain = collectCauses(error);
  const message = redact(error.message);
  const causes = causesOf(chain, message);
  const [hint] = hintsOf(error, chain);
  return {
    code: error.code,
    kind: error.kind,
    message,
    causes,
    ...(hint === undefined ? {} : { hint }),
    ...(error.details === undefined ? {} : { details: redactDetails(error.details) }),
  };
}

/** Turns anything thrown into what the user sees: `error:`, `caused by:`, `hint:`; secrets redacted, names escaped. */
export function reportError(error: unknown, options: ReportOptions): ErrorReport {
  const known = error instanceof MlvError ? error : toKnown(error);
  const exitStatus = exitStatusOf(known.code);
  const message = redact(known.message);
  const chain = collectCauses(known);
  const causes = causesOf(chain, message);
  const hints = hintsOf(known, chain);
  const style = createStyle(options.isColored);
  const lines = [`${style.red(style.bold("error:"))} ${escapeMessage(message)}`];
  for (const cause of causes) lines.push(`${style.dim("caused by:")} ${escapeMessage(cause)}`);
  for (const hint of new Set(hints)) lines.push(`${style.cyan("hint:")} ${escapeMessage(hint)}`);
  if (options.isDebug && error instanceof Error && error.stack !== undefined) lines.push(escapeMessage(redact(error.stack)));
  const json = { mlv: 1, error: { ...errorDocument(known), exitStatus } };
  return { text: `${lines.join("\n")}\n`, json: `${escapeJson(JSON.stringify(json))}\n`, exitStatus };
}

/** Each text is redacted by itself: a secret is cut off at a quote, and JSON puts a backslash before those. */
function redactDetails(details: ErrorDetails): ErrorDetails {
  const clean = (value: ErrorDetails[string]): ErrorDetails[string] =>
    typeof value === "string" ? redact(value) : typeof value === "object" ? value.map(redact) : value;
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, clean(value)]));
}

/** An aborted signal carries what interrupted it; a system error is the user's to mend; anything else is a bug. */
function toKnown(error: unknown): MlvError {
  if (error instanceof Error && error.name === "AbortError") return new MlvError("interrupted", "interrupted", { cause: error });
  const words = describeSystemError(error);
  if (words !== undefined) return new MlvError(codeOfSystemError(systemErrorCode(error)), words, { cause: error });
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const environment = `mlv ${MLV_VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
  return new MlvError("internal", `mlv failed in a way it should not: ${message}`, {
    hint: `this is a bug; run the command again with \`--debug\` and report what it prints (${environment})`,
    cause: error instanceof Error ? error.cause : undefined,
  });
}

function codeOfSystemError(code: string | undefined): ErrorCode {
  if (code === "ENOSPC" || code === "EDQUOT") return "disk-full";
  return code === "EACCES" || code === "EPERM" || code === "EROFS" ? "permission-denied" : "io-failed";
}

function causesOf(chain: readonly Error[], message: string): string[] {
  return [...new Set(chain.map((cause) => redact(describeCause(cause))))].filter((cause) => cause !== message);
}

function hintsOf(error: MlvError, chain: readonly Error[]): string[] {
  return [error, ...chain].flatMap((one) => (one instanceof MlvError && one.hint !== undefined ? [redact(one.hint)] : []));
}

function collectCauses(error: Error): Error[] {
  const causes: Error[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < 8; cause = cause.cause) causes.push(cause);
  return causes;
}

function describeCause(error: Error): string {
  return describeSystemError(error) ?? error.message;
}

/** Returns what the operating system said, in words with the path and the code; undefined for an error that is not the system's. */
function describeSystemError(error: unknown): string | undefined {
  const code = systemErrorCode(error);
  if (code === undefined || !(error instanceof Error) || !("errno" in error) || typeof error.errno !== "number") return undefined;
  const subject = "path" in error && typeof error.path === "string" ? ` \`${error.path}\`` : "";
  const doing = "syscall" in error && typeof error.syscall === "string" ? `${error.syscall}${subject}: ` : "";
  return `${doing}${getSystemErrorMessage(error.errno) ?? error.message} (${code})`;
}
