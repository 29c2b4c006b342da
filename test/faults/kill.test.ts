import * as fs from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { hashFile, listFiles, makeSandbox, noise, readTree, writeNoise, type Sandbox } from "../cli/sealed.ts";
import { createRandom, isLong, largeBytes, moments, seed } from "./long.ts";

const FILES = 2000;
const TIMEOUT_MS = isLong ? 3_600_000 : 180_000;

let box: Sandbox;
let durations: Record<string, number>;
let firstLarge: string;
let secondLarge: string;

/** One project with two versions of a large file and of a folder, pushed; `template` is its state before anything was added. */
beforeAll(() => {
  box = makeSandbox();
  box.makeRepository("project", { remote: "storage" });
  box.git("project", "tag", "start");
  writeData(1);
  firstLarge = hashFile(box.at("project/large.bin"));
  durations = {};
  time("add", () => box.mlv("project", ["add", "large.bin", "many"]));
  box.commit("project", "first");
  box.git("project", "tag", "first");
  time("push", () => box.mlv("project", ["push"]));
  writeData(2);
  secondLarge = hashFile(box.at("project/large.bin"));
  box.mlv("project", ["add", "-u"]);
  box.commit("project", "second");
  box.git("project", "tag", "second");
  box.mlv("project", ["push"]);
  box.clone("project", "timing");
  time("pull", () => box.mlv("timing", ["pull"]));
  box.git("timing", "checkout", "--quiet", "first");
  box.mlv("timing", ["fetch"]);
  time("checkout", () => box.mlv("timing", ["checkout"]));
  fs.rmSync(box.at("timing"), { recursive: true });
}, TIMEOUT_MS);

function writeData(version: number): void {
  writeNoise(box.at("project/large.bin"), `large ${version}`, largeBytes);
  for (let index = 0; index < FILES; index++) {
    // Every third file differs between the versions, some are longer than a pack takes, some come and go.
    const content = index % 3 === 0 ? `${index} ${version}` : String(index);
    const name = `many/${index % 20}/${index % 50 === 7 ? `v${version}-` : ""}${index}`;
    fs.mkdirSync(box.at("project/many", String(index % 20)), { recursive: true });
    fs.writeFileSync(box.at("project", name), noise(content, index % 100 === 0 ? 150_000 : 1000 + index));
    if (version === 2 && index % 50 === 7) fs.rmSync(box.at(`project/many/${index % 20}/v1-${index}`));
  }
}

function time(what: string, work: () => void): void {
  const startedAt = performance.now();
  work();
  durations[what] = performance.now() - startedAt;
}

/** Runs a command and kills it at a random moment; returns whether it was still running. */
async function kill(args: readonly string[], cwd: string, afterMs: number): Promise<boolean> {
  const { child, done } = box.start(args, { cwd });
  const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
  const { status } = await done;
  clearTimeout(timer);
  return status === undefined;
}

/** Kills a command once or twice in a row, at moments that the seed gives. */
async function killSome(random: () => number, command: readonly string[], cwd: string): Promise<void> {
  const whole = durations[command[0] ?? ""] ?? 1000;
  const times = 1 + Math.floor(random() * 2);
  for (let round = 0; round < times; round++) await kill(command, cwd, random() * whole * 1.05);
}

const ALLOWED = [".gitignore", ".mlvignore", "large.bin", "large.bin.mlv", "many.mlv", "mlv.yaml"];

function expectNoLitter(cwd: string): void {
  const names = fs.readdirSync(box.at(cwd)).filter((name) => name !== ".git" && name !== "many");
  expect(names.filter((name) => !ALLOWED.includes(name))).toEqual([]);
  expect(listFiles(box.at(cwd, "many")).filter((name) => !/^\d+\/(?:v[12]-)?\d+$/.test(name))).toEqual([]);
}

function expectEqual(cwd: string, version: string): void {
  expect(hashFile(box.at(cwd, "large.bin"))).toBe(version === "first" ? firstLarge : secondLarge);
  const manifest = box.mlv(cwd, ["status", "--json"]).stdout;
  expect(JSON.parse(manifest)).toMatchObject({
    targets: [
      { changes: [], isOutOfDate: false },
      { changes: [], isOutOfDate: false },
    ],
  });
  expect(box.git(cwd, "status", "--short")).toBe("");
  expectNoLitter(cwd);
}

const SEEDS = Array.from({ length: moments }, (_, index) => seed + index);

describe(`kill -9 (seeds ${seed} to ${seed + moments - 1})`, () => {
  test.each(SEEDS)("during add loses nothing, and a plain re-run completes (seed %i)", { timeout: TIMEOUT_MS }, async (number) => {
    const random = createRandom(number * 4 + 1);
    const before = readTree(box.at("project/many"));
    // Before anything was tracked: Git takes its own files away and leaves the data.
    box.git("project", "checkout", "--quiet", "start");
    fs.rmSync(box.at("project/.git/mlv"), { recursive: true });
    await killSome(random, ["add", "large.bin", "many"], "project");
    expect(hashFile(box.at("project/large.bin"))).toBe(secondLarge);
    expect(readTree(box.at("project/many"))).toEqual(before);
    expectNoLitter("project");
    box.mlv("project", ["add", "large.bin", "many"]);
    expect(readTree(box.at("project/many"))).toEqual(before);
    expect(box.git("project", "status", "--short", "--untracked-files=all").split("\n")).toEqual([
      "?? .gitignore",
      "?? large.bin.mlv",
      "?? many.mlv",
    ]);
    for (const file of [".gitignore", "large.bin.mlv", "many.mlv"]) fs.rmSync(box.at("project", file));
    box.git("project", "checkout", "--quiet", "main");
    expectEqual("project", "second");
    expect(listFiles(box.at("project/.git/mlv/tmp"))).toEqual([]);
  });

  test.each(SEEDS)(
    "during push leaves the remote whole, and a plain re-run completes (seed %i)",
    { timeout: TIMEOUT_MS },
    async (number) => {
      const random = createRandom(number * 4 + 2);
      fs.renameSync(box.at("storage"), box.at("storage-whole"));
      try {
        await killSome(random, ["push"], "project");
        box.mlv("project", ["push"]);
        box.clone("project", "check");
        box.mlv("check", ["pull"]);
        expectEqual("check", "second");
        expect(readTree(box.at("check/many"))).toEqual(readTree(box.at("project/many")));
      } finally {
        fs.rmSync(box.at("check"), { recursive: true, force: true });
        fs.rmSync(box.at("storage"), { recursive: true, force: true });
        fs.renameSync(box.at("storage-whole"), box.at("storage"));
      }
    },
  );

  test.each(SEEDS)("during pull leaves no wrong file, and a plain re-run completes (seed %i)", { timeout: TIMEOUT_MS }, async (number) => {
    const random = createRandom(number * 4 + 3);
    box.clone("project", "pulled");
    try {
      await killSome(random, ["pull"], "pulled");
      expectNoLitter("pulled");
      box.mlv("pulled", ["pull"]);
      expectEqual("pulled", "second");
      expect(readTree(box.at("pulled/many"))).toEqual(readTree(box.at("project/many")));
      expect(listFiles(box.at("pulled/.git/mlv/partial"))).toEqual([]);
    } finally {
      fs.rmSync(box.at("pulled"), { recursive: true });
    }
  });

  test(`during checkout keeps edits, and a plain re-run completes`, { timeout: TIMEOUT_MS }, async () => {
    box.clone("project", "moved");
    box.mlv("moved", ["pull"]);
    box.git("moved", "checkout", "--quiet", "first");
    box.mlv("moved", ["pull"]);
    const trees = { first: readTree(box.at("moved/many")), second: readTree(box.at("project/many")) };
    for (const number of SEEDS) {
      const random = createRandom(number * 4 + 4);
      for (const version of ["second", "first"] as const) {
        box.git("moved", "checkout", "--quiet", version);
        // Someone's work, in a file that both versions have and in one that neither has.
        fs.writeFileSync(box.at("moved/many/1/1"), `mine ${number}`);
        fs.writeFileSync(box.at("moved/many/1/99999"), "mine too");
        await killSome(random, ["checkout"], "moved");
        expectNoLitter("moved");
        expect(fs.readFileSync(box.at("moved/many/1/1"), "utf8")).toBe(`mine ${number}`);
        expect(fs.readFileSync(box.at("moved/many/1/99999"), "utf8")).toBe("mine too");
        fs.rmSync(box.at("moved/many/1/1"));
        fs.rmSync(box.at("moved/many/1/99999"));
        box.mlv("moved", ["checkout"]);
        expectEqual("moved", version);
        expect(readTree(box.at("moved/many"))).toEqual(trees[version]);
      }
    }
  });
});
