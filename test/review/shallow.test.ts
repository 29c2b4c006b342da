import * as fs from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { makeSandbox, type Sandbox } from "../cli/sealed.ts";

interface Log {
  readonly isShallow: boolean;
  readonly versions: readonly { readonly action: string; readonly subject: string }[];
}

interface Report {
  readonly commits: readonly {
    readonly subject: string;
    readonly changes: readonly { readonly target: string; readonly action: string }[];
  }[];
  readonly diffs: readonly { readonly commit: string }[];
  readonly gaps: readonly { readonly part: string; readonly reason: string }[];
  readonly targets: readonly { readonly target: string; readonly sizes: readonly { readonly isEdge?: boolean }[] }[];
}

const TOLD = "this clone is shallow, `git fetch --unshallow` brings its history";

/** Makes a history of four commits that changed data, and clones of its last one and its last two. */
function makeClones(): Sandbox {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { "a.csv": "id\n1\n", "set/one": "1" } });
  box.mlv("project", ["add", "a.csv", "set"]);
  box.commit("project", "first");
  fs.writeFileSync(box.at("project/a.csv"), "id\n1\n2\n");
  box.mlv("project", ["add", "-u"]);
  box.commit("project", "second");
  fs.writeFileSync(box.at("project/gone.csv"), "id\n3\n");
  box.mlv("project", ["add", "gone.csv"]);
  box.commit("project", "third");
  box.mlv("project", ["remove", "gone.csv", "--delete"]);
  fs.writeFileSync(box.at("project/set/two"), "2");
  fs.mkdirSync(box.at("project/b"));
  fs.writeFileSync(box.at("project/b/image.bin"), "0123456789".repeat(100));
  box.mlv("project", ["add", "-u"]);
  box.mlv("project", ["add", "b"]);
  box.commit("project", "fourth");
  box.mlv("project", ["push", "--all-commits"]);
  for (const depth of ["1", "2"]) box.git("", "clone", "-q", "--depth", depth, `file://${box.at("project")}`, `depth${depth}`);
  return box;
}

describe("a shallow clone", () => {
  let box: Sandbox;
  beforeAll(() => {
    box = makeClones();
  });
  const log = (clone: string, ...args: readonly string[]): Log => JSON.parse(box.mlv(clone, ["log", "--json", ...args]).stdout) as Log;

  test("does not say of what was there when its history begins that it was added, and says how to get the rest", () => {
    expect(log("depth1", "a.csv")).toMatchObject({ isShallow: true, versions: [{ subject: "fourth", action: "present" }] });
    const { stdout } = box.mlv("depth1", ["log", "a.csv"]);
    expect(stdout).toContain("    there already, ");
    expect(stdout).toContain(`… whether there are older versions is not known: ${TOLD}`);
    expect(stdout).not.toContain("added");
    expect(log("depth2", "set")).toMatchObject({
      isShallow: true,
      versions: [{ action: "changed" }, { subject: "third", action: "present" }],
    });
  });

  test("says of a file inside a folder when it came, as far as that is known", () => {
    box.mlv("depth2", ["pull"]);
    expect(log("depth2", "set/two")).toMatchObject({ isShallow: false, versions: [{ subject: "fourth", action: "added" }] });
    expect(log("depth2", "set/one")).toMatchObject({ isShallow: true, versions: [{ subject: "third", action: "present" }] });
  });

  test("says of what came later that it was added, and nothing of older versions", () => {
    expect(log("depth2", "b")).toMatchObject({ isShallow: false, versions: [{ subject: "fourth", action: "added" }] });
    expect(box.mlv("depth2", ["log", "b"]).stdout).not.toContain("shallow");
    expect(log("depth2", "a.csv", "--limit", "1").isShallow).toBe(true);
    expect(log("depth2", "set", "--limit", "1").isShallow).toBe(false);
  });

  test("reports that its history is cut, and compares nothing with what it lacks", () => {
    const report = JSON.parse(box.mlv("depth1", ["report", "--json"]).stdout) as Report;
    expect(report.commits).toMatchObject([{ subject: "fourth" }]);
    expect(new Set(report.commits[0]?.changes.map(({ action }) => action))).toEqual(new Set(["present"]));
    expect(report.diffs).toEqual([]);
    expect(report.gaps).toEqual([{ part: "commits", reason: `what was before is not known: ${TOLD}` }]);
    expect(report.targets.map(({ sizes }) => sizes.map(({ isEdge }) => isEdge))).toEqual([[true], [true], [true]]);
    expect(box.mlv("depth1", ["report", "-o", "page.html"]).stdout).toContain("git fetch --unshallow");
    const page = fs.readFileSync(box.at("depth1/page.html"), "utf8");
    expect(page).toContain("there already");
    expect(page).not.toContain(">added<");
    const longer = JSON.parse(box.mlv("depth2", ["report", "--json"]).stdout) as Report;
    expect(longer.commits[0]?.changes.map(({ target, action }) => `${target} ${action}`)).toEqual([
      "b added",
      "gone.csv deleted",
      "set changed",
    ]);
    expect(longer.diffs).toHaveLength(1);
  });

  test("does not name its first commit as the one that changed what the remote lacks, or that brought a version", () => {
    expect(box.mlv("depth1", ["show", "a.csv"]).stdout).toMatch(/fourth \(or an older one: this clone is shallow/);
    expect(box.mlv("depth2", ["show", "b"]).stdout).not.toContain("shallow");
    fs.rmSync(box.at("storage/recipes"), { recursive: true });
    const { stderr } = box.mlv("depth1", ["fetch", "a.csv"], 3);
    expect(stderr).toContain("hint: run `mlv push` where the data were added\n");
  });

  test("says where a name that it does not know may be found", () => {
    expect(box.mlv("depth1", ["log", "gone.csv"], 1).stderr).toContain("`git fetch --unshallow` brings older history");
    expect(box.mlv("project", ["log", "nothing"], 1).stderr).not.toContain("shallow");
  });

  test("has the whole history once what is said was typed", () => {
    box.git("depth1", "fetch", "--quiet", "--unshallow");
    expect(log("depth1", "a.csv")).toMatchObject({ isShallow: false, versions: [{ action: "changed" }, { action: "added" }] });
    expect(box.mlv("depth1", ["report", "--json"]).stdout).not.toContain("shallow");
  });
});
