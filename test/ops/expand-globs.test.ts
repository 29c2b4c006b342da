import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { expandGlobs } from "../../src/ops/expand-globs.ts";
import { freshFolder } from "./project.ts";

test("a question mark in a glob is one character of a file's or a folder's name, and not a dot at its beginning", async () => {
  const folder = freshFolder();
  for (const name of ["ab/x.csv", "a?/x.csv", "a/x.csv", ".b/x.csv"]) {
    fs.mkdirSync(path.join(folder, path.dirname(name)));
    fs.writeFileSync(path.join(folder, name), "");
  }
  const expand = (pattern: string): Promise<string[]> => expandGlobs(folder, [pattern]);
  expect(await expand("a?/*.csv")).toEqual(["a?/x.csv", "ab/x.csv"]);
  expect(await expand("a[?]/*.csv")).toEqual(["a?/x.csv"]);
  expect(await expand("a\\?/*.csv")).toEqual(["a?/x.csv"]);
  expect(await expand("ab/?.csv")).toEqual(["ab/x.csv"]);
  expect(await expand("a?(b)/x.csv")).toEqual(["a/x.csv", "ab/x.csv"]);
  await expect(expand("?b/*.tsv")).rejects.toMatchObject({ code: "path-not-found" });
  expect(await expand("?b/*")).toEqual(["ab/x.csv"]);
  expect(await expand("{?b,no}/x?csv")).toEqual(["ab/x.csv"]);
});
