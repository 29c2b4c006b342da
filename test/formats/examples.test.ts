import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import type { Sha256 } from "../../src/base/ids.ts";
import { formatBody, parseBody } from "../../src/formats/body.ts";
import { parseHead } from "../../src/formats/head.ts";
import { parseLeaf, parseRoot } from "../../src/formats/manifest.ts";
import { parsePointer } from "../../src/formats/pointer.ts";
import { parseLocalConfig, parseProjectConfig } from "../../src/formats/project-config.ts";

const FOLDER = path.resolve(import.meta.dirname, "../../docs/formats");

/** Returns the blocks of code of a page that begin so; templates with `<…>` in them are no examples. */
function readExamples(page: string, beginning: RegExp): string[] {
  const text = fs.readFileSync(path.join(FOLDER, page), "utf8");
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
  const examples = blocks.filter((block) => beginning.test(block) && !/<[a-z]/.test(block));
  expect(examples.length, `examples in ${page}`).toBeGreaterThan(0);
  return examples;
}

test("every pointer that the specification shows is one", () => {
  for (const example of readExamples("pointer.md", /^\{\n {2}"mlv"/))
    expect(parsePointer(example, "example").kind).toMatch(/^(?:file|dir)$/);
});

test("every head that the specification shows is one", () => {
  for (const example of readExamples("recipe.md", /^\{"mlv":1,"kind"/))
    expect(parseHead(example, "0".repeat(64) as Sha256).bodySize).toBeGreaterThan(0);
});

test("every body that the specification shows is one, in the form that a writer gives it", () => {
  for (const example of readExamples("recipe.md", /^mlv-body 1\nversion [fd]/)) expect(formatBody(parseBody(example))).toBe(example);
});

test("the manifest that the specification shows has the leaf that it shows, and the hash that it says", () => {
  const [root = ""] = readExamples("manifest.md", /^mlv-manifest 1\nfiles \d/);
  const leaves = readExamples("manifest.md", /^[0-9a-f]{64} \d+ [-x] /);
  const parsed = parseRoot(Buffer.from(root), "example");
  for (const [index, leaf] of parsed.leaves.entries()) {
    const bytes = Buffer.from(leaves[index] ?? "");
    expect(parseLeaf(bytes, leaf, "example")).toHaveLength(leaf.files);
  }
  expect(fs.readFileSync(path.join(FOLDER, "manifest.md"), "utf8")).toContain(sha256(root));
});

test("the configuration that the specification shows is taken, local settings only where they belong", () => {
  const examples = readExamples("config.md", /^# /);
  expect(examples).toHaveLength(2);
  const [project = "", local = ""] = examples;
  expect(parseProjectConfig(project, "mlv.yaml").remotes).toHaveLength(1);
  expect(parseLocalConfig(local, "local.yaml").link).toBe("hardlink");
  expect(() => parseProjectConfig(local, "mlv.yaml")).toThrow(/the key `cache` is not known/);
});

test("no page of the specification links to a file that is not there", () => {
  for (const page of fs.readdirSync(FOLDER)) {
    const text = fs.readFileSync(path.join(FOLDER, page), "utf8");
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
    const code = [...text.matchAll(/`((?:src|fixtures)\/[\w./-]+)`/g)].map((match) => path.join("../..", match[1] ?? ""));
    const missing = [...links, ...code].filter((link) => !fs.existsSync(path.join(FOLDER, link)));
    expect([page, missing]).toEqual([page, []]);
  }
});
