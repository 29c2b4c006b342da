import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { get } from "../../src/ops/get.ts";
import { addRemote } from "../../src/ops/remotes.ts";
import { filesUnder, freshFolder, noise, openProject, type Project } from "./project.ts";

const GET = { force: false } as const;

async function makeProject(): Promise<Project> {
  const project = openProject(freshFolder());
  await addRemote(project.context, { name: "store", url: "../store-of-it", options: {}, local: false, force: false });
  project.write("data/big.bin", noise(1, 300_000));
  project.write("set/a/1.txt", "one");
  project.write("set/a/2.txt", "two");
  project.write("set/b.txt", "b");
  project.write("run.sh", "#!/bin/sh\n");
  fs.chmodSync(path.join(project.root, "run.sh"), 0o755);
  await project.record("one", "data/big.bin", "set", "run.sh");
  project.git("tag", "v1");
  await project.push();
  project.write("data/big.bin", noise(2, 300_000));
  await project.record("two", "data/big.bin");
  await project.push();
  return project;
}

test("files, folders and parts of folders of another repository are downloaded without a clone, at any revision", async () => {
  const project = await makeProject();
  const here = freshFolder();
  const context = { ...project.context, cwd: here };
  const repository = path.relative(here, project.root);
  const file = await get(context, { ...GET, repository, path: "data/big.bin" });
  expect(file).toMatchObject({
    out: path.join(here, "big.bin"),
    kind: "file",
    files: 1,
    size: 300_000,
    commit: project.git("rev-parse", "HEAD"),
    remote: "store",
  });
  expect(fs.readFileSync(file.out).equals(noise(2, 300_000))).toBe(true);
  const tagged = await get(context, { ...GET, repository: `file://${project.root}`, path: "data/big.bin.mlv", rev: "v1", out: "old.bin" });
  expect(fs.readFileSync(tagged.out).equals(noise(1, 300_000))).toBe(true);
  expect((await get(context, { ...GET, repository, path: "data/big.bin", rev: "main~1", out: "older.bin" })).sha256).toBe(tagged.sha256);
  expect(
    (await get(context, { ...GET, repository, path: "data/big.bin", rev: project.git("rev-parse", "--short", "v1"), out: "short.bin" }))
      .sha256,
  ).toBe(tagged.sha256);
  const part = await get(context, { ...GET, repository, path: "set/a", out: "part" });
  expect(part).toMatchObject({ kind: "dir", files: 2, size: 6 });
  const one = await get(context, { ...GET, repository, path: "set/a/2.txt", out: "two" });
  expect(one).toMatchObject({ kind: "file", files: 1, size: 3, out: path.join(here, "two") });
  expect(filesUnder(here)).toEqual(["big.bin", "old.bin", "older.bin", "part/1.txt", "part/2.txt", "short.bin", "two"]);
});

test("what exists is not overwritten, a symlink is not written through, and force replaces", async () => {
  const project = await makeProject();
  const here = freshFolder();
  const context = { ...project.context, cwd: here };
  const request = { ...GET, repository: project.root, path: "run.sh" };
  fs.writeFileSync(path.join(here, "precious"), "mine");
  fs.symlinkSync("precious", path.join(here, "run.sh"));
  await expect(get(context, request)).rejects.toMatchObject({ code: "target-exists" });
  const done = await get(context, { ...request, force: true });
  expect(fs.lstatSync(done.out).isSymbolicLink()).toBe(false);
  expect(fs.lstatSync(done.out).mode & 0o100).toBe(0o100);
  expect(fs.readFileSync(path.join(here, "precious"), "utf8")).toBe("mine");
  await get(context, { ...GET, repository: project.root, path: "set", out: "set" });
  await expect(get(context, { ...GET, repository: project.root, path: "set" })).rejects.toMatchObject({ code: "target-exists" });
  expect(filesUnder(here)).toEqual(["precious", "run.sh", "set/a/1.txt", "set/a/2.txt", "set/b.txt"]);
});

test("what cannot be had is said, and nothing is left behind", async () => {
  const project = await makeProject();
  const here = freshFolder();
  const context = { ...project.context, cwd: here };
  const request = { ...GET, repository: project.root, path: "data/big.bin" };
  for (const [change, code] of [
    [{ path: "nothing" }, "target-not-found"],
    [{ path: "../outside" }, "target-not-found"],
    [{ path: "set/none" }, "target-not-found"],
    [{ rev: "nowhere" }, "revision-not-found"],
    [{ rev: "--upload-pack=touch" }, "revision-not-found"],
    [{ rev: "+refs/heads/main:refs/heads/x" }, "revision-not-found"],
    [{ repository: "--upload-pack=touch x" }, "usage"],
    [{ repository: "ext::sh -c touch% x" }, "usage"],
    [{ repository: path.join(here, "missing") }, "git-failed"],
    [{ remote: "other" }, "remote-not-configured"],
    [{ out: "no/such/folder/x" }, "path-not-found"],
  ] as const) {
    await expect(get(context, { ...request, ...change }), JSON.stringify(change)).rejects.toMatchObject({ code });
  }
  fs.rmSync(path.join(project.root, "../store-of-it/recipes"), { recursive: true });
  await expect(get(context, request)).rejects.toMatchObject({ code: "content-missing" });
  expect(fs.readdirSync(here)).toEqual([]);
});

test("an endpoint that came with the repository gets no credentials", async () => {
  const project = openProject(freshFolder());
  await addRemote(project.context, {
    name: "trap",
    url: "s3://bucket",
    options: { endpoint: "https://trap.example.org" },
    local: false,
    force: false,
  });
  project.write("a.bin", "a");
  await project.record("one", "a.bin");
  const here = freshFolder();
  await expect(get({ ...project.context, cwd: here }, { ...GET, repository: project.root, path: "a.bin" })).rejects.toMatchObject({
    code: "endpoint-untrusted",
  });
  expect(fs.readdirSync(here)).toEqual([]);
});
