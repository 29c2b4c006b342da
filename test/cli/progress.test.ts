import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ProgressEvent } from "../../src/base/events.ts";
import { formatProgress, ProgressView, type ProgressOptions } from "../../src/cli/progress.ts";
import { createStyle } from "../../src/cli/terminal.ts";

const MIB = 1024 * 1024;

/** Shows progress on a stream whose text can be read back. */
function makeView(options: Partial<ProgressOptions>): { readonly view: ProgressView; readonly shown: () => string } {
  const stream = new PassThrough();
  const parts: string[] = [];
  stream.setEncoding("utf8").on("data", (text: string) => parts.push(text));
  const stderr = Object.assign(stream, { isTTY: options.isTty === true, columns: 80, cursorTo: () => true, clearLine: () => true });
  const view = new ProgressView({
    stderr: () => stderr as unknown as NodeJS.WriteStream,
    isTty: false,
    isQuiet: false,
    isProgressShown: true,
    style: createStyle(false),
    ...options,
  });
  return { view, shown: () => parts.join("") };
}

function uploaded(mib: number, extra: Partial<ProgressEvent> = {}): ProgressEvent {
  return { type: "progress", phase: "upload", files: 0, bytes: mib * MIB, totalBytes: 100 * MIB, ...extra };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ["Date", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a line of progress", () => {
  test("says what, how far, how fast and how long still", () => {
    expect(formatProgress(uploaded(25, { subject: "data/train.csv", files: 3, totalFiles: 12 }), 5000)).toBe(
      "uploading data/train.csv: 3/12 files, 25.0 MiB of 100 MiB (25%) at 5.0 MiB/s 15 s left",
    );
  });

  test("says how much had to be sent where that is less, and reckons the time that is left with what is done", () => {
    expect(formatProgress(uploaded(75, { sentBytes: 5 * MIB }), 5000)).toBe(
      "uploading: 75.0 MiB of 100 MiB (75%), 5.0 MiB sent at 1.0 MiB/s 1.7 s left",
    );
  });

  test("leaves out what is not known", () => {
    expect(formatProgress({ type: "progress", phase: "hash", files: 1200, bytes: 3 * MIB }, 100)).toBe("hashing: 1,200 files, 3.0 MiB");
  });

  test("escapes a hostile subject", () => {
    expect(formatProgress(uploaded(1, { subject: "a\u001b[2J\n" }), 0)).toContain("a\\x1b[2J\\x0a:");
  });
});

describe("where there is no terminal", () => {
  test("a plain line comes every ten seconds, and none for what takes less", () => {
    const { view, shown } = makeView({});
    for (let second = 0; second <= 25; second++) {
      view.onEvent(uploaded(second));
      if (second === 9) expect(shown()).toBe("");
      vi.advanceTimersByTime(1000);
    }
    expect(shown()).toBe(
      "uploading: 10.0 MiB of 100 MiB (10%) at 1.0 MiB/s 1 min 30 s left\nuploading: 20.0 MiB of 100 MiB (20%) at 1.0 MiB/s 1 min 20 s left\n",
    );
  });

  test("a count that begins anew is timed anew", () => {
    const { view, shown } = makeView({});
    for (let second = 0; second <= 20; second++) {
      view.onEvent(uploaded(second < 15 ? 10 * (second + 1) : second - 14));
      vi.advanceTimersByTime(1000);
    }
    expect(shown().trim().split("\n").at(-1)).toContain("at 1.2 MiB/s");
  });

  test.each([{ isQuiet: true }, { isProgressShown: false }])("nothing comes with %j", (options) => {
    const { view, shown } = makeView(options);
    for (let second = 0; second <= 25; second++) {
      view.onEvent(uploaded(second));
      vi.advanceTimersByTime(1000);
    }
    expect(shown()).toBe("");
  });
});

describe("a notice", () => {
  const info = { type: "notice", level: "info", message: "waiting for a lock" } as const;
  const warning = { type: "notice", level: "warning", message: "mended `a\u001b`", hint: "see https://u:p4ssw0rd@host" } as const;

  test("is a line on stderr with its hint, escaped and without secrets", () => {
    const { view, shown } = makeView({});
    view.onEvent(info);
    view.onEvent(warning);
    expect(shown()).toBe("note: waiting for a lock\nwarning: mended `a\\x1b`\nhint: see https://***@host\n");
  });

  test("is said without progress too; quiet leaves warnings alone", () => {
    const without = makeView({ isProgressShown: false });
    without.view.onEvent(info);
    expect(without.shown()).toBe("note: waiting for a lock\n");
    const quiet = makeView({ isQuiet: true });
    quiet.view.onEvent(info);
    quiet.view.onEvent({ type: "notice", level: "warning", message: "mended" });
    expect(quiet.shown()).toBe("warning: mended\n");
  });
});
