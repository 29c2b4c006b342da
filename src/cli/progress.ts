import type { Ora } from "ora";
import type { NoticeEvent, OperationEvent, Phase, ProgressEvent } from "../base/events.ts";
import { redact } from "../base/redaction.ts";
import { formatBytes, formatCount, formatDuration } from "./format.ts";
import { escapeName, type Style } from "./terminal.ts";

/** Says how progress is shown. */
export interface ProgressOptions {
  /** Returns the stream to write to; asked for when there is something to write. */
  readonly stderr: () => NodeJS.WriteStream;
  readonly isTty: boolean;
  /** Shows warnings alone. */
  readonly isQuiet: boolean;
  /** False for notices without progress. */
  readonly isProgressShown: boolean;
  readonly style: Style;
}

const VERBS: Readonly<Record<Phase, string>> = {
  scan: "looking at",
  hash: "hashing",
  upload: "uploading",
  download: "downloading",
  checkout: "writing",
  verify: "verifying",
  check: "checking",
  delete: "deleting",
};
const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;
const SHOW_AFTER_MS = 300;

/**
 * Shows the events of an operation on stderr: one line that is redrawn on a terminal, a plain line every ten seconds elsewhere, nothing
 * but warnings when quiet. Call `stop` before anything else is printed.
 */
export class ProgressView {
  readonly #options: ProgressOptions;
  readonly #startedAt = Date.now();
  #phase: Phase | undefined;
  #phaseStartedAt = 0;
  #bytes = 0;
  #shownAt = 0;
  #spinner: "loading" | Ora | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  readonly onEvent = (event: OperationEvent): void => {
    if (event.type === "notice") this.#notice(event);
    else this.#progress(event);
  };

  /** Takes the line away; a later event shows it again. */
  stop(): void {
    if (this.#spinner !== undefined && this.#spinner !== "loading") this.#spinner.stop();
    this.#spinner = undefined;
  }

  /** The spinner's package is loaded when the first line is shown, so that short commands never pay for it. */
  #show(line: string): void {
    const text = line.slice(0, Math.max(20, (this.#options.stderr().columns ?? 80) - 3));
    if (this.#spinner === undefined) {
      this.#spinner = "loading";
      // Without the package the work goes on, only unseen.
      import("ora").then(
        ({ default: ora }) => {
          if (this.#spinner !== "loading") return;
          this.#spinner = ora({ text, stream: this.#options.stderr(), discardStdin: false, hideCursor: false }).start();
        },
        () => undefined,
      );
    } else if (this.#spinner !== "loading") {
      this.#spinner.text = text;
    }
  }

  #notice(event: NoticeEvent): void {
    const { isQuiet, stderr, style } = this.#options;
    if (isQuiet && event.level === "info") return;
    this.stop();
    const label = event.level === "warning" ? style.yellow("warning:") : style.cyan("note:");
    stderr().write(`${label} ${redact(escapeName(event.message))}\n`);
    if (event.hint !== undefined) stderr().write(`${style.cyan("hint:")} ${redact(escapeName(event.hint))}\n`);
  }

  #progress(event: ProgressEvent): void {
    const { isQuiet, isProgressShown, isTty, stderr } = this.#options;
    if (isQuiet || !isProgressShown) return;
    const now = Date.now();
    // Each version that is fetched is counted from nothing: the time of those before it is none of its own.
    if (event.phase !== this.#phase || event.bytes < this.#bytes) {
      this.#phase = event.phase;
      this.#phaseStartedAt = now;
    }
    this.#bytes = event.bytes;
    if (
      isTty
        ? now - this.#startedAt < SHOW_AFTER_MS || now - this.#shownAt < REDRAW_MS
        : now - Math.max(this.#shownAt, this.#startedAt) < PLAIN_LINE_MS
    )
      return;
    this.#shownAt = now;
    const line = formatProgress(event, now - this.#phaseStartedAt);
    if (isTty) {
      this.#show(line);
    } else {
      stderr().write(`${line}\n`);
    }
  }
}

/** Returns one line: what, how far, how much of it had to be sent, how fast, how long still. */
export function formatProgress(event: ProgressEvent, elapsedMs: number): string {
  const parts = [`${VERBS[event.phase]}${event.subject === undefined ? "" : ` ${escapeName(event.subject)}`}:`];
  const { bytes, totalBytes, files, totalFiles, sentBytes = bytes } = event;
  if (files > 0 || totalFiles !== undefined)
    parts.push(totalFiles === undefined ? `${formatCount(files)} files,` : `${formatCount(files)}/${formatCount(totalFiles)} files,`);
  if (totalBytes !== undefined && totalBytes > 0) {
    parts.push(`${formatBytes(bytes)} of ${formatBytes(totalBytes)} (${Math.min(100, Math.floor((bytes / totalBytes) * 100))}%)`);
  } else {
    parts.push(formatBytes(bytes));
  }
  if (sentBytes !== bytes) parts.push(`${parts.pop()},`, `${formatBytes(sentBytes)} sent`);
  if (elapsedMs > 500 && bytes > 0) {
    const seconds = elapsedMs / 1000;
    parts.push(`at ${formatBytes(sentBytes / seconds)}/s`);
    if (totalBytes !== undefined && totalBytes > bytes)
      parts.push(`${formatDuration(((totalBytes - bytes) / (bytes / seconds)) * 1000)} left`);
  }
  return parts.join(" ");
}
