import { expect, test } from "vitest";
import { fetch } from "../../src/ops/fetch.ts";
import { push, type PushResult } from "../../src/ops/push.ts";
import { cloneProject, createProject, filesUnder, noise, pullAll, type Project } from "./project.ts";

function pushAll(project: Project): Promise<PushResult> {
  return push(project.context, { paths: [], allBranches: false, allTags: false, allCommits: false, dryRun: false });
}

test("what a folder's earlier versions have anywhere is not sent again, and a clone gets every byte", async () => {
  const project = await createProject();
  const longName = "name".repeat(40);
  for (let index = 0; index < 1500; index++) project.write(`data/f${index % 10}/${longName}${index}`, noise(index, 2000 + index));
  project.write("data/large.bin", noise(7777, 300_000));
  project.write("data/text.txt", "the same line\n".repeat(3000));
  project.write("data/empty", "");
  await project.record("one", "data");
  const first = await pushAll(project);
  expect(first.sentBytes).toBeGreaterThan(1500 * 2500);

  // Copies of a file in a leaf that does not change, of a large one and of one within the version itself.
  project.write(`data/f3/copy`, noise(1408, 2000 + 1408));
  project.write("data/f9/large-copy.bin", noise(7777, 300_000));
  project.write("data/f4/new", noise(5000, 9000));
  project.write("data/f5/new-copy", noise(5000, 9000));
  await project.record("two", "data");
  const second = await pushAll(project);
  expect(second.sentBytes).toBeLessThan(9000 + 1500 * 300);
  expect(second.sentBytes).toBeGreaterThan(9000);
  expect((await pushAll(project)).sentBytes).toBe(0);

  const clone = cloneProject(project);
  await pullAll(clone);
  const files = filesUnder(`${project.root}/data`);
  expect(filesUnder(`${clone.root}/data`)).toEqual(files);
  for (const file of files) expect(clone.read(`data/${file}`) === project.read(`data/${file}`)).toBe(true);
});

test("a push of many versions looks at what they share once, not once a version", async () => {
  const project = await createProject();
  const targets = Array.from({ length: 80 }, (_, index) => `t${index}.bin`);
  for (const [index, target] of targets.entries()) project.write(target, noise(index, 500));
  await project.record("one", ...targets);
  const first = await pushAll(project);
  expect(first.versions).toHaveLength(80);
  // A write of each body and each head, and a little that does not grow with them.
  expect(first.requests).toBeLessThan(80 * 2 + 20);
  const again = await pushAll(project);
  expect([again.sentBytes, again.requests < 10]).toEqual([0, true]);
  const clone = cloneProject(project);
  await pullAll(clone);
  for (const target of targets) expect(clone.read(target) === project.read(target)).toBe(true);
});

test("the list of a folder that goes in whole packs is read with few requests", async () => {
  const project = await createProject();
  const longName = "name".repeat(50);
  for (let index = 0; index < 3000; index++) project.write(`data/f${index % 10}/${longName}${index}`, noise(index, 3000));
  await project.record("one", "data");
  await pushAll(project);
  const clone = cloneProject(project);
  const fetched = await fetch(clone.context, { paths: [], dryRun: false });
  expect(fetched.versions).toMatchObject([{ status: "fetched", files: 3000 }]);
  // Marker, head, body, the root, the leaves, and the pack of the files in one piece.
  expect(fetched.requests).toBeLessThanOrEqual(7);
  await pullAll(clone);
  expect(filesUnder(`${clone.root}/data`)).toEqual(filesUnder(`${project.root}/data`));
});
