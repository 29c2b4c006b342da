import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { findNode, findProgram } from "./program.ts";
import { makeSandbox, writeNoise, type Sandbox } from "./sealed.ts";

const START = fileURLToPath(new URL("../../bin/mlv.js", import.meta.url));
const BIG_BYTES = 512 * 1024 * 1024;
/** Makes a Node believe that it is an older one; what it starts is itself. */
const PRETEND = 'Object.defineProperty(process.versions, "node", { value: "20.20.2" });';

let box: Sandbox;
beforeAll(() => {
  findProgram();
  box = makeSandbox();
  fs.mkdirSync(box.at("installed/bin"), { recursive: true });
  fs.copyFileSync(START, box.at("installed/bin/mlv.js"));
  fs.copyFileSync(path.join(path.dirname(START), "package.json"), box.at("installed/bin/package.json"));
  fs.writeFileSync(box.at("installed/package.json"), '{"name":"mlv","version":"9.8.7"}');
  fs.writeFileSync(box.at("old.cjs"), PRETEND);
});

function install(...names: readonly ("dist" | "node")[]): string {
  const folder = box.at(`installed-${names.join("-")}`);
  fs.cpSync(box.at("installed"), folder, { recursive: true });
  if (names.includes("dist")) fs.symlinkSync(path.join(path.dirname(path.dirname(START)), "dist"), path.join(folder, "dist"));
  if (names.includes("node")) {
    fs.mkdirSync(path.join(folder, "node_modules/node/bin"), { recursive: true });
    fs.symlinkSync(findNode(), path.join(folder, "node_modules/node/bin/node"));
  }
  return path.join(folder, "bin/mlv.js");
}

describe("the program's start", () => {
  test("answers --version from package.json alone, on an old Node and unbuilt", () => {
    const result = box.exec(findNode(), ["--require", box.at("old.cjs"), box.at("installed/bin/mlv.js"), "--version"]);
    expect(result).toEqual({ status: 0, stdout: "9.8.7\n", stderr: "" });
  });

  test("keeps warnings of Node and of libraries to itself, unless it debugs", () => {
    fs.writeFileSync(box.at("warning.cjs"), 'process.once("beforeExit", () => process.emitWarning("a library is worried"));');
    const run = (...args: string[]): string =>
      box.exec(findNode(), ["--require", box.at("warning.cjs"), findProgram(), "remote", "--help", ...args]).stderr;
    expect(run()).toBe("");
    expect(run("--debug")).toContain("a library is worried");
  });

  test("that is not built says what to type, and exits 70", () => {
    const { status, stdout, stderr } = box.exec(findNode(), [box.at("installed/bin/mlv.js"), "status"]);
    expect([status, stdout, box.tidy(stderr)]).toEqual([
      70,
      "",
      "error: mlv is not built yet\nhint: run `npm run build` in <sandbox>/installed\n",
    ]);
  });

  test("on an old Node with no other one beside it says what is needed, and exits 70", () => {
    const { status, stdout, stderr } = box.exec(findNode(), ["--require", box.at("old.cjs"), install("dist"), "status"]);
    expect([status, stdout, stderr]).toEqual([
      70,
      "",
      "error: mlv needs Node 22.19 or newer; this is 20.20.2\nhint: install a current Node from https://nodejs.org\n",
    ]);
  });

  test("on an old Node hands over to the one beside it: arguments, output and exit status", () => {
    const program = install("dist", "node");
    const old = (args: readonly string[]): unknown =>
      box.exec(findNode(), ["--require", box.at("old.cjs"), program, ...args], { cwd: "project" });
    box.makeRepository("project", { tree: { "a b.txt": "a\n" } });
    expect(old(["add", "a b.txt", "--json", "--dry-run"])).toEqual(box.run(["add", "a b.txt", "--json", "--dry-run"], { cwd: "project" }));
    expect(old(["pusj"])).toEqual(box.run(["pusj"], { cwd: "project" }));
    expect(old(["push"])).toMatchObject({ status: 1 });
  });

  test("needs nothing in PATH but git", () => {
    fs.mkdirSync(box.at("only-git"));
    const git = spawnSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).stdout.trim();
    fs.symlinkSync(git, box.at("only-git/git"));
    box.makeRepository("lonely", { remote: "storage", tree: { "data/a": "a\n" } });
    for (const args of [["add", "data"], ["push"], ["status"], ["pull"], ["verify"], ["gc"], ["doctor"]]) {
      expect([args, box.run(args, { cwd: "lonely", env: { PATH: box.at("only-git") } })]).toMatchObject([args, { status: 0, stderr: "" }]);
    }
  });

  test("keeps compiled code in the user's own cache folder, never in one for everybody's temporary files", () => {
    box.makeRepository("cached");
    const { NODE_COMPILE_CACHE: _, ...env } = box.env;
    fs.mkdirSync(box.at("tmp"));
    for (const args of [["status"], ["ls"]]) {
      const result = spawnSync(findNode(), [findProgram(), ...args], { cwd: box.at("cached"), env: { ...env, TMPDIR: box.at("tmp") } });
      expect(result.status).toBe(0);
    }
    expect(fs.readdirSync(box.at("tmp"))).toEqual([]);
    expect(fs.readdirSync(box.at("home/.cache/mlv/compiled"))).toHaveLength(1);
  });
});

describe("an operation that is told to stop", () => {
  beforeAll(() => {
    box.makeRepository("big");
    writeNoise(box.at("big/data/large"), 1, BIG_BYTES);
  });

  /** Starts an add and sends signals to the process, or to its whole group as a terminal does, once it hashes. */
  async function stop(program: readonly string[], signals: readonly NodeJS.Signals[], isGroup: boolean): Promise<unknown> {
    const child = spawn(findNode(), [...program, "add", "data"], { cwd: box.at("big"), env: box.env, detached: true, stdio: "pipe" });
    const output: string[] = [];
    child.stderr.setEncoding("utf8").on("data", (text: string) => output.push(text));
    child.stdout.setEncoding("utf8").on("data", (text: string) => output.push(text));
    const ended = new Promise((resolve) => child.on("close", (status, signal) => resolve({ status, signal })));
    await until(() => fs.existsSync(box.at("big/.git/mlv/tmp")) && countTemporary() > 0);
    for (const signal of signals) process.kill(isGroup ? -(child.pid ?? 0) : (child.pid ?? 0), signal);
    return { ended: await ended, output: output.join("") };
  }

  function countTemporary(): number {
    return fs.readdirSync(box.at("big/.git/mlv/tmp")).length;
  }

  async function until(isSo: () => boolean): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error("the program did not begin to work");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  const STOPPED = {
    ended: { status: 130, signal: null },
    output:
      "stopping; press Ctrl-C again to stop at once\nerror: interrupted\nhint: run the same command again: it goes on where it stopped\n",
  };

  test.each([
    ["Ctrl-C", "SIGINT", true],
    ["kill", "SIGTERM", false],
    ["a closed terminal", "SIGHUP", true],
  ] as const)("by %s says so, exits 130 and tracks nothing", async (_, signal, isGroup) => {
    expect(await stop([findProgram()], [signal], isGroup)).toEqual(STOPPED);
    expect(fs.existsSync(box.at("big/data.mlv"))).toBe(false);
  });

  test.each([
    ["Ctrl-C", "SIGINT", true],
    ["kill", "SIGTERM", false],
  ] as const)("by %s under an old Node does the same, and nothing runs on", async (_, signal, isGroup) => {
    const program = fs.existsSync(box.at("installed-dist-node")) ? box.at("installed-dist-node/bin/mlv.js") : install("dist", "node");
    expect(await stop(["--require", box.at("old.cjs"), program], [signal], isGroup)).toEqual(STOPPED);
    expect(countTemporary()).toBe(0);
  });

  test("goes on when the same command is run again", () => {
    expect(box.transcript("big", "mlv add data")).toMatchInlineSnapshot(`
      "$ mlv add data
      added data (1 file, 512 MiB)
      Next: git add .gitignore data.mlv"
    `);
    expect(countTemporary()).toBe(0);
  }, 60_000);
});

describe("a pipe that nobody reads", () => {
  test("at stdout ends the program quietly, at stderr takes nothing but the messages", () => {
    box.makeRepository("piped", { tree: { "data/a": "a\n" } });
    box.mlv("piped", ["add", "data"]);
    const mlv = `'${findNode()}' '${findProgram()}'`;
    const shell = (script: string): unknown => box.exec("bash", ["-c", script], { cwd: "piped" });
    expect(shell(`${mlv} ls | true; printf %s "\${PIPESTATUS[0]}"`)).toEqual({ status: 0, stdout: "0", stderr: "" });
    expect(shell(`exec 3> >(true); wait $!; ${mlv} nosuch 2>&3; printf %s $?`)).toEqual({ status: 0, stdout: "2", stderr: "" });
  });

  test("that is full of a device without room is an error in words", () => {
    const { status, stderr } = box.exec("bash", ["-c", `'${findNode()}' '${findProgram()}' ls > /dev/full`], { cwd: "piped" });
    expect([status, stderr]).toEqual([1, "error: write: no space left on device (ENOSPC)\n"]);
  });
});
