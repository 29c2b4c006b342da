import { spawnSync } from "node:child_process";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { COMMANDS, findCommand, suggest } from "../../src/cli/command-table.ts";
import { commands } from "../../src/cli/commands/all.ts";
import { findNode, findProgram } from "../cli/program.ts";
import { readPage, listPages, readSources, ROOT } from "./pages.ts";

const shown = COMMANDS.filter((command) => command.isHidden !== true);

describe("every command", () => {
  let program = "";
  beforeAll(() => {
    program = findProgram();
  });

  test("in the table has a module, and every module is in the table", () => {
    expect(Object.keys(commands).sort()).toEqual(COMMANDS.map((command) => command.name).sort());
  });

  test("has at least one example, each of this command and with a word on what it does", async () => {
    for (const command of shown) {
      const { examples } = await command.load();
      expect([command.name, examples.length > 0]).toEqual([command.name, true]);
      for (const [line, what] of examples) {
        expect([command.name, line]).toEqual([command.name, expect.stringMatching(new RegExp(`\\bmlv ${command.name}\\b`))]);
        expect([line, what.trim()]).toEqual([line, expect.stringMatching(/.{3}/)]);
      }
    }
  });

  test("is in `mlv help` with its summary", () => {
    const { stdout, status } = spawnSync(findNode(), [program, "help"], { encoding: "utf8" });
    expect(status).toBe(0);
    for (const command of shown) expect(stdout).toMatch(new RegExp(`^  ${command.name} +${escapeRegExp(command.summary)}$`, "m"));
    expect(stdout).not.toContain("__complete");
  });

  test("has a section in docs/commands.md, in the order of the help", () => {
    expect([...readPage("docs/commands.md").matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(
      shown.map((command) => command.name),
    );
  });

  test("has the options and examples in docs/commands.md that its help has", () => {
    const { stderr, status } = spawnSync(findNode(), [path.join(ROOT, "scripts", "docs-commands.js"), "--check"], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  test("that a page or a message names to be typed is there", () => {
    const pages = ["README.md", ...listPages("docs")].map((file) => ({ file, text: readPage(file) }));
    const named = [...pages, ...readSources("src")].flatMap(({ file, text }) =>
      [...text.matchAll(/`mlv ([a-z][a-z_-]*)/g)].map(([, name = ""]) => ({ file, name })),
    );
    // Sentences that are template literals, and what a hash table is grown from, begin with mlv's name too.
    const sentences = ["does", "failed", "gear", "knows"];
    const names = new Set(["help", ...sentences, ...COMMANDS.map(({ name }) => name)]);
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter(({ name }) => !names.has(name))).toEqual([]);
  });

  test("is run by a test, as the program or as the operation behind it", () => {
    const tests = readSources("test").map(({ text }) => text);
    const isTested = ({ name }: { readonly name: string }): boolean => {
      const operations = [...readPage(`src/cli/commands/${name}.ts`).matchAll(/"..\/..\/(ops\/[a-z-]+\.ts)"/g)].map(
        (match) => match[1] ?? "",
      );
      const isRun = new RegExp(`["'\`](?:mlv )?${name}["'\` ]`);
      return tests.some((text) => isRun.test(text) || operations.some((operation) => text.includes(`/src/${operation}"`)));
    };
    expect(shown.filter((command) => !isTested(command)).map(({ name }) => name)).toEqual([]);
  });

  test("is offered by the completion scripts of every shell", () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout, status } = spawnSync(findNode(), [program, "completion", shell], { encoding: "utf8" });
      expect(status).toBe(0);
      const missing = shown.filter(({ name }) => !new RegExp(`\\b${name}\\b`).test(stdout)).map(({ name }) => name);
      expect([shell, missing]).toEqual([shell, []]);
    }
  });

  test("is found by its name, and suggested for a slip of the finger", () => {
    for (const { name } of COMMANDS) expect(findCommand(name)?.name).toBe(name);
    expect(["stauts", "pusj", "chekcout", "comp", "verfy"].map(suggest)).toEqual(["status", "push", "checkout", "completion", "verify"]);
    expect(suggest("frobnicate")).toBeUndefined();
    expect(suggest("__complet")).toBeUndefined();
  });
});

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
