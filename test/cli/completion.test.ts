import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { findNode, findProgram } from "./program.ts";
import { makeSandbox, type Sandbox } from "./sealed.ts";

/** Names that a shell would run, split or expand if a script let it. */
const HOSTILE = ["data/$(touch PWNED).csv", "data/`touch PWNED`.csv", "data/* ;touch PWNED.csv"];
const TREE = { "data/train.csv": "a\n", "data/two words.csv": "b\n", "deep/er/x.csv": "c\n" };

let box: Sandbox;
let env: Record<string, string>;
beforeAll(() => {
  box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { ...TREE, ...Object.fromEntries(HOSTILE.map((name) => [name, name])) } });
  for (const name of [...Object.keys(TREE), ...HOSTILE]) box.mlv("project", ["add", name]);
  box.commit("project", "data");
  // As in a fresh clone, where only the pointers say what there is.
  fs.rmSync(box.at("project/data/train.csv"));
  fs.mkdirSync(box.at("bin"));
  fs.writeFileSync(box.at("bin/mlv"), `#!/bin/sh\nexec '${findNode()}' '${findProgram()}' "$@"\n`, { mode: 0o755 });
  env = { PATH: `${box.at("bin")}${path.delimiter}${box.env["PATH"] ?? ""}` };
  for (const shell of ["bash", "zsh", "fish"]) fs.writeFileSync(box.at(shell), box.run(["completion", shell]).stdout);
});

function has(shell: string): boolean {
  return spawnSync(shell, ["--version"], { stdio: "ignore" }).error === undefined;
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** Returns what bash offers for the last of the words. */
function inBash(words: readonly string[], cwd = "project"): string[] {
  const script = `source '${box.at("bash")}'
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mlv; ((\${#COMPREPLY[@]} == 0)) || printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = box.exec("bash", ["-c", script, "bash", "mlv", ...words], { cwd, env });
  expect(stderr).toBe("");
  return lines(stdout);
}

/** Returns what fish offers for a command line. */
function inFish(line: string, cwd = "project"): string[] {
  const { stdout, stderr } = box.exec("fish", ["-N", "-c", `source '${box.at("fish")}'; complete -C $argv[1]`, line], { cwd, env });
  expect(stderr).toBe("");
  return lines(stdout);
}

/** Types at a prompt of zsh, Tab at the end, and returns the command line that stands there then. */
function inZsh(typed: string): string {
  fs.copyFileSync(box.at("zsh"), box.at("bin/_mlv"));
  const script = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1='ready> '; RPS1= ; unsetopt zle_bracketed_paste; fpath=(${box.at("bin")} \\$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell "show() { print -r -- \\"<line>\\$BUFFER</line>\\"; zle .accept-line; }; zle -N show; bindkey '^X' show; print loaded-\\$((1+1))"
zpty -r -m shell seen '*loaded-2*'
zpty -w -n shell "$1"$'\\t\\x18'
zpty -r -m shell seen '*</line>*'
print -r -- "$seen"`;
  const { stdout } = box.exec("timeout", ["20", "zsh", "-f", "-c", script, "zsh", typed], {
    cwd: "project",
    env: { ...env, TERM: "xterm" },
  });
  return [...stdout.matchAll(/<line>(.*?)<\/line>/g)].map((match) => match[1] ?? "").at(-1) ?? `(nothing) ${stdout}`;
}

describe("bash", () => {
  test("completes commands, options, sub-commands, shells and remotes", () => {
    expect(inBash(["pu"])).toEqual(["push", "pull"]);
    expect(inBash(["help", "verif"])).toEqual(["verify"]);
    expect(inBash(["-C", "..", "stat"])).toEqual(["status"]);
    expect(inBash(["push", "--all-"])).toEqual(["--all-branches", "--all-tags", "--all-commits"]);
    expect(inBash(["remote", "tr"])).toEqual(["trust"]);
    expect(inBash(["completion", ""])).toEqual(["bash", "zsh", "fish"]);
    expect(inBash(["push", "-r", ""])).toEqual(["origin"]);
    expect(inBash(["remote", "check", "or"])).toEqual(["origin"]);
  });

  test("completes targets that are not on disk, and files, whatever their names", () => {
    expect(inBash(["pull", "data/tr"])).toEqual(["data/train.csv", "data/train.csv.mlv"]);
    expect(inBash(["pull", "data/two\\ w"])).toEqual(["data/two words.csv", "data/two words.csv.mlv"]);
    expect(inBash(["pull", ""])).toEqual(expect.arrayContaining(HOSTILE));
  });

  test("completes targets as the working directory sees them", () => {
    expect(inBash(["pull", "e"], "project/deep")).toEqual(["er", "er/x.csv"]);
    expect(inBash(["pull", "./e"], "project/deep")).toEqual(["./er", "./er/x.csv"]);
    expect(inBash(["pull", "../data/tra"], "project/deep")).toEqual(["../data/train.csv", "../data/train.csv.mlv"]);
  });

  test("runs nothing that a name holds", () => {
    for (const word of ["", "data/", "data/$", "data/`", "data/*"]) inBash(["pull", word]);
    expect(fs.existsSync(box.at("project/PWNED"))).toBe(false);
  });

  test("says nothing outside a repository", () => {
    expect(inBash(["pull", "data/"], "home")).toEqual([]);
  });
});

describe.skipIf(!has("zsh"))("zsh (where it is installed)", () => {
  test("completes commands, options, remotes and targets at its prompt", () => {
    expect(inZsh("mlv comple")).toBe("mlv completion ");
    expect(inZsh("mlv push --all-b")).toBe("mlv push --all-branches ");
    expect(inZsh("mlv remote tr")).toBe("mlv remote trust ");
    expect(inZsh("mlv push -r or")).toBe("mlv push -r origin ");
    expect(inZsh("mlv pull deep/er/x")).toMatch(/^mlv pull deep\/er\/x\.csv/);
  }, 60_000);

  test("runs nothing that a name holds, and quotes it", () => {
    expect(inZsh("mlv pull data/\\$")).toMatch(/^mlv pull data\/\\\$\\\(touch\\ PWNED\\\)\.csv/);
    expect(fs.existsSync(box.at("project/PWNED"))).toBe(false);
  }, 60_000);
});

describe.skipIf(!has("fish"))("fish (where it is installed)", () => {
  test("completes commands, options, sub-commands, remotes and targets", () => {
    expect(inFish("mlv compl")).toEqual(["completion\tprint a completion script for bash, zsh or fish"]);
    expect(inFish("mlv push --all-t")).toEqual(["--all-tags\tthe versions of every tag too"]);
    expect(inFish("mlv remote tru")).toEqual([expect.stringMatching(/^trust\t/)]);
    expect(inFish("mlv push --remote ")).toEqual(["origin\tanother remote than the default"]);
    expect(inFish("mlv remote check ")).toEqual(["origin"]);
    expect(inFish("mlv pull data/tra")).toEqual(["data/train.csv", "data/train.csv.mlv"]);
  });

  test("runs nothing that a name holds", () => {
    expect(inFish("mlv pull data/")).toEqual(expect.arrayContaining(HOSTILE));
    expect(fs.existsSync(box.at("project/PWNED"))).toBe(false);
  });
});

describe("the question behind the scripts", () => {
  test("is answered with names alone, and with nothing where there is no repository", () => {
    expect(box.run(["__complete", "targets", "deep"], { cwd: "project" })).toEqual({ status: 0, stdout: "deep/er/x.csv\n", stderr: "" });
    expect(box.run(["__complete", "remotes"], { cwd: "project" })).toEqual({ status: 0, stdout: "origin\n", stderr: "" });
    expect(box.run(["__complete", "targets"])).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("an unknown shell is a usage error", () => {
    expect(box.transcript("project", "mlv completion constructor")).toMatchInlineSnapshot(`
      "$ mlv completion constructor
      ! error: there is no completion for \`constructor\`
      ! hint: the shells are bash, zsh and fish
      [exit 2]"
    `);
  });
});
