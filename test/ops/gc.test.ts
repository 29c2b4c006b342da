import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { add } from "../../src/ops/add.ts";
import { checkout } from "../../src/ops/checkout.ts";
import { gc } from "../../src/ops/gc.ts";
import { createProject, freshFolder, noise, openProject, pullAll, type Project } from "./project.ts";

const DRY = { repositories: [], isConfirmed: false, force: false };
const YES = { ...DRY, isConfirmed: true };
const ADD = { update: false, follow: false, force: false, dryRun: false };

function forgetHistory(project: Project): void {
  project.git("reflog", "expire", "--expire=all", "--all");
  fs.rmSync(path.join(project.root, ".git/ORIG_HEAD"), { force: true });
}

test("gc frees what was pushed and nothing names any more, lists it first, and leaves the rest usable", async () => {
  const project = await createProject();
  project.write("big.bin", noise(1, 300_000));
  for (let index = 0; index < 20; index++) project.write(`set/${index}.bin`, noise(100 + index, 4000));
  await project.record("one", "big.bin", "set");
  await project.push();
  project.write("big.bin", noise(2, 300_000));
  for (let index = 0; index < 20; index++) project.write(`set/${index}.bin`, noise(200 + index, 4000));
  await project.record("two", "big.bin", "set");
  await project.push();

  expect((await gc(project.context, DRY)).freed).toEqual([]);
  const orphan = project.git("commit-tree", "HEAD^{tree}", "-m", "only this");
  project.git("reset", "-q", "--soft", orphan);
  expect((await gc(project.context, DRY)).freed).toEqual([]);
  forgetHistory(project);

  const dry = await gc(project.context, DRY);
  expect(dry.isDone).toBe(false);
  expect(dry.freed.map(({ kind, size, files, names, isPushed }) => ({ kind, size, files, names: names.slice(0, 2), isPushed }))).toEqual(
    expect.arrayContaining([
      { kind: "file", size: 300_000, files: 1, names: [], isPushed: true },
      { kind: "dir", size: expect.any(Number), files: 20, names: ["0.bin", "1.bin"], isPushed: true },
    ]),
  );
  expect(dry.freedBytes).toBeGreaterThan(380_000);
  const done = await gc(project.context, YES);
  expect(done).toMatchObject({ isDone: true, freedBytes: dry.freedBytes, blockedBy: [] });
  expect((await gc(project.context, DRY)).freed).toEqual([]);
  fs.rmSync(path.join(project.root, "set"), { recursive: true });
  fs.rmSync(path.join(project.root, "big.bin"));
  await checkout(project.context, { paths: [], force: false, dryRun: false });
  expect(fs.readFileSync(path.join(project.root, "big.bin")).equals(noise(2, 300_000))).toBe(true);
  expect(fs.readFileSync(path.join(project.root, "set/7.bin")).equals(noise(207, 4000))).toBe(true);
});

test("gc keeps what a stash, another work tree, the Git index, a reflog and an uncommitted pointer name", async () => {
  const project = await createProject();
  const content = (seed: number): Buffer => noise(seed, 200_000);
  const put = async (seed: number): Promise<void> => {
    project.write("a.bin", content(seed));
    await add(project.context, { ...ADD, paths: ["a.bin"], force: true });
  };
  await put(1);
  await project.record("one", "a.bin");
  await project.push();
  await put(2);
  project.git("stash", "-q");
  await put(3);
  project.git("add", "a.bin.mlv");
  await put(4);
  const linked = path.join(freshFolder(), "linked");
  project.git("worktree", "add", "-q", "-b", "other", linked);
  const other = openProject(linked);
  other.write("b.bin", content(5));
  await add(other.context, { ...ADD, paths: ["b.bin"] });

  await gc(project.context, { ...YES, force: true });
  const cached = fs
    .readdirSync(path.join(project.root, ".git/mlv/objects"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile());
  expect(cached).toHaveLength(5);
});

test("gc never frees the last known copy of what was not pushed, unless forced", async () => {
  const project = await createProject();
  project.write("set/a.txt", "kept as it is in both");
  project.write("set/b.bin", noise(1, 200_000));
  await add(project.context, { ...ADD, paths: ["set"] });
  project.write("set/b.bin", noise(2, 200_000));
  await add(project.context, { ...ADD, paths: ["set"] });
  await project.record("two");
  await project.push();

  const done = await gc(project.context, YES);
  expect(done.freed).toEqual([]);
  expect(done.keptUnpushed).toMatchObject([{ kind: "dir", isPushed: false, names: ["b.bin"] }]);
  expect(done.keptUnpushedBytes).toBeGreaterThan(200_000);
  const forced = await gc(project.context, { ...YES, force: true });
  expect(forced.freed).toMatchObject([{ kind: "dir", names: ["b.bin"] }]);
  expect((await gc(project.context, { ...DRY, force: true })).freed.filter((item) => item.size >= 200_000)).toEqual([]);
  fs.rmSync(path.join(project.root, "set"), { recursive: true });
  await checkout(project.context, { paths: [], force: false, dryRun: false });
  expect(fs.readFileSync(path.join(project.root, "set/b.bin")).equals(noise(2, 200_000))).toBe(true);
});

test("a cache that repositories share keeps what any of them needs, and one that cannot be read blocks deletion", async () => {
  const cache = freshFolder();
  const shared = { MLV_CACHE_DIR: cache };
  const one = openProject(freshFolder(), shared);
  const two = openProject(freshFolder(), shared);
  for (const [project, seed] of [
    [one, 1],
    [two, 2],
  ] as const) {
    project.write("a.bin", noise(seed, 200_000));
    await project.record("first", "a.bin");
  }
  one.write("a.bin", noise(3, 200_000));
  await add(one.context, { ...ADD, paths: ["a.bin"] });
  one.write("a.bin", noise(4, 200_000));
  await add(one.context, { ...ADD, paths: ["a.bin"] });

  const dry = await gc(one.context, { ...DRY, force: true });
  expect(dry.repositories).toHaveLength(2);
  expect(dry.freed).toMatchObject([{ size: 200_000 }]);
  const hidden = `${two.root}-away`;
  fs.renameSync(two.root, hidden);
  const blocked = await gc(one.context, { ...YES, force: true });
  expect(blocked).toMatchObject({ isDone: false, blockedBy: [{ repository: two.root }] });
  fs.renameSync(hidden, two.root);
  expect(await gc(one.context, { ...YES, force: true })).toMatchObject({ isDone: true, freedBytes: 200_000 });
  fs.rmSync(path.join(two.root, "a.bin"));
  await checkout(two.context, { paths: [], force: false, dryRun: false });
  expect(fs.readFileSync(path.join(two.root, "a.bin")).equals(noise(2, 200_000))).toBe(true);
  await expect(pullAll(one)).resolves.toBeUndefined();
});

test("a pointer that a newer mlv wrote stops gc, and a broken one keeps what it seems to name", async () => {
  const project = await createProject();
  project.write("a.bin", noise(1, 200_000));
  await project.record("one", "a.bin");
  const pointer = project.read("a.bin.mlv");
  project.git("checkout", "-q", "--orphan", "fresh");
  project.git("branch", "-D", "-q", "main");
  forgetHistory(project);
  project.git("rm", "-q", "--cached", "a.bin.mlv");
  project.write("a.bin.mlv", `<<<<<<< ours\n${pointer}=======\n>>>>>>> theirs\n`);
  fs.rmSync(path.join(project.root, ".git/mlv/index"), { recursive: true });
  expect((await gc(project.context, { ...DRY, force: true })).freed).toEqual([]);
  project.write("a.bin.mlv", pointer.replace('"mlv": 1', '"mlv": 2'));
  await expect(gc(project.context, { ...YES, force: true })).rejects.toMatchObject({ code: "format-newer" });
  fs.rmSync(path.join(project.root, "a.bin.mlv"));
  expect((await gc(project.context, { ...DRY, force: true })).freed).toMatchObject([{ size: 200_000 }]);
});
