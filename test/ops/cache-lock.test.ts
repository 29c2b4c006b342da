import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { machineMark } from "../../src/base/durable.ts";
import { makeSandbox, noise, type RunResult, type Sandbox } from "../cli/sealed.ts";

const HEX = `${machineMark()}0123456789`;
const ELSEWHERE = `${machineMark() === "000000" ? "111111" : "000000"}0123456789`;

function makeProject(): Sandbox {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { "a.bin": noise("a", 300_000), "b/1.txt": "one\n", "b/2.txt": "two\n" } });
  box.mlv("project", ["add", "a.bin", "b"]);
  box.commit("project", "first");
  return box;
}

/** Leaves the note that a command of a living process would, this one's; returns its path. */
function leaveNote(box: Sandbox, kind: "use" | "gc", pid = process.pid): string {
  const note = box.at("project/.git/mlv/tmp", `${kind}-${pid}-${HEX}`);
  fs.writeFileSync(note, "");
  return note;
}

/** Starts a command, takes the note away once it said that it waits, and returns what it did. */
async function runUntilWaiting(box: Sandbox, args: readonly string[], note: string): Promise<RunResult> {
  const { child, done } = box.start(args, { cwd: "project" });
  child.stderr?.on("data", (text: string) => {
    if (text.includes("waiting for")) fs.rmSync(note, { force: true });
  });
  return done;
}

describe("a gc that deletes", () => {
  test("waits for a command that uses the cache and says so, or fails with --no-wait", async () => {
    const box = makeProject();
    const note = leaveNote(box, "use");
    const refused = box.mlv("project", ["gc", "--yes", "--no-wait", "--json"], 11);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: "locked", details: { process: process.pid } } });
    expect(box.mlv("project", ["gc"]).stderr).toBe("");
    const waited = await runUntilWaiting(box, ["gc", "--yes"], note);
    expect(waited).toMatchObject({ status: 0 });
    expect(waited.stderr).toContain(`waiting for a command that uses the cache (process ${process.pid})`);
  });

  test("is waited for by commands that need what they cache, and by no others", async () => {
    const box = makeProject();
    const note = leaveNote(box, "gc");
    for (const args of [["add", "a.bin"], ["push"], ["pull"], ["fetch"], ["checkout"], ["verify", "--repair"], ["gc", "--yes"]]) {
      expect([args, box.run([...args, "--no-wait"], { cwd: "project" }).status]).toEqual([args, 11]);
    }
    for (const args of [["status"], ["ls"], ["diff"], ["gc"], ["add", "a.bin", "--dry-run"]]) {
      expect([args, box.run([...args, "--no-wait"], { cwd: "project" }).status]).toEqual([args, 0]);
    }
    expect(await runUntilWaiting(box, ["push"], note)).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("waiting for a gc") as string,
    });
  });

  test("is held off by nobody who is gone", () => {
    const box = makeProject();
    const { pid } = spawnSync(process.execPath, ["--version"]);
    leaveNote(box, "use", pid);
    leaveNote(box, "gc", pid);
    box.mlv("project", ["gc", "--yes", "--no-wait"]);
    box.mlv("project", ["add", "a.bin", "--no-wait"]);
    const left = fs.readdirSync(box.at("project/.git/mlv/tmp")).filter((name) => name.endsWith(HEX));
    expect(left).toEqual([]);
  });

  test("waits for a process of another machine that shares the cache as long as it shows that it is alive", () => {
    const box = makeProject();
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const note = box.at("project/.git/mlv/tmp", `use-${pid}-${ELSEWHERE}`);
    fs.writeFileSync(note, "");
    box.mlv("project", ["gc", "--yes", "--no-wait"], 11);
    expect(fs.existsSync(note)).toBe(true);
    const minutesAgo = Date.now() / 1000 - 6 * 60;
    fs.utimesSync(note, minutesAgo, minutesAgo);
    box.mlv("project", ["gc", "--yes", "--no-wait"]);
  });

  test("takes nothing from an add that runs at the same time, even by force and where the workspace has but links", async () => {
    const box = makeProject();
    box.mlv("project", ["config", "set", "--local", "link", "symlink"]);
    for (let round = 0; round < 6; round++) {
      const tree = new Map(
        Array.from({ length: 30 }, (_, index) => [`c/${index}.bin`, noise(`${round} ${index}`, index % 3 === 0 ? 150_000 : 900)]),
      );
      fs.rmSync(box.at("project/c"), { recursive: true, force: true });
      fs.mkdirSync(box.at("project/c"), { recursive: true });
      for (const [name, bytes] of tree) fs.writeFileSync(box.at("project", name), bytes);
      const adding = box.start(["add", "c"], { cwd: "project" });
      const collecting = [0, 1].map(() => box.start(["gc", "--yes", "--force"], { cwd: "project" }));
      expect((await adding.done).status).toBe(0);
      for (const { done } of collecting) expect(await done).toMatchObject({ status: 0 });
      fs.rmSync(box.at("project/c"), { recursive: true });
      box.mlv("project", ["checkout", "c"]);
      for (const [name, bytes] of tree) expect(fs.readFileSync(box.at("project", name)).equals(bytes)).toBe(true);
    }
  });
});
