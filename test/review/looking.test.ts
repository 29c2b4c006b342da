import * as fs from "node:fs";
import { expect, test } from "vitest";
import { makeSandbox, makeTree, type Sandbox } from "../cli/sealed.ts";

/** Makes four commits of a folder and a table: made, a file changed, a rename of the folder, a file deleted. */
function history(): Sandbox {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store", tree: { "data/img/1.png": "one", "data/img/2.png": "two", "data/t.csv": "id\n1\n" } });
  sandbox.mlv("r", ["add", "-q", "data/img", "data/t.csv"]);
  sandbox.commit("r", "made");
  sandbox.git("r", "tag", "v1");
  sandbox.mlv("r", ["push", "-q"]);
  makeTree(sandbox.at("r"), { "data/img/1.png": "changed" });
  sandbox.mlv("r", ["add", "-q", "-u"]);
  sandbox.commit("r", "changed");
  sandbox.mlv("r", ["move", "-q", "data/img", "data/pics"]);
  sandbox.commit("r", "renamed");
  fs.rmSync(sandbox.at("r/data/pics/2.png"));
  sandbox.mlv("r", ["add", "-q", "-u"]);
  sandbox.mlv("r", ["remove", "-q", "--delete", "data/t.csv"]);
  sandbox.commit("r", "deleted");
  return sandbox;
}

const said = (sandbox: Sandbox, ...args: string[]): string =>
  sandbox.mlv("r", args).stdout.replace(/[0-9a-f]{10} 2026-01-02 03:04/g, "<commit>");

test("log lists the versions of a folder that changed one of its files, through a rename of the folder", () => {
  const sandbox = history();
  expect(said(sandbox, "log", "data/pics/1.png")).toBe(
    "<commit> Ada: changed\n    changed, 7 B [cached, not known on origin]\n<commit> Ada: made\n    added, 3 B [cached, on origin]\n",
  );
  expect(said(sandbox, "log", "data/pics/2.png", "-n", "1")).toBe(
    "<commit> Ada: deleted\n    deleted\n… older versions are left out (`--limit`)\n",
  );
  expect(sandbox.mlv("r", ["log", "data/pics/none"], 1).stderr).toContain("is no tracked target");
  expect(said(sandbox, "log", "data/t.csv")).toBe(
    "<commit> Ada: deleted\n    deleted\n<commit> Ada: made\n    added, 5 B, 1 row [cached, on origin]\n",
  );
});

test("show explains a file of a folder beside its folder", () => {
  const shown = said(history(), "show", "v1:data/img/1.png");
  expect(shown).toMatch(/^file {8}data\/img\/1\.png\nits size {4}3 B/);
  expect(shown).toContain("kind        folder of 2 files\n");
});

test("what is typed the way Git reads it gets a hint with what to type", () => {
  const sandbox = history();
  expect(sandbox.mlv("r", ["diff", "v1", "data/t.csv"], 1).stderr).toContain("goes behind `--`: `mlv diff v1.0 -- data/old.csv`");
  expect(said(sandbox, "diff", "v1", "--", "data/t.csv")).toContain("deleted data/t.csv");
  expect(sandbox.mlv("r", ["ls", "v1:data/img"], 1).stderr).toContain("`mlv ls v1 data/img`");
  const base = sandbox.git("r", "rev-parse", "v1").slice(0, 10);
  expect(said(sandbox, "diff", "v1...HEAD", "--no-rows")).toContain(`${base} → HEAD: `);
});

test("diff without rows says which columns of a table came, went and have another type", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { tree: { "t.csv": "id,v,old\n1,1,x\n" } });
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  sandbox.commit("r", "made");
  makeTree(sandbox.at("r"), { "t.csv": "id,v,new\n1,one,x\n2,two,x\n" });
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  sandbox.commit("r", "changed");
  expect(sandbox.mlv("r", ["diff", "HEAD~1", "HEAD", "--no-rows"]).stdout).toContain(
    "    rows 1 → 2; columns added: new:string; columns dropped: old:string; type changed: v integer → string\n",
  );
});
