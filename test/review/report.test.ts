import * as fs from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { makeSandbox, type Sandbox } from "../cli/sealed.ts";

interface Change {
  readonly target: string;
  readonly action: string;
  readonly from?: string;
  readonly before?: { readonly size: number };
  readonly after?: { readonly size: number; readonly files?: number };
}

interface Report {
  readonly revision: { readonly commit: string };
  readonly totals: { readonly targets: number; readonly files: number; readonly sizeBytes: number };
  readonly targets: readonly { readonly target: string; readonly versions: number; readonly sizes: readonly { sizeBytes: number }[] }[];
  readonly growth: readonly { readonly commit: string; readonly targets: number; readonly sizeBytes: number }[];
  readonly commits: readonly { readonly commit: string; readonly subject: string; readonly changes: readonly Change[] }[];
  readonly diffs: readonly {
    readonly commit: string;
    readonly targets: readonly { readonly target: string; readonly omitted?: string; readonly files: readonly { path: string }[] }[];
    readonly contents: readonly { readonly path: string; readonly kind: string }[];
    readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
  }[];
  readonly gaps: readonly { readonly part: string }[];
  readonly unreadable: readonly { readonly target: string; readonly message: string }[];
}

const HOSTILE = "data/a|b`c`<script>alert(1)<\u2215script>\u202e.csv";

function write(sandbox: Sandbox, file: string, text: string): void {
  fs.mkdirSync(sandbox.at("project", file, ".."), { recursive: true });
  fs.writeFileSync(sandbox.at("project", file), text);
}

function readReport(sandbox: Sandbox, ...args: readonly string[]): Report {
  return JSON.parse(sandbox.mlv("project", ["report", "--json", ...args]).stdout) as Report;
}

/** Sizes: start 0; first 24 + 2; second 30 + 4; rename 30 + 4; merge of a side branch 30 + 4 + 9; deletion 4 + 9. */
function makeHistory(): Sandbox {
  const sandbox = makeSandbox();
  sandbox.makeRepository("project", { remote: "storage" });
  write(sandbox, "train.csv", "id,label\n1,cat\n2,dog\n3,x");
  write(sandbox, "images/a", "a\n");
  sandbox.mlv("project", ["add", "train.csv", "images"]);
  sandbox.commit("project", "first");
  write(sandbox, "train.csv", "id,label\n1,cat\n2,dog\n3,longer\n");
  write(sandbox, "images/b", "b\n");
  sandbox.mlv("project", ["add", "-u"]);
  sandbox.commit("project", "second");
  sandbox.mlv("project", ["move", "train.csv", "rows.csv"]);
  sandbox.commit("project", "rename");
  sandbox.git("project", "checkout", "--quiet", "-b", "side");
  write(sandbox, HOSTILE, "id\n12345\n");
  sandbox.mlv("project", ["add", HOSTILE]);
  sandbox.commit("project", "side <b>work</b> | `x` \u202e");
  sandbox.git("project", "checkout", "--quiet", "main");
  sandbox.git("project", "merge", "--quiet", "--no-ff", "--message", "merge", "side");
  sandbox.mlv("project", ["remove", "rows.csv", "--delete"]);
  sandbox.commit("project", "drop");
  return sandbox;
}

describe("a report", () => {
  let sandbox: Sandbox;
  beforeAll(() => {
    sandbox = makeHistory();
  });

  test("has the true size after each commit of the branch's own line, merges as what they brought", () => {
    const { growth, totals } = readReport(sandbox);
    expect(growth.map(({ targets, sizeBytes }) => [targets, sizeBytes])).toEqual([
      [2, 26],
      [2, 34],
      [2, 34],
      [3, 43],
      [2, 13],
    ]);
    expect(totals).toEqual({ targets: 2, files: 3, sizeBytes: 13 });
  });

  test("lists who changed what, a rename as one change and a merge not again", () => {
    const { commits } = readReport(sandbox);
    const seen = commits.map(({ subject, changes }) => [subject, changes.map(({ action, from, target }) => [action, from, target])]);
    expect(seen).toEqual([
      ["drop", [["deleted", undefined, "rows.csv"]]],
      ["side <b>work</b> | `x` \u202e", [["added", undefined, HOSTILE]]],
      ["rename", [["renamed", "train.csv", "rows.csv"]]],
      [
        "second",
        [
          ["changed", undefined, "images"],
          ["changed", undefined, "train.csv"],
        ],
      ],
      [
        "first",
        [
          ["added", undefined, "images"],
          ["added", undefined, "train.csv"],
        ],
      ],
    ]);
  });

  test("compares the rows and files of as many commits as are asked for", () => {
    const { diffs } = readReport(sandbox, "--diffs", "4");
    expect(diffs).toHaveLength(4);
    expect(diffs[3]?.targets.map(({ target, files }) => [target, files.map(({ path }) => path)])).toEqual([
      ["images", ["b"]],
      ["train.csv", []],
    ]);
    expect(diffs[3]?.contents.map(({ path, kind }) => [path, kind])).toEqual([["train.csv", "table"]]);
  });

  test("is about the given targets, revisions and commits alone, and says what it leaves out", () => {
    const some = readReport(sandbox, "images", "-n", "1");
    expect([some.totals.sizeBytes, some.commits.length, some.gaps.map(({ part }) => part)]).toEqual([4, 1, ["commits"]]);
    const since = readReport(sandbox, "--since", "HEAD~2", "--rev", "HEAD~1");
    expect(since.commits.map(({ subject }) => subject)).toEqual(["side <b>work</b> | `x` \u202e"]);
    expect(since.growth.map(({ sizeBytes }) => sizeBytes)).toEqual([43]);
    expect(sandbox.run(["report", "nothing"], { cwd: "project" }).stderr).toContain("`nothing` is no target");
    expect(sandbox.run(["report", "-n", "0"], { cwd: "project" }).status).toBe(2);
  });

  test("is one page without scripts that loads nothing, in which no name becomes markup or reorders text", () => {
    const { stdout } = sandbox.mlv("project", ["report", "-o", "-"]);
    expect(stdout).toContain("default-src 'none'; style-src 'sha256-");
    expect(stdout).not.toMatch(/<(?:script|img|link|iframe|b)[\s>]|\bsrc=|\bhref=|\bstyle=|url\(|@import|\bon\w+=/i);
    expect(stdout).not.toContain("\u202e");
    expect(stdout).toContain("data/a|b`c`&lt;script&gt;alert(1)&lt;\u2215script&gt;\\u202E.csv");
    expect(stdout).toContain("side &lt;b&gt;work&lt;/b&gt; | `x` \\u202E");
    expect(stdout).not.toMatch(/undefined|NaN|\[object/);
  });

  test("replaces an earlier report, another file only by force, and tracked data never", () => {
    const run = (...args: readonly string[]): number | undefined => sandbox.run(["report", ...args], { cwd: "project" }).status;
    expect([run(), run("--html")]).toEqual([0, 0]);
    expect(fs.readFileSync(sandbox.at("project", "mlv-report.html"), "utf8")).toMatch(/^<!doctype html>/);
    write(sandbox, "notes.html", "<p>mine</p>");
    expect(run("-o", "notes.html")).toBe(1);
    expect(fs.readFileSync(sandbox.at("project", "notes.html"), "utf8")).toBe("<p>mine</p>");
    expect(run("-o", "notes.html", "--force")).toBe(0);
    expect([run("-o", "images/r.html", "--force"), run("-o", "images.mlv", "--force")]).toEqual([2, 2]);
    fs.symlinkSync("images", sandbox.at("project", "link"));
    expect(run("-o", "link/r.html")).toBe(2);
    expect(fs.readdirSync(sandbox.at("project", "images")).sort()).toEqual(["a", "b"]);
    for (const name of ["link", "notes.html", "mlv-report.html"]) fs.rmSync(sandbox.at("project", name));
  });
});

test("a report fetches nothing unless told to, and names what is not in the cache", () => {
  const sandbox = makeHistory();
  sandbox.mlv("project", ["push", "--all-commits"]);
  sandbox.clone("project", "clone");
  const ask = (...args: readonly string[]): Report =>
    JSON.parse(sandbox.mlv("clone", ["report", "--json", "--diffs", "4", ...args]).stdout) as Report;
  const offline = ask().diffs[3];
  expect(offline?.leftOut).toEqual([{ path: "train.csv", count: 1, reason: "it is not in the cache, and nothing is fetched here" }]);
  expect(offline?.targets[0]?.omitted).toBe("it is not in the cache, and nothing is fetched here");
  expect(fs.existsSync(sandbox.at("clone", ".git", "mlv", "objects"))).toBe(false);
  const online = ask("--fetch-limit", "1MB").diffs[3];
  expect(online?.leftOut).toEqual([]);
  expect(online?.contents.map(({ path }) => path)).toEqual(["train.csv"]);
});

test("a report of a repository without data or with a broken pointer is a page all the same", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("project");
  expect(readReport(sandbox)).toMatchObject({ targets: [], growth: [], commits: [], diffs: [] });
  expect(sandbox.mlv("project", ["report", "-o", "-"]).stdout).toContain("<h1>Data report</h1>");
  write(sandbox, "x.csv.mlv", "<<<<<<< no pointer\n");
  sandbox.commit("project", "broken");
  expect(sandbox.mlv("project", ["report", "-o", "-"]).stdout).toContain("Broken pointer <code>x.csv</code>");
});

test("a pointer whose name mlv does not take is named by report and diff, in the commit that has it too, and is in no sum", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("project");
  write(sandbox, "x.csv", "id\n1\n");
  sandbox.mlv("project", ["add", "-q", "x.csv"]);
  sandbox.commit("project", "start");
  fs.copyFileSync(sandbox.at("project", "x.csv.mlv"), sandbox.at("project", "y\u0001\u202e.csv.mlv"));
  sandbox.commit("project", "hostile");
  const { totals, unreadable, commits, diffs, growth } = readReport(sandbox);
  const unsafe = "it holds a control character";
  expect(commits.map(({ subject, changes }) => [subject, changes])).toMatchObject([
    ["hostile", [{ target: "y\u0001\u202e.csv", action: "added", unsafe }]],
    ["start", [{ target: "x.csv", action: "added" }]],
  ]);
  expect([diffs[0]?.targets, diffs[0]?.leftOut]).toEqual([
    [],
    [{ path: "y\u0001\u202e.csv", count: 1, reason: `mlv does not take its name: ${unsafe}` }],
  ]);
  expect(growth.map(({ targets }) => targets)).toEqual([1]);
  expect(totals.targets).toBe(1);
  expect(unreadable).toEqual([{ target: "y\u0001\u202e.csv", message: "mlv does not take its name: it holds a control character" }]);
  const page = sandbox.mlv("project", ["report", "-o", "-"]).stdout;
  expect(page).toContain('<span class="name">y\\u0001\\u202E.csv</span>');
  // eslint-disable-next-line no-control-regex
  expect(page).not.toMatch(/[\u0001\u202e]/);
  const diffed = sandbox.run(["diff", "HEAD~1", "HEAD"], { cwd: "project" });
  expect(diffed.stderr.match(/it holds a control character/g)).toHaveLength(1);
  expect(sandbox.mlv("project", ["diff", "HEAD", "HEAD"]).stderr).toBe("");
  expect(sandbox.mlv("project", ["diff"]).stderr).toBe("");
});
