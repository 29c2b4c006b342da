import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { findNode, findProgram } from "../cli/program.ts";
import { makeSandbox, type RunResult, type Sandbox } from "../cli/sealed.ts";

const FOLDER = "mine & yours, naïve";
const TARGET = "my data/täble 1.csv";
const POINTER = `${TARGET}.mlv`;

interface Project {
  readonly sandbox: Sandbox;
  /** Runs Git where mlv is not in PATH. */
  git(...words: readonly string[]): RunResult;
  /** Writes the table, records and commits it. */
  record(content: string, message: string): void;
}

/** Makes a repository with two versions of a table in which `mlv install` was run by a shell that has mlv, in folders with odd names. */
function makeProject(...options: readonly string[]): Project {
  const sandbox = makeSandbox();
  sandbox.makeRepository(FOLDER, { remote: "store" });
  sandbox.mlv(FOLDER, ["install", "--no-hooks", ...options]);
  const project: Project = {
    sandbox,
    git: (...words) => sandbox.exec("git", words, { cwd: FOLDER, env: { PATH: pathWithoutMlv() } }),
    record(content, message) {
      fs.mkdirSync(path.dirname(sandbox.at(FOLDER, TARGET)), { recursive: true });
      fs.writeFileSync(sandbox.at(FOLDER, TARGET), content);
      sandbox.mlv(FOLDER, ["add", "-q", "--force", TARGET]);
      sandbox.commit(FOLDER, message);
    },
  };
  project.record("id,v\n1,a\n", "one");
  project.record("id,v\n1,a\n2,b\n", "two");
  return project;
}

function pathWithoutMlv(): string {
  const folders = (process.env["PATH"] ?? "/usr/bin:/bin").split(":");
  return folders.filter((folder) => !fs.existsSync(path.join(folder, "mlv"))).join(":");
}

/** Puts a program `mlv` that cannot start, as npm's does where Node is not in PATH, first in it. */
function pathWithBrokenMlv(sandbox: Sandbox): string {
  fs.mkdirSync(sandbox.at("broken"));
  fs.writeFileSync(sandbox.at("broken/mlv"), "#!/usr/bin/env node-that-is-not-there\n", { mode: 0o755 });
  return `${sandbox.at("broken")}:${pathWithoutMlv()}`;
}

test.each([
  ["log", ["log", "-p", "-1"]],
  ["diff", ["diff", "HEAD~1"]],
  ["show", ["show", "HEAD"]],
  ["diff in a subfolder", ["-C", "my data", "diff", "HEAD~1"]],
])("without mlv in PATH git %s shows the text of pointers", (_, words) => {
  const result = makeProject().git(...words);
  expect([result.status, result.stderr]).toEqual([0, ""]);
  expect(result.stdout).toMatch(/-  "size": 9,\n[^]*\+  "size": 13,\n/);
});

test("without mlv in PATH git blame, grep --textconv and stash show the text of pointers", () => {
  const { sandbox, git } = makeProject();
  const blame = git("blame", POINTER);
  expect([blame.status, blame.stderr]).toEqual([0, ""]);
  expect(blame.stdout).toMatch(/Ada .*"size": 13,\n/);
  const found = git("grep", "--textconv", '"size": 13');
  expect([found.status, found.stderr, found.stdout]).toEqual([0, "", expect.stringContaining('"size": 13,')]);
  fs.writeFileSync(sandbox.at(FOLDER, TARGET), "id,v\n");
  sandbox.mlv(FOLDER, ["add", "-q", TARGET]);
  expect(git("stash", "-q").status).toBe(0);
  const stash = git("stash", "show", "-p");
  expect([stash.status, stash.stderr]).toEqual([0, ""]);
  expect(stash.stdout).toMatch(/-  "size": 13,\n[^]*\+  "size": 5,\n/);
});

test("an mlv in PATH that does not start is as good as none for git log -p", () => {
  const { sandbox } = makeProject();
  const log = sandbox.exec("git", ["log", "-p", "-1"], { cwd: FOLDER, env: { PATH: pathWithBrokenMlv(sandbox) } });
  expect([log.status, log.stderr]).toEqual([0, ""]);
  expect(log.stdout).toContain('+  "size": 13,\n');
});

test("without mlv in PATH the diff driver shows the text of pointers, of added, removed and conflicted ones too", () => {
  const { sandbox, git, record } = makeProject("--diff-driver");
  const changed = git("diff", "HEAD~1");
  expect([changed.status, changed.stderr]).toEqual([0, ""]);
  expect(changed.stdout).toContain(`diff --mlv ${POINTER} (as text: mlv does not run here)\n`);
  expect(changed.stdout).toMatch(/-  "size": 9,\n[^]*\+  "size": 13,\n/);
  expect(git("-C", "my data", "diff", "HEAD~1").stdout).toContain('+  "size": 13,\n');
  expect(git("diff", "HEAD", "HEAD~2").stdout).toContain('-  "size": 13,\n');
  expect(git("diff", "HEAD~2", "HEAD").stdout).toContain('+  "size": 13,\n');
  git("checkout", "-q", "-b", "other", "HEAD~1");
  record("id,v\n1,other\n", "other");
  expect(git("merge", "-q", "main").status).toBe(1);
  const conflicted = git("diff", "--cached");
  expect([conflicted.status, conflicted.stderr]).toEqual([0, ""]);
  expect(sandbox.exec("git", ["diff", "HEAD~1"], { cwd: FOLDER, env: { PATH: pathWithBrokenMlv(sandbox) } }).status).toBe(0);
});

test.each([
  ["not in PATH", pathWithoutMlv],
  ["one that does not start", pathWithBrokenMlv],
])("with mlv %s a merge leaves both sides of a pointer in conflict, and mlv resolve goes on from there", (_, pathOf) => {
  const { sandbox, git, record } = makeProject();
  git("checkout", "-q", "-b", "other", "HEAD~1");
  record("id,v\n1,other\n", "other");
  const merged = sandbox.exec("git", ["merge", "main"], { cwd: FOLDER, env: { PATH: pathOf(sandbox) } });
  expect(merged.status).toBe(1);
  expect(merged.stderr).toContain(`mlv does not run here, merging as text: ${POINTER}\n`);
  expect(merged.stdout).toContain("CONFLICT (content)");
  const pointer = fs.readFileSync(sandbox.at(FOLDER, POINTER), "utf8");
  expect(pointer).toMatch(/<<<<<<< ours\n {2}"sha256": "\w+",\n=======\n {2}"sha256": "\w+",\n>>>>>>> theirs\n/);
  sandbox.mlv(FOLDER, ["resolve", "--theirs", TARGET]);
  expect(fs.readFileSync(sandbox.at(FOLDER, POINTER), "utf8")).toBe(git("show", `main:${POINTER}`).stdout);
});

test("in a criss-cross history without mlv the common ancestors are merged as text too", () => {
  const { git, record } = makeProject();
  git("checkout", "-q", "-b", "other", "HEAD~1");
  record("id,v\n1,other\n", "other");
  git("checkout", "-q", "-b", "a", "main");
  git("merge", "-q", "-s", "ours", "-m", "a", "other");
  git("checkout", "-q", "-b", "b", "other");
  git("merge", "-q", "-s", "ours", "-m", "b", "main");
  const merged = git("merge", "--no-edit", "a");
  expect([merged.status, merged.stderr.match(/mlv does not run here/g)]).toEqual([1, expect.objectContaining({ length: 2 })]);
  expect(merged.stdout).toContain("CONFLICT (content)");
});

test("an install over one of an earlier mlv replaces its drivers, and --remove takes either out", () => {
  const { sandbox } = makeProject("--diff-driver");
  const keys = (): string => sandbox.exec("git", ["config", "--get-regexp", "mlv"], { cwd: FOLDER }).stdout;
  const own = keys();
  const older = (): void => {
    sandbox.git(FOLDER, "config", "diff.mlv.textconv", "mlv textconv");
    sandbox.git(FOLDER, "config", "diff.mlv.command", "mlv diff-driver");
    sandbox.git(FOLDER, "config", "merge.mlv.driver", "mlv merge-driver %O %A %B %P");
    sandbox.git(FOLDER, "config", "merge.mlv-ancestor.driver", "mlv merge-driver --ancestor %O %A %B %P");
  };
  older();
  const again = sandbox.mlv(FOLDER, ["install", "--no-hooks", "--diff-driver"]);
  expect(again.stdout).toBe("set diff.mlv.textconv\nset diff.mlv.command\nset merge.mlv.driver\nset merge.mlv-ancestor.driver\n");
  expect(keys()).toBe(own);
  sandbox.mlv(FOLDER, ["install", "--remove"]);
  expect(keys()).toBe("");
  older();
  sandbox.mlv(FOLDER, ["install", "--remove"]);
  expect(keys()).toBe("");
});

test("the installed drivers call mlv where it is in PATH", () => {
  const { sandbox } = makeProject();
  fs.mkdirSync(sandbox.at("bin"));
  fs.writeFileSync(sandbox.at("bin/mlv"), `#!/bin/sh\nexec '${findNode()}' '${findProgram()}' "$@"\n`, { mode: 0o755 });
  const env = { PATH: `${sandbox.at("bin")}:${pathWithoutMlv()}` };
  expect(sandbox.exec("git", ["blame", "-s", POINTER], { cwd: FOLDER, env }).stdout).toContain("rows: 2");
});
