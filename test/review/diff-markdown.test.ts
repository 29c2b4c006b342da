import { expect, test } from "vitest";
import { formatDiffMarkdown } from "../../src/cli/diff-markdown.ts";
import { formatDiffHtml } from "../../src/cli/diff-html.ts";
import type { RepoPath, Sha256 } from "../../src/base/ids.ts";
import type { DiffResult, TargetDiff } from "../../src/ops/diff.ts";

test("an overview of names that are too long for a comment shows those that fit and counts the rest", () => {
  const targets = Array.from({ length: 300 }, (_, at): TargetDiff => ({
    target: `${"|".repeat(290)}${at}` as RepoPath,
    status: "modified",
    before: undefined,
    after: undefined,
    filesBefore: 1,
    filesAfter: 1,
    sizeBefore: 1,
    sizeAfter: 2,
    files: [],
    isWorkspace: false,
  }));
  const side = { name: "A", commit: undefined };
  const summary = { added: 0, deleted: 0, modified: 300, renamed: 0, bytesBefore: 300, bytesAfter: 600 };
  const result: DiffResult = { a: side, b: side, targets, unreadable: [], summary, contents: [], leftOut: [] };
  const text = formatDiffMarkdown(result);
  expect(text.length).toBeLessThan(65_000);
  expect(text).toContain("| … | 290 more |");
  expect(text).toContain("300 targets, 300 B → 600 B");
});

test("the images of a folder are one table, without a heading each", () => {
  const images = Array.from({ length: 60 }, (_, at) => ({
    path: `set/${at}|.png`,
    kind: "image" as const,
    ...(at === 1 ? { before: { kind: "png" as const, width: 1, height: 2 } } : {}),
    after: { kind: "png" as const, width: 3, height: 4 },
  }));
  const target: TargetDiff = {
    target: "set" as RepoPath,
    status: "modified",
    before: undefined,
    after: undefined,
    filesBefore: 1,
    filesAfter: 60,
    sizeBefore: 1,
    sizeAfter: 2,
    files: images.map(({ path }) => ({ path: path.slice(4), status: "added", sizeAfter: 1 })),
    isWorkspace: false,
  };
  const side = { name: "A", commit: undefined };
  const summary = { added: 0, deleted: 0, modified: 1, renamed: 0, bytesBefore: 1, bytesAfter: 2 };
  const result: DiffResult = { a: side, b: side, targets: [target], unreadable: [], summary, contents: images, leftOut: [] };
  const text = formatDiffMarkdown(result);
  expect(text.match(/^####.*/gm)).toEqual(["#### <code>set</code>"]);
  expect(text).toContain("<summary>60 images</summary>");
  expect(text).toContain("| <code>1&#124;&#46;png</code> | <code>png&#44; 1 × 2</code> → <code>png&#44; 3 × 4</code> |");
  const page = formatDiffHtml(result);
  expect(page).not.toContain("<h3>");
  expect(page).toContain('<th scope="row">1|.png</th><td><del>png, 1 × 2</del> → png, 3 × 4</td>');
});

test("a long name may go on in another line of the overview, and numbers stay in one", () => {
  const name = `a/${"long_part".repeat(3)}/${"x".repeat(70)}<b>.csv`;
  const target: TargetDiff = {
    target: name as RepoPath,
    status: "modified",
    before: { kind: "file", sha256: "a".repeat(64) as Sha256, size: 90_000 },
    after: { kind: "file", sha256: "b".repeat(64) as Sha256, size: 105_000 },
    filesBefore: 1,
    filesAfter: 1,
    sizeBefore: 90_000,
    sizeAfter: 105_000,
    files: [],
    isWorkspace: false,
  };
  const side = { name: "A", commit: undefined };
  const summary = { added: 0, deleted: 0, modified: 1, renamed: 0, bytesBefore: 90_000, bytesAfter: 105_000 };
  const text = formatDiffMarkdown({ a: side, b: side, targets: [target], unreadable: [], summary, contents: [], leftOut: [] });
  const [row = ""] = text.match(/^\| modified .*/m) ?? [];
  const shown = /<code>(.*)<\/code>/.exec(row)?.[1] ?? "";
  const pieces = shown.split("<wbr>").map((piece) => piece.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))));
  expect(pieces.join("")).toBe(name);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(31);
  expect(row).toContain("| 87.9&nbsp;KiB&nbsp;→&nbsp;103&nbsp;KiB |");
});
