import * as fs from "node:fs";
import { expect, test } from "vitest";
import { findNode, findProgram } from "../cli/program.ts";
import { makeSandbox, type RunResult, type Sandbox } from "../cli/sealed.ts";

type Stages = Readonly<Record<string, string>>;

const read = (sandbox: Sandbox): Stages =>
  (JSON.parse(fs.readFileSync(sandbox.at("r/mlv.lock"), "utf8")) as { readonly stages: Stages }).stages;

/** Makes a repository with a branch for each side's run records and merges theirs into ours. */
function merge(base: Stages, ours: Stages, theirs: Stages | string): { readonly sandbox: Sandbox; readonly result: RunResult } {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r");
  fs.mkdirSync(sandbox.at("bin"));
  fs.writeFileSync(sandbox.at("bin/mlv"), `#!/bin/sh\nexec '${findNode()}' '${findProgram()}' "$@"\n`, { mode: 0o755 });
  sandbox.mlv("r", ["install", "--no-hooks"]);
  const record = (stages: Stages | string): void => {
    const text = typeof stages === "string" ? stages : `${JSON.stringify({ mlv: 1, stages, "x-later": true }, undefined, 2)}\n`;
    fs.writeFileSync(sandbox.at("r/mlv.lock"), text);
    sandbox.commit("r", "run");
  };
  record(base);
  sandbox.git("r", "checkout", "-q", "-b", "theirs");
  record(theirs);
  sandbox.git("r", "checkout", "-q", "main");
  record(ours);
  const env = { PATH: `${sandbox.at("bin")}:${sandbox.env["PATH"] ?? ""}` };
  return { sandbox, result: sandbox.exec("git", ["merge", "--no-edit", "theirs"], { cwd: "r", env }) };
}

const base = { clean: "1", eval: "1", train: "1" };

test("branches that ran different stages merge without a conflict", () => {
  const { sandbox, result } = merge(base, { ...base, clean: "2" }, { ...base, train: "2", publish: "1" });
  expect([result.status, read(sandbox)]).toEqual([0, { clean: "2", eval: "1", publish: "1", train: "2" }]);
  expect(result.stderr).toContain("mlv: merged mlv.lock stage by stage: 2 stages from their side");
  expect(fs.readFileSync(sandbox.at("r/mlv.lock"), "utf8")).toContain('\n  "x-later": true\n}\n');
});

test("a stage that both ran differently conflicts by name, the file stays valid, and resolve takes either side", () => {
  const { sandbox, result } = merge(base, { ...base, train: "2", eval: "2" }, { ...base, train: "3", eval: "2", clean: "3" });
  expect(result.status).toBe(1);
  expect(result.stderr).toContain("mlv: conflict in mlv.lock: both sides ran train with different results");
  expect(result.stderr).toContain("it holds our side of these, and 1 stage from theirs");
  expect(result.stderr).toContain("run that stage again, or choose; then `git add mlv.lock`");
  expect(read(sandbox)).toEqual({ clean: "3", eval: "2", train: "2" });
  expect(sandbox.git("r", "status", "--porcelain")).toBe("UU mlv.lock");
  expect(sandbox.mlv("r", ["resolve", "--union", "--theirs"]).stdout).toBe("resolved mlv.lock (theirs of train)\nNext: git add mlv.lock\n");
  expect(read(sandbox)).toEqual({ clean: "3", eval: "2", train: "3" });
  sandbox.mlv("r", ["resolve", "--ours", "mlv.lock"]);
  expect(read(sandbox)).toEqual({ clean: "1", eval: "2", train: "2" });
  sandbox.git("r", "add", "mlv.lock");
  sandbox.git("r", "commit", "-q", "--no-edit");
});

test("a lock file that cannot be read stays ours, with what to type", () => {
  const { sandbox, result } = merge(base, { ...base, train: "2" }, "stages: {}\n");
  expect(result.status).toBe(1);
  expect(result.stderr).toContain("cannot merge mlv.lock: `mlv.lock (theirs)` is no JSON object");
  expect(result.stderr).toContain("mlv resolve --ours mlv.lock");
  expect(read(sandbox)).toEqual({ ...base, train: "2" });
});

test("status tells of run records in conflict and what to type, which settles them", () => {
  const { sandbox } = merge(base, { ...base, train: "2" }, { ...base, train: "3" });
  const { stdout } = sandbox.mlv("r", ["status"]);
  expect(stdout).toBe(
    [
      "mlv.lock: in conflict",
      "    → mlv resolve --union mlv.lock (or --ours, --theirs), git add mlv.lock",
      "Next: mlv resolve --union mlv.lock (or --ours, --theirs), then git add mlv.lock",
      "",
    ].join("\n"),
  );
  expect(JSON.parse(sandbox.mlv("r", ["status", "--json"]).stdout)).toMatchObject({ targets: [], locks: [{ path: "mlv.lock" }] });
  sandbox.mlv("r", ["status", "--exit-code"], 4);
  sandbox.mlv("r", ["resolve", "--union", "mlv.lock"]);
  sandbox.git("r", "add", "mlv.lock");
  expect(sandbox.mlv("r", ["status"]).stdout).toContain("Nothing is tracked yet.");
});

test("status names the side that deleted the run records", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { tree: { "mlv.lock": '{"mlv":1,"stages":{}}\n', "a.txt": "a" } });
  sandbox.mlv("r", ["add", "a.txt"]);
  sandbox.commit("r", "base");
  sandbox.git("r", "checkout", "-q", "-b", "theirs");
  sandbox.git("r", "rm", "-q", "mlv.lock");
  sandbox.commit("r", "gone");
  sandbox.git("r", "checkout", "-q", "main");
  fs.writeFileSync(sandbox.at("r/mlv.lock"), '{"mlv":1,"stages":{"train":"1"}}\n');
  sandbox.commit("r", "run");
  expect(sandbox.exec("git", ["merge", "theirs"], { cwd: "r" }).status).toBe(1);
  const { stdout } = sandbox.mlv("r", ["status"]);
  expect(stdout).toContain(
    "mlv.lock: in conflict: their side deleted it\n    → mlv resolve --ours mlv.lock, git add mlv.lock (or git rm mlv.lock)\n",
  );
  expect(JSON.parse(sandbox.mlv("r", ["status", "--json"]).stdout)).toMatchObject({ locks: [{ path: "mlv.lock", deletedBy: "theirs" }] });
});
