import { expect, test } from "vitest";
import { readPointerLog } from "../../src/git/pointer-log.ts";
import { findRepository } from "../../src/git/repository.ts";
import { createProject } from "../ops/project.ts";

test("one walk gives every pointer's blobs, the latest first, through renames and merges", async () => {
  const project = await createProject();
  const commit = async (message: string, files: Record<string, string>): Promise<void> => {
    for (const [name, content] of Object.entries(files)) project.write(name, content);
    await project.record(message);
  };
  const oid = (spec: string): string => project.git("rev-parse", spec);
  const body = (text: string): string => `${text}\n${"the same line\n".repeat(20)}`;
  await commit("one", { "a.mlv": body("a1"), "d/b.mlv": body("b1"), "code.py": "1" });
  await commit("two", { "a.mlv": body("a2") });
  project.git("mv", "d/b.mlv", "d/c.mlv");
  await commit("renamed", {});
  await commit("three", { "d/c.mlv": body("c2"), "a.mlv": body("a1") });
  project.git("checkout", "-q", "-b", "side", "HEAD~1");
  await commit("side", { "a.mlv": body("a-side") });
  project.git("checkout", "-q", "main");
  project.git("merge", "-q", "-s", "ours", "--no-edit", "side");

  const repository = findRepository(project.root, project.context.env);
  const { oids: log, replacing } = await readPointerLog(repository, { limit: 8 });
  expect(log.get("d/c.mlv")).toEqual([oid("HEAD:d/c.mlv"), oid("HEAD~2:d/c.mlv")]);
  expect(new Set(log.get("a.mlv"))).toEqual(new Set([oid("HEAD:a.mlv"), oid("side:a.mlv"), oid("HEAD~3:a.mlv")]));
  expect(log.get("a.mlv")?.[0]).toBe(oid("HEAD:a.mlv"));
  expect(log.has("code.py")).toBe(false);
  expect((await readPointerLog(repository, { limit: 1 })).oids.get("a.mlv")).toHaveLength(1);
  expect([...replacing]).toEqual([]);

  project.git("rm", "-q", "a.mlv");
  await commit("replaced", { "e.mlv": "nothing like it" });
  await commit("edited", { "e.mlv": "nothing like it, edited" });
  expect([...(await readPointerLog(repository, { limit: 8 })).replacing]).toEqual(["e.mlv"]);
});
