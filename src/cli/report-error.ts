import { MlvError, systemErrorCode } from "../base/errors.ts";
import { redact } from "../base/redaction.ts";
import { exitStatusOf } from "./exit-status.ts";
import { createStyle, escapeMessage } from "./terminal.ts";

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

/** Turns anything thrown into what the user sees: `error:`, `caused by:`, `hint:`; secrets redacted, names escaped. */
export function reportError(error: unknown, options: ReportOptions): ErrorReport {
  const known = error instanceof MlvError ? error : toKnown(error);
  const exitStatus = exitStatusOf(known.code);
  const causes = collectCauses(known);
  const hints = [known.hint, ...causes.map((cause) => (cause instanceof MlvError ? cause.hint : undefined))].filter(
    (hint) => hint !== undefined,
  );
  const style = createStyle(options.isColored);
  const lines = [`${style.red(style.bold("error:"))} ${known.message}`];
  for (const cause of causes) if (describeCause(cause) !== known.message) lines.push(`${style.dim("caused by:")} ${describeCause(cause)}`);
  for (const hint of new Set(hints)) lines.push(`${style.cyan("hint:")} ${hint}`);
  if (options.isDebug && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  const json = {
    mlv: 1,
    error: {
      code: known.code,
      kind: known.kind,
      message: known.message,
      causes: causes.map(describeCause),
      ...(hints[0] === undefined ? {} : { hint: hints[0] }),
      ...(known.details === undefined ? {} : { details: known.details }),
      exitStatus,
    },
  };
  const escape = options.isColored ? (line: string) => line : escapeMessage;
  return { text: `${lines.map((line) => redact(escape(line))).join("\n")}\n`, json: `${redact(JSON.stringify(json))}\n`, exitStatus };
}

/** An aborted signal carries what interrupted it; a system error is the user's to mend; anything else is a bug. */
function toKnown(error: unknown): MlvError {
  if (error instanceof Error && error.name === "AbortError") return new MlvError("interrupted", "interrupted", { cause: error });
  const code = systemErrorCode(error);
  if (code !== undefined && /^E[A-Z]+$/.test(code) && error instanceof Error && "syscall" in error) {
    return new MlvError(
      code === "ENOSPC" ? "disk-full" : code === "EACCES" || code === "EPERM" || code === "EROFS" ? "permission-denied" : "io-failed",
      error.message,
      {
        cause: error,
      },
    );
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const environment = `mlv ${MLV_VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
  return new MlvError("internal", `mlv failed in a way it should not: ${message}`, {
    hint: `this is a bug; run the command again with \`--debug\` and report what it prints (${environment})`,
    cause: error instanceof Error ? undefined : error,
  });
}

function collectCauses(error: Error): Error[] {
  const causes: Error[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < 8; cause = cause.cause) causes.push(cause);
  return causes;
}

function describeCause(error: Error): string {
  return error.message;
}
