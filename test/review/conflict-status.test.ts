import * as fs from "node:fs";
import { expect, test } from "vitest";
import { makeInstalled, type Installed } from "./installed.ts";

/** Merges `other` into main, where both changed the targets; main's edits are not pushed. */
function makeConflict(): Installed {
  const project = makeInstalled("--no-hooks");
  const { sandbox, git, write, record } = project;
  write("d/a", "1");
  write("t.csv", "1");
  write("gone.csv", "1");
  record("d", "t.csv", "gone.csv");
  git("checkout", "-q", "-b", "other");
  write("d/a", "theirs");
  write("t.csv", "theirs");
  record("d", "t.csv");
  sandbox.mlv("r", ["remove", "-q", "--delete", "gone.csv"]);
  record();
  git("checkout", "-q", "main");
  sandbox.mlv("r", ["checkout", "-q"]);
  write("d/a", "ours");
  write("t.csv", "ours");
  write("gone.csv", "ours");
  record("d", "t.csv", "gone.csv");
  expect(git("merge", "-q", "other").status).toBe(1);
  return project;
}

test("status names the pointers in conflict and what to type, and push comes after that", () => {
  const { sandbox, git } = makeConflict();
  const status = (): string => sandbox.mlv("r", ["status"]).stdout;
  expect(status()).toBe(
    [
      "d: in conflict",
      "    → mlv resolve --ours d (or --theirs, --union), git add d.mlv",
      "gone.csv: in conflict: their side deleted it",
      "    → mlv resolve --ours gone.csv, git add gone.csv.mlv (or git rm gone.csv.mlv)",
      "t.csv: in conflict",
      "    → mlv resolve --ours t.csv (or --theirs), git add t.csv.mlv",
      "not pushed to origin: d, gone.csv, t.csv",
      "Next: mlv resolve --ours d (or --theirs, --union), then git add d.mlv (and the same for 2 others in conflict)",
      "",
    ].join("\n"),
  );
  expect(JSON.parse(sandbox.mlv("r", ["status", "--json", "gone.csv", "t.csv"]).stdout)).toMatchObject({
    targets: [
      { target: "gone.csv", isConflicted: true, deletedBy: "theirs" },
      { target: "t.csv", isConflicted: true },
    ],
  });
  sandbox.mlv("r", ["resolve", "-q", "--ours"]);
  git("add", "-A");
  git("commit", "-q", "--no-edit");
  expect(status()).toBe("3 targets clean.\nnot pushed to origin: d, gone.csv, t.csv\nNext: mlv push\n");
});

test("status calls a pointer with conflict markers in conflict, not broken, and says how to settle it", () => {
  const { sandbox } = makeConflict();
  for (const key of ["driver", "recursive"]) sandbox.git("r", "config", "--unset", `merge.mlv.${key}`);
  sandbox.git("r", "reset", "-q", "--hard");
  sandbox.git("r", "config", "merge.mlv.driver", "git merge-file -q %A %O %B");
  expect(sandbox.exec("git", ["merge", "-q", "other"], { cwd: "r" }).status).toBe(1);
  const { status, stdout } = sandbox.run(["status", "t.csv"], { cwd: "r" });
  expect([status, stdout]).toEqual([
    15,
    [
      "t.csv: in conflict",
      "    the pointer `t.csv.mlv` holds merge conflict markers",
      "    → mlv resolve --ours t.csv (or --theirs; --union for a folder), git add t.csv.mlv",
      "Next: mlv resolve --ours t.csv (or --theirs; --union for a folder), then git add t.csv.mlv",
      "",
    ].join("\n"),
  ]);
});

test("resolve --union without a path unites the folders and names the files that stay in conflict", () => {
  const { sandbox, git } = makeConflict();
  const pointers = (): string[] => ["d", "gone.csv", "t.csv"].map((name) => fs.readFileSync(sandbox.at("r", `${name}.mlv`), "utf8"));
  const before = pointers();
  const { status, stdout, stderr } = sandbox.run(["resolve", "--union", "--theirs"], { cwd: "r" });
  expect([status, stdout]).toEqual([3, "resolved d (1 file, 6 B; 1 file that both sides changed)\nNext: git add d.mlv\n"]);
  expect(stderr).toBe(
    [
      "still in conflict: gone.csv, which is no folder on both sides; `mlv status` says what to type\n",
      "still in conflict: t.csv, which is no folder on both sides; `mlv status` says what to type\n",
    ].join(""),
  );
  expect(pointers()).toEqual([git("show", "other:d.mlv").stdout, ...before.slice(1)]);
  expect(sandbox.mlv("r", ["ls"]).stdout).toMatch(/^1 file +6 B +d\/$/m);
});

test("resolve that cannot settle one of the targets writes none of them", () => {
  const { sandbox } = makeConflict();
  const before = fs.readFileSync(sandbox.at("r/d.mlv"));
  const refused = sandbox.run(["resolve", "--theirs"], { cwd: "r" });
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("their side deleted `gone.csv`")]);
  expect(fs.readFileSync(sandbox.at("r/d.mlv"))).toEqual(before);
  sandbox.mlv("r", ["resolve", "-q", "--theirs", "d", "t.csv"]);
});
