import * as fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { status } from "../../src/ops/status.ts";
import { verify } from "../../src/ops/verify.ts";
import { unpackFolder, WorkspaceIndex } from "../../src/workspace/workspace-index.ts";
import { cloneProject, createProject, filesUnder, noise, pullAll, type Project } from "./project.ts";

const CHECK = { paths: [], cache: false, workspace: false, remote: false, repair: false } as const;

function flip(file: string, at = 1000): void {
  fs.chmodSync(file, 0o644);
  const bytes = fs.readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  fs.writeFileSync(file, bytes);
}

function blobs(folder: string, kind: string): string[] {
  return filesUnder(path.join(folder, kind)).map((name) => path.join(folder, kind, name));
}

async function makeProject(): Promise<Project & { readonly remote: string }> {
  const project = await createProject();
  project.write("data/big.bin", noise(1, 9 * 1024 * 1024));
  for (let index = 0; index < 30; index++) project.write(`set/${index}.bin`, noise(index + 10, 5000));
  await project.record("one", "data/big.bin", "set");
  await project.push();
  return project;
}

test("sound stores verify clean, and what was read is counted", async () => {
  const project = await makeProject();
  const result = await verify(project.context, { ...CHECK, cache: true, workspace: true, remote: "full" });
  expect(result).toMatchObject({ damaged: 0, unmended: 0, edited: 0, items: [] });
  expect(result.workspace).toEqual({ items: 31, bytes: 9 * 1024 * 1024 + 150_000 });
  expect(result.cache?.items).toBe(33);
  expect(result.remote?.notPushed).toEqual([]);
  project.write("set/1.bin", "edited by a person");
  expect(await verify(project.context, { ...CHECK, workspace: true })).toMatchObject({ damaged: 0, edited: 1 });
});

test("flipped bytes in cached objects and packs are named and mended from workspace and remote", async () => {
  const project = await makeProject();
  const clone = cloneProject(project);
  await pullAll(clone);
  const cache = path.join(clone.root, ".git/mlv");
  flip(blobs(cache, "objects")[0] ?? "");
  for (const pack of blobs(cache, "packs")) flip(pack);
  fs.rmSync(path.join(clone.root, "set"), { recursive: true });

  const found = await verify(clone.context, { ...CHECK, cache: true });
  expect(found.damaged).toBeGreaterThanOrEqual(2);
  expect(found.unmended).toBe(found.damaged);
  const names = found.items.flatMap((item) => item.names);
  expect(names).toContain("data/big.bin");
  expect(names.some((name) => name.startsWith("set"))).toBe(true);
  const byPath = await verify(clone.context, { ...CHECK, cache: true, paths: ["data/big.bin"] });
  expect(byPath.items.map((item) => item.names)).toEqual([["data/big.bin"]]);

  const mended = await verify(clone.context, { ...CHECK, cache: true, repair: true });
  expect(mended).toMatchObject({ damaged: found.damaged, mended: found.damaged, unmended: 0 });
  expect(mended.items.find((item) => item.names[0] === "data/big.bin")?.detail).toContain("workspace");
  expect(await verify(clone.context, { ...CHECK, cache: true })).toMatchObject({ damaged: 0 });
  expect(filesUnder(path.join(cache, "damaged"))).toEqual([]);
  await pullAll(clone);
  expect(fs.readFileSync(path.join(clone.root, "set/7.bin")).equals(noise(17, 5000))).toBe(true);
});

test("what no good copy is left of stays unmended, its damaged bytes kept", async () => {
  const project = await makeProject();
  fs.rmSync(project.remote, { recursive: true });
  fs.rmSync(path.join(project.root, "data/big.bin"));
  const cache = path.join(project.root, ".git/mlv");
  flip(blobs(cache, "objects")[0] ?? "");
  const result = await verify(project.context, { ...CHECK, cache: true, repair: true });
  expect(result).toMatchObject({ damaged: 1, mended: 0, unmended: 1 });
  expect(result.items[0]).toMatchObject({ names: ["data/big.bin"], status: "unmended" });
  expect(filesUnder(path.join(cache, "damaged"))).toHaveLength(1);
  expect((await status(project.context, { paths: [] })).targets[0]?.notCached).toBe(1);
});

test("a pack whose footer cannot be read is set aside and its content fetched again", async () => {
  const project = await makeProject();
  const cache = path.join(project.root, ".git/mlv");
  const [pack = ""] = blobs(cache, "packs");
  fs.chmodSync(pack, 0o644);
  fs.truncateSync(pack, fs.statSync(pack).size - 5);
  const result = await verify(project.context, { ...CHECK, cache: true, repair: true });
  expect(result.items).toMatchObject([{ problem: "unreadable", status: "mended" }]);
  expect(filesUnder(path.join(cache, "damaged"))).toHaveLength(1);
  await pullAll(project);
  expect((await status(project.context, { paths: [] })).targets.map((target) => target.notCached)).toEqual([0, 0]);
});

test("a workspace file whose stat data are as recorded and whose bytes are not is damage, and mended from the cache", async () => {
  const project = await makeProject();
  await sleep(60);
  await status(project.context, { paths: [] });
  const file = path.join(project.root, "set/3.bin");
  flip(file);
  // As if the disk had changed the byte: the index knows the file with the stat data that it has now.
  await sleep(60);
  const index = new WorkspaceIndex(path.join(project.root, ".git/mlv/index/main"), path.join(project.root, ".git/mlv/tmp"));
  const { size, mtimeMs, ctimeMs, ino } = fs.lstatSync(file);
  const folder = index.folder("set", "");
  const files = folder === undefined ? [] : unpackFolder(folder);
  index.setFolder(
    "set",
    "",
    files.map((record) => (record.name === "3.bin" ? { ...record, stat: { size, mtimeMs, ctimeMs, ino } } : record)),
    true,
  );
  index.save();

  expect((await status(project.context, { paths: ["set"] })).targets[0]?.changes).toEqual([]);
  const found = await verify(project.context, { ...CHECK, workspace: true });
  expect(found.items).toMatchObject([{ place: "workspace", names: ["set/3.bin"], status: "found" }]);
  const mended = await verify(project.context, { ...CHECK, workspace: true, repair: true });
  expect(mended).toMatchObject({ damaged: 1, mended: 1, unmended: 0 });
  expect(fs.readFileSync(file).equals(noise(13, 5000))).toBe(true);
  expect((await status(project.context, { paths: ["set"] })).targets[0]?.changes).toEqual([]);
});

test("damaged and lost blobs of the remote are named with their files and sent again from the cache", async () => {
  const project = await makeProject();
  const [object = ""] = blobs(project.remote, "objects");
  const [pack = ""] = blobs(project.remote, "packs");
  flip(object);
  fs.rmSync(pack);
  const quick = await verify(project.context, { ...CHECK, remote: "quick" });
  expect(quick.items).toMatchObject([{ problem: "missing", status: "found" }]);
  expect(quick.items[0]?.names[0]).toBe("set");
  expect(quick.items[0]?.nameCount).toBe(31);
  const full = await verify(project.context, { ...CHECK, remote: "full" });
  expect(full.items.map(({ problem, names }) => [problem, names[0]])).toEqual([
    ["damaged", "data/big.bin"],
    ["missing", "set"],
  ]);
  const mended = await verify(project.context, { ...CHECK, remote: "full", repair: true });
  expect(mended).toMatchObject({ damaged: 2, mended: 2, unmended: 0 });
  expect(await verify(project.context, { ...CHECK, remote: "full" })).toMatchObject({ damaged: 0 });
  const clone = cloneProject(project);
  await pullAll(clone);
  expect(fs.readFileSync(path.join(clone.root, "data/big.bin")).equals(noise(1, 9 * 1024 * 1024))).toBe(true);
});

test("a remote that lost heads and bodies is mended where the cache is whole, and nothing is taken from it where it is not", async () => {
  const project = await makeProject();
  for (const file of [...blobs(project.remote, "recipes"), ...blobs(project.remote, "bodies")]) flip(file, 10);
  const bare = cloneProject(project);
  const there = filesUnder(project.remote);
  const unable = await verify(bare.context, { ...CHECK, remote: "full", repair: true });
  expect(unable).toMatchObject({ damaged: 2, mended: 0, unmended: 2 });
  expect(filesUnder(project.remote)).toEqual(there);
  const mended = await verify(project.context, { ...CHECK, remote: "full", repair: true });
  expect(mended).toMatchObject({ mended: 2, unmended: 0 });
  await pullAll(bare);
  expect(fs.readFileSync(path.join(bare.root, "set/7.bin")).equals(noise(17, 5000))).toBe(true);
});
