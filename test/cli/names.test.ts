import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { findNode, findProgram } from "./program.ts";
import { makeSandbox, makeTree, readTree, type RunResult } from "./sealed.ts";

const NAMES = [
  "with space.txt",
  " leading and trailing ",
  "ünïcødé-日本語-🙂.txt",
  "e\u0301 and \u00e9",
  `quotes ' " and \`.txt`,
  "-rf",
  "--help",
  "#hash",
  "!bang",
  "star*[a]?.txt",
  "$HOME;&|<>",
  "%41",
  "UPPER",
  "a.b.c",
  "..dots..",
];

describe("names", () => {
  test("with spaces stand in hints so that the shell takes them, from the folder that one is in", () => {
    const box = makeSandbox();
    const folder = "my proj é/raw data";
    box.makeRepository("my proj é", { remote: "st ore", tree: { "raw data/été 1.csv": "1\n", "raw data/so me/x": "x\n" } });
    fs.mkdirSync(box.at("bin"));
    fs.writeFileSync(box.at("bin/mlv"), `#!/bin/sh\nexec '${findNode()}' '${findProgram()}' "$@"\n`, { mode: 0o755 });
    const type = (command: string): RunResult =>
      box.exec("sh", ["-c", command], { cwd: folder, env: { PATH: `${box.at("bin")}:${box.env["PATH"] ?? ""}` } });
    const typeHint = (said: string, pattern: RegExp): void => {
      const command = pattern.exec(said)?.[1];
      expect([said, command]).toEqual([said, expect.any(String)]);
      expect([command, type(command ?? "")]).toEqual([command, expect.objectContaining({ status: 0 })]);
    };
    typeHint(type("mlv pull 'été 1.csv'").stderr, /hint: track it with `(.+)`/);
    typeHint(type("mlv add 'so me/x' && mlv add 'so me'").stderr, /\(`(mlv remove .+)`\)/);
    fs.writeFileSync(box.at(folder, "été 1.csv"), "2\n");
    typeHint(type("mlv status").stdout, /→ (mlv add .+)$/m);
    fs.rmSync(box.at(folder, "été 1.csv"));
    typeHint(type("mlv add -u").stdout, /`(mlv checkout .+)` brings/);
    typeHint(type("mlv add 'été 1.csv.mlv'").stderr, /`(mlv add .+)`$/m);
  });

  test("that are awkward travel inside a folder and come back as they were", () => {
    const box = makeSandbox();
    box.makeRepository("project", { remote: "storage" });
    for (const [index, name] of NAMES.entries()) {
      makeTree(box.at("project"), { [`data/${name}`]: `file ${index}\n`, [`data/folder ${index}/${name}/x`]: "inner\n" });
    }
    box.mlv("project", ["add", "data"]);
    box.commit("project", "names");
    box.mlv("project", ["push"]);
    box.clone("project", "clone");
    box.mlv("clone", ["pull"]);
    expect(readTree(box.at("clone/data"))).toEqual(readTree(box.at("project/data")));
    expect(box.mlv("clone", ["status"]).stdout).toBe("1 target clean.\n");
    expect(box.git("clone", "status", "--short")).toBe("");
  });

  test("that are awkward are targets like others, and Git ignores each of them", () => {
    const box = makeSandbox();
    box.makeRepository("project", { remote: "storage" });
    for (const name of NAMES) makeTree(box.at("project"), { [`t/${name}`]: `${name}\n` });
    box.mlv("project", ["add", "--", ...NAMES.map((name) => `t/${name}`)]);
    expect(box.git("project", "status", "--short", "--untracked-files=all", "-z").split("\0").filter(Boolean).sort()).toEqual(
      ["?? t/.gitignore", ...NAMES.map((name) => `?? t/${name}.mlv`)].sort(),
    );
    box.commit("project", "names");
    box.mlv("project", ["push"]);
    box.clone("project", "clone");
    box.mlv("clone", ["pull"]);
    expect(readTree(box.at("clone/t"))).toEqual(readTree(box.at("project/t")));
    expect(box.git("clone", "status", "--short")).toBe("");
  });

  test("with a leading dash are paths behind `--`, and the next step is shown so that a shell takes it", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "-n": "x\n", "it's here": "y\n" } });
    expect(box.transcript("project", "mlv add -- -n")).toMatchInlineSnapshot(`
      "$ mlv add -- -n
      added -n (2 B)
      Next: git add './-n.mlv' .gitignore"
    `);
    expect(box.run(["add", "it's here"], { cwd: "project" })).toMatchInlineSnapshot(`
      {
        "status": 0,
        "stderr": "",
        "stdout": "added it's here (2 B)
      Next: git add .gitignore 'it'\\''s here.mlv'
      ",
      }
    `);
  });

  test("with a line break or a control character are refused by name, and nothing is written", () => {
    const box = makeSandbox();
    box.makeRepository("project");
    const before = readTree(box.at("project"), [".git"]);
    for (const name of ["two\nlines", "bell\u0007", "esc\u001b[31m"]) {
      makeTree(box.at("project"), { [`data/${name}`]: "x\n" });
      const inside = box.run(["add", "data"], { cwd: "project" });
      const direct = box.run(["add", `data/${name}`], { cwd: "project" });
      expect(inside).toMatchObject({ status: 1, stdout: "" });
      expect(direct).toMatchObject({ status: 1, stdout: "" });
      // eslint-disable-next-line no-control-regex
      expect(inside.stderr + direct.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
      expect(inside.stderr).toContain(name.slice(0, 3));
      fs.rmSync(box.at("project/data"), { recursive: true });
    }
    expect(readTree(box.at("project"), [".git"])).toEqual(before);
  });

  test("that are no UTF-8 are refused with their bytes shown", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "data/good": "x\n" } });
    fs.writeFileSync(Buffer.concat([Buffer.from(box.at("project/data/caf")), Buffer.from([0xe9])]), "x\n");
    expect(box.transcript("project", "mlv add data", "mlv status")).toMatchInlineSnapshot(`
      "$ mlv add data
      ! error: the file name \`<sandbox>/project/data/caf\\xe9\` is not valid UTF-8
      ! hint: rename the file (\`convmv\` turns whole trees), or list it in .mlvignore
      [exit 1]
      $ mlv status
      Nothing is tracked yet.
      Next: mlv add PATH"
    `);
    fs.writeFileSync(box.at("project/.mlvignore"), "caf*\n");
    expect(box.transcript("project", "mlv add data", "mlv status")).toMatchInlineSnapshot(`
      "$ mlv add data
      added data (1 file, 2 B)
      Next: git add .gitignore data.mlv
      $ mlv status
      data: pointer not in Git yet
          → git add .gitignore data.mlv"
    `);
  });
});
