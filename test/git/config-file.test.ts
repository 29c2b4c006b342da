import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { configBoolean, configValue, parseGitConfig } from "../../src/git/config-file.ts";
import { createSandbox } from "./sandbox.ts";

test("values are read as Git reads them", () => {
  const { root, git } = createSandbox();
  const file = path.join(root, ".git", "config");
  const text = [
    "# comment",
    "[Core] bare = no ; trailing",
    '\tworkTree = "a # b" c  \t# comment',
    "  flag",
    '  escaped = one\\ttwo \\"quoted\\" back\\\\slash',
    "  long = first \\",
    "    second",
    '[remote "My Remote.x"]',
    "  url = https://example.org/a?b=c",
    "  url = second",
    "[old.Section] key = value",
    "[empty] key =",
  ].join("\n");
  fs.writeFileSync(file, text);
  const values = parseGitConfig(text);
  const keys = [
    "core.bare",
    "core.worktree",
    "core.flag",
    "core.escaped",
    "core.long",
    "remote.My Remote.x.url",
    "old.section.key",
    "empty.key",
  ];
  for (const key of keys) {
    const expected = key === "core.flag" ? "true" : git("config", "--file", file, "--get", key);
    expect([key, configValue(values, key)]).toEqual([key, expected]);
  }
  expect(configBoolean(values, "core.bare")).toBe(false);
  expect(configBoolean(values, "core.flag")).toBe(true);
  expect(configBoolean(values, "core.missing")).toBeUndefined();
});
