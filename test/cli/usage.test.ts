import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { makeSandbox, makeTree } from "./sealed.ts";

describe("usage", () => {
  test("a mistyped command, option or argument exits 2 and says what was meant", () => {
    const box = makeSandbox();
    box.makeRepository("project");
    expect(
      box.transcript(
        "project",
        "mlv pusj",
        "mlv xyzzy",
        "mlv status --exit-cod",
        "mlv mv a b",
        "mlv add",
        "mlv -j 0 status",
        "mlv remote",
        "mlv remote addd",
        "mlv remote add origin",
        "mlv init too many",
        "mlv -C nowhere status",
      ),
    ).toMatchInlineSnapshot(`
      "$ mlv pusj
      ! error: \`pusj\` is no mlv command
      ! hint: did you mean \`mlv push\`?
      [exit 2]
      $ mlv xyzzy
      ! error: \`xyzzy\` is no mlv command
      ! hint: \`mlv --help\` lists the commands
      [exit 2]
      $ mlv status --exit-cod
      ! error: \`mlv status\`: unknown option '--exit-cod'
      ! hint: did you mean \`--exit-code\`?
      [exit 2]
      $ mlv mv a b
      ! error: \`mv\` is no mlv command
      ! hint: did you mean \`mlv move\`?
      [exit 2]
      $ mlv add
      ! error: \`mlv add\` needs a path
      ! hint: \`mlv add -u\` records edits of everything that is tracked
      [exit 2]
      $ mlv -j 0 status
      ! error: \`-j\` takes a whole number from 1 to 256, not \`0\`
      [exit 2]
      $ mlv remote
      ! error: \`mlv remote\` needs a sub-command
      ! hint: \`mlv help remote\` lists them
      [exit 2]
      $ mlv remote addd
      ! error: \`mlv remote\`: unknown command 'addd'
      ! hint: did you mean \`add\`?
      [exit 2]
      $ mlv remote add origin
      ! error: \`mlv remote\`: missing required argument 'url'
      ! hint: \`mlv help remote\` shows its options and examples
      [exit 2]
      $ mlv init too many
      ! error: \`mlv init\`: too many arguments. Expected 0 arguments but got 2: too, many.
      ! hint: \`mlv help init\` shows its options and examples
      [exit 2]
      $ mlv -C nowhere status
      ! error: the folder \`<sandbox>/project/nowhere\` does not exist
      ! caused by: realpath \`<sandbox>/project/nowhere\`: no such file or directory (ENOENT)
      [exit 1]"
    `);
  });

  test("without a default remote push and pull say how to add one", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "a.txt": "a\n" } });
    box.mlv("project", ["add", "a.txt"]);
    expect(box.transcript("project", "mlv push", "mlv push -r nowhere", "mlv status")).toMatchInlineSnapshot(`
      "$ mlv push
      ! error: there is no remote yet
      ! hint: add one: \`mlv remote add origin s3://bucket/prefix\`, or a folder: \`mlv remote add origin /mnt/share/data\`
      [exit 1]
      $ mlv push -r nowhere
      ! error: there is no remote \`nowhere\`
      ! hint: add it: \`mlv remote add nowhere URL\`
      [exit 1]
      $ mlv status
      a.txt: pointer not in Git yet
          → git add .gitignore a.txt.mlv"
    `);
  });

  test("init twice is harmless", () => {
    const box = makeSandbox();
    box.makeRepository("project");
    fs.appendFileSync(box.at("project/mlv.yaml"), "# mine\n");
    expect(box.transcript("project", "mlv init", "git diff --stat")).toMatchInlineSnapshot(`
      "$ mlv init
      mlv is set up here already.
      $ git diff --stat
       mlv.yaml | 1 +
       1 file changed, 1 insertion(+)"
    `);
  });

  test("help and version go to stdout and exit 0", () => {
    const box = makeSandbox();
    for (const args of [["--help"], ["help", "add"], ["add", "--help"], ["--version"], ["-V"]]) {
      const result = box.run(args);
      expect(result).toMatchObject({ status: 0, stderr: "" });
      expect(result.stdout).not.toBe("");
    }
    expect(box.run(["--version"]).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("--json", () => {
  test("gives one document of known shape on stdout and nothing on stderr", () => {
    const box = makeSandbox();
    box.makeRepository("project", { remote: "storage", tree: { "data/a.txt": "a\n", "data/b.txt": "b\n" } });
    const documents = [["add", "data"], ["status"], ["push"], ["pull"], ["checkout"], ["fetch"], ["remote", "list"]].map((args) => {
      const result = box.run([...args, "--json"], { cwd: "project" });
      expect(result).toMatchObject({ status: 0, stderr: "" });
      expect(result.stdout.trimEnd().split("\n")).toHaveLength(1);
      return JSON.parse(box.tidy(result.stdout)) as unknown;
    });
    expect(documents).toMatchSnapshot();
  });

  test("shows a status with changes exactly", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "data/a.txt": "a\n", "data/b.txt": "b\n" } });
    box.mlv("project", ["add", "data"]);
    makeTree(box.at("project"), { "data/a.txt": "changed\n", "data/new": "n\n" });
    fs.renameSync(box.at("project/data/b.txt"), box.at("project/data/c.txt"));
    const result = box.run(["status", "--json"], { cwd: "project" });
    expect(JSON.parse(result.stdout)).toMatchSnapshot();
  });

  test("gives an error as one object on stderr, with its code and exit status", () => {
    const box = makeSandbox();
    box.makeRepository("project");
    const result = box.run(["pull", "nowhere", "--json"], { cwd: "project" });
    expect(result).toMatchObject({ status: 1, stdout: "" });
    expect(JSON.parse(result.stderr)).toMatchInlineSnapshot(`
      {
        "error": {
          "causes": [],
          "code": "target-not-found",
          "details": {
            "path": "nowhere",
          },
          "exitStatus": 1,
          "hint": "\`mlv ls\` lists what is tracked",
          "kind": "user",
          "message": "\`nowhere\` is no tracked target, nor inside one",
        },
        "mlv": 1,
      }
    `);
    expect(JSON.parse(box.tidy(box.run(["status", "--json"]).stderr))).toMatchInlineSnapshot(`
      {
        "error": {
          "causes": [],
          "code": "not-a-repository",
          "details": {
            "path": "<sandbox>",
          },
          "exitStatus": 10,
          "hint": "change into a Git repository, or make one here: \`git init\`",
          "kind": "user",
          "message": "\`<sandbox>\` is not inside a Git repository",
        },
        "mlv": 1,
      }
    `);
  });

  test("--quiet prints nothing on success", () => {
    const box = makeSandbox();
    box.makeRepository("project", { remote: "storage", tree: { "a.txt": "a\n" } });
    for (const args of [["add", "a.txt"], ["status"], ["push"], ["pull"]]) {
      expect(box.run([...args, "--quiet"], { cwd: "project" })).toEqual({ status: 0, stdout: "", stderr: "" });
    }
  });
});
