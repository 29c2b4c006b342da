import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { formatDiffHtml } from "../../src/cli/diff-html.ts";
import { formatDiffMarkdown } from "../../src/cli/diff-markdown.ts";
import { diff, type DiffResult } from "../../src/ops/diff.ts";
import { cloneProject, createProject, noise, type Project } from "./project.ts";

function files(result: DiffResult): string[] {
  return (result.targets[0]?.files ?? []).map(
    ({ status, from, path: name, isEdited }) => `${status}${isEdited === true ? " edited" : ""} ${from ?? ""}>${name}`,
  );
}

function move(project: Project, from: string, to: string): void {
  fs.mkdirSync(path.dirname(path.join(project.root, to)), { recursive: true });
  fs.renameSync(path.join(project.root, from), path.join(project.root, to));
}

const rows = (label: string, changed = -1): string =>
  `id,label\n${Array.from({ length: 40 }, (_, id) => `${id},${label}${id === changed ? " edited" : ""}\n`).join("")}`;

test("a file renamed and edited inside a folder is one renamed file, and the rows of a table are compared", async () => {
  const project = await createProject();
  const large = noise(7, 3_000_000);
  project.write("set/raw/train.csv", rows("a"));
  project.write("set/raw/notes.txt", "one\ntwo\nthree\nfour\nfive\n");
  project.write("set/raw/large.bin", large);
  project.write("set/raw/other.bin", noise(1, 4000));
  await project.record("one", "set");
  move(project, "set/raw/train.csv", "set/clean/train.csv");
  move(project, "set/raw/notes.txt", "set/remarks.txt");
  move(project, "set/raw/large.bin", "set/clean/large.bin");
  move(project, "set/raw/other.bin", "set/clean/other.bin");
  project.write("set/clean/train.csv", rows("a", 7));
  project.write("set/remarks.txt", "one\ntwo\nthree\nfour\nsix\n");
  project.write("set/clean/large.bin", Buffer.concat([Buffer.from("inserted"), large.subarray(0, 2_900_000)]));
  project.write("set/clean/other.bin", noise(2, 4000));
  await project.record("two", "set");

  const result = await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [], contents: {} });
  expect(files(result)).toEqual([
    "renamed edited raw/large.bin>clean/large.bin",
    "added >clean/other.bin",
    "renamed edited raw/train.csv>clean/train.csv",
    "deleted >raw/other.bin",
    "renamed edited raw/notes.txt>remarks.txt",
  ]);
  expect(result.contents).toMatchObject([{ path: "set/clean/train.csv", table: { rows: { added: 0, removed: 0, changed: 1 } } }]);
  expect(formatDiffMarkdown(result)).toMatch(/renamed .*notes.* → .*remarks.* and edited, 24 B → 23 B/);
  expect(formatDiffHtml(result)).toContain("renamed, edited");
});

test("files of one template are not paired with one another, and identical ones are paired before", async () => {
  const project = await createProject();
  const note = (id: number): string => `{\n  "format": 3,\n  "kind": "box",\n  "tool": "labeller",\n  "id": ${id}\n}\n`;
  for (const id of [1, 2, 3]) project.write(`set/${id}.json`, note(id));
  project.write("set/a/same.txt", "the same\nin both\n");
  await project.record("one", "set");
  for (const id of [1, 2, 3]) fs.rmSync(path.join(project.root, `set/${id}.json`));
  for (const id of [4, 5, 6]) project.write(`set/${id}.json`, note(id));
  move(project, "set/a/same.txt", "set/b/same.txt");
  await project.record("two", "set");
  expect(files(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [] }))).toEqual([
    "deleted >1.json",
    "deleted >2.json",
    "deleted >3.json",
    "added >4.json",
    "added >5.json",
    "added >6.json",
    "renamed a/same.txt>b/same.txt",
  ]);
});

test("contents that are not cached are fetched to find a rename only where rows are compared", async () => {
  const project = await createProject();
  project.write("set/raw/train.csv", rows("a"));
  await project.record("one", "set");
  move(project, "set/raw/train.csv", "set/clean/train.csv");
  project.write("set/clean/train.csv", rows("a", 7));
  await project.record("two", "set");
  await project.push();
  project.git("checkout", "-q", "HEAD~1");
  await project.push();
  project.git("checkout", "-q", "main");
  const clone = cloneProject(project);
  const question = { a: "HEAD~1", b: "HEAD", paths: [] };
  expect(files(await diff(clone.context, question))).toEqual(["added >clean/train.csv", "deleted >raw/train.csv"]);
  const limited = await diff(clone.context, { ...question, contents: { fetchLimit: "1B" } });
  expect(files(limited)).toEqual(["added >clean/train.csv", "deleted >raw/train.csv"]);
  const whole = await diff(clone.context, { ...question, contents: {} });
  expect(files(whole)).toEqual(["renamed edited raw/train.csv>clean/train.csv"]);
  expect(whole.contents).toMatchObject([{ path: "set/clean/train.csv", table: { rows: { changed: 1 } } }]);
});

test("a file renamed and edited on disk is one renamed file before it is recorded", async () => {
  const project = await createProject();
  project.write("set/raw/train.csv", rows("a"));
  project.write("set/kept.txt", "kept");
  await project.record("one", "set");
  move(project, "set/raw/train.csv", "set/clean/train.csv");
  project.write("set/clean/train.csv", rows("a", 7));
  project.write("set/new.csv", "nothing,like\n1,it\n");
  const result = await diff(project.context, { paths: [], contents: {} });
  expect(files(result)).toEqual(["renamed edited raw/train.csv>clean/train.csv", "added >new.csv"]);
  expect(result.targets[0]).toMatchObject({ filesBefore: 2, filesAfter: 3 });
  expect(result.contents).toMatchObject([{ path: "set/clean/train.csv", table: { rows: { added: 0, removed: 0, changed: 1 } } }]);
});
