import { expect, test } from "vitest";
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
