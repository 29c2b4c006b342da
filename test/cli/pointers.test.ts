import * as fs from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { makeSandbox, makeTree, readTree, type Sandbox } from "./sealed.ts";

let box: Sandbox;
beforeEach(() => {
  box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { "data/a.txt": "a\n", "data/b.txt": "b\n", "good.txt": "good\n" } });
  box.mlv("project", ["add", "data", "good.txt"]);
  box.commit("project", "first");
  box.mlv("project", ["push"]);
});

function edit(change: (text: string) => string): void {
  const file = box.at("project/data.mlv");
  fs.writeFileSync(file, change(fs.readFileSync(file, "utf8")));
}

describe("a pointer that is no good", () => {
  test.each<[string, (text: string) => string]>([
    ["that is cut short", (text) => text.slice(0, 40)],
    ["that is empty", () => ""],
    ["of a future version", (text) => text.replace('"mlv": 1', '"mlv": 2')],
    ["with a key of a newer mlv", (text) => text.replace('"kind"', '"sparse": true,\n  "kind"')],
    ["in another layout", (text) => JSON.stringify(JSON.parse(text))],
    ["with an upper-case hash", (text) => text.replace(/[0-9a-f]{64}/, (hash) => hash.toUpperCase())],
  ])("%s is named by status and pull, and the workspace stays as it is", (_, change) => {
    edit(change);
    const before = readTree(box.at("project"), [".git"]);
    expect(box.transcript("project", "mlv status", "mlv pull", "mlv add -u", "mlv push data")).toMatchSnapshot();
    expect(readTree(box.at("project"), [".git"])).toEqual(before);
    expect(box.run(["pull", "good.txt"], { cwd: "project" }).status).toBe(0);
  });

  test("that Git left with conflict markers is said to be in conflict", () => {
    box.git("project", "checkout", "--quiet", "-b", "other");
    makeTree(box.at("project"), { "data/a.txt": "theirs\n" });
    box.mlv("project", ["add", "-u"]);
    box.commit("project", "theirs");
    box.git("project", "checkout", "--quiet", "main");
    box.mlv("project", ["checkout"]);
    makeTree(box.at("project"), { "data/a.txt": "ours\n" });
    box.mlv("project", ["add", "-u"]);
    box.commit("project", "ours");
    expect(box.exec("git", ["merge", "other"], { cwd: "project" }).status).toBe(1);
    const before = readTree(box.at("project"), [".git"]);
    expect(box.transcript("project", "mlv status", "mlv pull", "mlv checkout", "mlv add data")).toMatchInlineSnapshot(`
      "$ mlv status
      data: in conflict
          the pointer \`data.mlv\` holds merge conflict markers
          → mlv resolve --ours data (or --theirs; --union for a folder), git add data.mlv
      Next: mlv resolve --ours data (or --theirs; --union for a folder), then git add data.mlv
      [exit 15]
      $ mlv pull
      1 target up to date.
      ! error: the pointer \`data.mlv\` holds merge conflict markers
      ! hint: choose one side with \`mlv resolve --ours data.mlv\` or \`--theirs\`, then \`git add data.mlv\`
      !     left as it was: data
      [exit 15]
      $ mlv checkout
      1 target up to date.
      ! error: the pointer \`data.mlv\` holds merge conflict markers
      ! hint: choose one side with \`mlv resolve --ours data.mlv\` or \`--theirs\`, then \`git add data.mlv\`
      !     left as it was: data
      [exit 15]
      $ mlv add data
      ! error: the pointer \`data.mlv\` holds merge conflict markers
      ! hint: choose one side with \`mlv resolve --ours data.mlv\` or \`--theirs\`, then \`git add data.mlv\`
      [exit 15]"
    `);
    expect(readTree(box.at("project"), [".git"])).toEqual(before);
    box.git("project", "checkout", "--theirs", "data.mlv");
    box.git("project", "add", "data.mlv");
    box.mlv("project", ["checkout"]);
    expect(fs.readFileSync(box.at("project/data/a.txt"), "utf8")).toBe("theirs\n");
  });

  test("keeps no other target from being pulled or checked out", () => {
    box.clone("project", "clone");
    makeTree(box.at("project"), { "data/a.txt": "second\n", "good.txt": "better\n", "other.txt": "other\n" });
    box.mlv("project", ["add", "-u"]);
    box.mlv("project", ["add", "other.txt"]);
    box.commit("project", "second");
    box.mlv("project", ["push"]);
    box.mlv("clone", ["pull"]);
    box.git("clone", "pull", "-q");
    fs.writeFileSync(box.at("clone/data.mlv"), "<<<<<<< ours\n");
    const before = readTree(box.at("clone/data"));
    const { status, stdout, stderr } = box.run(["pull"], { cwd: "clone" });
    expect(status).toBe(15);
    expect(stdout).toContain("good.txt: wrote 1 file (7 B)\nother.txt: wrote 1 file (6 B)\n");
    expect(stderr).toBe(
      [
        "error: the pointer `data.mlv` holds merge conflict markers",
        "hint: choose one side with `mlv resolve --ours data.mlv` or `--theirs`, then `git add data.mlv`",
        "    left as it was: data",
        "",
      ].join("\n"),
    );
    expect(readTree(box.at("clone/data"))).toEqual(before);
    fs.rmSync(box.at("clone/good.txt"));
    const document = box.run(["checkout", "--force", "--json"], { cwd: "clone" });
    expect([document.status, document.stderr]).toEqual([15, ""]);
    expect(JSON.parse(document.stdout)).toMatchObject({
      targets: [
        { target: "good.txt", written: 1 },
        { target: "other.txt", written: 0 },
      ],
      unreadable: [{ target: "data", problem: { code: "pointer-conflicted", details: { path: "data.mlv" } } }],
    });
    // With nothing else to be done the problem is the command's own.
    expect(JSON.parse(box.run(["pull", "data", "--json"], { cwd: "clone" }).stderr)).toMatchObject({
      error: { code: "pointer-conflicted" },
    });
    box.git("clone", "checkout", "--", "data.mlv");
    box.mlv("clone", ["pull"]);
    expect(fs.readFileSync(box.at("clone/data/a.txt"), "utf8")).toBe("second\n");
  });

  test("that is a symlink or a FIFO is broken, not gone; deleted, it is written anew by add", () => {
    const file = box.at("project/data.mlv");
    const text = fs.readFileSync(file);
    fs.writeFileSync(box.at("elsewhere"), text);
    fs.rmSync(file);
    fs.symlinkSync(box.at("elsewhere"), file);
    expect(box.transcript("project", "mlv status", "mlv pull data")).toMatchInlineSnapshot(`
      "$ mlv status
      data: broken pointer
          the pointer \`data.mlv\` is a symlink
      [exit 15]
      $ mlv pull data
      ! error: the pointer \`data.mlv\` is a symlink
      [exit 15]"
    `);
    fs.rmSync(file);
    box.exec("mkfifo", [file]);
    expect(box.transcript("project", "mlv status", "mlv pull data")).toMatchInlineSnapshot(`
      "$ mlv status
      data: broken pointer
          the pointer \`data.mlv\` is not a regular file
      [exit 15]
      $ mlv pull data
      ! error: the pointer \`data.mlv\` is not a regular file
      [exit 15]"
    `);
    fs.rmSync(file);
    expect(box.mlv("project", ["add", "data"]).stdout).toContain("added data (2 files, 4 B)");
    expect(fs.readFileSync(file)).toEqual(text);
  });
});

describe("a target that cannot be", () => {
  test.each([
    ["outer/inner", "outer"],
    ["outer", "outer/inner"],
    ["outer/inner/x", "outer"],
    ["outer/*", "outer"],
  ])("%s and %s, one inside the other, are refused together before anything is recorded", (first, second) => {
    makeTree(box.at("project"), { "outer/inner/x": "x\n" });
    const before = readTree(box.at("project"), [".git"]);
    const result = box.run(["add", first, second], { cwd: "project" });
    const inner = first === "outer/inner/x" ? first : "outer/inner";
    expect(result).toEqual({
      status: 1,
      stdout: "",
      stderr: `error: \`outer\` and \`${inner}\` inside it cannot both be targets\nhint: \`mlv add outer\` tracks the folder with all that is in it; or leave it out, and name only what is to be tracked by itself\n`,
    });
    expect(readTree(box.at("project"), [".git"])).toEqual(before);
    expect(box.mlv("project", ["status", "--json"]).stdout).not.toContain("outer");
  });

  test("lies inside another, holds another, is tracked by Git, or is a pointer", () => {
    makeTree(box.at("project"), { "code/main.py": "print()\n", "code/model.bin": "m\n", "outer/inner/x": "x\n" });
    box.git("project", "add", "code/main.py");
    box.mlv("project", ["add", "outer/inner"]);
    expect(
      box.transcript(
        "project",
        "mlv add outer",
        "mlv add code",
        "mlv add code/main.py",
        "mlv add data.mlv",
        "mlv add nowhere",
        "mlv add .",
        "mlv add ..",
        "mlv add .git",
        "mlv add .git/config",
        "mlv add mlv.yaml",
        "mlv add .gitignore",
      ),
    ).toMatchInlineSnapshot(`
      "$ mlv add outer
      ! error: \`outer\` holds the target \`outer/inner\` already
      ! hint: stop tracking that first (\`mlv remove outer/inner\`), or add the other files one by one
      [exit 1]
      $ mlv add code
      ! error: Git tracks \`code/main.py\` inside \`code\` already
      ! hint: take it out of Git first: \`git rm -r --cached -- code\`
      [exit 1]
      $ mlv add code/main.py
      ! error: Git tracks \`code/main.py\` already
      ! hint: take it out of Git first: \`git rm -r --cached -- code/main.py\`
      [exit 1]
      $ mlv add data.mlv
      ! error: \`data.mlv\` is a pointer, which Git tracks
      ! hint: to record its data: \`mlv add data\`
      [exit 1]
      $ mlv add nowhere
      ! error: \`nowhere\` does not exist
      [exit 1]
      $ mlv add .
      ! error: the repository's root cannot be a target
      ! hint: name the files or folders in it that hold data
      [exit 1]
      $ mlv add ..
      ! error: \`..\` is outside the repository \`<sandbox>/project\`
      ! hint: run the command in the repository that holds it, or copy the data into this one
      [exit 1]
      $ mlv add .git
      ! error: cannot track \`.git\`: \`.git\` is a name that belongs to Git or mlv
      ! hint: name the files or folders that hold data; data of such a name must be renamed first
      [exit 1]
      $ mlv add .git/config
      ! error: cannot track \`.git/config\`: \`.git\` is a name that belongs to Git or mlv
      ! hint: name the files or folders that hold data; data of such a name must be renamed first
      [exit 1]
      $ mlv add mlv.yaml
      ! error: Git tracks \`mlv.yaml\` already
      ! hint: take it out of Git first: \`git rm -r --cached -- mlv.yaml\`
      [exit 1]
      $ mlv add .gitignore
      ! error: cannot track \`.gitignore\`: \`.gitignore\` is a name that belongs to Git or mlv
      ! hint: name the files or folders that hold data; data of such a name must be renamed first
      [exit 1]"
    `);
  });
});
