import path from "node:path";
import { describe, expect, test } from "vitest";
import { ERROR_CODES, type ErrorCode } from "../../src/base/error-codes.ts";
import { EXIT, exitStatusOf } from "../../src/cli/exit-status.ts";
import { RemoteError } from "../../src/remotes/remote-error.ts";
import type { RemoteFailure } from "../../src/remotes/remote.ts";
import { findSection, readPage, readSources, readTables } from "./pages.ts";

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const REASONS = [
  "absent",
  "denied",
  "unauthenticated",
  "throttled",
  "unavailable",
  "timeout",
  "corrupt",
  "full",
  "unsupported",
  "misconfigured",
  "conflict",
  "untrusted",
] as const satisfies readonly RemoteFailure[];
/** Is any reason that the list above forgot. */
type Forgotten = Exclude<RemoteFailure, (typeof REASONS)[number]>;
const forgotten: readonly Forgotten[] = [];

const sources = readSources("src").filter(({ file }) => !/(?:error-codes|exit-status)\.ts$/.test(file));
const errorsPage = readPage("docs/errors.md");

describe("error codes", () => {
  test.each(CODES)("%s is thrown somewhere, or the documentation says that it is reserved", (code) => {
    const isReserved = findSection(errorsPage, code)?.includes("*Reserved.*") === true;
    expect({ code, isThrown: isThrown(code) }).toEqual({ code, isThrown: !isReserved });
  });

  test.each(CODES)("%s is documented with its kind, its exit status and what to do", (code) => {
    const section = findSection(errorsPage, code) ?? "";
    expect(section).toContain(`Kind \`${ERROR_CODES[code].kind}\`, exit status ${exitStatusOf(code)}.`);
    const [, meaning = "", action = ""] = /\n\n(.+)\n\n\*\*What to do\.\*\* (.+)\n/s.exec(section) ?? [];
    expect(meaning.length).toBeGreaterThan(15);
    expect(action.length).toBeGreaterThan(10);
  });

  test("every section of the documentation is about a code that exists, in the order of the code", () => {
    expect([...errorsPage.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(CODES);
  });

  test("every reason of a remote's failure is one of the reasons looked for", () => {
    expect(forgotten).toEqual([]);
    expect(new Set(REASONS.map((reason) => new RemoteError(reason, "").code)).size).toBe(REASONS.length);
  });
});

describe("exit statuses", () => {
  const rows = readTables(readPage("docs/exit-codes.md")).filter(([status = ""]) => /^\d+$/.test(status));

  test("the documentation has a row for every status, with its name", () => {
    expect(Object.fromEntries(rows.map(([status, name = ""]) => [name.replaceAll("`", ""), Number(status)]))).toEqual(EXIT);
  });

  test("the documentation gives every code the status that the program gives it", () => {
    const documented = new Map<string, number>();
    for (const [status, , , codes = ""] of rows)
      for (const [, code = ""] of codes.matchAll(/`([a-z0-9-]+)`/g)) documented.set(code, Number(status));
    const expected = CODES.map((code) => [code, exitStatusOf(code)]);
    expect(CODES.map((code) => [code, documented.get(code) ?? EXIT.failed])).toEqual(expected);
    expect([...documented.keys()].filter((code) => !(code in ERROR_CODES))).toEqual([]);
  });
});

/** Tells whether some file makes an error of this code; a remote's error may also be made by its reason. */
function isThrown(code: ErrorCode): boolean {
  const made = new RegExp(`new MlvError\\(\\s*"${code}"`);
  const reason = REASONS.find((candidate) => new RemoteError(candidate, "").code === code);
  return sources.some(({ file, text }) => made.test(text) || (reason !== undefined && isDriver(file) && text.includes(`"${reason}"`)));
}

/** Leaves out where reasons are only declared and mapped. */
function isDriver(file: string): boolean {
  return file.startsWith(path.join("src", "remotes")) && !["remote.ts", "remote-error.ts"].includes(path.basename(file));
}
