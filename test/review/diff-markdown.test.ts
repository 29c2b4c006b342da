import { expect, test } from "vitest";
import { formatDiffMarkdown } from "../../src/cli/diff-markdown.ts";
import type { RepoPath } from "../../src/base/ids.ts";
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
