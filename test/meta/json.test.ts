import * as fs from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { makeSandbox } from "../cli/sealed.ts";
import { COMMANDS } from "../../src/cli/command-table.ts";
import { findSection, readPage } from "./pages.ts";

/** Print something else than one document, or are for programs. */
const WITHOUT_DOCUMENT = new Set(["completion"]);
const page = readPage("docs/json.md");
const common = new Set(["mlv", "command", ...namesIn(findSection(page, "Pointers") ?? "")]);
const seen = new Map<string, object[]>();

/** Returns every word that a text sets in code. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/`([A-Za-z]\w*)`/g)].map((match) => match[1] ?? "");
}

/** Returns the names of all fields of a document, however deep; maps from users' names to values are left alone. */
function fieldsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "options" ? [key] : [key, ...fieldsOf(inner)]));
}

beforeAll(() => {
  const sandbox = makeSandbox();
  sandbox.git("", "init", "--quiet", "--initial-branch", "main", "project");
  const say = (args: readonly string[], status = 0): void => {
    const { stdout } = sandbox.mlv("project", [...args, "--json"], status);
    const document = JSON.parse(stdout) as { mlv: number; command: string };
    expect(document.mlv).toBe(1);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    seen.set(document.command, [...(seen.get(document.command) ?? []), document]);
  };
  const write = (file: string, content: string): void => fs.writeFileSync(sandbox.at("project", file), content);
  say(["init"]);
  say(["remote", "add", "origin", "../storage"]);
  say(["remote", "add", "other", "../other"]);
  fs.mkdirSync(sandbox.at("project", "images", "cats"), { recursive: true });
  write("train.csv", "id,label\n1,cat\n2,dog\n");
  write("images/a", "a\n");
  write("images/cats/b", "b\n");
  say(["add", "train.csv", "images"]);
  sandbox.commit("project", "first");
  say(["push"]);
  write("train.csv", "id,label\n1,cat\n2,bird\n3,dog\n");
  write("images/c", "c\n");
  say(["status"]);
  say(["diff"]);
  say(["checkout"], 3);
  say(["add", "-u"]);
  sandbox.commit("project", "second");
  say(["push"]);
  say(["diff", "HEAD~1", "HEAD"]);
  say(["log", "train.csv"]);
  say(["report", "--html"]);
  fs.rmSync(sandbox.at("project", "mlv-report.html"));
  say(["ls", "images"]);
  say(["show", "HEAD:train.csv"]);
  say(["cat", "train.csv"]);
  say(["fetch"]);
  say(["pull"]);
  say(["get", ".", "images", "-o", "../got"]);
  say(["verify"]);
  say(["verify", "--remote"]);
  say(["gc"]);
  say(["gc", "--remote", "origin"]);
  say(["config", "list"]);
  say(["config", "get", "link"]);
  say(["config", "set", "jobs", "2"]);
  say(["remote", "list"]);
  say(["remote", "check"]);
  say(["remote", "trust", "origin"]);
  say(["remote", "default", "origin"]);
  say(["remote", "remove", "other"]);
  say(["doctor"]);
  say(["resolve", "--ours"]);
  say(["install"]);
  say(["install", "--remove"]);
  say(["move", "train.csv", "moved.csv"]);
  say(["remove", "moved.csv", "--delete"]);
});

test("every command that has a result has a section", () => {
  const missing = COMMANDS.filter(({ name, isHidden }) => isHidden !== true && !WITHOUT_DOCUMENT.has(name))
    .map(({ name }) => name)
    .filter((name) => findSection(page, name) === undefined);
  expect(missing).toEqual([]);
});

test("every field that a command prints is in its section, in one that the section refers to, or among the pointers' fields", () => {
  expect(seen.size).toBeGreaterThan(25);
  const unknown: string[] = [];
  for (const [command, documents] of seen) {
    const section = findSection(page, command.split(" ")[0] ?? "") ?? "";
    const referred = [...section.matchAll(/\]\(#([a-z-]+)\)/g)].map((match) => findSection(page, match[1] ?? "") ?? "");
    const known = new Set([...common, ...namesIn(section), ...referred.flatMap(namesIn)]);
    for (const field of new Set(documents.flatMap(fieldsOf))) if (!known.has(field)) unknown.push(`${command}: ${field}`);
  }
  expect(unknown).toEqual([]);
});

test("an error is one object on stderr with the fields of its section, and stdout is empty", () => {
  const sandbox = makeSandbox();
  const { stdout, stderr, status } = sandbox.run(["ls", "--json"]);
  expect([stdout, status]).toEqual(["", 10]);
  const { error } = JSON.parse(stderr) as { error: { exitStatus: number } };
  const known = new Set(namesIn(findSection(page, "Errors") ?? ""));
  for (const field of ["code", "message", "exitStatus"]) expect(Object.keys(error)).toContain(field);
  expect(error.exitStatus).toBe(10);
  expect(Object.keys(error).filter((field) => !known.has(field))).toEqual([]);
});
