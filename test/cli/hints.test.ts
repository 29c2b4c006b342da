import * as fs from "node:fs";
import { expect, test } from "vitest";
import { findNode, findProgram } from "./program.ts";
import { makeSandbox, type RunResult, type Sandbox } from "./sealed.ts";

interface Failure {
  readonly error: { readonly code: string; readonly hint?: string; readonly details?: { readonly path?: string } };
}

const failureOf = ({ stderr }: RunResult): Failure["error"] => (JSON.parse(stderr) as Failure).error;

/** Types what a hint says in a folder of the sandbox and returns the exit status. */
function type(box: Sandbox, cwd: string, command: string): number | undefined {
  fs.mkdirSync(box.at("bin"), { recursive: true });
  fs.writeFileSync(box.at("bin/mlv"), `#!/bin/sh\nexec '${findNode()}' '${findProgram()}' "$@"\n`, { mode: 0o755 });
  return box.exec("sh", ["-c", command], { cwd, env: { PATH: `${box.at("bin")}:${box.env["PATH"] ?? ""}` } }).status;
}

test("a pointer that is broken on disk is restored by what the hint says, from the folder that one is in", () => {
  const box = makeSandbox();
  box.makeRepository("r", { tree: { "data/a b.txt": "a" } });
  box.mlv("r", ["add", "data/a b.txt"]);
  box.commit("r", "data");
  fs.writeFileSync(box.at("r/data/a b.txt.mlv"), "broken");
  const { hint, details } = failureOf(box.run(["show", "a b.txt", "--json"], { cwd: "r/data" }));
  expect(details).toEqual({ path: "data/a b.txt.mlv" });
  const command = /`(git checkout [^`]*)`/.exec(hint ?? "")?.[1];
  expect(command).toBe("git checkout -- 'a b.txt.mlv'");
  expect(type(box, "r/data", command ?? "")).toBe(0);
  expect(box.mlv("r/data", ["status"]).stdout).toContain("1 target clean.");
});

test("of a pointer that is broken in a commit no hint says to write a file", () => {
  const box = makeSandbox();
  box.makeRepository("r", { tree: { "a.txt": "a" } });
  box.mlv("r", ["add", "a.txt"]);
  box.commit("r", "whole");
  const whole = fs.readFileSync(box.at("r/a.txt.mlv"));
  for (const text of ["broken", "<<<<<<< ours\n"]) {
    fs.writeFileSync(box.at("r/a.txt.mlv"), text);
    box.commit("r", "broken");
    fs.writeFileSync(box.at("r/a.txt.mlv"), whole);
    const result = box.run(["show", "HEAD:a.txt", "--json"], { cwd: "r" });
    expect(result.status).toBe(15);
    expect(failureOf(result).hint).toBe("Git has it so; `mlv log` with its name lists versions that may be whole");
    expect(box.mlv("r", ["log", "a.txt"]).stdout).toContain("added, 1 B");
  }
});

/** Merges a branch, in which a pointer in `d` and the run records are broken, into one that changed them too. */
function mergeBroken(): Sandbox {
  const box = makeSandbox();
  box.makeRepository("r", { tree: { "d/set/a": "a", "d/t.csv": "1", "d/mlv.lock": '{"mlv":1,"stages":{}}\n' } });
  box.mlv("r", ["add", "d/set", "d/t.csv"]);
  box.commit("r", "base");
  box.git("r", "checkout", "-q", "-b", "other");
  for (const file of ["set.mlv", "t.csv.mlv", "mlv.lock"]) fs.writeFileSync(box.at("r/d", file), "broken\n");
  box.commit("r", "broken");
  box.git("r", "checkout", "-q", "main");
  fs.writeFileSync(box.at("r/d/set/a"), "b");
  fs.writeFileSync(box.at("r/d/t.csv"), "2");
  fs.writeFileSync(box.at("r/d/mlv.lock"), '{"mlv":1,"stages":{"train":"1"}}\n');
  box.mlv("r", ["add", "-u"]);
  box.commit("r", "ours");
  expect(box.exec("git", ["merge", "-q", "other"], { cwd: "r" }).status).toBe(1);
  return box;
}

test("a side of a merge that cannot be read is named, and the hint takes the other, from the folder that one is in", () => {
  const box = mergeBroken();
  const refused = [
    { args: ["--theirs", "t.csv"], path: "d/t.csv.mlv", hint: "take the other side whole: `mlv resolve --ours t.csv`" },
    {
      args: ["--union", "set"],
      path: "d/set.mlv",
      hint: "take one side whole: `mlv resolve --ours set` or `mlv resolve --theirs set`",
    },
    {
      args: ["--union", "mlv.lock"],
      path: "d/mlv.lock",
      hint: "take one side whole: `mlv resolve --ours mlv.lock` or `mlv resolve --theirs mlv.lock`",
    },
  ];
  for (const { args, path, hint } of refused) {
    const result = box.run(["resolve", "--json", ...args], { cwd: "r/d" });
    expect([result.status, failureOf(result)]).toMatchObject([15, { hint, details: { path } }]);
    expect(result.stderr).toContain(`${path} (theirs)`);
    expect(type(box, "r/d", /`(mlv resolve [^`]*)`/.exec(hint)?.[1] ?? "")).toBe(0);
  }
  box.git("r", "add", "-A");
  expect(box.mlv("r", ["status"]).stdout).toContain("2 targets clean.");
});

test("what is to be staged is staged by what is said, however much it is and wherever one is", () => {
  const box = makeSandbox();
  const names = Array.from({ length: 12 }, (_, at) => `data/${at}.txt`);
  box.makeRepository("r", { tree: Object.fromEntries(names.map((name) => [name, name])) });
  fs.mkdirSync(box.at("r/code"));
  const next = (said: RunResult): string => /^Next: (git add .*)$/m.exec(said.stdout)?.[1] ?? "";
  expect(type(box, "r/code", next(box.mlv("r/code", ["add", ...names.map((name) => `../${name}`)])))).toBe(0);
  expect(
    box
      .git("r", "status", "--porcelain")
      .split("\n")
      .every((line) => line.startsWith("A  ")),
  ).toBe(true);
  box.commit("r", "data");
  for (const name of names) fs.appendFileSync(box.at("r", name), "more");
  expect(type(box, "r/code", next(box.mlv("r/code", ["add", "-u"])))).toBe(0);
  expect(box.git("r", "diff", "--name-only")).toBe("");
  expect(box.git("r", "diff", "--cached", "--name-only").split("\n")).toHaveLength(12);
});
