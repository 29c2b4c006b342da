import * as fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { addAttributes, ATTRIBUTE_LINES, removeAttributes } from "../../src/git/attributes.ts";
import {
  addGitignoreLine,
  addGitignoreLines,
  combineMlvIgnores,
  createMlvIgnore,
  gitignoreLine,
  removeGitignoreLine,
} from "../../src/git/ignore.ts";
import { createSandbox } from "./sandbox.ts";

const NAMES = [
  "train.csv",
  "#hash",
  "!bang",
  " leading",
  "trailing ",
  "two  ",
  "in side",
  "back\\slash",
  "back\\",
  "st*ar",
  "que?stion",
  "[brackets]",
  "]",
  "a[b",
  "{curly}",
  "ünï 🎉",
  "-dash",
  "**",
  "\\ ",
  "a\\*b ",
  "dot.",
  "~",
  "$HOME",
  'q"uote',
];

describe("a line for a name", () => {
  test("is plain where nothing needs escaping", () => {
    expect(gitignoreLine("train.csv")).toBe("/train.csv");
    expect(gitignoreLine("a [1]* ")).toBe("/a \\[1]\\*\\ ");
  });

  test.each(NAMES)("makes Git ignore exactly %j", (name) => {
    const { root, git, write } = createSandbox();
    for (const other of NAMES) write(`data/${other}`, "x");
    write(`data/sub/${name}`, "x");
    write(`data/x${name}`, "x");
    write(name, "x");
    fs.writeFileSync(path.join(root, "data", ".gitignore"), addGitignoreLine(undefined, name) ?? "");
    const ignored = git("ls-files", "-z", "--others", "--ignored", "--exclude-standard")
      .split("\0")
      .filter((line) => line !== "");
    expect(ignored).toEqual([`data/${name}`]);
  });
});

describe("a .gitignore", () => {
  const cases = ["", "*.tmp", "*.tmp\n", "*.tmp\r\n/x\r\n", "*.tmp\r\n/x", "mixed\r\nends\n", "\n\n", "\uFEFF# bom\n", "/train\n"];
  test.each(cases)("gets a line and loses it again, all else byte for byte: %j", (before) => {
    const added = addGitignoreLine(Buffer.from(before), "train.csv");
    const newline = /\r\n/.test(before) && !before.includes("mixed") ? "\r\n" : "\n";
    const gap = before === "" || before.endsWith("\n") ? "" : newline;
    expect(added?.toString()).toBe(`${before}${gap}/train.csv${newline}`);
    expect(addGitignoreLine(added, "train.csv")).toBeUndefined();
    expect(removeGitignoreLine(added, "train.csv")?.toString()).toBe(`${before}${gap}`);
    expect(removeGitignoreLine(Buffer.from(before), "train.csv")).toBeUndefined();
  });

  test("keeps bytes that are not UTF-8", () => {
    const before = Buffer.from([0xff, 0xfe, 0x0a, 0xe9]);
    const added = addGitignoreLine(before, "ü");
    expect(added).toEqual(Buffer.concat([before, Buffer.from("\n/ü\n")]));
    expect(addGitignoreLine(added, "ü")).toBeUndefined();
    expect(removeGitignoreLine(added, "ü")).toEqual(Buffer.concat([before, Buffer.from("\n")]));
  });

  test("gets many lines at once, each once", () => {
    expect(addGitignoreLines(Buffer.from("/b\n"), ["a", "b", "a", "c"])?.toString()).toBe("/b\n/a\n/c\n");
  });
});

test.each(["", "*.png binary", "a\r\n*.png binary", "\n", ".gitignore merge=union\n", "a b\n.gitignore merge=union"])(
  "attributes are removed to the byte from what was %j",
  (text) => {
    const before = Buffer.from(text);
    const added = addAttributes(before);
    expect(added?.toString()).toContain("*.mlv diff=mlv");
    expect(removeAttributes(added)).toEqual({ content: before, wasMade: false });
    expect(removeAttributes(addAttributes(undefined))).toEqual({ content: Buffer.alloc(0), wasMade: true });
  },
);

test("attributes are added once and removed without a trace, and Git reads them", () => {
  const { root, git } = createSandbox();
  const before = Buffer.from("*.png binary\r\n*.txt text\r\n");
  const added = addAttributes(before);
  expect(added?.toString()).toBe(`*.png binary\r\n*.txt text\r\n${ATTRIBUTE_LINES.join("\r\n")}\r\n`);
  expect(addAttributes(added)).toBeUndefined();
  expect(removeAttributes(added)).toEqual({ content: before, wasMade: false });
  expect(removeAttributes(before)).toBeUndefined();
  fs.writeFileSync(path.join(root, ".gitattributes"), added ?? "");
  const attributes = git("check-attr", "-z", "diff", "merge", "eol", "--", "deep/a b.mlv", "x/mlv.lock", "a.mlv.txt").split("\0");
  const values = attributes.filter((_, index) => index % 3 === 2);
  expect(values).toEqual(["mlv", "mlv", "lf", "mlv", "mlv", "lf", "unspecified", "unspecified", "unspecified"]);
});

describe(".mlvignore", () => {
  test("without rules ignores nothing and says so", async () => {
    for (const content of ["", "\n\n", "# only\r\n# comments\n", "\uFEFF# bom"]) {
      const ignore = await createMlvIgnore(content);
      expect([ignore.isEmpty, ignore.ignores("a", false)]).toEqual([true, false]);
    }
  });

  test("decides as Git does with the same rules", async () => {
    const rules = "# c\n*.tmp\n!keep.tmp\n/build\nlogs/\n**/cache/**\ndoc/*.pdf\n\\#x\nspace\\ \n[ab].csv\nCase\n";
    const { root, git, write } = createSandbox();
    const files = [
      "a.tmp",
      "x/a.tmp",
      "keep.tmp",
      "build/f",
      "x/build/f",
      "logs/f",
      "x/logs/f",
      "y/logs",
      "cache/f",
      "x/cache/d/f",
      "doc/a.pdf",
      "doc/x/a.pdf",
      "#x",
      "space ",
      "a.csv",
      "c.csv",
      "case",
      "Case",
      "plain",
    ];
    for (const file of files) write(file === "y/logs" ? "y/logs" : file, "x");
    fs.writeFileSync(path.join(root, ".git/info/exclude"), rules);
    const truth = git("ls-files", "-z", "--others", "--ignored", "--exclude-standard")
      .split("\0")
      .filter((line) => line !== "");
    const ignore = await createMlvIgnore(rules);
    expect(ignore.isEmpty).toBe(false);
    expect(files.filter((file) => ignore.ignores(file, false)).toSorted()).toEqual(truth.toSorted());
    expect([ignore.ignores("logs", true), ignore.ignores("logs", false)]).toEqual([true, false]);
  });

  test("of a deeper folder decides before one above", async () => {
    const top = { folder: "", rules: await createMlvIgnore("*.tmp\n/data/skip\n") };
    const deep = { folder: "data/in", rules: await createMlvIgnore("!keep.tmp\n/only-here\n") };
    const all = combineMlvIgnores([top, deep]);
    const decisions = ["data/in/a.tmp", "data/in/keep.tmp", "data/in/only-here", "data/in/x"].map((name) => all.ignores(name, false));
    expect(decisions).toEqual([true, false, true, false]);
    expect(combineMlvIgnores([{ folder: "", rules: await createMlvIgnore("") }]).isEmpty).toBe(true);
  });

  test("answers a hundred thousand questions the same after its memory was cleared", async () => {
    const ignore = await createMlvIgnore("*.tmp\n");
    let ignored = 0;
    for (let index = 0; index < 100_000; index++)
      if (ignore.ignores(`d${index % 10}/f${index}.${index % 4 === 0 ? "tmp" : "csv"}`, false)) ignored++;
    expect(ignored).toBe(25_000);
  });
});
