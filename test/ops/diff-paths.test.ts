import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { diff, type DiffResult } from "../../src/ops/diff.ts";
import { createProject, type Project } from "./project.ts";

function names(result: DiffResult): string[] {
  return result.targets.flatMap(({ target, status, files }) => [
    `${status} ${target}`,
    ...files.map((file) => `  ${file.status} ${file.path}`),
  ]);
}

/** Makes two commits: files and folders that are gone, new, edited and left alone. */
async function twoCommits(): Promise<Project> {
  const project = await createProject();
  project.write("data/gone.csv", "1");
  project.write("data/same.csv", "2");
  project.write("data/notes.txt", "3");
  project.write("set/a.csv", "a");
  project.write("set/a.txt", "a");
  project.write("set/deep/b.csv", "b");
  for (const name of ["k", "l", "m", "n"]) project.write(`set/${name}.bin`, name.repeat(50));
  project.write("still/x.csv", "x");
  project.write("left/only.txt", "left");
  await project.record("one", "data/gone.csv", "data/same.csv", "data/notes.txt", "set", "still", "left");
  project.git("rm", "-q", "data/gone.csv.mlv", "left.mlv");
  fs.rmSync(path.join(project.root, "data/gone.csv"));
  fs.rmSync(path.join(project.root, "left"), { recursive: true });
  project.write("data/fresh.csv", "new");
  project.write("data/notes.txt", "33");
  project.write("set/a.csv", "aa");
  project.write("set/a.txt", "aa");
  fs.rmSync(path.join(project.root, "set/deep/b.csv"));
  await project.record("two", "data/fresh.csv", "data/notes.txt", "set");
  return project;
}

test("globs select targets that either side has, and files inside folders", async () => {
  const project = await twoCommits();
  const found = async (...paths: string[]): Promise<string[]> => names(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths }));
  expect(await found("data/*.csv")).toEqual(["added data/fresh.csv", "deleted data/gone.csv"]);
  expect(await found("**/*.csv")).toEqual([
    "added data/fresh.csv",
    "deleted data/gone.csv",
    "modified set",
    "  modified a.csv",
    "  deleted deep/b.csv",
  ]);
  expect(await found("set/*.txt", "set/deep")).toEqual(["modified set", "  modified a.txt", "  deleted deep/b.csv"]);
  expect(await found("{set/a.csv,data/gone.csv}")).toEqual(["deleted data/gone.csv", "modified set", "  modified a.csv"]);
  expect(await found("le?t")).toEqual(["deleted left"]);
  expect(await found("s?t/*.csv")).toEqual(["modified set", "  modified a.csv"]);
  expect(await found("stil[l]/*.csv")).toEqual([]);
  project.write("set/w.csv", "work tree");
  project.write("set/w.txt", "work tree");
  expect(names(await diff(project.context, { paths: ["*/w.csv"] }))).toEqual(["modified set", "  added w.csv"]);
  const inside = { ...project.context, cwd: path.join(project.root, "set") };
  expect(names(await diff(inside, { a: "HEAD~1", b: "HEAD", paths: ["../data/g*", "*.txt"] }))).toEqual([
    "deleted data/gone.csv",
    "modified set",
    "  modified a.txt",
  ]);
});

test("a path or glob that selects nothing on either side is an error, and one that either side has is none", async () => {
  const project = await twoCommits();
  const between = (...paths: string[]): Promise<DiffResult> => diff(project.context, { a: "HEAD~1", b: "HEAD", paths });
  for (const slip of ["set/a.cvs", "still/y.csv", "left/nosuch", "data/same.csv/x", "data/*.cvs", "set/*.cvs", "**/*.cvs", "[xy]"])
    await expect(between("data", slip), slip).rejects.toMatchObject({ code: "target-not-found", details: { path: slip } });
  expect(names(await between("set/deep"))).toEqual(["modified set", "  deleted deep/b.csv"]);
  expect(names(await between("still/x.csv"))).toEqual([]);
  expect(names(await between("left/only.txt"))).toEqual(["deleted left"]);
  project.write("still/.hidden", "new on disk");
  expect(names(await diff(project.context, { paths: ["still/.hidden"] }))).toEqual(["modified still", "  added .hidden"]);
  await expect(diff(project.context, { paths: ["still/.hiden"] })).rejects.toMatchObject({ code: "target-not-found" });
});

test("a path inside a folder is found under the folder's earlier name, too", async () => {
  const project = await twoCommits();
  project.git("mv", "set.mlv", "renamed.mlv");
  fs.renameSync(path.join(project.root, "set"), path.join(project.root, "renamed"));
  project.write("renamed/a.csv", "aaa");
  project.write("renamed/a.txt", "aaa");
  await project.record("three", "renamed");
  for (const wanted of ["set/a.csv", "renamed/a.csv", "s[e]t/*.csv", "ren*/*.csv"])
    expect(names(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [wanted] }))).toEqual([
      "renamed renamed",
      "  modified a.csv",
    ]);
});
