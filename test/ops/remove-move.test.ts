import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { move } from "../../src/ops/move.ts";
import { remove } from "../../src/ops/remove.ts";
import { status } from "../../src/ops/status.ts";
import { createProject, noise } from "./project.ts";

const REMOVE = { delete: false, force: false, dryRun: false };
const MOVE = { force: false, dryRun: false };

test("remove takes pointer and ignore line away and leaves the data", async () => {
  const project = await createProject();
  project.write("data/a.csv", "a");
  project.write("data/b.csv", "b");
  await project.record("one", "data/a.csv", "data/b.csv");

  const dry = await remove(project.context, { ...REMOVE, targets: ["data/a.csv"], dryRun: true });
  expect(dry.targets).toMatchObject([{ target: "data/a.csv", isDataKept: true }]);
  expect(project.exists("data/a.csv.mlv")).toBe(true);
  const done = await remove(project.context, { ...REMOVE, targets: ["data/a.csv.mlv"] });
  expect(done.toStage).toEqual(["data/.gitignore", "data/a.csv.mlv"]);
  expect([project.exists("data/a.csv"), project.exists("data/a.csv.mlv"), project.read("data/.gitignore")]).toEqual([
    true,
    false,
    "/b.csv\n",
  ]);
  expect((await status(project.context, { paths: [] })).targets.map((target) => target.target)).toEqual(["data/b.csv"]);
  expect(project.git("status", "--porcelain")).toContain("?? data/a.csv");
  await expect(remove(project.context, { ...REMOVE, targets: ["data/a.csv"] })).rejects.toMatchObject({ code: "target-not-found" });
});

test("remove with delete refuses unsaved edits, and with force keeps them in the cache", async () => {
  const project = await createProject();
  project.write("set/a.txt", "a");
  project.write("set/deep/b.txt", "b");
  project.write("other.bin", noise(1, 200_000));
  await project.record("one", "set", "other.bin");
  project.write("set/deep/b.txt", "edited");

  await expect(remove(project.context, { ...REMOVE, targets: ["other.bin", "set"], delete: true })).rejects.toMatchObject({
    code: "target-modified",
    details: { paths: ["set/deep/b.txt"] },
  });
  expect([project.exists("other.bin"), project.exists("other.bin.mlv"), project.exists("set/a.txt")]).toEqual([true, true, true]);
  const done = await remove(project.context, { ...REMOVE, targets: ["other.bin", "set"], delete: true, force: true });
  expect(done.targets).toMatchObject([
    { target: "other.bin", deletedFiles: 1, deletedBytes: 200_000 },
    { target: "set", deletedFiles: 2, deletedBytes: 7 },
  ]);
  expect(fs.readdirSync(project.root).sort()).toEqual([".git", "mlv.yaml"]);
  const packs = path.join(project.root, ".git/mlv/packs");
  const kept = fs.readdirSync(packs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(kept.some((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name)).includes("edited"))).toBe(true);
});

test("move renames file and folder targets, also into other folders, and nothing counts as changed afterwards", async () => {
  const project = await createProject();
  project.write("a.bin", noise(1, 200_000));
  project.write("set/x/1.txt", "one");
  project.write("set/2.txt", "two");
  project.write("models/keep", "");
  await project.record("one", "a.bin", "set");
  const inode = fs.statSync(path.join(project.root, "a.bin")).ino;
  await new Promise((resolve) => setTimeout(resolve, 60));
  await status(project.context, { paths: [] });

  const moved = await move(project.context, { ...MOVE, from: "a.bin", to: "models" });
  expect(moved).toMatchObject({
    from: "a.bin",
    to: "models/a.bin",
    isDataMoved: true,
    toStage: [".gitignore", "a.bin.mlv", "models/.gitignore", "models/a.bin.mlv"],
  });
  await move(project.context, { ...MOVE, from: "set", to: "deep/er/folder" });
  expect(fs.statSync(path.join(project.root, "models/a.bin")).ino).toBe(inode);
  expect([project.exists("a.bin"), project.exists("a.bin.mlv"), project.exists("set"), project.exists(".gitignore")]).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect(project.read("deep/er/folder/x/1.txt")).toBe("one");
  project.events.length = 0;
  const after = await status(project.context, { paths: [] });
  expect(after.targets.map(({ target, changes, notHere, isOutOfDate }) => ({ target, changes, notHere, isOutOfDate }))).toEqual([
    { target: "deep/er/folder", changes: [], notHere: 0, isOutOfDate: false },
    { target: "models/a.bin", changes: [], notHere: 0, isOutOfDate: false },
  ]);
  expect(project.events.filter((event) => event.type === "progress" && event.phase === "hash")).toEqual([]);
  project.git("add", "-A");
  expect(project.git("status", "--porcelain").split("\n").sort()).toEqual([
    "A  deep/er/.gitignore",
    "R  .gitignore -> models/.gitignore",
    "R  a.bin.mlv -> models/a.bin.mlv",
    "R  set.mlv -> deep/er/folder.mlv",
  ]);
});

test("move refuses what would overwrite, overlap or escape, and leaves everything as it was", async () => {
  const project = await createProject();
  project.write("a.bin", "a");
  project.write("b.bin", "b");
  project.write("set/1.txt", "one");
  await project.record("one", "a.bin", "b.bin", "set");
  project.write("plain.txt", "mine");
  project.write("code.py", "print()");
  project.git("add", "code.py");
  for (const [from, to, code] of [
    ["a.bin", "b.bin", "target-exists"],
    ["a.bin", "a.bin", "target-exists"],
    ["a.bin", "plain.txt", "target-exists"],
    ["a.bin", "code.py", "tracked-by-git"],
    ["a.bin", "set/inside.bin", "target-overlap"],
    ["set", "set/deeper", "target-overlap"],
    ["a.bin", "../outside", "path-outside-repository"],
    ["a.bin", ".git/x", "path-unsafe"],
    ["set/1.txt", "one.txt", "target-not-found"],
  ]) {
    await expect(move(project.context, { ...MOVE, from: from ?? "", to: to ?? "" }), `${from} ${to}`).rejects.toMatchObject({ code });
  }
  expect([project.read("a.bin"), project.read("b.bin"), project.read("plain.txt")]).toEqual(["a", "b", "mine"]);
  expect(project.git("status", "--porcelain")).toBe("A  code.py\n?? plain.txt");

  await move(project.context, { ...MOVE, from: "a.bin", to: "plain.txt", force: true });
  expect(project.read("plain.txt")).toBe("a");
  expect(project.events).toContainEqual(expect.objectContaining({ level: "info" }));
});

test("move refuses to write through a symlinked folder", async () => {
  const project = await createProject();
  project.write("a.bin", "a");
  await project.record("one", "a.bin");
  fs.mkdirSync(path.join(project.root, "real"));
  fs.symlinkSync("real", path.join(project.root, "link"));
  await expect(move(project.context, { ...MOVE, from: "a.bin", to: "link/a.bin" })).rejects.toMatchObject({ code: "path-unsafe" });
  expect(fs.readdirSync(path.join(project.root, "real"))).toEqual([]);
  expect(project.read("a.bin")).toBe("a");
});
