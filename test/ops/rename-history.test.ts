import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { log } from "../../src/ops/history-log.ts";
import { report } from "../../src/ops/report.ts";
import { cloneProject, createProject, filesUnder, noise, type Project } from "./project.ts";

/** One: both are there; two: both edited; three: both renamed and edited; four: both edited under the later name. */
async function renamedProject(): Promise<Project> {
  const project = await createProject();
  for (let at = 0; at < 12; at++) project.write(`raw/set/${at}.txt`, `content of ${at}`);
  project.write("raw/weights.bin", "w".repeat(100));
  await project.record("one", "raw/set", "raw/weights.bin");
  project.write("raw/set/1.txt", "second");
  project.write("raw/weights.bin", "w".repeat(110));
  await project.record("two", "raw/set", "raw/weights.bin");
  fs.mkdirSync(path.join(project.root, "data"));
  fs.renameSync(path.join(project.root, "raw/set"), path.join(project.root, "data/lot"));
  fs.renameSync(path.join(project.root, "raw/weights.bin"), path.join(project.root, "data/weights.bin"));
  project.git("rm", "-q", "raw/set.mlv", "raw/weights.bin.mlv");
  project.write("data/lot/2.txt", "third");
  project.write("data/weights.bin", "w".repeat(120));
  await project.record("three", "data/lot", "data/weights.bin");
  project.write("data/lot/3.txt", "fourth");
  project.write("data/weights.bin", "w".repeat(130));
  await project.record("four", "data/lot", "data/weights.bin");
  return project;
}

test("the history of a target goes on through the commit that renamed and edited it", async () => {
  const project = await renamedProject();
  for (const [target, from] of [
    ["data/lot", "raw/set"],
    ["data/weights.bin", "raw/weights.bin"],
  ] as const) {
    const { versions } = await log(project.context, { target });
    expect(versions.map((version) => [version.subject, version.action, version.target, version.from])).toEqual([
      ["four", "changed", target, undefined],
      ["three", "renamed", target, from],
      ["two", "changed", from, undefined],
      ["one", "added", from, undefined],
    ]);
    const cut = await log(project.context, { target, limit: 2 });
    expect([cut.isCut, cut.versions.map(({ action }) => action)]).toEqual([true, ["changed", "renamed"]]);
  }
  const clone = cloneProject(project);
  const { versions } = await log(clone.context, { target: "data/lot" });
  expect(versions.map(({ action }) => action)).toEqual(["changed", "added"]);
  expect(clone.events).toMatchObject([
    { type: "notice", message: expect.stringContaining("it cannot be told whether it was renamed") as string },
  ]);
  const file = await log(project.context, { target: "data/lot/1.txt" });
  expect(file.versions.map(({ subject, action }) => `${subject} ${action}`)).toEqual(["two changed", "one added"]);
});

test("a report has a rename with edits as one change, and the sizes under the earlier name too", async () => {
  const project = await renamedProject();
  const whole = await report(project.context, { paths: [] });
  const changes = whole.commits.map(({ subject, changes: of }) => [
    subject,
    ...of.map((each) => `${each.action} ${each.from ?? ""}>${each.target}`),
  ]);
  expect(changes.slice(0, 3)).toEqual([
    ["four", "changed >data/lot", "changed >data/weights.bin"],
    ["three", "renamed raw/set>data/lot", "renamed raw/weights.bin>data/weights.bin"],
    ["two", "changed >raw/set", "changed >raw/weights.bin"],
  ]);
  expect(whole.diffs[1]?.targets.map(({ status, files }) => [status, files.map((file) => file.path)])).toEqual([
    ["renamed", ["2.txt"]],
    ["renamed", []],
  ]);
  expect(whole.growth.map(({ targets }) => targets)).toEqual([2, 2, 2, 2]);
  expect(whole.targets.map(({ target, versions, sizes }) => [target, versions, sizes.length])).toEqual([
    ["data/lot", 4, 4],
    ["data/weights.bin", 4, 4],
  ]);
  expect(whole.targets[1]?.sizes.map(({ sizeBytes }) => sizeBytes)).toEqual([100, 110, 120, 130]);

  const some = await report(project.context, { paths: ["data/lot"] });
  expect(some.commits.map(({ subject, changes: of }) => `${subject} ${of.map(({ target }) => target).join()}`)).toEqual([
    "four data/lot",
    "three data/lot",
    "two raw/set",
    "one raw/set",
  ]);
  expect(some.growth.map(({ targets }) => targets)).toEqual([1, 1, 1, 1]);
});

test("a push after a rename with edits sends what is new, and not all of it again", async () => {
  const project = await createProject();
  const sent = (): number => filesUnder(project.remote).reduce((sum, name) => sum + fs.statSync(path.join(project.remote, name)).size, 0);
  const large = noise(3, 12_000_000);
  project.write("raw/large.bin", large);
  project.write("raw/set/inside.bin", noise(4, 12_000_000));
  project.write("raw/set/small.txt", "small");
  await project.record("one", "raw/large.bin", "raw/set");
  await project.push();
  const before = sent();
  fs.mkdirSync(path.join(project.root, "data"));
  fs.renameSync(path.join(project.root, "raw/large.bin"), path.join(project.root, "data/huge.bin"));
  fs.renameSync(path.join(project.root, "raw/set"), path.join(project.root, "data/lot"));
  project.git("rm", "-q", "raw/large.bin.mlv", "raw/set.mlv");
  large[6_000_000] = (large[6_000_000] ?? 0) ^ 1;
  project.write("data/huge.bin", large);
  project.write("data/lot/small.txt", "edited");
  await project.record("two", "data/huge.bin", "data/lot");
  await project.push();
  expect(before).toBeGreaterThan(24_000_000);
  expect(sent() - before).toBeLessThan(300_000);
});

test("many targets renamed and edited in one commit are sent as what differs too", async () => {
  const project = await createProject();
  const sent = (): number => filesUnder(project.remote).reduce((sum, name) => sum + fs.statSync(path.join(project.remote, name)).size, 0);
  const names = Array.from({ length: 9 }, (_, at) => `part-${at}.bin`);
  const content = (at: number): Buffer => noise(at + 1, at < 7 ? 1000 : 9_000_000);
  for (const [at, name] of names.entries()) project.write(`raw/${name}`, content(at));
  await project.record("one", ...names.map((name) => `raw/${name}`));
  await project.push();
  const before = sent();
  project.git("rm", "-q", ...names.map((name) => `raw/${name}.mlv`));
  fs.rmSync(path.join(project.root, "raw"), { recursive: true, force: true });
  for (const [at, name] of names.entries()) project.write(`data/${name}`, Buffer.concat([content(at), Buffer.from(`more ${at}`)]));
  await project.record("two", ...names.map((name) => `data/${name}`));
  await project.push();
  expect(before).toBeGreaterThan(18_000_000);
  expect(sent() - before).toBeLessThan(1_000_000);
});
