import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { formatDiffHtml } from "../../src/cli/diff-html.ts";
import { formatDiffMarkdown } from "../../src/cli/diff-markdown.ts";
import type { RepoPath, Sha256 } from "../../src/base/ids.ts";
import { diff, type DiffResult } from "../../src/ops/diff.ts";
import { withWorkspace } from "../../src/ops/open-workspace.ts";
import { pairFolders, type TargetSide } from "../../src/ops/pair-folders.ts";
import { addRemote } from "../../src/ops/remotes.ts";
import { cloneProject, createProject, filesUnder, type Project } from "./project.ts";

function names(result: DiffResult): string[] {
  return result.targets.map(({ status, from, target }) => `${status} ${from ?? ""}>${target}`);
}

function fill(project: Project, folder: string, { from = 0, to, text = "content of" }: { from?: number; to: number; text?: string }): void {
  for (let at = from; at < to; at++) project.write(`${folder}/${String(at).padStart(6, "0")}-file-of-the-folder.txt`, `${text} ${at}`);
}

/** Renames a folder target as `git mv` and `mv` do. */
function rename(project: Project, from: string, to: string): void {
  fs.mkdirSync(path.dirname(path.join(project.root, to)), { recursive: true });
  fs.renameSync(path.join(project.root, from), path.join(project.root, to));
  project.git("rm", "-q", `${from}.mlv`);
}

test("a folder renamed and edited in one commit is one renamed folder, with the files inside that differ", async () => {
  const project = await createProject();
  fill(project, "raw/images", { to: 30 });
  project.write("raw/images/labels.csv", "id,label\n1,cat\n2,dog\n3,cow\n");
  await project.record("one", "raw/images");
  rename(project, "raw/images", "data/pictures");
  project.write("data/pictures/000003-file-of-the-folder.txt", "edited");
  project.write("data/pictures/new.txt", "new");
  project.write("data/pictures/labels.csv", "id,label\n1,cat\n2,wolf\n3,cow\n");
  await project.record("two", "data/pictures");

  const result = await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [], contents: {} });
  expect(names(result)).toEqual(["renamed raw/images>data/pictures"]);
  expect(result.targets[0]?.files.map(({ status, path: file }) => `${status} ${file}`)).toEqual([
    "modified 000003-file-of-the-folder.txt",
    "modified labels.csv",
    "added new.txt",
  ]);
  expect(result.contents).toMatchObject([{ path: "data/pictures/labels.csv", table: { rows: { changed: 1 } } }]);
  expect(formatDiffMarkdown(result)).toMatch(/^\| renamed \| .*images.* → .*pictures.* \| 31&nbsp;→&nbsp;32 \|/m);
  expect(formatDiffHtml(result)).toContain("raw/images → data/pictures");
});

test("of several folders that are gone and new each is paired with the one it is most alike, and what has less than half in common is not", async () => {
  const project = await createProject();
  fill(project, "a/set", { to: 20, text: "of a" });
  fill(project, "b/set", { to: 20, text: "of b" });
  fill(project, "c/other", { to: 20, text: "of c" });
  await project.record("one", "a/set", "b/set", "c/other");
  rename(project, "a/set", "second/set");
  rename(project, "b/set", "first/set");
  rename(project, "c/other", "new/thing");
  fill(project, "second/set", { from: 18, to: 22, text: "edited" });
  fill(project, "first/set", { from: 15, to: 20, text: "edited" });
  fill(project, "new/thing", { from: 8, to: 20, text: "edited" });
  await project.record("two", "first/set", "second/set", "new/thing");
  expect(names(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [] }))).toEqual([
    "deleted >c/other",
    "renamed b/set>first/set",
    "added >new/thing",
    "renamed a/set>second/set",
  ]);
});

test("a small file that both have makes no rename of two other folders", async () => {
  const project = await createProject();
  for (const [folder, letter] of [
    ["one", "a"],
    ["two", "b"],
  ] as const) {
    project.write(`${folder}/LICENSE`, "a licence");
    project.write(`${folder}/model.bin`, letter.repeat(500));
    if (folder === "two") {
      fs.rmSync(path.join(project.root, "one"), { recursive: true });
      project.git("rm", "-q", "one.mlv");
    }
    await project.record(folder, folder);
  }
  expect(names(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [] }))).toEqual(["deleted >one", "added >two"]);
});

test("a clone without a cache fetches parts of both lists to find that a large folder was renamed, and says where it cannot", async () => {
  const project = await createProject();
  fill(project, "before/set", { to: 5000 });
  await project.record("one", "before/set");
  await project.push();
  rename(project, "before/set", "after/lot");
  for (const at of [10, 4000]) fill(project, "after/lot", { from: at, to: at + 1, text: "edited" });
  await project.record("two", "after/lot");
  await project.push();

  const clone = cloneProject(project);
  const result = await diff(clone.context, { a: "HEAD~1", b: "HEAD", paths: [] });
  expect(names(result)).toEqual(["renamed before/set>after/lot"]);
  expect(result.targets[0]?.files).toHaveLength(2);
  const packs = path.join(clone.root, ".git/mlv/packs");
  const cached = filesUnder(packs).reduce((sum, name) => sum + fs.statSync(path.join(packs, name)).size, 0);
  // Either list has 500,000 bytes.
  expect(cached).toBeLessThan(500_000);

  const other = cloneProject(project);
  await addRemote(other.context, { name: "origin", url: path.join(other.root, "nowhere"), options: {}, local: true, force: true });
  const unknown = await diff(other.context, { a: "HEAD~1", b: "HEAD", paths: [] });
  expect(names(unknown)).toEqual(["added >after/lot", "deleted >before/set"]);
  expect(unknown.leftOut).toMatchObject([
    { path: "after/lot", count: 1, reason: expect.stringContaining("it cannot be told whether it was renamed") as string },
  ]);
});

test("most leaves of a list edited, a sample of them tells that a large folder is the same one", async () => {
  const project = await createProject();
  const folder = (at: number): string => `${at % 2 === 0 ? "even" : "odd"}/${"long-name-of-a-folder-".repeat(9)}`;
  const write = (target: string, at: number, text: string): void =>
    project.write(`${target}/${folder(at)}/${String(at).padStart(6, "0")}.txt`, text);
  for (let at = 0; at < 9000; at++) write("before/set", at, String(at));
  await project.record("one", "before/set");
  rename(project, "before/set", "after/lot");
  for (let at = 0; at < 9000; at += 39) write("after/lot", at, `e${at}`);
  await project.record("two", "after/lot");
  const result = await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [] });
  expect(names(result)).toEqual(["renamed before/set>after/lot"]);
  expect(result.targets[0]?.files).toHaveLength(231);
});

test("a folder of few files that were all edited is the same one when half of their contents are", async () => {
  const project = await createProject();
  const rows = (label: string, count: number): string => Array.from({ length: count }, (_, id) => `${id},${label}\n`).join("");
  for (const part of ["train", "test"]) {
    project.write(`v1/${part}.csv`, rows(part, 100));
    project.write(`old/${part}.csv`, rows(`other ${part}`, 100));
  }
  await project.record("one", "v1", "old");
  rename(project, "v1", "release");
  rename(project, "old", "new");
  for (const part of ["train", "test"]) {
    project.write(`release/${part}.csv`, rows(part, 130));
    project.write(`new/${part}.csv`, rows(`nothing like ${part}`, 100));
  }
  await project.record("two", "release", "new");
  expect(names(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [] }))).toEqual([
    "added >new",
    "deleted >old",
    "renamed v1>release",
  ]);
});

test("a file renamed and edited is found by its content when neither its name nor its columns tell", async () => {
  const project = await createProject();
  const text = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, line) => `line ${from + line} of the text\n`).join("");
  project.write("notes.txt", text(0, 40));
  project.write("thesis.txt", text(500, 540));
  await project.record("one", "notes.txt", "thesis.txt");
  rename(project, "notes.txt", "docs/remarks.txt");
  rename(project, "thesis.txt", "docs/other.txt");
  project.write("docs/remarks.txt", text(5, 44));
  project.write("docs/other.txt", text(900, 940));
  await project.record("two", "docs/remarks.txt", "docs/other.txt");
  expect(names(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [] }))).toEqual([
    "added >docs/other.txt",
    "renamed notes.txt>docs/remarks.txt",
    "deleted >thesis.txt",
  ]);
});

test("of more folders than are looked at it is said how many are left out", async () => {
  const project = await createProject();
  const side = (name: string, count: number, size: number): TargetSide[] =>
    Array.from({ length: count }, (_, at) => ({
      target: `${name}-${at}` as RepoPath,
      pointer: { kind: "dir", sha256: at.toString(16).padStart(64, name) as Sha256, size, files: size / 10 },
    }));
  const found = await withWorkspace(project.context, (workspace) =>
    pairFolders(workspace, { gone: side("a", 102, 10), fresh: side("b", 101, 1000), remote: undefined }),
  );
  expect(found.renames.size).toBe(0);
  expect(found.leftOut).toEqual([
    { path: "a-100", count: 3, reason: "renamed folders are looked for among 100 that are gone and 100 that are new" },
  ]);
});
