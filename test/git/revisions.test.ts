import * as fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findRepository } from "../../src/git/repository.ts";
import { changedPointers, logFile } from "../../src/git/changes.ts";
import { currentBranch, headCommit, listTree, mergeBase, readPointersAtRevisions, resolveRevision } from "../../src/git/revisions.ts";
import { collect, createSandbox, freshFolder, gitIn, pointer } from "./sandbox.ts";

describe("HEAD", () => {
  test.each(["sha1", "sha256"])("is read before the first commit, on a branch, packed and detached (%s)", async (format) => {
    const sandbox = createSandbox(`--object-format=${format}`);
    expect([await headCommit(sandbox.repository), await currentBranch(sandbox.repository)]).toEqual([undefined, "main"]);
    const commit = sandbox.commit({ a: "1" });
    expect([await headCommit(sandbox.repository), await currentBranch(sandbox.repository)]).toEqual([commit, "main"]);
    sandbox.git("switch", "-q", "-c", "feature/ü x".replace(" ", "-"));
    const second = sandbox.commit({ a: "2" });
    sandbox.git("pack-refs", "--all");
    expect(fs.existsSync(path.join(sandbox.root, ".git/refs/heads/feature/ü-x"))).toBe(false);
    expect([await headCommit(sandbox.repository), await currentBranch(sandbox.repository)]).toEqual([second, "feature/ü-x"]);
    sandbox.git("switch", "-q", "--detach", commit);
    expect([await headCommit(sandbox.repository), await currentBranch(sandbox.repository)]).toEqual([commit, undefined]);
  });

  test("is each work tree's own, and a branch named like another's prefix is not mistaken for it", async () => {
    const sandbox = createSandbox();
    const commit = sandbox.commit({ a: "1" });
    sandbox.git("branch", "x/main");
    sandbox.git("pack-refs", "--all");
    const linked = path.join(freshFolder(), "linked");
    sandbox.git("worktree", "add", "-q", "-b", "side", linked);
    const second = sandbox.commit({ a: "2" });
    expect(await headCommit(findRepository(linked))).toBe(commit);
    expect(await currentBranch(findRepository(linked))).toBe("side");
    gitIn(linked, ["update-ref", "refs/worktree/mine", commit]);
    gitIn(linked, ["symbolic-ref", "HEAD", "refs/worktree/mine"]);
    expect(await headCommit(findRepository(linked))).toBe(commit);
    gitIn(linked, ["symbolic-ref", "HEAD", "refs/heads/x/mai"]);
    expect(await headCommit(findRepository(linked))).toBeUndefined();
    gitIn(linked, ["symbolic-ref", "HEAD", "refs/heads/side"]);
    expect(await currentBranch(findRepository(linked))).toBe("side");
    expect(await headCommit(sandbox.repository)).toBe(second);
  });

  test("is left to Git when it is a symlink or refs are kept in another way", async () => {
    const sandbox = createSandbox();
    const commit = sandbox.commit({ a: "1" });
    const other = { ...sandbox.repository, refStorage: "other" } as const;
    expect([await headCommit(other), await currentBranch(other)]).toEqual([commit, "main"]);
    const head = path.join(sandbox.root, ".git", "HEAD");
    fs.rmSync(head);
    fs.symlinkSync("refs/heads/main", head);
    expect([await headCommit(sandbox.repository), await currentBranch(sandbox.repository)]).toEqual([commit, "main"]);
    sandbox.git("switch", "-q", "--detach");
    expect([await headCommit(other), await currentBranch(other)]).toEqual([commit, undefined]);
  });
});

describe("a revision", () => {
  test("is resolved as Git does", async () => {
    const sandbox = createSandbox();
    const first = sandbox.commit({ a: "1" }, "first message");
    sandbox.git("tag", "-a", "-m", "x", "v1");
    const second = sandbox.commit({ a: "2" }, "second");
    const { repository } = sandbox;
    for (const text of ["v1", "HEAD~1", "main^", first.slice(0, 8), first, ":/first message", "HEAD^{/first}"]) {
      expect([text, await resolveRevision(repository, text)]).toEqual([text, first]);
    }
    for (const text of ["HEAD", "@", "main", "refs/heads/main"]) expect(await resolveRevision(repository, text)).toBe(second);
  });

  test("that Git does not know, or could take for an option, is revision-not-found", async () => {
    const sandbox = createSandbox();
    await expect(resolveRevision(sandbox.repository, "HEAD")).rejects.toMatchObject({
      code: "revision-not-found",
      hint: expect.stringContaining("git commit"),
    });
    sandbox.commit({ a: "1" });
    const proof = path.join(freshFolder(), "proof");
    const bad = [
      "nope",
      "",
      "-h",
      "--all",
      `--output=${proof}`,
      "HEAD:a",
      "HEAD~9",
      "main..HEAD",
      "a\0b",
      "a\nb",
      "f".repeat(40),
      ":/no such message",
      "--",
      "HEAD:",
    ];
    for (const text of bad) {
      await expect(resolveRevision(sandbox.repository, text), text).rejects.toMatchObject({ code: "revision-not-found" });
    }
    await expect(listTree(sandbox.repository, "--name-only")).rejects.toMatchObject({ code: "revision-not-found" });
    expect(fs.existsSync(proof)).toBe(false);
  });

  test("has a common ancestor with another, or none", async () => {
    const sandbox = createSandbox();
    const base = sandbox.commit({ a: "1" });
    sandbox.git("switch", "-q", "-c", "side");
    sandbox.commit({ b: "1" });
    sandbox.git("switch", "-q", "main");
    sandbox.commit({ c: "1" });
    expect(await mergeBase(sandbox.repository, "main", "side")).toBe(base);
    sandbox.git("switch", "-q", "--orphan", "alone");
    sandbox.commit({ d: "1" });
    expect(await mergeBase(sandbox.repository, "main", "alone")).toBeUndefined();
  });
});

const FILES = {
  "data/a b.csv.mlv": pointer("1"),
  "data/ünï.mlv": pointer("2"),
  "data/x.txt": "x",
  "data-2/c.mlv": pointer("3"),
  'q"*?.mlv': pointer("1"),
};

test("a tree lists pointers by suffix and prefix, names unquoted", async () => {
  const sandbox = createSandbox();
  sandbox.commit(FILES);
  const names = async (options = {}): Promise<string[]> => (await listTree(sandbox.repository, "HEAD", options)).map((entry) => entry.path);
  expect(await names()).toEqual(["data-2/c.mlv", "data/a b.csv.mlv", "data/ünï.mlv", 'q"*?.mlv']);
  expect(await names({ prefix: "data" })).toEqual(["data/a b.csv.mlv", "data/ünï.mlv"]);
  expect(await names({ prefix: 'q"*?.mlv' })).toEqual(['q"*?.mlv']);
  expect(await names({ prefix: "*" })).toEqual([]);
  expect(await names({ prefix: ":(top)data" })).toEqual([]);
  expect(await names({ suffix: "" })).toHaveLength(5);
  expect(await listTree(sandbox.repository, "HEAD", { prefix: "data-2" })).toEqual([
    { path: "data-2/c.mlv", mode: 0o100644, oid: sandbox.git("rev-parse", "HEAD:data-2/c.mlv") },
  ]);
});

test("pointers are read at several revisions", async () => {
  const sandbox = createSandbox();
  sandbox.commit(FILES);
  sandbox.commit({ "data/ünï.mlv": pointer("changed") });
  const found = await collect(readPointersAtRevisions(sandbox.repository, ["HEAD", "HEAD~1"], { prefix: "data" }));
  expect(found.map(({ revision, path: name, content }) => [revision, name, content.toString()])).toEqual([
    ["HEAD", "data/a b.csv.mlv", pointer("1")],
    ["HEAD", "data/ünï.mlv", pointer("changed")],
    ["HEAD~1", "data/a b.csv.mlv", pointer("1")],
    ["HEAD~1", "data/ünï.mlv", pointer("2")],
  ]);
});

test("changed pointers say what was added, deleted, modified and renamed", async () => {
  const sandbox = createSandbox();
  sandbox.commit({ ...FILES, "gone.mlv": pointer("a long story about what is gone") });
  sandbox.git("mv", "data/a b.csv.mlv", "data/nëw name.mlv");
  sandbox.git("rm", "-q", "gone.mlv");
  sandbox.commit({ "data-2/c.mlv": pointer("4"), "fresh.mlv": "entirely different", "data/x.txt": "y" });
  const changes = await changedPointers(sandbox.repository, "HEAD~1", "HEAD");
  expect(changes.map(({ status, path: name, oldPath }) => [status, name, oldPath])).toEqual([
    ["modified", "data-2/c.mlv", undefined],
    ["renamed", "data/nëw name.mlv", "data/a b.csv.mlv"],
    ["added", "fresh.mlv", undefined],
    ["deleted", "gone.mlv", undefined],
  ]);
  expect(changes[1]).toMatchObject({ similarity: 100, newMode: 0o100644, oldOid: sandbox.git("rev-parse", "HEAD:data/nëw name.mlv") });
  expect(changes[2]).not.toHaveProperty("oldOid");
  expect(changes[3]).not.toHaveProperty("newOid");
  expect(changes[3]).toMatchObject({ oldOid: sandbox.git("rev-parse", "HEAD~1:gone.mlv") });
});

describe("a file's history", () => {
  test("goes through renames, and stops at them when asked", async () => {
    const sandbox = createSandbox();
    const first = sandbox.commit({ "old name.mlv": pointer("1") }, "add ünï");
    sandbox.commit({ other: "x" }, "unrelated");
    sandbox.commit({ "old name.mlv": pointer("2") }, "edit");
    sandbox.git("mv", "old name.mlv", "new.mlv");
    sandbox.commit({}, "rename");
    sandbox.git("rm", "-q", "new.mlv");
    const last = sandbox.commit({}, "delete");
    const log = await collect(logFile(sandbox.repository, "new.mlv"));
    expect(log.map(({ subject, path: name, oldPath, oid }) => [subject, name, oldPath, oid !== undefined])).toEqual([
      ["delete", "new.mlv", undefined, false],
      ["rename", "new.mlv", "old name.mlv", true],
      ["edit", "old name.mlv", undefined, true],
      ["add ünï", "old name.mlv", undefined, true],
    ]);
    expect(log.at(-1)).toEqual({
      commit: first,
      author: "Ada",
      email: "ada@example.org",
      date: "2026-01-02T03:04:05+01:00",
      subject: "add ünï",
      path: "old name.mlv",
      oid: sandbox.git("rev-parse", `${first}:old name.mlv`),
    });
    expect(log[0]?.commit).toBe(last);
    expect((await collect(logFile(sandbox.repository, "new.mlv", { follow: false }))).map((entry) => entry.subject)).toEqual([
      "delete",
      "rename",
    ]);
    expect(await collect(logFile(sandbox.repository, "old name.mlv", { revision: first }))).toHaveLength(1);
  });

  test("lists a merge that resolved a conflict once, also with a configuration that hides merges", async () => {
    const sandbox = createSandbox();
    sandbox.git("config", "log.diffMerges", "off");
    sandbox.git("config", "diff.renames", "false");
    sandbox.commit({ "*.mlv": pointer("base") }, "base");
    sandbox.git("switch", "-q", "-c", "side");
    sandbox.commit({ "*.mlv": pointer("side") }, "side");
    sandbox.git("switch", "-q", "main");
    sandbox.commit({ "*.mlv": pointer("main") }, "main");
    expect(() => sandbox.git("merge", "-q", "side")).toThrow("merge");
    const merge = sandbox.commit({ "*.mlv": pointer("both") }, "merge");
    sandbox.commit({ "b.mlv": pointer("other") }, "another file that the name would match as a pattern");
    const log = await collect(logFile(sandbox.repository, "*.mlv", { follow: false }));
    expect(await collect(logFile(sandbox.repository, "*.mlv"))).toHaveLength(log.length);
    expect(log.filter((entry) => entry.subject === "merge")).toMatchObject([
      { commit: merge, oid: sandbox.git("rev-parse", "HEAD:*.mlv") },
    ]);
    expect(log.map((entry) => entry.subject).toSorted()).toEqual(["base", "main", "merge", "side"]);
  });

  test("can be left early", async () => {
    const sandbox = createSandbox();
    for (let index = 0; index < 3; index++) sandbox.commit({ "a.mlv": pointer(String(index)) }, String(index));
    for await (const { subject } of logFile(sandbox.repository, "a.mlv")) {
      expect(subject).toBe("2");
      break;
    }
  });
});
