import { spawnSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quoteForShell } from "../../src/base/shell-words.ts";
import { createStyle, escapeJson, escapeLine, escapeName, wantsColor } from "../../src/cli/terminal.ts";

/** C0 but for a newline, DEL, C1, and characters that turn or hide text. */
// eslint-disable-next-line no-control-regex
const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;
/** Texts in which everything that matters is likely. */
const hostile = fc.array(
  fc.constantFrom(
    "\u001b[31m",
    "\u001b]0;title\u0007",
    "\u009b2J",
    "\u202e",
    "\u2066",
    "\u061c",
    "\ufeff",
    "\u{e0041}",
    "\ud800",
    "\r",
    "\n",
    "\t",
    "\0",
    "'",
    '"',
    "\\",
    "$(x)",
    "`x`",
    " ",
    "-",
    "~",
    "a",
    "ü",
    "数",
    "🐈",
  ),
  { maxLength: 12 },
);

describe("a name from outside", () => {
  test("is shown with everything escaped that could steer a terminal", () => {
    fc.assert(
      fc.property(hostile, (parts) => {
        expect(escapeName(parts.join(""))).not.toMatch(new RegExp(`${STEERS.source}|\\n`, "u"));
      }),
    );
  });

  test.each([
    ["plain.csv", "plain.csv"],
    ["Größe 数据 🐈.csv", "Größe 数据 🐈.csv"],
    ["a\u001b[2Jb", "a\\x1b[2Jb"],
    ["a\nb\tc", "a\\x0ab\\x09c"],
    ["x\u202egpj.exe", "x\\u{202e}gpj.exe"],
    ["lone \ud800", "lone \\u{d800}"],
  ])("%j is shown as %j", (name, shown) => {
    expect(escapeName(name)).toBe(shown);
  });

  test("in a line that nobody escaped steers nothing either, while our own colours stay", () => {
    const style = createStyle(true);
    expect(escapeLine(`${style.red("bad")}: \u001b[2J\u001b[8mhidden\nnext`)).toBe("\u001b[31mbad\u001b[39m: \\x1b[2J\\x1b[8mhidden\nnext");
  });

  test("in JSON is the same name once parsed", () => {
    fc.assert(
      fc.property(hostile, (parts) => {
        const json = escapeJson(JSON.stringify({ name: parts.join("") }));
        expect(json).not.toMatch(STEERS);
        expect(JSON.parse(json)).toEqual({ name: parts.join("") });
      }),
    );
  });
});

describe("a path in a command to type", () => {
  test.each([
    ["data/train.csv", "data/train.csv"],
    ["my data.csv", "'my data.csv'"],
    ["it's", "'it'\\''s'"],
    ["-rf", "'./-rf'"],
    ["$(rm x)", "'$(rm x)'"],
    ["a\u202eb'c", "$'a\\xe2\\x80\\xaeb\\'c'"],
  ])("%j is typed as %s", (path, typed) => {
    expect(quoteForShell(path)).toBe(typed);
  });

  test("is what bash makes of it, whatever it holds", () => {
    const paths = fc.sample(
      hostile.map((parts) => parts.join("").replaceAll(/\0|\ud800/gu, "")).filter((path) => path !== ""),
      { numRuns: 300, seed: 7 },
    );
    const script = paths.map((path) => `printf '%s\\0' ${quoteForShell(path)}`).join("\n");
    expect(script).not.toMatch(STEERS);
    const { stdout } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
    // The decoder takes a byte order mark at the very beginning away; none of the samples begins the output with one.
    expect(stdout.split("\0").slice(0, -1)).toEqual(paths.map((path) => (path.startsWith("-") ? `./${path}` : path)));
  });
});

describe("colours", () => {
  test.each([
    [{}, true, true],
    [{}, false, false],
    [{ TERM: "dumb" }, true, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, true],
  ])("with %j and a terminal %j are %j", (env, isTty, isColored) => {
    expect(wantsColor(env, isTty)).toBe(isColored);
  });
});
