import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { isMlvError, type MlvError } from "../../src/base/errors.ts";
import { findRepository } from "../../src/git/repository.ts";
import { createSandbox, freshFolder, gitIn, sandboxAt } from "./sandbox.ts";

function failure(work: () => unknown): MlvError {
  try {
    work();
  } catch (error) {
    if (isMlvError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

test("a repository is found from a folder deep inside it", () => {
  const { root } = createSandbox();
  const deep = path.join(root, "a", "b c", "ü");
  fs.mkdirSync(deep, { recursive: true });
  expect(findRepository(deep)).toEqual({
    root,
    gitDir: path.join(root, ".git"),
    commonDir: path.join(root, ".git"),
    worktreeId: "main",
    indexFile: path.join(root, ".git", "index"),
    objectFormat: "sha1",
    refStorage: "files",
    environment: {},
  });
});

test("a repository is found through a symlink to a folder in it", () => {
  const { root } = createSandbox();
  fs.mkdirSync(path.join(root, "data"));
  const link = path.join(freshFolder(), "link");
  fs.symlinkSync(path.join(root, "data"), link);
  expect(findRepository(link).root).toBe(root);
});

test("outside a repository the error has a code and says what to type", () => {
  const folder = freshFolder();
  expect(failure(() => findRepository(folder))).toMatchObject({ code: "not-a-repository", hint: expect.stringContaining("git init") });
  expect(failure(() => findRepository(path.join(folder, "missing")))).toMatchObject({ code: "path-not-found" });
});

test("an empty .git folder is passed over, as Git does", () => {
  const { root } = createSandbox();
  fs.mkdirSync(path.join(root, "sub", ".git"), { recursive: true });
  expect(findRepository(path.join(root, "sub")).root).toBe(root);
});

test("bare repositories and the inside of .git are refused", () => {
  const folder = freshFolder();
  gitIn(folder, ["init", "-q", "--bare", "bare.git"]);
  const { root } = createSandbox();
  for (const start of [path.join(folder, "bare.git"), path.join(folder, "bare.git", "refs"), path.join(root, ".git", "refs")]) {
    expect(failure(() => findRepository(start))).toMatchObject({
      code: "not-a-repository",
      message: expect.stringContaining("without a work tree"),
    });
  }
  gitIn(root, ["config", "core.bare", "true"]);
  expect(failure(() => findRepository(root)).code).toBe("not-a-repository");
});

test("linked work trees share the common directory and have names of their own", () => {
  const main = createSandbox();
  main.commit({ a: "1" });
  const where = freshFolder();
  main.git("worktree", "add", "-q", "-b", "x", path.join(where, "feature"));
  main.git("worktree", "add", "-q", "-b", "y", path.join(where, "main"));
  const feature = findRepository(path.join(where, "feature"));
  expect(feature).toMatchObject({
    root: path.join(where, "feature"),
    gitDir: path.join(main.root, ".git", "worktrees", "feature"),
    commonDir: path.join(main.root, ".git"),
    worktreeId: "feature",
    indexFile: path.join(main.root, ".git", "worktrees", "feature", "index"),
  });
  expect(findRepository(path.join(where, "main")).worktreeId).toBe("main~");
  fs.rmSync(feature.gitDir, { recursive: true });
  expect(failure(() => findRepository(feature.root))).toMatchObject({ code: "not-a-repository", hint: expect.stringContaining("repair") });
});

test("a work tree of a bare repository is a repository, the bare one's folder is not", () => {
  const folder = freshFolder();
  const source = createSandbox();
  source.commit({ a: "1" });
  gitIn(folder, ["clone", "-q", "--bare", source.root, ".bare"]);
  fs.writeFileSync(path.join(folder, ".git"), "gitdir: ./.bare\n");
  gitIn(folder, ["worktree", "add", "-q", "tree", "main"]);
  expect(findRepository(path.join(folder, "tree"))).toMatchObject({ root: path.join(folder, "tree"), worktreeId: "tree" });
  expect(failure(() => findRepository(folder)).code).toBe("not-a-repository");
});

test("a submodule is a repository of its own", () => {
  const inner = createSandbox();
  inner.commit({ a: "1" });
  const outer = createSandbox();
  outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.root, "libs/inner");
  const found = findRepository(path.join(outer.root, "libs", "inner"));
  const gitDir = path.join(outer.root, ".git", "modules", "libs", "inner");
  expect(found).toMatchObject({ root: path.join(outer.root, "libs", "inner"), gitDir, commonDir: gitDir, worktreeId: "main" });
  expect(sandboxAt(found.root).git("rev-parse", "--show-toplevel")).toBe(found.root);
});

test("GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE count when they are passed", () => {
  const { root } = createSandbox();
  const elsewhere = freshFolder();
  const found = findRepository(elsewhere, { GIT_DIR: path.join(root, ".git"), GIT_WORK_TREE: elsewhere, GIT_INDEX_FILE: "own-index" });
  expect(found).toMatchObject({
    root: elsewhere,
    gitDir: path.join(root, ".git"),
    indexFile: path.join(elsewhere, "own-index"),
    environment: { GIT_DIR: path.join(root, ".git"), GIT_WORK_TREE: elsewhere, GIT_INDEX_FILE: path.join(elsewhere, "own-index") },
  });
  expect(findRepository(root, { GIT_DIR: ".git" }).root).toBe(root);
  expect(failure(() => findRepository(root, { GIT_DIR: elsewhere })).code).toBe("not-a-repository");
});

test("core.worktree moves the root, and SHA-256 repositories say so", () => {
  const moved = createSandbox();
  const elsewhere = freshFolder();
  moved.git("config", "core.worktree", elsewhere);
  expect(findRepository(moved.root).root).toBe(elsewhere);
  expect(createSandbox("--object-format=sha256").repository.objectFormat).toBe("sha256");
});
