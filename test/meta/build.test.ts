import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";
import { afterAll, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");
// Inside the project, so that what is built finds its dependencies.
const FOLDER = path.join(ROOT, "node_modules", ".cache", `mlv-build-test-${process.pid}`);
const DIST = path.join(FOLDER, "dist");
afterAll(() => fs.rmSync(FOLDER, { recursive: true, force: true }));

const BUILD = [path.join(ROOT, "scripts", "build.js"), DIST];

test("a build leaves a program in use whole: at any time it starts, and finds the chunks that it was built with", async () => {
  expect(spawnSync(process.execPath, BUILD, { cwd: ROOT, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  const first = fs.readdirSync(DIST).sort();
  expect(first).toEqual(expect.arrayContaining(["cli.js", "status.cjs"]));
  fs.writeFileSync(path.join(DIST, "chunk-EARLIER.js"), "");
  fs.writeFileSync(path.join(DIST, "chunk-ANCIENT.js"), "");
  fs.utimesSync(path.join(DIST, "chunk-ANCIENT.js"), 0, 0);

  let isBuilding = true;
  const lacking: string[] = [];
  const building = new Promise<number | null>((resolve) => spawn(process.execPath, BUILD, { cwd: ROOT }).on("close", resolve));
  void building.then(() => (isBuilding = false));
  while (isBuilding) {
    for (const name of first) if (!fs.existsSync(path.join(DIST, name))) lacking.push(name);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await building).toBe(0);
  expect(lacking).toEqual([]);
  expect(fs.readdirSync(DIST).sort()).toEqual([...first, "chunk-EARLIER.js"].sort());
  expect(fs.readdirSync(FOLDER)).toEqual(["dist"]);
});

test("a build that fails leaves the program of before", () => {
  const before = fs.readdirSync(DIST);
  const broken = path.join(FOLDER, "not-a-folder");
  fs.writeFileSync(broken, "");
  const failed = spawnSync(process.execPath, [path.join(ROOT, "scripts", "build.js"), path.join(broken, "dist")], { cwd: ROOT });
  expect(failed.status).not.toBe(0);
  expect(fs.readdirSync(DIST)).toEqual(before);
});
