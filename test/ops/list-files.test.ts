import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { add } from "../../src/ops/add.ts";
import { listFiles } from "../../src/ops/list-files.ts";
import { cloneProject, createProject, filesUnder, noise, pullAll } from "./project.ts";

test("targets are listed, and inside a folder its files and folders, here and at a commit", async () => {
  const project = await createProject();
  project.write("data/images/cats/a.png", "cat a");
  project.write("data/images/cats/b.png", "cat bb");
  project.write("data/images/top.txt", "top");
  project.write("data/train.csv", "id\n1\n");
  const first = await project.record("one", "data/images", "data/train.csv");
  project.write("data/images/dogs/a.png", "dog");
  await project.record("two", "data/images");

  const all = await listFiles(project.context, { recursive: false });
  expect(all.entries.map(({ path: name, kind, size, files }) => [name, kind, size, files])).toEqual([
    ["data/images", "dir", 17, 4],
    ["data/train.csv", "file", 5, 1],
  ]);
  const inside = await listFiles(project.context, { path: "data/images", recursive: false });
  expect(inside.entries.map(({ path: name, kind, size, files }) => [name, kind, size, files])).toEqual([
    ["data/images/cats", "dir", 11, 2],
    ["data/images/dogs", "dir", 3, 1],
    ["data/images/top.txt", "file", 3, 1],
  ]);
  const before = await listFiles(project.context, { rev: first, path: "data/images/cats", recursive: false });
  expect(before.entries.map((entry) => entry.path)).toEqual(["data/images/cats/a.png", "data/images/cats/b.png"]);
  const deep = await listFiles({ ...project.context, cwd: path.join(project.root, "data") }, { rev: "HEAD~1", path: ".", recursive: true });
  expect(deep.entries.map((entry) => entry.path)).toEqual([
    "data/images",
    "data/images/cats/a.png",
    "data/images/cats/b.png",
    "data/images/top.txt",
    "data/train.csv",
  ]);
  await expect(listFiles(project.context, { path: "nothing", recursive: false })).rejects.toMatchObject({ code: "target-not-found" });
  await expect(listFiles(project.context, { path: "data/images/fish", recursive: false })).rejects.toMatchObject({
    code: "target-not-found",
  });
});

test("a fresh clone lists a folder and adds a file to it without fetching the folder's content", async () => {
  const project = await createProject();
  for (let index = 0; index < 40; index++) project.write(`data/images/${index}.bin`, noise(index, 20_000));
  await project.record("images", "data/images");
  await project.push();
  const clone = cloneProject(project);

  const listed = await listFiles(clone.context, { path: "data/images", recursive: true });
  expect(listed.entries).toHaveLength(40);
  clone.write("data/images/new.bin", "new");
  await add(clone.context, { paths: ["data/images/new.bin"], update: false, follow: false, force: false, dryRun: false });
  expect(JSON.parse(clone.read("data/images.mlv"))).toMatchObject({ files: 41, size: 40 * 20_000 + 3 });
  const cached = filesUnder(path.join(clone.root, ".git/mlv/packs")).map(
    (name) => fs.statSync(path.join(clone.root, ".git/mlv/packs", name)).size,
  );
  expect(cached.reduce((sum, size) => sum + size, 0)).toBeLessThan(20_000);

  clone.git("add", "-A");
  clone.git("commit", "-q", "-m", "new image");
  await clone.push();
  project.git("pull", "-q", clone.root, "main");
  await pullAll(project);
  expect(project.read("data/images/new.bin")).toBe("new");
  expect(filesUnder(path.join(project.root, "data/images"))).toHaveLength(41);
});
