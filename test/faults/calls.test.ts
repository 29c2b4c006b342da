import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { findNode, findProgram } from "../cli/program.ts";
import { listFiles, makeSandbox, noise, readTree, type RunResult, type Sandbox } from "../cli/sealed.ts";
import { isLong } from "./long.ts";

const canTrace = spawnSync("strace", ["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"]).status === 0;
const why = canTrace ? "" : " (skipped: strace is not here or may not trace)";
/** Every call in the long run, a few in the gate. */
const COUNTS = isLong ? Array.from({ length: 24 }, (_, index) => index + 1) : [1, 4];

const TREE = { "data/a": "a\n", "data/sub/b": "b\n", "data/large": noise("large", 400_000), "single.bin": noise("single", 300_000) };

/** Runs mlv with the n-th call of a kind on the main thread or the one I/O thread failing, or the process killed at it. */
function inject(box: Sandbox, cwd: string, injection: string, args: readonly string[]): RunResult {
  const call = injection.slice(0, injection.indexOf(":"));
  const tracing = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${injection}`];
  return box.exec("strace", [...tracing, findNode(), findProgram(), ...args], {
    cwd,
    // One I/O thread: calls are counted by thread.
    env: { UV_THREADPOOL_SIZE: "1", UV_USE_IO_URING: "0" },
  });
}

/** The first call without which nothing can be added; what mlv only remembers to be faster is written before, and may fail. */
const NEEDED: Readonly<Record<string, number>> = {
  "fsync:error=EIO": 1,
  "fsync:signal=KILL": 1,
  "rename:signal=KILL": 1,
  "rename:error=EIO": 2,
  "mkdir:error=ENOSPC": 3,
};
const OFTEN = ["fsync:error=EIO", "rename:signal=KILL"];
const FAULTS = isLong ? [...OFTEN, "rename:error=EIO", "link:error=EPERM", "fsync:signal=KILL", "mkdir:error=ENOSPC"] : OFTEN;

describe(`a system call that fails${why}`, () => {
  test.skipIf(!canTrace).each(FAULTS.flatMap((fault) => COUNTS.map((count) => [fault, count] as const)))(
    "%s (call %i) costs add, push and pull nothing that a plain re-run does not bring",
    (fault, count) => {
      const box = makeSandbox();
      box.makeRepository("project", { remote: "storage", tree: TREE });
      const data = readTree(box.at("project/data"));
      const injection = `${fault}:when=${count}`;

      const added = inject(box, "project", injection, ["add", "data", "single.bin"]);
      expectSane(added, fault);
      if (count === NEEDED[fault]) expect(added.status).not.toBe(0);
      expect(readTree(box.at("project/data"))).toEqual(data);
      box.mlv("project", ["add", "data", "single.bin"]);
      expect(box.git("project", "status", "--short", "--untracked-files=all")).toBe("?? .gitignore\n?? data.mlv\n?? single.bin.mlv");
      box.commit("project", "first");

      expectSane(inject(box, "project", injection, ["push"]), fault);
      box.mlv("project", ["push"]);
      box.clone("project", "clone");
      expectSane(inject(box, "clone", injection, ["pull"]), fault);
      expect(listFiles(box.at("clone")).filter((file) => !file.startsWith(".git/") && /\.mlv-|tmp|checkout-/.test(file))).toEqual([]);
      box.mlv("clone", ["pull"]);
      expect(readTree(box.at("clone/data"))).toEqual(data);
      expect(readTree(box.at("clone/single.bin"))).toEqual(readTree(box.at("project/single.bin")));
      expect(box.mlv("clone", ["status"]).stdout).toBe("2 targets clean.\n");
    },
  );
});

/** Done, or failed with an error that says so, or killed where that was asked for: never a crash of mlv's own. */
function expectSane(result: RunResult, fault: string): void {
  if (fault.includes("KILL")) {
    expect([undefined, 0, 137]).toContain(result.status);
    return;
  }
  expect([0, 1, 3, 12, 13]).toContain(result.status);
  if (result.status !== 0) expect(result.stderr).toMatch(/^error: |left alone|missing/m);
}

describe("a file that is written to while it is added", () => {
  test("is named, and the pointer is not written", async () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "log.bin": noise("log", 1) } });
    const file = box.at("project/log.bin");
    fs.writeFileSync(file, noise("log", 400 * 1024 * 1024));
    const { done } = box.start(["add", "log.bin"], { cwd: "project" });
    const writer = setInterval(() => fs.appendFileSync(file, "more\n"), 1);
    const result = await done.finally(() => clearInterval(writer));
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^error: .*log\.bin` changed while it was being read/);
    expect(fs.existsSync(box.at("project/log.bin.mlv"))).toBe(false);
    expect(listFiles(box.at("project/.git/mlv/tmp"))).toEqual([]);
    box.mlv("project", ["add", "log.bin"]);
    expect(fs.existsSync(box.at("project/log.bin.mlv"))).toBe(true);
  });
});
