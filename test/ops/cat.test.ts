import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { cat } from "../../src/ops/cat.ts";
import { log } from "../../src/ops/history-log.ts";
import { show } from "../../src/ops/show.ts";
import { cloneProject, collect, createProject, filesUnder, noise } from "./project.ts";

test("cat gives a target's and an inner file's bytes of the work tree's pointer and of a revision", async () => {
  const project = await createProject();
  const big = noise(1, 400_000);
  project.write("data/big.bin", big);
  project.write("data/set/a.txt", "first");
  project.write("data/set/sub/b.txt", "b");
  await project.record("one", "data/big.bin", "data/set");
  project.write("data/set/a.txt", "second");
  await project.record("two", "data/set");
  project.write("data/set/a.txt", "edited, not recorded");

  const read = async (spec: string, cwd = project.root): Promise<string> =>
    (await collect((await cat({ ...project.context, cwd }, { spec })).stream)).toString();
  expect(await read("data/set/a.txt")).toBe("second");
  expect(await read("HEAD~1:data/set/a.txt")).toBe("first");
  expect(await read("HEAD~1:./a.txt", path.join(project.root, "data/set"))).toBe("first");
  expect(await read("HEAD~1:./../set/a.txt", path.join(project.root, "data/set"))).toBe("first");
  const whole = await cat(project.context, { spec: "HEAD:data/big.bin.mlv" });
  expect(whole.size).toBe(400_000);
  expect((await collect(whole.stream)).equals(big)).toBe(true);
  for (const [spec, code] of [
    ["data/set", "usage"],
    ["data/set/sub", "usage"],
    ["data/set/nothing", "target-not-found"],
    ["data/big.bin/inner", "target-not-found"],
    ["nowhere", "target-not-found"],
    ["nowhere:data/set", "revision-not-found"],
    ["HEAD~1:nowhere", "target-not-found"],
    ["HEAD:../../etc/passwd", "path-outside-repository"],
  ]) {
    await expect(cat(project.context, { spec: spec ?? "" }), spec).rejects.toMatchObject({ code });
  }
});

test("cat in a fresh clone fetches the one file, and mends a damaged cached copy", async () => {
  const project = await createProject();
  for (let index = 0; index < 30; index++) project.write(`data/set/${index}.bin`, noise(index, 300_000));
  await project.record("one", "data/set");
  await project.push();
  const clone = cloneProject(project);

  const one = await cat(clone.context, { spec: "data/set/7.bin" });
  expect((await collect(one.stream)).equals(noise(7, 300_000))).toBe(true);
  const objects = filesUnder(path.join(clone.root, ".git/mlv/objects"));
  expect(objects).toHaveLength(1);

  const object = path.join(clone.root, ".git/mlv/objects", objects[0] ?? "");
  fs.chmodSync(object, 0o644);
  const bytes = fs.readFileSync(object);
  bytes[1000] = (bytes[1000] ?? 0) ^ 1;
  fs.writeFileSync(object, bytes);
  const again = await cat(clone.context, { spec: "HEAD:data/set/7.bin" });
  expect((await collect(again.stream)).equals(noise(7, 300_000))).toBe(true);
  expect(clone.events).toContainEqual(expect.objectContaining({ type: "notice", level: "warning" }));
  expect(clone.exists("data/set")).toBe(false);
});

test("show says where a version is and which commits brought it", async () => {
  const project = await createProject();
  project.write("data/set/a.txt", "a");
  project.write("data/set/b.txt", "bb");
  const first = await project.record("one", "data/set");
  await project.push();
  project.write("data/set/a.txt", "changed");
  await project.record("two", "data/set");

  const now = await show(project.context, { spec: "data/set" });
  expect(now).toMatchObject({ target: "data/set", commit: undefined, cached: { state: "complete", missingFiles: 0 } });
  expect(now.remotes).toMatchObject([{ remote: "origin", isDefault: true, isKnown: false }]);
  expect(now.commits.map((commit) => commit.subject)).toEqual(["two"]);
  const then = await show(project.context, { spec: "HEAD~1:data/set" });
  expect(then).toMatchObject({ commit: first, pointer: { files: 2, size: 3 } });
  expect(then.remotes).toMatchObject([{ isKnown: true }]);
  expect(then.commits.map((commit) => commit.subject)).toEqual(["one"]);

  const clone = cloneProject(project);
  expect((await show(clone.context, { spec: "data/set" })).cached).toEqual({ state: "absent", missingFiles: 2 });
});

test("log lists a target's versions through a rename and a deletion, with what is cached and pushed", async () => {
  const project = await createProject();
  project.write("old.csv", "id\n1\n");
  await project.record("one", "old.csv");
  await project.push();
  project.write("old.csv", "id\n1\n2\n");
  await project.record("two", "old.csv");
  project.git("mv", "old.csv.mlv", "new.csv.mlv");
  await project.record("renamed");
  project.write("new.csv.mlv", "<<<<<<< ours\n");
  await project.record("broken");

  const { versions, isCut } = await log(project.context, { target: "new.csv" });
  expect(isCut).toBe(false);
  expect(
    versions.map(({ subject, action, target, from, pointer, isCached, isPushed }) => [
      subject,
      action,
      target,
      from,
      pointer?.size,
      isCached,
      isPushed,
    ]),
  ).toEqual([
    ["broken", "changed", "new.csv", undefined, undefined, false, undefined],
    ["renamed", "renamed", "new.csv", "old.csv", 7, true, false],
    ["two", "changed", "old.csv", undefined, 7, true, false],
    ["one", "added", "old.csv", undefined, 5, true, true],
  ]);
  expect(versions[0]?.problem).toContain("conflict");
  expect((await log(project.context, { target: "new.csv", limit: 2 })).isCut).toBe(true);
  expect((await log(project.context, { target: "old.csv.mlv" })).versions[0]).toMatchObject({ action: "deleted" });
  await expect(log(project.context, { target: "never" })).rejects.toMatchObject({ code: "target-not-found" });
});
