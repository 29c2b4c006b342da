import * as fs from "node:fs";
import { expect, test } from "vitest";
import { makeSandbox, type Sandbox } from "./sealed.ts";

function makePushed(): Sandbox {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { "a.txt": "a\n" } });
  box.mlv("project", ["add", "a.txt"]);
  box.commit("project", "first");
  box.mlv("project", ["push"]);
  return box;
}

test("verify with nothing here to be looked at says that, not that all is well", () => {
  const box = makePushed();
  box.clone("project", "clone");
  const verify = (): string => box.mlv("clone", ["verify"]).stdout;
  expect(verify()).toContain("Nothing is here to be looked at; `mlv pull` brings what is tracked.\n");
  expect(verify()).not.toContain("Everything is as it should be");
  box.mlv("clone", ["pull"]);
  expect(verify()).toContain("Everything is as it should be.\n");
});

test("doctor warns of a remote without a store, which a push would make in the wrong place", () => {
  const box = makePushed();
  const doctor = (): string => box.mlv("project", ["doctor"]).stdout;
  expect(doctor()).toMatch(/^ok +`origin` is reachable$/m);
  fs.renameSync(box.at("storage"), box.at("away"));
  expect(doctor()).toMatch(
    /^warning +`origin` has no store at file:\/\/.*\/storage yet\n +hint: `mlv push` makes it; where others have pushed, see/m,
  );
});

test("doctor finds hooks that stand in a file of somebody else's", () => {
  const box = makePushed();
  fs.mkdirSync(box.at("project/.githooks"));
  for (const name of ["post-checkout", "post-merge", "pre-push", "pre-commit"])
    fs.writeFileSync(box.at("project/.githooks", name), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  box.git("project", "config", "core.hooksPath", ".githooks");
  expect(box.mlv("project", ["doctor"]).stdout).toContain("not installed: post-checkout, post-merge, pre-push, pre-commit");
  expect(box.mlv("project", ["install"]).stdout).toContain("mlv's lines in");
  expect(box.mlv("project", ["doctor"]).stdout).toContain("all hooks are installed");
});

test("a revision that a shallow clone lacks comes with the command that brings the history", () => {
  const box = makePushed();
  box.commit("project", "second");
  box.git("", "clone", "-q", "--depth", "1", `file://${box.at("project")}`, "shallow");
  const command = /`(git fetch --unshallow --tags)`/.exec(box.run(["diff", "HEAD~1"], { cwd: "shallow" }).stderr)?.[1];
  box.git("shallow", ...(command ?? "").split(" ").slice(1));
  box.mlv("shallow", ["diff", "HEAD~1"]);
  expect(box.run(["diff", "nowhere"], { cwd: "shallow" }).stderr).toContain("`git fetch --tags` brings");
});

test("status says pull, which works, for data that are gone from the workspace and the cache", () => {
  const box = makePushed();
  fs.rmSync(box.at("project/a.txt"));
  expect(box.mlv("project", ["status"]).stdout).toContain("    → mlv checkout a.txt\n");
  fs.rmSync(box.at("project/.git/mlv/packs"), { recursive: true });
  expect(box.mlv("project", ["status"]).stdout).toContain("    → mlv pull a.txt\n");
  box.mlv("project", ["pull", "a.txt"]);
  expect(fs.readFileSync(box.at("project/a.txt"), "utf8")).toBe("a\n");
});

test("gc refuses a time of grace without a remote, which would count for nothing", () => {
  const box = makePushed();
  expect(box.mlv("project", ["gc", "--grace", "3d"], 2).stderr).toContain("`--grace` needs `--remote NAME`");
});

test("doctor tells of drivers that an earlier mlv installed, and its hint renews them and nothing else", () => {
  const box = makePushed();
  const config = (): string => box.exec("git", ["config", "--get-regexp", "mlv"], { cwd: "project" }).stdout;
  box.mlv("project", ["install", "--no-hooks", "--diff-driver"]);
  const own = config();
  expect(box.mlv("project", ["doctor"]).stdout).not.toContain("earlier mlv");
  box.git("project", "config", "diff.mlv.textconv", "mlv textconv");
  box.git("project", "config", "diff.mlv.command", "mlv diff-driver");
  const [, options = ""] = /an earlier mlv set diff\.mlv\.textconv, diff\.mlv\.command\n +hint: `mlv install (.*)` renews them/.exec(
    box.mlv("project", ["doctor"]).stdout,
  ) ?? [""];
  box.mlv("project", ["install", ...options.split(" ")]);
  expect(config()).toBe(own);
  expect(box.mlv("project", ["doctor"]).stdout).not.toContain("earlier mlv");
});

test("status says what to type for a pointer that Git does not have, from where one is, and that is all it takes", () => {
  const box = makeSandbox();
  box.makeRepository("project", { tree: { "data/a b.txt": "a" } });
  box.mlv("project", ["add", "data/a b.txt"]);
  const told = /→ (git add .*)/.exec(box.mlv("project/data", ["status"]).stdout)?.[1];
  expect(told).toBe("git add .gitignore 'a b.txt.mlv'");
  expect(JSON.parse(box.mlv("project", ["status", "--json"]).stdout)).toMatchObject({
    targets: [{ isUntracked: true, toStage: ["data/.gitignore", "data/a b.txt.mlv"] }],
  });
  expect(box.exec("sh", ["-c", told ?? ""], { cwd: "project/data" }).status).toBe(0);
  box.git("project", "commit", "-q", "-m", "data");
  expect(box.git("project", "status", "--porcelain")).toBe("");
  expect(box.mlv("project", ["status"]).stdout).not.toContain("git add");
});

test("gc, resolve and verify --repair change nothing with --dry-run, and gc does not take it together with --yes", () => {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { "a.txt": "1", "b.txt": "1" } });
  box.mlv("project", ["add", "a.txt", "b.txt"]);
  box.commit("project", "base");
  box.mlv("project", ["push"]);
  box.git("project", "checkout", "-q", "-b", "other");
  fs.writeFileSync(box.at("project/a.txt"), "theirs");
  box.mlv("project", ["add", "-u"]);
  box.commit("project", "theirs");
  box.git("project", "checkout", "-q", "main");
  box.mlv("project", ["checkout"]);
  fs.writeFileSync(box.at("project/a.txt"), "ours");
  box.mlv("project", ["add", "-u"]);
  box.commit("project", "ours");
  expect(box.exec("git", ["merge", "-q", "other"], { cwd: "project" }).status).toBe(1);
  const before = fs.readFileSync(box.at("project/a.txt.mlv"));
  expect(box.mlv("project", ["resolve", "--theirs", "-n"]).stdout).toBe("would resolve a.txt (6 B)\n");
  expect(JSON.parse(box.mlv("project", ["resolve", "--theirs", "--dry-run", "--json"]).stdout)).toMatchObject({ dryRun: true });
  expect(fs.readFileSync(box.at("project/a.txt.mlv"))).toEqual(before);
  box.mlv("project", ["resolve", "--theirs"]);
  box.commit("project", "merge");
  box.mlv("project", ["checkout"]);

  fs.writeFileSync(box.at("project/lost.txt"), "nobody names me");
  box.mlv("project", ["add", "lost.txt"]);
  box.mlv("project", ["remove", "--delete", "lost.txt"]);
  const listed = box.mlv("project", ["gc", "--force", "--dry-run"]).stdout;
  expect(listed).toContain("would free 1 object");
  expect(box.mlv("project", ["gc", "--force"]).stdout).toBe(listed);
  expect(box.mlv("project", ["gc", "--yes", "-n"], 2).stderr).toContain("`--yes` deletes, and `--dry-run` does not");
  expect(box.mlv("project", ["gc", "--force", "--yes"]).stdout).toContain("freed 1 object");

  fs.rmSync(box.at("project/b.txt"));
  expect(box.run(["verify", "--workspace", "--repair", "--dry-run"], { cwd: "project" }).stdout).toBe(
    box.run(["verify", "--workspace"], { cwd: "project" }).stdout,
  );
});
