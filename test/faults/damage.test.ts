import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { flipByte, listFiles, makeSandbox, noise, readTree, type Sandbox } from "../cli/sealed.ts";

const TREE = {
  "data/big.bin": noise("big", 400_000),
  "data/small.txt": "some small file, many times over\n".repeat(20),
  "data/other.txt": "another small file\n",
  "model.bin": noise("model", 9 * 1024 * 1024),
};

function makePushed(): Sandbox {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: TREE });
  box.mlv("project", ["add", "data", "model.bin"]);
  box.commit("project", "first");
  box.mlv("project", ["push"]);
  return box;
}

function makeClone(box: Sandbox): void {
  box.clone("project", "clone");
  box.mlv("clone", ["pull"]);
}

function dropWorkspace(box: Sandbox, project: string): void {
  fs.rmSync(box.at(project, "data"), { recursive: true, force: true });
  fs.rmSync(box.at(project, "model.bin"), { force: true });
}

function expectSame(box: Sandbox, left: string, right: string): void {
  expect(readTree(box.at(left, "data"))).toEqual(readTree(box.at(right, "data")));
  expect(readTree(box.at(left, "model.bin"))).toEqual(readTree(box.at(right, "model.bin")));
}

/** Turns a bit over in every blob of a kind; returns their names. */
function flipAll(box: Sandbox, folder: string, options: { readonly keepTimes?: boolean; readonly at?: number } = {}): string[] {
  const files = listFiles(box.at(folder));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) flipByte(box.at(folder, file), options);
  return files;
}

describe.each([{ keepTimes: false }, { keepTimes: true }])("a byte flipped in the cache (times kept: $keepTimes)", (options) => {
  test.each([
    ["objects", {}],
    // The first bytes of a pack are a small file's; its middle may be a list's.
    ["packs", { at: 3 }],
    ["packs", {}],
  ])("in %s is noticed by checkout, which writes no wrong byte, and mended by pull from the remote", (kind, where) => {
    const box = makePushed();
    makeClone(box);
    flipAll(box, `clone/.git/mlv/${kind}`, { ...options, ...where });
    dropWorkspace(box, "clone");
    const checkedOut = box.run(["checkout"], { cwd: "clone" });
    // A damaged list of files is fetched again, as a missing one is; a damaged file is pull's to mend.
    if (kind === "packs") expect([0, 14]).toContain(checkedOut.status);
    else expect(checkedOut.status).toBe(14);
    expect(checkedOut.stderr).toMatch(/model\.bin|data/);
    for (const entry of readTree(box.at("clone/data"))) {
      if (entry.kind === "file") expect(readTree(box.at("project/data"))).toContainEqual(entry);
    }
    const pulled = box.run(["pull"], { cwd: "clone" });
    expect(pulled.status).toBe(0);
    expect(checkedOut.stderr + pulled.stderr).toContain("warning");
    expectSame(box, "clone", "project");
    expect(box.run(["pull"], { cwd: "clone" })).toMatchObject({ status: 0, stderr: "" });
  });

  test("is named by push, which sends nothing wrong", () => {
    for (const kind of ["objects", "packs"]) {
      const box = makePushed();
      fs.rmSync(box.at("storage"), { recursive: true });
      flipAll(box, `project/.git/mlv/${kind}`, { ...options, ...(kind === "packs" ? { at: 3 } : {}) });
      dropWorkspace(box, "project");
      const pushed = box.run(["push"], { cwd: "project" });
      expect(pushed.status).toBe(14);
      expect(pushed.stderr).toMatch(/data|model\.bin/);
      box.clone("project", "clone");
      expect(box.run(["pull"], { cwd: "clone" }).status).not.toBe(0);
      expect(listFiles(box.at("clone")).filter((file) => file.startsWith("data/") || file === "model.bin")).toEqual([]);
    }
  });

  test("is mended by push and checkout where the workspace still has the bytes", () => {
    const box = makePushed();
    fs.rmSync(box.at("storage"), { recursive: true });
    flipAll(box, "project/.git/mlv/objects", options);
    flipAll(box, "project/.git/mlv/packs", options);
    const pushed = box.run(["push"], { cwd: "project" });
    expect({ status: pushed.status, stderr: pushed.stderr }).toEqual({ status: 0, stderr: expect.stringContaining("warning") as string });
    makeClone(box);
    expectSame(box, "clone", "project");
  });
});

describe("a byte flipped on the remote", () => {
  test.each(["objects", "packs", "bodies", "recipes"])(
    "in %s is noticed by pull, which names it, exits 14 and writes no wrong byte",
    (kind) => {
      const box = makePushed();
      const names = flipAll(box, `storage/${kind}`, { keepTimes: true });
      box.clone("project", "clone");
      const result = box.run(["pull"], { cwd: "clone" });
      expect(kind === "recipes" ? [14, 15] : [14]).toContain(result.status);
      expect(names.some((name) => result.stderr.includes(name.slice(-64))) || /data|model\.bin/.test(result.stderr)).toBe(true);
      const files = readTree(box.at("clone"), [".git"]).filter((entry) => entry.path.startsWith("data/") || entry.path === "model.bin");
      for (const entry of files) expect(readTree(box.at("project"), [".git"])).toContainEqual(entry);
      expect(listFiles(box.at("clone/.git/mlv")).filter((file) => file.startsWith("objects/")).length).toBeLessThanOrEqual(1);
    },
  );

  test.each(["bodies", "recipes"])("in %s is repaired by a plain push", (kind) => {
    const box = makePushed();
    flipAll(box, `storage/${kind}`);
    // Another machine that has the data and no memory of the remote.
    fs.rmSync(box.at("project/.git/mlv/remotes"), { recursive: true });
    const pushed = box.run(["push"], { cwd: "project" });
    expect(pushed.status).toBe(0);
    expect(pushed.stderr).toContain("warning");
    makeClone(box);
    expectSame(box, "clone", "project");
  });

  test("is no matter to mlv.json that was lost: a push that has nothing to send writes it anew", () => {
    const box = makePushed();
    fs.rmSync(box.at("storage/mlv.json"));
    box.mlv("project", ["push", "--dry-run"]);
    expect(fs.existsSync(box.at("storage/mlv.json"))).toBe(false);
    box.mlv("project", ["push"]);
    expect(fs.readFileSync(box.at("storage/mlv.json"), "utf8")).toBe('{"mlv":1}\n');
    makeClone(box);
    expectSame(box, "clone", "project");
  });

  test("does no harm to a clone that has the data", () => {
    const box = makePushed();
    makeClone(box);
    for (const kind of ["objects", "packs", "bodies"]) flipAll(box, `storage/${kind}`);
    dropWorkspace(box, "clone");
    box.mlv("clone", ["pull"]);
    expectSame(box, "clone", "project");
  });
});
