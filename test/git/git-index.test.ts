import * as fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findTracked, isTrackedByGit, parseGitIndex, readGitIndex, type GitIndexEntry } from "../../src/git/git-index.ts";
import { createSandbox, freshFolder, pointer, type Sandbox } from "./sandbox.ts";

const NAMES = [
  "a.mlv",
  "data/train set.csv.mlv",
  "data/ünï 🎉.mlv",
  "q\"uote's.mlv",
  "ends with space .txt",
  "x.mlv.bak",
  "mlv",
  "deep/".repeat(30) + "f.mlv",
];

function fill(sandbox: Sandbox): void {
  sandbox.commit(Object.fromEntries(NAMES.map((name) => [name, pointer(name)])));
}

/** Returns what `git ls-files` says, in this reader's terms. */
function truth({ git }: Sandbox): unknown[] {
  return git("ls-files", "--stage", "-z")
    .split("\0")
    .filter((record) => record !== "")
    .map((record) => /^(\d+) ([0-9a-f]+) (\d)\t([^]*)$/.exec(record))
    .map((match) => ({ path: match?.[4], mode: Number.parseInt(match?.[1] ?? "", 8), oid: match?.[2], stage: Number(match?.[3]) }));
}

async function read(sandbox: Sandbox): Promise<unknown[]> {
  const index = await readGitIndex(sandbox.repository);
  return (index?.entries ?? []).map(({ path: name, mode, oid, stage }) => ({ path: name, mode, oid, stage }));
}

function parse(sandbox: Sandbox): GitIndexEntry[] | undefined {
  return parseGitIndex(fs.readFileSync(sandbox.repository.indexFile), sandbox.repository.objectFormat === "sha256" ? 32 : 20);
}

describe.each(["sha1", "sha256"])("in a %s repository", (format) => {
  test.each([2, 4])("an index of version %i is read without Git", async (version) => {
    const sandbox = createSandbox(`--object-format=${format}`);
    fill(sandbox);
    sandbox.git("update-index", "--index-version", String(version));
    expect(fs.readFileSync(sandbox.repository.indexFile).readUInt32BE(4)).toBe(version);
    expect(parse(sandbox)).toHaveLength(NAMES.length);
    expect(await read(sandbox)).toEqual(truth(sandbox));
  });

  test.each([3, 4])("version %i tells what is only announced and what sparse checkout leaves out", async (version) => {
    const sandbox = createSandbox(`--object-format=${format}`);
    fill(sandbox);
    sandbox.write("announced.mlv", "x");
    sandbox.git("add", "--intent-to-add", "announced.mlv");
    sandbox.git("update-index", "--skip-worktree", "a.mlv");
    if (version === 4) sandbox.git("update-index", "--index-version", "4");
    expect(fs.readFileSync(sandbox.repository.indexFile).readUInt32BE(4)).toBe(version);
    const entries = parse(sandbox) ?? [];
    expect(entries.filter((entry) => entry.intentToAdd).map((entry) => entry.path)).toEqual(["announced.mlv"]);
    expect(entries.filter((entry) => entry.skipWorktree).map((entry) => entry.path)).toEqual(["a.mlv"]);
    expect(await read(sandbox)).toEqual(truth(sandbox));
  });
});

test("a name of more than 4,095 bytes is read in versions 2 and 4", async () => {
  const sandbox = createSandbox();
  const long = `${"n".repeat(200)}/`.repeat(25);
  const oid = sandbox.gitWithInput("x", "hash-object", "-w", "--stdin");
  const list = ["a", `${long}b.mlv`, `${long}c.mlv`, "z.mlv"].map((name) => `100644 ${oid} 0\t${name}\n`).join("");
  sandbox.gitWithInput(list, "update-index", "--index-info");
  for (const version of ["2", "4"]) {
    sandbox.git("update-index", "--index-version", version);
    expect(parse(sandbox)?.map((entry) => entry.path)).toEqual(["a", `${long}b.mlv`, `${long}c.mlv`, "z.mlv"]);
  }
});

test("a conflict shows its three stages", async () => {
  const sandbox = createSandbox();
  sandbox.commit({ "a.mlv": pointer("base") });
  sandbox.git("switch", "-q", "-c", "other");
  sandbox.commit({ "a.mlv": pointer("theirs") });
  sandbox.git("switch", "-q", "main");
  sandbox.commit({ "a.mlv": pointer("ours") });
  expect(() => sandbox.git("merge", "-q", "other")).toThrow("merge");
  const index = await readGitIndex(sandbox.repository);
  expect(index?.entries.map((entry) => [entry.path, entry.stage])).toEqual([
    ["a.mlv", 1],
    ["a.mlv", 2],
    ["a.mlv", 3],
  ]);
  expect(await read(sandbox)).toEqual(truth(sandbox));
});

test("a split index and a sparse index are read through Git", async () => {
  const split = createSandbox();
  fill(split);
  split.git("update-index", "--split-index");
  expect(parse(split)).toBeUndefined();
  expect(await read(split)).toEqual(truth(split));

  const sparse = createSandbox();
  sparse.commit({ "in/a.mlv": "1", "out/deep/b.mlv": "2", "out/c.txt": "3" });
  sparse.git("sparse-checkout", "set", "--cone", "--sparse-index", "in");
  expect(parse(sparse)).toBeUndefined();
  expect(await read(sparse)).toEqual(truth(sparse));
  const index = await readGitIndex(sparse.repository, { suffixes: [".mlv"] });
  expect(index?.entries.map((entry) => [entry.path, entry.skipWorktree])).toEqual([
    ["in/a.mlv", false],
    ["out/deep/b.mlv", true],
  ]);
});

test("suffixes and a filter keep what was asked for", async () => {
  const sandbox = createSandbox();
  fill(sandbox);
  const pointers = await readGitIndex(sandbox.repository, { suffixes: [".mlv", ".bak"], filter: (name) => !name.startsWith("deep/") });
  expect(pointers?.entries.map((entry) => entry.path)).toEqual([
    "a.mlv",
    "data/train set.csv.mlv",
    "data/ünï 🎉.mlv",
    "q\"uote's.mlv",
    "x.mlv.bak",
  ]);
});

test("a repository without an index has none, a work tree has its own", async () => {
  const sandbox = createSandbox();
  expect(await readGitIndex(sandbox.repository)).toBeUndefined();
  sandbox.commit({ "a.mlv": "1" });
  const linked = path.join(freshFolder(), "linked");
  sandbox.git("worktree", "add", "-q", "-b", "x", linked);
  sandbox.git("rm", "-q", "a.mlv");
  const { findRepository } = await import("../../src/git/repository.ts");
  expect((await readGitIndex(findRepository(linked)))?.entries).toHaveLength(1);
  expect((await readGitIndex(sandbox.repository))?.entries).toHaveLength(0);
});

test("a damaged index is Git's failure, never a shorter list", async () => {
  const sandbox = createSandbox();
  fill(sandbox);
  const file = sandbox.repository.indexFile;
  const whole = fs.readFileSync(file);
  for (const length of [0, 8, 60, 200, whole.length - 30]) {
    fs.writeFileSync(file, whole.subarray(0, length));
    await expect(readGitIndex(sandbox.repository)).rejects.toMatchObject({ code: "git-failed" });
  }
});

test("tracked are files, folders with files, and what lies in submodules", async () => {
  const inner = createSandbox();
  inner.commit({ a: "1" });
  const sandbox = createSandbox();
  sandbox.commit({ "data/x/1.csv": "1", "data/x-1.csv": "2", "data/x.csv": "3", "ü/𝄞": "4", "ü/ﬀ": "5" });
  sandbox.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.root, "sub");
  const index = await readGitIndex(sandbox.repository);
  const tracked = ["data", "data/x", "data/x/1.csv", "data/x-1.csv", "data/x.csv", "sub", "sub/deep/file", "ü", "ü/𝄞", "ü/ﬀ"];
  const untracked = ["dat", "data/x/1", "data/x/1.csv/2", "data/y", "x", "zzz", "subs", "ü/z"];
  expect(tracked.filter((name) => !isTrackedByGit(index, name))).toEqual([]);
  expect(untracked.filter((name) => isTrackedByGit(index, name))).toEqual([]);
  expect(findTracked(index, "sub/deep/file")?.mode).toBe(0o160000);
  expect(isTrackedByGit(undefined, "data")).toBe(false);
});
