import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { makeSandbox, makeTree, noise, readTree, type Sandbox } from "./sealed.ts";

const TREE = {
  "data/big.bin": noise("big", 300_000),
  "data/small.txt": "small\n",
  "data/tool": { exec: noise("tool", 200_000) },
  "model.bin": noise("model", 400_000),
};

/** Makes a pushed repository and a clone of it that links in the given way, pulled. */
function makeClone(link: string): Sandbox {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: TREE });
  box.mlv("project", ["add", "data", "model.bin"]);
  box.commit("project", "first");
  box.mlv("project", ["push"]);
  box.clone("project", "clone");
  fs.mkdirSync(box.at("clone/.git/mlv"), { recursive: true });
  fs.writeFileSync(box.at("clone/.git/mlv/local.yaml"), `link: ${link}\n`, { mode: 0o600 });
  box.mlv("clone", ["pull"]);
  return box;
}

/** Returns paths and content hashes, symlinks followed: what a program that reads the data sees. */
function contents(box: Sandbox, project: string): (string | undefined)[][] {
  const files = ["data/big.bin", "data/small.txt", "data/tool", "model.bin"].filter((file) => fs.existsSync(box.at(project, file)));
  return files.map((file) => [file, readTree(fs.realpathSync(box.at(project, file)))[0]?.sha256]);
}

describe.each(["auto", "copy", "hardlink", "symlink"])("checkout by %s", (link) => {
  test("gives the content, is clean, survives going back and forth, and comes back after a deletion", () => {
    const box = makeClone(link);
    expect(contents(box, "clone")).toEqual(contents(box, "project"));
    expect(fs.statSync(box.at("clone/data/tool")).mode & 0o100).toBe(0o100);
    expect(box.mlv("clone", ["status"]).stdout).toBe("2 targets clean.\n");
    expect(box.mlv("clone", ["pull"]).stdout).toBe("2 targets up to date.\n");
    expect(box.mlv("clone", ["add", "-u"]).stdout).toBe("unchanged data\nunchanged model.bin\n");
    expect(box.git("clone", "status", "--short")).toBe("");

    const first = contents(box, "clone");
    for (const file of ["data/big.bin", "model.bin"]) {
      fs.rmSync(box.at("clone", file));
      fs.writeFileSync(box.at("clone", file), noise(`second ${file}`, 310_000));
    }
    box.mlv("clone", ["add", "-u"]);
    const second = contents(box, "clone");
    box.commit("clone", "second");
    box.git("clone", "checkout", "--quiet", "HEAD~1");
    expect(box.transcript("clone", "mlv status")).toContain("data: out of date\n");
    box.mlv("clone", ["checkout"]);
    expect(contents(box, "clone")).toEqual(first);
    box.git("clone", "checkout", "--quiet", "main");
    box.mlv("clone", ["checkout"]);
    expect(contents(box, "clone")).toEqual(second);
    fs.rmSync(box.at("clone/data"), { recursive: true });
    fs.rmSync(box.at("clone/model.bin"));
    box.mlv("clone", ["checkout"]);
    expect(contents(box, "clone")).toEqual(second);
    box.mlv("clone", ["push"]);
  });

  test("finds its files again when the index is lost", () => {
    const box = makeClone(link);
    fs.rmSync(box.at("clone/.git/mlv/index"), { recursive: true });
    expect(box.mlv("clone", ["status"]).stdout).toBe("2 targets clean.\n");
    box.mlv("clone", ["pull"]);
    expect(box.mlv("clone", ["add", "-u"]).stdout).toBe("unchanged data\nunchanged model.bin\n");
  });
});

describe("a workspace that shares bytes with the cache", () => {
  test.each(["hardlink", "symlink"])(
    "is read-only by %s, and an edit forced in place is noticed, not pulled or pushed as the old content",
    (link) => {
      const box = makeClone(link);
      const file = box.at("clone/model.bin");
      expect(fs.statSync(file).mode & 0o222).toBe(0);
      fs.chmodSync(file, 0o644);
      fs.appendFileSync(file, "edited in place\n");
      expect(box.transcript("clone", "mlv status")).toContain("modified:   model.bin");
      // The cached copy of the old version went with it; the remote has a good one.
      fs.rmSync(file);
      const pulled = box.run(["pull"], { cwd: "clone" });
      expect(pulled.status).toBe(0);
      expect(pulled.stderr).toContain("the cached copy of `model.bin` was damaged; fetching it again");
      expect(contents(box, "clone")).toEqual(contents(box, "project"));
    },
  );

  test("by symlink leaves other symlinks refused", () => {
    const box = makeClone("symlink");
    makeTree(box.at("clone"), { "data/other": { link: "../mlv.yaml" } });
    expect(box.run(["add", "data"], { cwd: "clone" })).toMatchObject({ status: 1 });
  });

  test("by clones alone says so where the file system has none, and how to go on", () => {
    const box = makeClone("auto");
    fs.rmSync(box.at("clone/model.bin"));
    fs.writeFileSync(box.at("clone/.git/mlv/local.yaml"), "link: reflink\n", { mode: 0o600 });
    const result = box.run(["checkout"], { cwd: "clone" });
    // Where the scratch folder can clone, the checkout just works.
    if (result.status === 0) expect(contents(box, "clone")).toEqual(contents(box, "project"));
    else expect(result).toMatchObject({ status: 1, stderr: expect.stringContaining("mlv config set --local link auto") as string });
  });
});
