import * as fc from "fast-check";
import { expect, test } from "vitest";
import { escapeControls, escapeHtml, escapeMarkdown, formatTableDiffMarkdown, formatTableDiffText } from "../../src/tabular/report.ts";
import { diffTexts } from "./diff-texts.ts";

test("A diff reads as a few lines on a terminal.", async () => {
  const diff = await diffTexts(
    "id,name,score,old\n1,Ann,1,x\n2,Bob,2,y\n3,Cy,3,z\n",
    "id,name,score,new\n1,Ann,1.5,7\n2,Bob,2,8\n4,Di,4,9\n",
  );
  expect(formatTableDiffText(diff)).toEqual([
    "3 rows: 1 added, 1 removed, 1 changed (key id, inferred)",
    "1 column added: new (integer)",
    "1 column dropped: old (string)",
    "type changed: score integer → number",
    "changed cells: score 1",
    "  ~ 1  score: 1 → 1.5",
    "    id | name | score | old",
    "  - 3 | Cy | 3 | z",
    "    id | name | score | new",
    "  + 4 | Di | 4 | 9",
    "  id: max 3 → 4",
    "  name: max Cy → Di",
    "  score: min 1 → 1.5; max 3 → 4",
  ]);
});

test("A diff reads as Markdown in a pull request.", async () => {
  const diff = await diffTexts("id,v\n1,a\n2,b\n", "id,v\n1,a|b\n2,b\n3,c\n");
  expect(formatTableDiffMarkdown(diff, { statistics: false })).toBe(
    [
      "- **rows 2 → 3: 1 added, 1 changed** (key <code>id</code>, inferred)",
      "- changed cells: <code>v</code> 1",
      "",
      "<details open><summary>1 changed row</summary>",
      "",
      "| <code>id</code> | column | before | after |",
      "| --- | --- | --- | --- |",
      "| <code>1</code> | <code>v</code> | <code>a</code> | <code>a&#124;b</code> |",
      "",
      "</details>",
      "",
      "<details><summary>1 added row</summary>",
      "",
      "| <code>id</code> | <code>v</code> |",
      "| --- | --- |",
      "| <code>3</code> | <code>c</code> |",
      "",
      "</details>",
      "",
    ].join("\n"),
  );
});

test("Formatting and sameness have their own words.", async () => {
  expect(formatTableDiffText(await diffTexts("a,b\n1,2\n", "a;b\r\n1;2\r\n"))).toEqual([
    "formatting only: the same values in 1 row",
    "delimiter: , → ;",
    "line ends: LF → CRLF",
  ]);
  expect(formatTableDiffText(await diffTexts("a\n", "a\n"))).toEqual(["the same 0 rows, written the same way"]);
});

const DANGEROUS = [
  "a|b",
  "`code`",
  "<script>alert(1)</script>",
  "\u202eevil",
  "line\nbreak",
  "[x](http://e.vil)",
  "@team",
  "#1",
  "\u001b[31mred",
  "![i](x)",
  "a\r",
  "&lt;",
  "</code>",
  "\u2066x\u2069",
  "-->",
  "\ud800",
];

test("Names and values cannot become markup, links, mentions, escape sequences or reordered text.", async () => {
  const quote = (text: string): string => `"${text.toWellFormed().replaceAll('"', '""')}"`;
  const names = DANGEROUS.map(quote).join(",");
  const before = `id,${names}\n1,${DANGEROUS.map(quote).join(",")}\n2,${DANGEROUS.map(() => "x").join(",")}\n`;
  const after = `id,${names}\n1,${DANGEROUS.map((text) => quote(`${text}!`)).join(",")}\n3,${DANGEROUS.map(quote).join(",")}\n`;
  const diff = await diffTexts(before, after);
  expect(diff.rows).toMatchObject({ added: 1, removed: 1, changed: 1 });
  const markdown = formatTableDiffMarkdown(diff);
  const withoutOwn = markdown.replaceAll(/<\/?(?:code|details|summary)(?: open)?>/g, "");
  expect(withoutOwn).not.toMatch(/[<>`[\]@]|[^&]#\d|https?:/);
  // oxlint-disable-next-line no-control-regex
  const hidden = new RegExp("[\\u001b\\u202a-\\u202e\\u2066-\\u2069\\r]");
  expect(markdown).not.toMatch(hidden);
  for (const line of markdown.split("\n").filter((text) => text.startsWith("|")))
    expect((line.match(/\|/g) ?? []).length).toBeLessThanOrEqual(14);
  expect(formatTableDiffText(diff).join("\n")).not.toMatch(hidden);
});

test("Escaped text has no character left that HTML, Markdown or a terminal acts on.", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
      expect(escapeMarkdown(text).replaceAll(/&#\d+;/g, "")).not.toMatch(/[!-/:-@[-`{-~]/);
      // oxlint-disable-next-line no-control-regex
      expect(escapeControls(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
  expect(escapeControls("a\tb\n\u202e")).toBe("a\\tb\\n\\u202E");
});

test("statistics fit a terminal of 80 columns, broken between them and before an arrow", async () => {
  const cities = ["Paris la Défense", "Rome", "Oslo Sentrum"];
  const text = (count: number, shift: number): string =>
    `id,city\n${Array.from({ length: count }, (_, at) => `${at},${cities[(at + shift * (at % 2)) % 3] ?? ""}\n`).join("")}z,Berlin\n`;
  const lines = formatTableDiffText(await diffTexts(text(1000, 0), text(1200, 1)));
  const statistics = lines.slice(lines.findIndex((line) => line.startsWith("  id: ")));
  expect(Math.max(...statistics.map((line) => line.length))).toBeLessThanOrEqual(72);
  expect(statistics).toMatchInlineSnapshot(`
    [
      "  id: distinct 1,001 → 1,201",
      "  city: top Paris la Défense × 334, Oslo Sentrum × 333, Rome × 333",
      "      → Oslo Sentrum × 400, Paris la Défense × 400, Rome × 400",
    ]
  `);
});

test("a wide row that changed is shown in part, and the rest is counted", async () => {
  const names = Array.from({ length: 20 }, (_, at) => `c${at}`).join(",");
  const row = (text: string): string => Array.from({ length: 20 }, () => text).join(",");
  const diff = await diffTexts(`id,${names}\n1,${row("a")}\n`, `id,${names}\n1,${row("b")}\n`, { key: ["id"] });
  expect(formatTableDiffText(diff).filter((line) => line.startsWith("  ~"))).toHaveLength(13);
  expect(formatTableDiffText(diff)).toContain("  ~ 1  … and 8 more changed cells");
  expect(formatTableDiffMarkdown(diff)).toContain("| <code>1</code> | … and 8 more changed cells |  |  |");
});

test("frequent values that hold what separates them stand in quotes", async () => {
  const table = (text: string): string => `city\n${`"${text}"\n`.repeat(3)}x\n`;
  const lines = formatTableDiffText(await diffTexts(table("Springfield, IL"), table("Springfield, MA")));
  expect(lines.join("\n")).toContain('top "Springfield, IL" × 3, x × 1');
});

test("added and removed rows stand under the names of their columns, once where these are the same, and in 80 columns", async () => {
  const samples = (before: string, after: string): Promise<string[]> =>
    diffTexts(before, after, { key: ["id"] }).then((diff) =>
      formatTableDiffText(diff, { statistics: false }).filter((line) => /^ {2}/.test(line)),
    );
  expect(await samples("id,v\n1,a\n2,b\n", "id,v\n2,b\n3,c\n4,d\n")).toEqual(["    id | v", "  - 1 | a", "  + 3 | c", "  + 4 | d"]);
  expect(await samples("id,v\n1,a\n2,b\n", "v,id\nb,2\nc,3\n")).toEqual(["    id | v", "  - 1 | a", "    v | id", "  + c | 3"]);
  expect(await samples("id\n1\n2\n", "id\n2\n3\n")).toEqual(["  - 1", "  + 3"]);
  const names = Array.from({ length: 9 }, (_, at) => `a_long_name_${at}`);
  const wide = `id,${names.join(",")}\n1,a,b,c,d,e,f,g,h,i\n`;
  const [header = ""] = await samples(wide, `${wide}2,a,b,c,d,e,f,g,h,i\n`);
  expect(header).toBe("    id | a_long_name_0 | a_long_name_1 | … and 7 more columns");
  expect(header.length).toBeLessThanOrEqual(72);
  const text = "x".repeat(30);
  const [roomier = ""] = await samples(wide, `${wide}2,${names.map(() => text).join(",")}\n`);
  expect(roomier).toBe(`    id | ${names.join(" | ")}`);
});
