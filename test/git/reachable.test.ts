import * as fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { pointersOf, reachablePointerBlobs } from "../../src/git/reachable.ts";
import { findRepository } from "../../src/git/repository.ts";
import { listWorktrees } from "../../src/git/worktrees.ts";
import { collect, createSandbox, freshFolder, gitIn, pointer, sandboxAt, type Sandbox } from "./sandbox.ts";

/** Returns the contents that are kept, sorted; every blob must come once and under a pointer's name. */
async function kept(sandbox: Sandbox): Promise<string[]> {
  const blobs = await collect(reachablePointerBlobs(sandbox.repository));
  expect(new Set(blobs.map((blob) => blob.oid)).size).toBe(blobs.length);
  expect(blobs.filter((blob) => !/(?:\.mlv|(?:^|\/)mlv\.lock)$/.test(blob.path))).toEqual([]);
  return blobs.map((blob) => blob.content.toString()).toSorted();
}

describe("what garbage collection must keep", () => {
  test("is nothing in an empty repository, and what is staged before the first commit", async () => {
    const sandbox = createSandbox();
    expect(await kept(sandbox)).toEqual([]);
    sandbox.write("a.mlv", "staged");
    sandbox.git("add", "a.mlv");
    sandbox.write("announced.mlv", "not given to Git yet");
    sandbox.git("add", "--intent-to-add", "announced.mlv");
    expect(await kept(sandbox)).toEqual(["staged"]);
    expect(await collect(pointersOf(sandbox.repository, { allBranches: true, allTags: true, allCommits: true }))).toEqual([]);
  });

  test.each(["sha1", "sha256"])("are pointers and lock files of every commit, not other files (%s)", async (format) => {
    const sandbox = createSandbox(`--object-format=${format}`);
    sandbox.commit({
      "a.mlv": "1",
      "deep/er/b c ü.mlv": "2",
      "mlv.lock": "lock",
      "deep/mlv.lock": "lock2",
      "x.txt": "no",
      "notmlv.lock": "no2",
    });
    sandbox.commit({ "a.mlv": "3" });
    sandbox.git("rm", "-rq", "deep", "mlv.lock");
    sandbox.commit({});
    expect(await kept(sandbox)).toEqual(["1", "2", "3", "lock", "lock2"]);
  });

  test("is found although the same content has another name too", async () => {
    const sandbox = createSandbox();
    sandbox.commit({ "a.bak": "same", "z.mlv": "same" });
    sandbox.commit({ "copies/0": "staged" });
    sandbox.write("copies/1.mlv", "staged");
    sandbox.git("add", ".");
    expect(await kept(sandbox)).toEqual(["same", "staged"]);
  });

  test("is found on branches, tags, remotes, notes and commits that only a reflog knows", async () => {
    const sandbox = createSandbox();
    sandbox.commit({ "a.mlv": "main" });
    sandbox.git("switch", "-q", "-c", "side");
    sandbox.commit({ "a.mlv": "side" });
    sandbox.commit({ "a.mlv": "tagged" });
    sandbox.git("tag", "-a", "-m", "x", "v1");
    sandbox.git("reset", "-q", "--hard", "HEAD~1");
    sandbox.commit({ "a.mlv": "remote" });
    sandbox.git("update-ref", "refs/remotes/origin/x", "HEAD");
    sandbox.commit({ "a.mlv": "amended away" });
    sandbox.commit({ "a.mlv": "reset away" });
    sandbox.git("reset", "-q", "--hard", "main");
    sandbox.git("switch", "-q", "main");
    sandbox.git("branch", "-D", "-q", "side");
    expect(await kept(sandbox)).toEqual(["amended away", "main", "remote", "reset away", "side", "tagged"]);
    sandbox.git("reflog", "expire", "--expire=now", "--all");
    // ORIG_HEAD still names the commit that was reset away.
    expect(await kept(sandbox)).toEqual(["amended away", "main", "remote", "reset away", "side", "tagged"]);
    fs.rmSync(path.join(sandbox.root, ".git", "ORIG_HEAD"));
    expect(await kept(sandbox)).toEqual(["main", "remote", "side", "tagged"]);
  });

  test("are stashes, all of them, with their index and untracked files", async () => {
    const sandbox = createSandbox();
    sandbox.commit({ "a.mlv": "base" });
    sandbox.write("a.mlv", "index");
    sandbox.git("add", ".");
    sandbox.write("a.mlv", "work tree");
    sandbox.write("new.mlv", "untracked");
    sandbox.git("stash", "-q", "-u");
    sandbox.write("a.mlv", "second stash");
    sandbox.git("stash", "-q");
    expect(await kept(sandbox)).toEqual(["base", "index", "second stash", "untracked", "work tree"]);
  });

  test("are merges' own contents and both sides of a merge that simplification would leave out", async () => {
    const sandbox = createSandbox();
    sandbox.commit({ "a.mlv": "base" });
    sandbox.git("switch", "-q", "-c", "side");
    sandbox.commit({ "a.mlv": "side, later undone" });
    sandbox.commit({ "a.mlv": "base" });
    sandbox.git("switch", "-q", "main");
    sandbox.commit({ other: "x" });
    sandbox.git("merge", "-q", "--no-edit", "side");
    sandbox.git("branch", "-D", "-q", "side");
    sandbox.git("switch", "-q", "-c", "side");
    sandbox.commit({ "b.mlv": "side again" });
    sandbox.git("switch", "-q", "main");
    sandbox.commit({ other: "y" });
    sandbox.git("merge", "-q", "--no-commit", "side");
    sandbox.commit({ "evil.mlv": "only in the merge" }, "merge");
    sandbox.git("rm", "-q", "evil.mlv");
    sandbox.commit({});
    sandbox.git("branch", "-D", "-q", "side");
    sandbox.git("reflog", "expire", "--expire=now", "--all");
    sandbox.git("config", "log.diffMerges", "off");
    expect(await kept(sandbox)).toEqual(["base", "only in the merge", "side again", "side, later undone"]);
  });

  test("are a conflict's three stages and the merge's other head", async () => {
    const sandbox = createSandbox();
    sandbox.commit({ "a.mlv": "base" });
    sandbox.git("switch", "-q", "--detach");
    const theirs = sandbox.commit({ "a.mlv": "theirs", "b.mlv": "also theirs" });
    sandbox.git("switch", "-q", "main");
    sandbox.commit({ "a.mlv": "ours" });
    expect(() => sandbox.git("merge", "-q", theirs)).toThrow("merge");
    sandbox.git("reflog", "expire", "--expire=now", "--all");
    sandbox.git("rm", "-q", "--cached", "b.mlv");
    const found = await kept(sandbox);
    // Git also leaves the tree that the failed merge wrote, with markers in it, behind AUTO_MERGE.
    expect(found).toEqual(expect.arrayContaining(["also theirs", "base", "ours", "theirs"]));
  });

  test("is what an interrupted rebase and its autostash will come back to", async () => {
    const sandbox = createSandbox();
    sandbox.commit({ "a.mlv": "base", note: "1" });
    sandbox.git("switch", "-q", "-c", "side");
    sandbox.commit({ "a.mlv": "side 1" });
    sandbox.commit({ "a.mlv": "side 2" });
    sandbox.git("switch", "-q", "main");
    sandbox.commit({ "a.mlv": "main" });
    sandbox.git("switch", "-q", "side");
    sandbox.write("note", "dirty");
    sandbox.write("stashed.mlv", "autostash");
    sandbox.git("add", "stashed.mlv");
    expect(() => sandbox.git("rebase", "-q", "--autostash", "main")).toThrow("rebase");
    sandbox.git("update-ref", "-d", "refs/heads/side");
    sandbox.git("reflog", "expire", "--expire=now", "--all");
    expect(await kept(sandbox)).toEqual(expect.arrayContaining(["autostash", "base", "main", "side 1", "side 2"]));
  });

  test("are every work tree's HEAD, index, reflog, refs and pseudo-refs, also when its folder is gone", async () => {
    const sandbox = createSandbox();
    sandbox.commit({ "a.mlv": "main" });
    const folder = path.join(freshFolder(), "linked");
    sandbox.git("worktree", "add", "-q", "--detach", folder);
    const linked = sandboxAt(folder);
    linked.commit({ "a.mlv": "reflog only" });
    linked.git("reset", "-q", "--hard", "HEAD~1");
    linked.commit({ "a.mlv": "detached head" });
    linked.git("update-ref", "refs/worktree/mine", linked.commit({ "a.mlv": "own ref" }));
    linked.git("update-ref", "refs/bisect/bad", linked.commit({ "a.mlv": "bisect" }));
    linked.git("reset", "-q", "--hard", "HEAD~2");
    linked.write("a.mlv", "staged there");
    linked.git("add", ".");
    linked.git("update-index", "--split-index");
    const everything = ["bisect", "detached head", "main", "own ref", "reflog only", "staged there"];
    expect(await kept(sandbox)).toEqual(everything);
    expect(await kept(linked)).toEqual(everything);
    expect(listWorktrees(linked.repository).map((tree) => tree.root)).toEqual([sandbox.root, folder]);
    fs.rmSync(folder, { recursive: true });
    expect(await kept(sandbox)).toEqual(everything);
    gitIn(sandbox.root, ["reflog", "expire", "--expire=now", "--all"]);
    for (const name of ["logs", "ORIG_HEAD"])
      fs.rmSync(path.join(sandbox.root, ".git/worktrees/linked", name), { recursive: true, force: true });
    expect(await kept(sandbox)).toEqual(["bisect", "detached head", "main", "own ref", "staged there"]);
  });

  test("is what a replacement hides as well as what it shows", async () => {
    const sandbox = createSandbox();
    const first = sandbox.commit({ "a.mlv": "hidden" });
    sandbox.git("switch", "-q", "--orphan", "other");
    const second = sandbox.commit({ "a.mlv": "shown" });
    sandbox.git("switch", "-q", "main");
    sandbox.git("branch", "-D", "-q", "other");
    sandbox.git("reflog", "expire", "--expire=now", "--all");
    sandbox.git("replace", first, second);
    sandbox.git("rm", "-q", "--cached", "a.mlv");
    expect(await kept(sandbox)).toEqual(["hidden", "shown"]);
  });

  test("is found behind tags of trees, and in a shallow clone", async () => {
    const sandbox = createSandbox();
    sandbox.commit({ "a.mlv": "1" });
    sandbox.write("b.mlv", "tree only");
    sandbox.git("add", ".");
    const tree = sandbox.git("write-tree");
    sandbox.git("tag", "tree", tree);
    sandbox.git("tag", "-a", "-m", "x", "annotated-tree", tree);
    sandbox.git("tag", "blob", sandbox.git("rev-parse", ":b.mlv"));
    sandbox.git("rm", "-q", "--cached", "b.mlv");
    expect(await kept(sandbox)).toEqual(["1", "tree only"]);
    sandbox.git("tag", "-d", "tree", "annotated-tree", "blob");
    expect(await kept(sandbox)).toEqual(["1"]);
    sandbox.write(".git/AUTO_MERGE", `${tree}\n`);
    expect(await kept(sandbox)).toEqual(["1", "tree only"]);
    sandbox.commit({ "a.mlv": "2" });
    const clone = path.join(freshFolder(), "shallow");
    gitIn(sandbox.root, ["clone", "-q", "--depth=1", `file://${sandbox.root}`, clone]);
    expect(await kept(sandboxAt(clone))).toEqual(["2", "tree only"]);
  });

  test("cannot be told when an object is missing: that is a failure, not an empty answer", async () => {
    for (const spec of ["HEAD~1:a.mlv", "HEAD~1^{tree}", "HEAD~1"]) {
      const sandbox = createSandbox();
      sandbox.commit({ "a.mlv": "1" });
      sandbox.commit({ "a.mlv": "2" });
      const oid = sandbox.git("rev-parse", spec);
      fs.rmSync(path.join(sandbox.root, ".git/objects", oid.slice(0, 2), oid.slice(2)));
      await expect(kept(sandbox), spec).rejects.toMatchObject({ code: "git-failed" });
    }
  });

  test("leaves out symlinks and what is far too large to be a pointer", async () => {
    const sandbox = createSandbox();
    fs.symlinkSync("elsewhere", path.join(sandbox.root, "link.mlv"));
    sandbox.commit({ "a.mlv": "1", "big.mlv": "x".repeat(17 * 1024 * 1024) });
    expect(await kept(sandbox)).toEqual(["1"]);
  });
});

test("the pointers to push are HEAD's, and those of all branches, tags or commits when asked", async () => {
  const sandbox = createSandbox();
  sandbox.commit({ "a.mlv": "old", "same/x.mlv": "same" });
  sandbox.git("tag", "-a", "-m", "x", "v1");
  sandbox.git("tag", "blob", sandbox.git("rev-parse", "HEAD:a.mlv"));
  sandbox.commit({ "a.mlv": "between" });
  sandbox.git("switch", "-q", "-c", "side");
  sandbox.commit({ "a.mlv": "side" });
  sandbox.git("switch", "-q", "main");
  sandbox.commit({ "a.mlv": "head", "copy.mlv": "same" });
  sandbox.write("staged.mlv", "staged");
  sandbox.git("add", ".");
  const found = async (options = {}): Promise<string[]> =>
    (await collect(pointersOf(sandbox.repository, options))).map((blob) => `${blob.path}=${blob.content.toString()}`).toSorted();
  const head = ["a.mlv=head", "copy.mlv=same", "same/x.mlv=same"];
  expect(await found()).toEqual(head);
  expect(await found({ allBranches: true })).toEqual([...head, "a.mlv=side"].toSorted());
  expect(await found({ allTags: true })).toEqual([...head, "a.mlv=old"].toSorted());
  expect(await found({ allCommits: true })).toEqual([...head, "a.mlv=between", "a.mlv=old", "a.mlv=side"].toSorted());
});

test("a thousand pointers in two thousand commits take a few processes of Git", async () => {
  const sandbox = createSandbox();
  const contents = new Set<string>();
  const commits = Array.from({ length: 2000 }, (_, commit) => {
    const files = commit === 0 ? Array.from({ length: 1000 }, (__, file) => file) : [(commit * 7) % 1000, (commit * 13) % 1000];
    const changes = files.map((file) => {
      const content = pointer(`${commit} ${file}`);
      contents.add(content);
      return `M 644 inline data/d${file % 20}/f${file}.mlv\ndata ${Buffer.byteLength(content)}\n${content}\n`;
    });
    return `commit refs/heads/main\ncommitter a <a@example.org> ${1_700_000_000 + commit} +0000\ndata 1\nx\n${changes.join("")}\n`;
  });
  sandbox.gitWithInput(commits.join(""), "fast-import", "--quiet");
  const folder = freshFolder();
  const log = path.join(folder, "started");
  const real = (process.env["PATH"] ?? "").split(path.delimiter).find((each) => fs.existsSync(path.join(each, "git"))) ?? "";
  fs.writeFileSync(path.join(folder, "git"), `#!/bin/sh\necho "$*" >> '${log}'\nexec '${real}/git' "$@"\n`, { mode: 0o755 });
  const before = process.env["PATH"] ?? "";
  process.env["PATH"] = folder + path.delimiter + before;
  try {
    expect((await collect(reachablePointerBlobs(findRepository(sandbox.root)))).length).toBe(contents.size);
  } finally {
    process.env["PATH"] = before;
  }
  expect(fs.readFileSync(log, "utf8").trim().split("\n").length).toBeLessThanOrEqual(4);
});
