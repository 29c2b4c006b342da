import * as fs from "node:fs";
import path from "node:path";
import { MlvError, systemErrorCode } from "../base/errors.ts";
import { redact } from "../base/redaction.ts";
import type { OperationContext } from "../ops/open-workspace.ts";
import { ProgressView } from "./progress.ts";
import { EXIT } from "./exit-status.ts";
import { reportError } from "./report-error.ts";
import { createStyle, escapeJson, escapeLine, wantsColor, type Style } from "./terminal.ts";

/** Are the options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly C?: string;
  readonly jobs?: string;
  readonly wait?: boolean;
  readonly debug?: boolean;
  readonly progress?: boolean;
  readonly bwlimit?: string;
}

/** Is one run of a command: where it runs, what it may print to, and what operations get. */
export interface Session {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly isDebug: boolean;
  /** True when stdout is a terminal. */
  readonly isTty: boolean;
  readonly style: Style;
  readonly operation: OperationContext;
  /** Prints lines of the result for people to stdout, secrets redacted and unsafe characters escaped; nothing with `--json` or `--quiet`. */
  print(line: string): void;
  /** Prints a message for people to stderr; nothing with `--json` or `--quiet`. */
  note(line: string): void;
  /** Prints the failure of a part of the work to stderr, as that of a whole is printed; nothing with `--json`. */
  problem(error: MlvError): void;
  /** Prints the one JSON document of the result; nothing without `--json`. */
  document(value: object): void;
  /** Writes bytes to stdout, waiting while it is full. */
  write(data: Uint8Array): Promise<void>;
  /** Takes the progress line away. */
  stop(): void;
}

/** Opens a session from the global options. Throws `usage` for a job count that is none, `path-not-found` for a missing `-C` folder. */
export function createSession(options: GlobalOptions, signal: AbortSignal): Session {
  const isJson = options.json === true;
  const isQuiet = options.quiet === true;
  const isTty = isTerminal(STDOUT);
  const isErrorTty = isTerminal(STDERR);
  const style = createStyle(wantsColor(process.env, isTty));
  const progress = new ProgressView({
    stderr: () => process.stderr,
    isTty: isErrorTty && process.env["TERM"] !== "dumb",
    isQuiet,
    isProgressShown: options.progress !== false,
    style: createStyle(wantsColor(process.env, isErrorTty)),
  });
  const jobs = options.jobs === undefined ? undefined : parseJobs(options.jobs);
  const operation: OperationContext = {
    cwd: path.resolve(options.C ?? "."),
    env: process.env,
    onEvent: progress.onEvent,
    signal,
    noWait: options.wait === false,
    ...(options.bwlimit === undefined ? {} : { bandwidthLimit: options.bwlimit }),
    ...(jobs === undefined ? {} : { jobs }),
  };
  const isSilent = isJson || isQuiet;
  return {
    isJson,
    isQuiet,
    isDebug: options.debug === true,
    isTty,
    style,
    operation,
    print: (line) => {
      if (isSilent) return;
      progress.stop();
      writeNow(`${escapeLine(redact(line))}\n`);
    },
    note: (line) => {
      if (isSilent) return;
      progress.stop();
      process.stderr.write(`${escapeLine(redact(line))}\n`);
    },
    problem: (error) => {
      if (isJson) return;
      progress.stop();
      const isColored = wantsColor(process.env, isErrorTty);
      process.stderr.write(reportError(error, { isColored, isDebug: options.debug === true }).text);
    },
    document: (value) => {
      if (!isJson) return;
      progress.stop();
      writeNow(`${escapeJson(JSON.stringify({ mlv: 1, ...value }, undefined, isTty ? 2 : undefined))}\n`);
    },
    write: (data) =>
      new Promise((resolve, reject) => {
        process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
      }),
    stop: () => progress.stop(),
  };
}

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 256) return jobs;
  throw new MlvError("usage", `\`-j\` takes a whole number from 1 to 256, not \`${text}\``);
}

const STDOUT = 1;
const STDERR = 2;
const NULL_DEVICE = process.platform === "win32" ? "NUL" : "/dev/null";

/** Tells whether a descriptor is a terminal. Asking Node's own streams would load them, which is 4 ms of a start. */
function isTerminal(descriptor: number): boolean {
  try {
    const stat = fs.fstatSync(descriptor);
    return stat.isCharacterDevice() && stat.rdev !== fs.statSync(NULL_DEVICE).rdev;
  } catch {
    return false;
  }
}

/** Writes a text to stdout at once, waiting where a pipe is full; ends quietly when nobody reads it any more. */
function writeNow(text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) {
    try {
      written += fs.writeSync(STDOUT, bytes, written);
    } catch (error) {
      if (systemErrorCode(error) === "EPIPE") process.exit(EXIT.done);
      if (systemErrorCode(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
