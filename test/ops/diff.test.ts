import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { diff, type DiffResult } from "../../src/ops/diff.ts";
import { cloneProject, createProject, filesUnder } from "./project.ts";

function lines(result: DiffResult): string[] {
  return result.targets.flatMap((target) => [
    `${target.status} ${target.from ?? ""}>${target.target} ${target.filesBefore}->${target.filesAfter} ${target.sizeBefore}->${target.sizeAfter}${target.isWorkspace ? " (workspace)" : ""}`,
    ...target.files.map(
      (file) =>
        `  ${file.status} ${file.from ?? ""}>${file.path} ${file.sizeBefore ?? "-"}->${file.sizeAfter ?? "-"}${file.modeOnly === true ? " mode" : ""}`,
    ),
  ]);
}

test("two revisions differ by target and by file, with renames found by content", async () => {
  const project = await createProject();
  project.write("set/a.txt", "a");
  project.write("set/b.txt", "bb");
  project.write("set/c.txt", "ccc");
  project.write("set/run.sh", "echo");
  project.write("gone.bin", "gone");
  project.write("old.bin", "moved content");
  await project.record("one", "set", "gone.bin", "old.bin");
  project.write("set/a.txt", "a2");
  fs.renameSync(path.join(project.root, "set/c.txt"), path.join(project.root, "set/d.txt"));
  fs.chmodSync(path.join(project.root, "set/run.sh"), 0o755);
  fs.rmSync(path.join(project.root, "set/b.txt"));
  project.write("set/new.txt", "12345");
  project.git("rm", "-q", "gone.bin.mlv");
  project.git("mv", "old.bin.mlv", "new.bin.mlv");
  project.write("fresh.bin", "fresh");
  await project.record("two", "set", "fresh.bin");

  const result = await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [] });
  expect(lines(result)).toEqual([
    "added >fresh.bin 0->1 0->5",
    "deleted >gone.bin 1->0 4->0",
    "renamed old.bin>new.bin 1->1 13->13",
    "modified >set 4->4 10->14",
    "  modified >a.txt 1->2",
    "  deleted >b.txt 2->-",
    "  renamed c.txt>d.txt 3->3",
    "  added >new.txt -->5",
    "  modified >run.sh 4->4 mode",
  ]);
  expect(result.summary).toEqual({ added: 1, deleted: 1, modified: 1, renamed: 1, bytesBefore: 27, bytesAfter: 32 });
  expect(lines(await diff(project.context, { a: "HEAD~1..", paths: ["set/a.txt"] }))).toEqual([
    "modified >set 4->4 10->14",
    "  modified >a.txt 1->2",
  ]);
  await expect(diff(project.context, { a: "HEAD~1..", paths: ["set/none"] })).rejects.toMatchObject({ code: "target-not-found" });
  await expect(diff(project.context, { paths: ["nowhere"] })).rejects.toMatchObject({ code: "target-not-found" });
});

test("a target renamed and edited in one commit is one renamed target, where only one is like it", async () => {
  const project = await createProject();
  const rows = (from: number, count: number): string =>
    Array.from({ length: count }, (_, index) => `${from + index},label${index}\n`).join("");
  project.write("raw/train.csv", `id,label\n${rows(1, 50)}`);
  project.write("weights.bin", "w".repeat(100));
  project.write("x/same.bin", "x".repeat(50));
  project.write("y/same.bin", "y".repeat(50));
  project.write("shrinks/log.bin", "l".repeat(100));
  await project.record("one", "raw/train.csv", "weights.bin", "x/same.bin", "y/same.bin", "shrinks/log.bin");
  for (const name of ["raw/train.csv", "weights.bin", "x/same.bin", "y/same.bin", "shrinks/log.bin"])
    project.git("rm", "-q", `${name}.mlv`);
  project.write("clean/customers.csv", `id,label\n${rows(1, 40)}`);
  project.write("models/weights.bin", `${"w".repeat(90)}v2`);
  project.write("z/same.bin", "z".repeat(50));
  project.write("grown/log.bin", "short");
  await project.record("two", "clean/customers.csv", "models/weights.bin", "z/same.bin", "grown/log.bin");

  expect(lines(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [] })).map((line) => line.split(" ").slice(0, 2))).toEqual([
    ["renamed", "raw/train.csv>clean/customers.csv"],
    ["added", ">grown/log.bin"],
    ["renamed", "weights.bin>models/weights.bin"],
    ["deleted", ">shrinks/log.bin"],
    ["deleted", ">x/same.bin"],
    ["deleted", ">y/same.bin"],
    ["added", ">z/same.bin"],
  ]);
});

test("three dots compare with where the branches parted", async () => {
  const project = await createProject();
  project.write("a.bin", "base");
  await project.record("base", "a.bin");
  project.git("checkout", "-q", "-b", "topic");
  project.write("t.bin", "topic");
  await project.record("topic", "t.bin");
  project.git("checkout", "-q", "main");
  project.write("m.bin", "main");
  await project.record("main", "m.bin");
  expect(lines(await diff(project.context, { a: "main...topic", paths: [] }))).toEqual(["added >t.bin 0->1 0->5"]);
  expect(lines(await diff(project.context, { a: "main..topic", paths: [] }))).toEqual([
    "deleted >m.bin 1->0 4->0",
    "added >t.bin 0->1 0->5",
  ]);
});

test("without revisions the work tree's pointers and the edits on disk are compared with HEAD", async () => {
  const project = await createProject();
  for (const name of ["a", "b", "c", "d"]) project.write(`set/${name}.txt`, name.repeat(10));
  project.write("file.bin", "one");
  project.write("deleted.bin", "deleted");
  await project.record("one", "set", "file.bin", "deleted.bin");
  expect((await diff(project.context, { paths: [] })).targets).toEqual([]);

  project.write("set/a.txt", "recorded, not committed");
  await (
    await import("../../src/ops/add.ts")
  ).add(project.context, { paths: ["set"], update: false, follow: false, force: false, dryRun: false });
  project.write("set/a.txt", "edited again");
  project.write("set/b.txt", "edited");
  fs.rmSync(path.join(project.root, "set/c.txt"));
  fs.renameSync(path.join(project.root, "set/d.txt"), path.join(project.root, "set/e.txt"));
  project.write("set/new.txt", "new");
  project.write("file.bin", "three");
  fs.rmSync(path.join(project.root, "deleted.bin"));
  expect(lines(await diff(project.context, { paths: [] }))).toEqual([
    "deleted >deleted.bin 1->0 7->0 (workspace)",
    "modified >file.bin 1->1 3->5 (workspace)",
    "modified >set 4->4 40->31 (workspace)",
    "  modified >a.txt 10->12",
    "  modified >b.txt 10->6",
    "  deleted >c.txt 10->-",
    "  renamed d.txt>e.txt 10->10",
    "  added >new.txt -->3",
  ]);
});

test("a fresh clone fetches only the leaves that differ, and says why when there is no list to be had", async () => {
  const project = await createProject();
  for (let index = 0; index < 6000; index++)
    project.write(`set/${String(index).padStart(6, "0")}-some-longer-name-for-a-file.txt`, String(index));
  await project.record("one", "set");
  await project.push();
  project.write("set/003000-some-longer-name-for-a-file.txt", "changed");
  await project.record("two", "set");
  await project.push();
  const clone = cloneProject(project);
  const result = await diff(clone.context, { a: "HEAD~1", b: "HEAD", paths: [] });
  expect(lines(result)).toEqual(["modified >set 6000->6000 22890->22893", "  modified >003000-some-longer-name-for-a-file.txt 4->7"]);
  const packs = path.join(clone.root, ".git/mlv/packs");
  const cached = filesUnder(packs).reduce((sum, name) => sum + fs.statSync(path.join(packs, name)).size, 0);
  // One whole list has 700,000 bytes.
  expect(cached).toBeLessThan(400_000);

  const other = cloneProject(project);
  fs.rmSync(path.join(project.remote, "recipes"), { recursive: true });
  const unknown = await diff(other.context, { a: "HEAD~1", b: "HEAD", paths: [] });
  expect(unknown.targets).toMatchObject([{ target: "set", files: [], omitted: expect.stringContaining("does not have it") }]);
});
