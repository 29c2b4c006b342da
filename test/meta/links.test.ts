import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { readPage, ROOT } from "./pages.ts";

const pages = [
  "README.md",
  "CHANGELOG.md",
  ...fs
    .readdirSync(path.join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join("docs", name)),
];

/** Returns a page's text without its blocks of code. */
function readProse(page: string): string {
  return readPage(page).replace(/^```[\s\S]*?^```$/gm, "");
}

/** Returns the anchors that a page's titles make, as GitHub writes them. */
function readAnchors(page: string): Set<string> {
  const titles = [...readProse(page).matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? "");
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

test("every link of the documentation leads to a file and a title that are there", () => {
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, link = ""] of readProse(page).matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? page : path.join(path.dirname(page), file);
      const isThere = fs.existsSync(path.join(ROOT, target));
      if (!isThere || (anchor !== undefined && !readAnchors(target).has(anchor))) broken.push(`${page}: ${link}`);
    }
  }
  expect(broken).toEqual([]);
});

test("every page under docs can be reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    if (!page.endsWith(".md")) continue;
    for (const [, link = ""] of readProse(page).matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const target = path.join(path.dirname(page), link.split("#")[0] ?? "");
      const file = path.join(ROOT, target);
      if (!fs.existsSync(file)) continue;
      const isFolder = fs.statSync(file).isDirectory();
      for (const inner of isFolder ? fs.readdirSync(file).map((name) => path.join(target, name)) : [target]) reached.add(inner);
    }
  }
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});

test("every npm script that the documentation names is there", () => {
  const { scripts } = JSON.parse(readPage("package.json")) as { scripts: Record<string, string> };
  const named = pages.flatMap((page) => [...readPage(page).matchAll(/npm run ([a-z:-]*[a-z])/g)].map((match) => match[1] ?? ""));
  expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
});

test("every dependency has a line with its version in the decision on dependencies, and no other has one", () => {
  const { dependencies } = JSON.parse(readPage("package.json")) as { dependencies: Record<string, string> };
  const rows = [...readPage("docs/decisions/0009-dependencies.md").matchAll(/^\| `([^`]+)` \| ([\d.]+) \|/gm)];
  expect(Object.fromEntries(rows.map(([, name, version]) => [name, version]))).toEqual(dependencies);
});
