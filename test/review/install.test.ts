import * as fs from "node:fs";
import { expect, test } from "vitest";
import { findNode, findProgram } from "../cli/program.ts";
import { makeSandbox, type RunResult, type Sandbox } from "../cli/sealed.ts";

/** Makes a repository with mlv in PATH and installed; returns what runs Git there. */
function installed(...args: readonly string[]): { readonly sandbox: Sandbox; git(...words: readonly string[]): RunResult } {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  fs.mkdirSync(sandbox.at("bin"));
  fs.writeFileSync(sandbox.at("bin/mlv"), `#!/bin/sh\nexec '${findNode()}' '${findProgram()}' "$@"\n`, { mode: 0o755 });
  sandbox.mlv("r", ["install", ...args]);
  const env = { PATH: `${sandbox.at("bin")}:${sandbox.env["PATH"] ?? ""}` };
  return { sandbox, git: (...words) => sandbox.exec("git", words, { cwd: "r", env }) };
}

const write = (sandbox: Sandbox, file: string, content: string | Uint8Array): void => fs.writeFileSync(sandbox.at("r", file), content);

/** Records a table in two versions, on main and tagged v1. */
function twoVersions({ sandbox, git }: ReturnType<typeof installed>): void {
  write(sandbox, "t.csv", "id,v\n1,a\n2,b\n");
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  git("add", "-A");
  git("commit", "-q", "-m", "one");
  git("tag", "v1");
  write(sandbox, "t.csv", "id,v\n1,a\n2,c\n3,d\n");
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  git("commit", "-q", "-a", "-m", "two");
}

test("install is taken back without a trace and does nothing the second time", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  fs.mkdirSync(sandbox.at("r/.git/hooks"), { recursive: true });
  fs.writeFileSync(sandbox.at("r/.git/hooks/pre-push"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  fs.writeFileSync(sandbox.at("r/.gitattributes"), "*.png binary\n");
  const state = (): string[] => [
    fs.readFileSync(sandbox.at("r/.git/config"), "utf8"),
    fs.readFileSync(sandbox.at("r/.gitattributes"), "utf8"),
    ...fs.readdirSync(sandbox.at("r/.git/hooks")),
    fs.readFileSync(sandbox.at("r/.git/hooks/pre-push"), "utf8"),
  ];
  const before = state();
  expect(JSON.parse(sandbox.mlv("r", ["install", "--dry-run", "--json"]).stdout)).toMatchObject({ command: "install", dryRun: true });
  expect(state()).toEqual(before);
  expect(sandbox.mlv("r", ["install"]).stdout).toContain("Next: git add .gitattributes");
  expect(state()).not.toEqual(before);
  expect(sandbox.mlv("r", ["install"]).stdout).toBe("Everything is installed already.\n");
  sandbox.mlv("r", ["install", "--remove"]);
  // Git leaves the heading of an emptied section in its configuration.
  expect(state().slice(1)).toEqual(before.slice(1));
  expect(sandbox.git("r", "config", "--list")).not.toContain(".mlv.");
});

test("install leaves settings, attributes and an empty file of the user's own, names what it left, and its removal changes no byte of them", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  const config = sandbox.at("r/.git/config");
  const attributes = sandbox.at("r/.gitattributes");
  fs.appendFileSync(config, '[diff "mlv"]\n  textconv = "my own" # mine\n');
  for (const text of ["*.txt text", ".gitignore merge=union\n", ""]) {
    fs.writeFileSync(attributes, text);
    const before = [fs.readFileSync(config, "utf8"), text];
    const told = sandbox.mlv("r", ["install"]).stdout;
    expect(told).toContain("diff.mlv.textconv is your own and stays: my own\n");
    expect(sandbox.git("r", "check-attr", "merge", "a.mlv")).toBe("a.mlv: merge: mlv");
    sandbox.mlv("r", ["install", "--remove"]);
    expect([fs.readFileSync(config, "utf8"), fs.readFileSync(attributes, "utf8")]).toEqual(before);
  }
  fs.rmSync(attributes);
  sandbox.mlv("r", ["install"]);
  sandbox.mlv("r", ["install", "--remove"]);
  expect(fs.existsSync(attributes)).toBe(false);
});

test("git log -p shows pointers as text without the cache, and what is no pointer as it is", () => {
  const project = installed();
  twoVersions(project);
  fs.rmSync(project.sandbox.at("r/.git/mlv/packs"), { recursive: true, force: true });
  const log = project.git("log", "-p", "-1", "--format=").stdout;
  expect(log).toContain("-rows: 2\n+rows: 3\n");
  expect(log).toContain(" column: v:string\n");
  write(project.sandbox, "broken.mlv", "<<<<<<< ours\n");
  expect(project.sandbox.mlv("r", ["textconv", "broken.mlv"]).stdout).toBe("<<<<<<< ours\n");
});

test("git diff shows rows through the diff driver, and goes on at a broken pointer", () => {
  const project = installed("--diff-driver");
  twoVersions(project);
  expect(project.git("diff", "v1").stdout).toContain("1 added, 1 changed (key id, inferred)");
  write(project.sandbox, "t.csv", 'id,v\n1,"\0\0\0\n');
  project.sandbox.mlv("r", ["add", "-q", "t.csv"]);
  expect(project.git("diff").stdout).toContain("not compared: t.csv: `t.csv` cannot be read as delimited text");
  write(project.sandbox, "t.csv.mlv", "nonsense\n");
  const broken = project.git("diff");
  expect(broken.status).toBe(0);
  expect(broken.stdout).toContain("+nonsense");
});

test("git diff shows a renamed and edited table as renamed, with its rows, and names a pointer in conflict", () => {
  const project = installed("--diff-driver");
  const { sandbox, git } = project;
  twoVersions(project);
  git("mv", "t.csv.mlv", "u.csv.mlv");
  fs.rmSync(sandbox.at("r/t.csv"));
  write(sandbox, "u.csv", "id,v\n1,a\n2,c\n3,new\n");
  sandbox.mlv("r", ["add", "-q", "u.csv"]);
  sandbox.commit("r", "renamed");
  const renamed = git("diff", "HEAD~1", "--", "*.mlv").stdout;
  expect(renamed).toContain("renamed t.csv → u.csv");
  expect(renamed).toContain("changed (key id, inferred)");
  git("checkout", "-q", "-b", "other", "v1");
  write(sandbox, "t.csv", "id,v\n1,other\n");
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  sandbox.commit("r", "other");
  expect(git("merge", "-q", "main").status).not.toBe(0);
  const conflict = git("diff", "--cached");
  expect([conflict.status, conflict.stderr]).toEqual([0, ""]);
  expect(conflict.stdout).toContain("unmerged u.csv");
});

test("git checkout brings the data along from the cache, keeps edits, and never fails", () => {
  const project = installed();
  const { sandbox, git } = project;
  twoVersions(project);
  expect(git("checkout", "-q", "v1").status).toBe(0);
  expect(fs.readFileSync(sandbox.at("r/t.csv"), "utf8")).toBe("id,v\n1,a\n2,b\n");
  write(sandbox, "t.csv", "edited");
  const kept = git("checkout", "-q", "main");
  expect([kept.status, fs.readFileSync(sandbox.at("r/t.csv"), "utf8")]).toEqual([0, "edited"]);
  expect(kept.stderr).toContain("edited here");
  fs.rmSync(sandbox.at("r/t.csv"));
  fs.rmSync(sandbox.at("r/.git/mlv/packs"), { recursive: true });
  fs.rmSync(sandbox.at("r/.git/mlv/index"), { recursive: true });
  const missing = git("checkout", "-q", "v1");
  expect(missing.status).toBe(0);
  expect(missing.stderr).toContain("1 target not in the cache");
});

test("git push sends the data of the pushed commits first, and is blocked when it cannot", () => {
  const project = installed();
  const { sandbox, git } = project;
  twoVersions(project);
  sandbox.exec("git", ["init", "-q", "--bare", "bare.git"]);
  git("remote", "add", "up", sandbox.at("bare.git"));
  const pushed = git("push", "-q", "up", "v1");
  expect(pushed.stderr).toContain("1 version to origin");
  sandbox.clone("bare.git", "clone");
  sandbox.git("clone", "checkout", "-q", "v1");
  sandbox.mlv("clone", ["pull", "-q"]);
  expect(fs.readFileSync(sandbox.at("clone/t.csv"), "utf8")).toBe("id,v\n1,a\n2,b\n");
  fs.rmSync(sandbox.at("r/.git/mlv/packs"), { recursive: true });
  const blocked = git("push", "-q", "up", "main");
  expect(blocked.status).not.toBe(0);
  expect(blocked.stderr).toContain("cannot push `t.csv`");
  expect(sandbox.git("bare.git", "branch", "--list", "main")).toBe("");
});

test("git commit is warned of large files, edits and data that is not pushed, and goes on", () => {
  const project = installed();
  const { sandbox, git } = project;
  twoVersions(project);
  write(sandbox, "big.bin", Buffer.alloc(6 * 1024 * 1024));
  write(sandbox, "t.csv", "id,v\n");
  git("add", "big.bin");
  const committed = git("commit", "-q", "-m", "big");
  expect(committed.status).toBe(0);
  expect(committed.stderr).toContain("Git is about to take in big.bin (6.0 MiB)");
  expect(committed.stderr).toContain("edited since it was added (`mlv add -u` records it): t.csv");
  expect(committed.stderr).toContain("not pushed (`mlv push`): t.csv");
});

test("what git commit is warned of is named, and typed, from where git commit was typed", () => {
  const { sandbox, git } = installed();
  fs.mkdirSync(sandbox.at("r/data/s t"), { recursive: true });
  write(sandbox, "data/s t/big.bin", Buffer.alloc(6 * 1024 * 1024));
  write(sandbox, "data/t.csv", "id\n1\n");
  sandbox.mlv("r", ["add", "-q", "data/t.csv"]);
  write(sandbox, "data/t.csv", "id\n2\n");
  git("add", "-A");
  const env = { PATH: `${sandbox.at("bin")}:${sandbox.env["PATH"] ?? ""}` };
  const told = sandbox.exec("git", ["commit", "-q", "-m", "big"], { cwd: "r/data/s t", env }).stderr;
  expect(told).toContain("(`mlv add -u` records it): ../t.csv\n");
  const typed = /to track it with mlv: (.*)$/m.exec(told)?.[1] ?? "";
  expect(typed).toBe("git rm --cached -- big.bin && mlv add big.bin");
  expect(sandbox.exec("sh", ["-c", typed], { cwd: "r/data/s t", env }).status).toBe(0);
  expect(sandbox.run(["hook", "pre-commit"], { cwd: "r/data" }).stderr).toContain(": t.csv\n");
});

test("the pre-push hook of the pre-commit framework, which reads stdin itself, sends the data of the pushed commit", () => {
  const project = installed("--no-hooks");
  twoVersions(project);
  const env = { PRE_COMMIT_TO_REF: project.sandbox.git("r", "rev-parse", "v1") };
  const pushed = project.sandbox.run(["hook", "pre-push", "origin", "url"], { cwd: "r", env });
  expect([pushed.status, pushed.stderr.includes("1 version to origin")]).toEqual([0, true]);
  // Of a push that takes the first commit along it names the branch alone.
  const branch = { PRE_COMMIT: "1", PRE_COMMIT_LOCAL_BRANCH: "refs/heads/main" };
  const first = project.sandbox.run(["hook", "pre-push"], { cwd: "r", env: branch });
  expect([first.status, first.stderr.includes("1 version to origin")]).toEqual([0, true]);
});

test("git push sends the data of every commit that it sends, and only of those", () => {
  const project = installed();
  const { sandbox, git } = project;
  sandbox.git("", "init", "-q", "--bare", "upstream");
  git("remote", "add", "upstream", sandbox.at("upstream"));
  const edit = (text: string): void => {
    write(sandbox, "t.csv", `id,v\n1,${text}\n`);
    sandbox.mlv("r", ["add", "-q", "t.csv"]);
    sandbox.commit("r", text);
  };
  const data = (revision: string): RunResult => sandbox.run(["cat", `${revision}:t.csv`], { cwd: "clone" });
  for (const text of ["one", "two", "three"]) edit(text);
  expect(git("push", "upstream", "main").stderr).toContain("mlv: 3 versions to origin");
  edit("four");
  expect(git("push", "upstream", "main").stderr).toContain("mlv: 1 version to origin");
  edit("five");
  sandbox.git("r", "rm", "-q", "t.csv.mlv");
  sandbox.commit("r", "without data");
  expect(git("push", "upstream", "HEAD:refs/heads/gone").stderr).toContain("mlv: 1 version to origin");
  expect(git("push", "upstream", "HEAD:refs/heads/again").stderr).not.toContain("mlv:");
  sandbox.git("", "clone", "-q", "--branch", "gone", "upstream", "clone");
  expect(["HEAD~1", "HEAD~2", "HEAD~3", "HEAD~4", "HEAD~5"].map((revision) => data(revision).stdout)).toEqual(
    ["five", "four", "three", "two", "one"].map((text) => `id,v\n1,${text}\n`),
  );
});

test("git push goes on where the data of an earlier commit is nowhere, and stops where that of the last one is", () => {
  const { sandbox, git } = installed();
  sandbox.git("", "init", "-q", "--bare", "upstream");
  git("remote", "add", "upstream", sandbox.at("upstream"));
  write(sandbox, "t.csv", "id,v\n1,lost\n");
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  sandbox.commit("r", "one");
  for (const kind of ["objects", "packs"]) fs.rmSync(sandbox.at("r/.git/mlv", kind), { recursive: true, force: true });
  write(sandbox, "t.csv", "id,v\n1,here\n");
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  sandbox.commit("r", "two");
  const stopped = git("push", "upstream", "HEAD~1:refs/heads/old");
  expect([stopped.status, stopped.stderr.includes("cannot push `t.csv`")]).toEqual([1, true]);
  const pushed = git("push", "upstream", "main");
  expect([pushed.status, pushed.stderr.includes("mlv: 1 version to origin")]).toEqual([0, true]);
});

test("git merge and git pull bring the data along", () => {
  const project = installed();
  const { sandbox, git } = project;
  twoVersions(project);
  git("checkout", "-q", "-b", "old", "v1");
  const merged = git("merge", "-q", "main");
  expect([merged.status, fs.readFileSync(sandbox.at("r/t.csv"), "utf8")]).toEqual([0, "id,v\n1,a\n2,c\n3,d\n"]);
});
