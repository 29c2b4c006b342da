import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { expect, test } from "vitest";
import { diff } from "../../src/ops/diff.ts";
import { openWorkspace } from "../../src/ops/open-workspace.ts";
import { prefetchContents } from "../../src/ops/prefetch-contents.ts";
import { readPointersAt } from "../../src/ops/read-pointers.ts";
import { makeSandbox, makeTree } from "../cli/sealed.ts";
import { cloneProject, createProject, openProject, type Project } from "../ops/project.ts";

const TABLES = 12;

/** Makes a project with two pushed versions of a folder of tables, and a clone that has no data. */
async function clonedTables(): Promise<{ readonly clone: Project; readonly versions: readonly string[] }> {
  const project = await createProject();
  const writeAll = (value: string): void => {
    for (let table = 0; table < TABLES; table++) project.write(`set/t${table}.csv`, `id,v\n1,${value}${table}\n2,same\n`);
  };
  writeAll("before");
  project.write("one.csv", "id,v\n1,x\n");
  const first = await project.record("one", "set", "one.csv");
  writeAll("after");
  project.write("one.csv", "id,v\n1,y\n");
  const second = await project.record("two", "set", "one.csv");
  project.git("checkout", "-q", first);
  await project.push();
  project.git("checkout", "-q", "main");
  await project.push();
  return { clone: openProject(cloneProject(project).root), versions: [first, second] };
}

test("contents of files inside a folder are fetched in one go, within the budget", async () => {
  const { clone, versions } = await clonedTables();
  const workspace = await openWorkspace(clone.context);
  try {
    const pointers = (await readPointersAt(workspace, versions[1] ?? "")).pointers;
    const [target, pointer] = [...pointers].find(([name]) => name === "set") ?? [];
    if (target === undefined || pointer === undefined) throw new Error("no target `set`");
    const groups = Array.from({ length: TABLES }, (_, table) => [{ target, pointer, inner: `t${table}.csv` }]);
    const budget = { bytes: 1000 };
    const { requests } = await prefetchContents(workspace, groups, { budget, remote: undefined });
    expect(requests).toBeGreaterThan(0);
    expect(requests).toBeLessThan(TABLES);
    expect(budget.bytes).toBeLessThan(1000);
    expect(await prefetchContents(workspace, groups, { budget, remote: undefined })).toEqual({ requests: 0 });
    const other = [[{ target: "one.csv" as typeof target, pointer: pointers.get("one.csv" as typeof target) ?? pointer, inner: "" }]];
    expect(await prefetchContents(workspace, other, { budget: { bytes: 3 }, remote: undefined })).toEqual({ requests: 0 });
  } finally {
    workspace.close();
  }
});

test("a comparison in a clone without data has every table, and leaves out what is above the limit", async () => {
  const { clone, versions } = await clonedTables();
  const [a, b] = versions;
  const little = await diff(clone.context, { a, b, paths: [], contents: { fetchLimit: "100" } });
  expect(little.contents.length).toBeGreaterThan(0);
  expect(little.contents.length).toBeLessThan(5);
  expect(little.leftOut[0]?.reason).toContain("--fetch-limit");
  const whole = await diff(clone.context, { a, b, paths: [], contents: {} });
  expect(whole.contents).toHaveLength(TABLES + 1);
  expect(whole.leftOut).toEqual([]);
});

test("the JSON of an edit that nothing recorded has its size and no hash of other bytes", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { tree: { "f.bin": "one", "g.bin": "gone", "set/a": "a" } });
  sandbox.mlv("r", ["add", "-q", "f.bin", "g.bin", "set"]);
  sandbox.commit("r", "one");
  makeTree(sandbox.at("r"), { "f.bin": "edited", "set/b": "bb" });
  fs.rmSync(sandbox.at("r/g.bin"));
  const { targets } = JSON.parse(sandbox.mlv("r", ["diff", "--json"]).stdout) as { targets: { after?: object }[] };
  expect(targets.map(({ after }) => after)).toEqual([{ kind: "file", size: 6 }, undefined, { kind: "dir", size: 3, files: 2 }]);
  sandbox.mlv("r", ["add", "-q", "f.bin"]);
  expect(JSON.parse(sandbox.mlv("r", ["diff", "--json", "f.bin"]).stdout)).toMatchObject({
    targets: [{ after: { sha256: sha256Of("edited") } }],
  });
});

const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");
