import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { formatDiffHtml } from "../../src/cli/diff-html.ts";
import { formatDiffMarkdown, formatFilesMarkdown } from "../../src/cli/diff-markdown.ts";
import { diffFiles } from "../../src/ops/diff-files.ts";
import { diff, type DiffResult } from "../../src/ops/diff.ts";
import { withWorkspace } from "../../src/ops/open-workspace.ts";
import { compareCommits } from "../../src/ops/report-diffs.ts";
import { report } from "../../src/ops/report.ts";
import { makeSandbox } from "../cli/sealed.ts";
import { cloneProject, createProject, freshFolder, type Project } from "../ops/project.ts";

function rowsOf(result: DiffResult, file: string): unknown {
  const content = result.contents.find(({ path: found }) => found === file);
  if (content?.kind !== "table") return content;
  const { added, removed, changed } = content.table.rows;
  return { key: content.table.key, added, removed, changed };
}

async function tableProject(): Promise<Project & { readonly remote: string }> {
  const project = await createProject();
  project.write("train.csv", `id,label\n${Array.from({ length: 50 }, (_, id) => `${id},a\n`).join("")}`);
  project.write("set/one.csv", "name,v\nx,1\ny,2\n");
  project.write("set/same.csv", "name,v\nx,1\n");
  await project.record("one", "train.csv", "set");
  await project.push();
  project.write("train.csv", `id,label\n${Array.from({ length: 50 }, (_, id) => `${id},${id === 7 ? "b" : "a"}\n`).join("")}50,c\n`);
  project.write("set/one.csv", "name,v\nx,1\ny,3\n");
  return project;
}

test("rows of changed tables are compared in targets and inside folders, in the work tree before they are recorded", async () => {
  const project = await tableProject();
  project.write("mlv.yaml", `${project.read("mlv.yaml")}keys:\n  set: name\n`);
  const result = await diff(project.context, { paths: [], contents: {} });
  expect(result.contents.map(({ path: file }) => file)).toEqual(["set/one.csv", "train.csv"]);
  expect(rowsOf(result, "train.csv")).toEqual({ key: { columns: ["id"], origin: "inferred" }, added: 1, removed: 0, changed: 1 });
  expect(rowsOf(result, "set/one.csv")).toEqual({ key: { columns: ["name"], origin: "given" }, added: 0, removed: 0, changed: 1 });
});

test("rows are compared through a rename, and a rename alone compares nothing", async () => {
  const project = await tableProject();
  await project.record("two", "train.csv", "set");
  const edited = project.read("train.csv").replace("9,a", "9,z");
  project.git("rm", "-q", "train.csv.mlv");
  project.git("mv", "set.mlv", "renamed-set.mlv");
  project.write("data/people.csv", edited);
  await project.record("three", "data/people.csv");
  const result = await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [], contents: {} });
  expect(result.targets.map(({ from, target }) => `${from ?? ""}>${target}`)).toEqual(["train.csv>data/people.csv", "set>renamed-set"]);
  expect(result.contents.map(({ path: file }) => file)).toEqual(["data/people.csv"]);
  expect(rowsOf(result, "data/people.csv")).toMatchObject({ added: 0, removed: 0, changed: 1 });
  expect(formatDiffMarkdown(result)).toContain("1 changed row");
  expect(formatDiffHtml(result)).toContain("1 changed row");
});

test("a clone without a cache fetches what the comparison needs and says what it left out", async () => {
  const project = await tableProject();
  await project.record("two", "train.csv", "set");
  await project.push();
  const clone = cloneProject(project);
  const limited = await diff(clone.context, { a: "HEAD~1", b: "HEAD", paths: [], contents: { fetchLimit: "100B" } });
  expect(limited.contents.map(({ path: file }) => file)).toEqual(["set/one.csv"]);
  expect(limited.leftOut).toMatchObject([{ path: "train.csv", count: 1 }]);
  expect(limited.leftOut[0]?.reason).toContain("--fetch-limit");
  const whole = await diff(clone.context, { a: "HEAD~1", b: "HEAD", paths: [], contents: {} });
  expect(rowsOf(whole, "train.csv")).toMatchObject({ added: 1, changed: 1 });
  expect(clone.exists("train.csv")).toBe(false);
});

test("content that is nowhere is left out with the reason", async () => {
  const project = await tableProject();
  await project.record("two", "train.csv", "set");
  const clone = cloneProject(project);
  const result = await diff(clone.context, { a: "HEAD~1", b: "HEAD", paths: ["train.csv"], contents: {} });
  expect(result.contents).toEqual([]);
  expect(result.leftOut).toMatchObject([{ path: "train.csv", count: 1 }]);
  expect(result.leftOut[0]?.reason).toContain("neither the cache nor `origin`");
});

test("at most the given number of tables is compared and the rest is counted", async () => {
  const project = await tableProject();
  const result = await diff(project.context, { paths: [], contents: { maxTables: 1 } });
  expect(result.contents).toHaveLength(1);
  expect(result.leftOut).toEqual([{ path: "train.csv", count: 1, reason: "only 1 tables are looked into" }]);
});

test("a folder with many changed tables leaves room for a target beside it, and each of them says what it left out", async () => {
  const project = await createProject();
  const names = ["one", "two", "three", "four"].map((name) => `a-set/${name}.csv`);
  for (const name of [...names, "train.csv", "z-set/five.csv", "z-set/six.csv"]) project.write(name, "id,v\n1,a\n2,b\n");
  await project.record("one", "a-set", "train.csv", "z-set");
  for (const name of [...names, "train.csv", "z-set/five.csv", "z-set/six.csv"]) project.write(name, "id,v\n1,a\n2,c\n");
  const result = await diff(project.context, { paths: [], contents: { maxTables: 4 } });
  expect(result.contents.map(({ path: file }) => file)).toEqual(["a-set/four.csv", "a-set/one.csv", "train.csv", "z-set/five.csv"]);
  const reason = "only 4 tables are looked into";
  expect(result.leftOut).toEqual([
    { path: "a-set/three.csv", count: 2, reason },
    { path: "z-set/six.csv", count: 1, reason },
  ]);
  const few = await diff(project.context, { paths: [], contents: { maxTables: 1 } });
  expect(few.leftOut.map(({ path: file, count }) => `${file} ${count}`)).toEqual(["a-set/one.csv 3", "train.csv 1", "z-set/five.csv 2"]);
});

test("a key that the only table lacks is a usage error; one that mlv.yaml names is noted", async () => {
  const project = await tableProject();
  await expect(diff(project.context, { paths: ["train.csv"], contents: { key: ["nope"] } })).rejects.toMatchObject({ code: "usage" });
  project.write("mlv.yaml", `${project.read("mlv.yaml")}keys:\n  train.csv: nope\n`);
  const result = await diff(project.context, { paths: ["train.csv"], contents: {} });
  expect(result.contents).toMatchObject([
    { note: expect.stringContaining("the key of mlv.yaml was not used: the key column `nope`") as string },
  ]);
  const both = await diff(project.context, { paths: [], contents: { key: ["id"] } });
  expect(both.contents).toMatchObject([
    { path: "set/one.csv", note: expect.stringContaining("the key of --key was not used: the key column `id`") as string },
    { path: "train.csv" },
  ]);
});

test("a key's columns may have commas and outer spaces in their names, alone or each in an option of its own", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r");
  const write = (name: string, value: string): void =>
    fs.writeFileSync(sandbox.at("r", name), `"city, state", year ,city,state,v\n"A",1,a,x,${value}\n"A",2,b,x,old\n"B",1,c,x,old\n`);
  write("a.csv", "old");
  write("b.csv", "new");
  const summary = (...keys: string[]): string =>
    sandbox.mlv("r", ["diff", "--no-index", "--no-statistics", "a.csv", "b.csv", ...keys.flatMap((key) => ["--key", key])]).stdout;
  expect(summary("city, state", " year ")).toContain("3 rows: 1 changed (key city, state,  year )\n");
  expect(summary("city,state")).toContain("3 rows: 1 changed (key city, state)\n");
  expect(summary("city,  state ")).toContain("3 rows: 1 changed (key city, state)\n");
  expect(summary("city, state")).toContain("the key city, state is not unique");
  expect(summary(" year ", "city, state")).toContain("~ 1, A  v: old → new");
});

test("Markdown and HTML show hostile names and cells as text and nothing else", async () => {
  const project = await createProject();
  const hostile = "a|`b`<img src=x onerror=alert(1)>@everyone\u202E\n";
  const name = "t|`<b>\u202E.csv";
  project.write(name, `id,c\n1,x\n2,y\n`);
  await project.record("one", name);
  project.write(name, `id,c\n1,"${hostile}"\n2,y\n`);
  const result = await diff(project.context, { paths: [], contents: {} });
  const markdown = formatDiffMarkdown(result);
  const html = formatDiffHtml(result);
  for (const text of [markdown, html]) {
    expect(text).not.toContain("<img");
    expect(text).not.toContain("\u202E");
    expect(text).toContain("onerror");
  }
  const rows = markdown.split("\n").filter((line) => line.includes("onerror"));
  for (const row of rows) expect(row).toMatch(/^(?:\|[^|]*){4}\|$/);
  expect(html).not.toMatch(/<(?:script|link|img|iframe)/);
});

test("a Markdown report stays below 65,000 characters however much changed", async () => {
  const project = await createProject();
  const table = (cell: string): string =>
    `${Array.from({ length: 12 }, (_, column) => `column${column}`).join(",")}\n${Array.from({ length: 40 }, (_, row) => `${row},${`${cell}${row},`.repeat(11).slice(0, -1)}\n`).join("")}`;
  for (let file = 0; file < 25; file++) project.write(`set/${file}.csv`, table("<".repeat(50)));
  await project.record("one", "set");
  for (let file = 0; file < 25; file++) project.write(`set/${file}.csv`, table(">".repeat(50)));
  const result = await diff(project.context, { paths: [], contents: {} });
  const markdown = formatDiffMarkdown(result);
  expect(result.contents).toHaveLength(20);
  expect(markdown.length).toBeLessThan(65_000);
  expect(markdown.startsWith("<!-- mlv:diff -->\n")).toBe(true);
  expect(markdown).toContain("left out: a comment has room");
});

test("a page says of a wide row which cells it leaves out, and of a new table how large it is", async () => {
  const project = await createProject();
  const wide = (cell: number): string =>
    `id,${Array.from({ length: 30 }, (_, at) => `c${at}`).join(",")}\n1,${Array.from({ length: 30 }, () => cell).join(",")}\n2${",0".repeat(30)}\n`;
  project.write("wide.csv", wide(1));
  await project.record("one", "wide.csv");
  project.write("wide.csv", wide(2));
  project.write("new.csv", "id,label\n1,a\n2,b\n3,c\n");
  await project.record("two", "wide.csv", "new.csv");
  const page = formatDiffHtml(await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [], contents: { key: ["id"] } }));
  expect(page).toContain("3 rows × 2 columns");
  expect(page).toContain("and 10 more columns");
  expect(page).toContain('<th scope="rowgroup" rowspan="21">1</th>');
  expect(page).toContain("… and 10 more cells");
  expect(page).toContain("2 targets: 1 added, 1 modified");
});

test("two files are compared without a repository", async () => {
  const folder = freshFolder();
  fs.writeFileSync(path.join(folder, "a.csv"), "id,v\n1,x\n2,y\n");
  fs.writeFileSync(path.join(folder, "b.csv"), "id,v\r\n1,x\r\n2,y\r\n");
  const context = { cwd: folder, env: {}, onEvent: () => undefined };
  const result = await diffFiles(context, ["a.csv", "b.csv"], {});
  expect(result).toMatchObject({ isSame: false, contents: [{ kind: "table", table: { formattingOnly: true } }] });
  await expect(diffFiles(context, ["a.csv", "gone.csv"], {})).rejects.toMatchObject({ code: "path-not-found" });
  await expect(diffFiles(context, ["a.csv", "b.png"], {})).rejects.toMatchObject({ code: "usage" });
  for (const name of ["a.jpg", "b.jpg"]) fs.writeFileSync(path.join(folder, name), name);
  expect(formatFilesMarkdown(await diffFiles(context, ["a.jpg", "b.jpg"], {}))).toContain("neither can be read as what its name says");
  expect(formatFilesMarkdown(await diffFiles(context, ["a.jpg", "a.jpg"], {}))).toContain("The same bytes.");
  const packed = diffFiles(context, ["a.csv.gz", "b.csv"], {});
  await expect(packed).rejects.toThrow("`a.csv.gz` is compressed, and what is in it is not compared");
});

test("a report's comparisons stop when they have read enough, and say so", async () => {
  const project = await tableProject();
  await project.record("two", "train.csv", "set");
  project.write("train.csv", "id,label\n1,z\n");
  await project.record("three", "train.csv");
  const { commits } = await report(project.context, { paths: [] });
  const options = { remote: undefined, fetchLimit: undefined };
  await withWorkspace(project.context, async (workspace) => {
    expect((await compareCommits(workspace, commits, options)).map(({ contents }) => contents.length)).toEqual([1, 2, 0]);
    const bounded = await compareCommits(workspace, commits, { ...options, maxComparedBytes: 200 });
    expect(bounded.map(({ contents }) => contents.length)).toEqual([1, 0, 0]);
    expect(bounded[1]?.targets).toHaveLength(2);
    expect(bounded[1]?.leftOut).toMatchObject([{ path: "set", count: 2, reason: expect.stringContaining("younger commits") as string }]);
  });
});

test.each([
  ["id,v\n1,a\n2,b\n", '{"id":1,"v":"a"}\n{"id":2,"v":"b"}\n', "formatting only: the same values in 2 rows\n    format: csv → jsonl\n"],
  [
    'id,v\n1,"a"\n2,b\n',
    '{"id":1,"v":"a"}\r\n{"id":2,"v":"c"}',
    "    format: csv → jsonl\n    line ends: LF → CRLF\n    newline at the end: yes → no\n",
  ],
])("two formats are compared only in what both have", (csv, lines, words) => {
  const sandbox = makeSandbox();
  fs.writeFileSync(sandbox.at("a.csv"), csv);
  fs.writeFileSync(sandbox.at("b.jsonl"), lines);
  for (const [from, to] of [
    ["a.csv", "b.jsonl"],
    ["b.jsonl", "a.csv"],
  ] as const) {
    const { stdout } = sandbox.mlv("", ["diff", "--no-index", from, to]);
    expect(stdout).not.toMatch(/none|quot|delimiter/);
    if (from === "a.csv") expect(stdout).toContain(words);
  }
});
