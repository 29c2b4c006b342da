import { describe, expect, test } from "vitest";
import { diffTexts } from "./diff-texts.ts";

describe("rows", () => {
  test("A changed cell of a keyed row is named with its old and new text.", async () => {
    const diff = await diffTexts("id,name,score\n1,Ann,1.0\n2,Bob,2\n", "id,name,score\n1,Ann,1\n2,Bob,2\n");
    expect(diff.key).toEqual({ columns: ["id"], origin: "inferred" });
    expect(diff.rows).toEqual({
      added: 0,
      removed: 0,
      changed: 1,
      unchanged: 1,
      isReordered: false,
    });
    expect(diff.samples.changed).toEqual([{ key: ["1"], cells: [{ column: "score", before: "1.0", after: "1" }] }]);
    expect(diff.changedCells).toEqual({ examined: 1, columns: [{ name: "score", cells: 1 }] });
    expect(diff.isSame || diff.formattingOnly).toBe(false);
  });

  test("Without a key rows are matched by content, duplicates included.", async () => {
    const diff = await diffTexts("a,b\nx,1\nx,1\ny,2\n", "a,b\nx,1\nz,3\ny,2\n");
    expect(diff.key).toBeUndefined();
    expect(diff.rows).toEqual({
      added: 1,
      removed: 1,
      changed: 0,
      unchanged: 2,
      isReordered: false,
    });
    expect(diff.samples).toEqual({ changed: [], added: [["z", "3"]], removed: [["x", "1"]] });
  });

  test("A given key that repeats is refused with a note, and one that is missing with an error.", async () => {
    const diff = await diffTexts("k,v\n1,a\n1,b\n", "k,v\n1,a\n1,c\n", { key: ["k"] });
    expect(diff.key).toBeUndefined();
    expect(diff.keyNote).toBe("the key k is not unique in the earlier version; rows were matched by content");
    expect(diff.rows).toMatchObject({ added: 1, removed: 1 });
    await expect(diffTexts("k,v\n", "k,v\n", { key: ["nope"] })).rejects.toMatchObject({
      code: "usage",
    });
  });

  test("A key may have several columns.", async () => {
    const diff = await diffTexts("a,b,v\n1,1,x\n1,2,y\n", "a,b,v\n1,1,x\n1,2,z\n2,1,w\n", {
      key: ["a", "b"],
    });
    expect(diff.rows).toMatchObject({ added: 1, removed: 0, changed: 1, unchanged: 1 });
    expect(diff.samples.changed[0]?.key).toEqual(["1", "2"]);
  });

  test("Another order of the same rows is named, with and without a key.", async () => {
    expect((await diffTexts("id,v\n1,a\n2,b\n", "id,v\n2,b\n1,a\n")).rows).toEqual({
      added: 0,
      removed: 0,
      changed: 0,
      unchanged: 2,
      isReordered: true,
    });
    expect((await diffTexts("v\na\nb\na\n", "v\na\na\nb\n")).rows).toMatchObject({
      unchanged: 3,
      isReordered: true,
    });
    expect((await diffTexts("v\na\nb\nc\n", "v\nb\nd\na\n")).rows).toEqual({
      added: 1,
      removed: 1,
      changed: 0,
      unchanged: 2,
      isReordered: true,
    });
  });

  test("Cells beyond the header and missing cells are changes.", async () => {
    const longer = await diffTexts("id,v\n1,a\n2,b\n3,c\n4,d\n", "id,v\n1,a,extra\n2,b\n3\n4,d\n");
    expect(longer.rows).toMatchObject({ changed: 2, unchanged: 2 });
    expect(longer.samples.changed).toEqual([
      {
        key: ["1"],
        cells: [{ column: "(cells beyond the header)", before: undefined, after: "extra" }],
      },
      { key: ["3"], cells: [{ column: "v", before: "c", after: undefined }] },
    ]);
  });

  test("A given key is no matter where one version is empty: all rows were added or removed.", async () => {
    const table = "k,v\n1,a\n2,b\n";
    expect((await diffTexts(table, "", { key: ["k"] })).rows).toMatchObject({ added: 0, removed: 2, changed: 0 });
    expect((await diffTexts("", table, { key: ["k"] })).rows).toMatchObject({ added: 2, removed: 0, changed: 0 });
  });

  test("Empty tables can be compared.", async () => {
    expect((await diffTexts("", "")).isSame).toBe(true);
    expect((await diffTexts("", "a,b\n1,2\n")).rows).toMatchObject({ added: 1, removed: 0 });
    expect((await diffTexts("a,b\n1,2\n", "a,b\n")).rows).toMatchObject({ added: 0, removed: 1 });
  });
});

describe("columns", () => {
  test("Added, dropped, reordered and retyped columns are named, and leave rows as they are.", async () => {
    const diff = await diffTexts("id,a,b,c\n1,x,1,p\n2,y,2,q\n", "b,id,a,d\n1,1,x,7\n2.5,2,y,8\n");
    expect(diff.schema.added.map((column) => column.name)).toEqual(["d"]);
    expect(diff.schema.dropped.map((column) => column.name)).toEqual(["c"]);
    expect(diff.schema.isReordered).toBe(true);
    expect(diff.schema.retyped).toEqual([{ name: "b", before: "integer", after: "number" }]);
    expect(diff.rows).toMatchObject({ added: 0, removed: 0, changed: 1 });
  });

  test("A renamed column is recognised by its content, and its edits are still seen.", async () => {
    const rows = Array.from({ length: 500 }, (_, at) => [String(at), `name ${(at * 7) % 31}`, String(at % 2), String(at % 2)]);
    const before = `id,name,flag,other\n${rows.map((row) => row.join(",")).join("\n")}\n`;
    rows[7]?.splice(1, 1, "edited");
    const after = `id,full_name,label,other\n${rows.map((row) => row.join(",")).join("\n")}\n`;
    const diff = await diffTexts(before, after);
    expect(diff.schema.renamed).toEqual([
      { before: "name", after: "full_name" },
      { before: "flag", after: "label" },
    ]);
    expect(diff.schema.added).toEqual([]);
    expect(diff.samples.changed).toEqual([{ key: ["7"], cells: [{ column: "full_name", before: "name 18", after: "edited" }] }]);
  });

  test("A dropped and an added column with the same few values in other rows are no rename.", async () => {
    const row = (at: number, value: number): string => `${at},${value}`;
    const before = `id,a\n${Array.from({ length: 400 }, (_, at) => row(at, at % 2)).join("\n")}\n`;
    const after = `id,b\n${Array.from({ length: 400 }, (_, at) => row(at, (at * 7919) % 13 > 6 ? 1 : 0)).join("\n")}\n`;
    expect((await diffTexts(before, after)).schema.renamed).toEqual([]);
  });
});

describe("formatting", () => {
  const text = "id,name,note\n1,Zoë,\n2,Bob,x y\n";
  const cases: readonly (readonly [string, string | Uint8Array, string])[] = [
    ["CRLF", text.replaceAll("\n", "\r\n"), "line ends"],
    ["old Mac line ends", text.replaceAll("\n", "\r"), "line ends"],
    ["quotes around every cell", text.replaceAll(/[^,\n]+/g, '"$&"'), "quoting"],
    ["a byte order mark", `\ufeff${text}`, "encoding"],
    ["UTF-16", Buffer.from(`\ufeff${text}`, "utf16le"), "encoding"],
    ["Latin-1", Buffer.from(text, "latin1"), "encoding"],
    ["semicolons", text.replaceAll(",", ";"), "delimiter"],
    ["no newline at the end", text.slice(0, -1), "newline at the end"],
    ["empty lines", text.replace("\n", "\n\n"), "blank lines"],
  ];
  test.each(cases)("A change to %s is formatting only, both ways.", async (_what, other, trait) => {
    for (const diff of [await diffTexts(text, other), await diffTexts(other, text)]) {
      expect(diff.formattingOnly).toBe(true);
      expect(diff.rows).toEqual({
        added: 0,
        removed: 0,
        changed: 0,
        unchanged: 2,
        isReordered: false,
      });
      expect(diff.formatting.map((change) => change.trait)).toContain(trait);
    }
  });

  test("Spacing and order of keys in JSON lines are formatting, also deep inside.", async () => {
    const diff = await diffTexts('{"id":1,"v":{"a":[1,2],"b":"x"}}\n', '{ "v":{"b":"\\u0078","a":[1, 2]}, "id":1}\n', { name: "t.jsonl" });
    expect(diff.rows).toMatchObject({ changed: 0, unchanged: 1 });
    expect(diff.formattingOnly).toBe(true);
  });

  test("The same bytes differ in nothing.", async () => {
    expect(await diffTexts(text, text)).toMatchObject({
      isSame: true,
      formattingOnly: false,
      formatting: [],
    });
  });
});

describe("JSON lines", () => {
  test("Nested edits, types, nulls and absent keys are told apart; big numbers are exact.", async () => {
    const lines = (...values: unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");
    const before = lines({ id: 1, v: { a: [1, 2] } }, { id: 2, v: "1" }, { id: 3, v: null }, { id: 4, v: "" }, { id: 5, v: "same" });
    const after = lines({ id: 1, v: { a: [1, 3] } }, { id: 2, v: 1 }, { id: 3 }, { id: 4, v: null }, { id: 5, v: "same" });
    const diff = await diffTexts(before, after, { name: "t.jsonl" });
    expect(diff.samples.changed.map((row) => row.cells[0])).toEqual([
      { column: "v", before: '{"a":[1,2]}', after: '{"a":[1,3]}' },
      { column: "v", before: '"1"', after: "1" },
      { column: "v", before: null, after: undefined },
      { column: "v", before: "", after: null },
    ]);
    const big = await diffTexts('{"id":1,"v":12345678901234567890}\n', '{"id":1,"v":12345678901234567891}\n', { name: "t.jsonl" });
    expect(big.samples.changed[0]?.cells[0]).toEqual({
      column: "v",
      before: "12345678901234567890",
      after: "12345678901234567891",
    });
    expect((await diffTexts('{"id":1,"v":1.0}\n', '{"id":1,"v":1e0}\n', { name: "t.jsonl" })).rows.changed).toBe(0);
  });
});

describe("statistics", () => {
  test("Nulls, extremes, distinct counts and top values are given before and after.", async () => {
    const rows = Array.from({ length: 10_000 }, (_, at) => `${at},${at % 3 === 0 ? "" : (at % 7) - 3},${at % 2 === 0 ? "even" : "odd"}`);
    const diff = await diffTexts(`id,v,w\n${rows.join("\n")}\n`, `id,v,w\n${rows.slice(0, 10).join("\n")}\n`);
    const [id, v, w] = diff.statistics;
    expect(id?.before).toMatchObject({ nulls: 0, min: "0", max: "9999", isDistinctExact: false });
    expect(Math.abs((id?.before?.distinct ?? 0) - 10_000)).toBeLessThan(400);
    expect(v?.before).toMatchObject({
      nulls: 3334,
      min: "-3",
      max: "3",
      distinct: 7,
      isDistinctExact: true,
    });
    expect(w?.before?.top).toEqual([
      { value: "even", count: 5000 },
      { value: "odd", count: 5000 },
    ]);
    expect(id?.after).toMatchObject({ min: "0", max: "9", distinct: 10, isDistinctExact: true });
  });
});

test("Tables whose first line is shorter than the others are compared with columns named by their place.", async () => {
  const rows = (value: string): string =>
    Array.from({ length: 20 }, (_, at) => `${at},${at}.5,x${at},${at === 7 ? value : "y"}\n`).join("");
  const diff = await diffTexts(`20,2\n${rows("y")}`, `20,2\n${rows("z")}`, { key: ["20"] });
  expect(diff.rows).toMatchObject({ added: 0, removed: 0, changed: 1 });
  expect(diff.samples.changed).toEqual([{ key: ["7"], cells: [{ column: "column 4", before: "y", after: "z" }] }]);
});

test("Tables whose first line is longer than the others are compared, the last columns empty.", async () => {
  const rows = (value: string): string => Array.from({ length: 20 }, (_, at) => `${at},${at === 7 ? value : "y"}\n`).join("");
  const diff = await diffTexts(`id,v,w,\n${rows("y")}`, `id,v,w,\n${rows("z")}`, { key: ["id"] });
  expect(diff.rows).toMatchObject({ added: 0, removed: 0, changed: 1, unchanged: 19 });
  expect(diff.samples.changed).toEqual([{ key: ["7"], cells: [{ column: "v", before: "y", after: "z" }] }]);
  expect(diff.before.columns.map(({ name }) => name)).toEqual(["id", "v", "w", "column 4"]);
});

test("The least and greatest of integers beyond a double's precision are exact, beside numbers in other forms too.", async () => {
  const text = (values: readonly string[]): string => `id,v\n${values.map((value, at) => `${at},${value}\n`).join("")}`;
  const large = ["9007199254740993", "9007199254740992", "9.007199254740992e15", "9007199254740992.0"];
  const { statistics } = await diffTexts(text(["1"]), text(large));
  expect(statistics.find(({ name }) => name === "v")?.after).toMatchObject({ min: "9007199254740992", max: "9007199254740993" });
  const long = await diffTexts(text(["1"]), text(["1".repeat(5000), "1".repeat(5000)]));
  expect(long.statistics).toHaveLength(2);
});

test("A column that names files or days is a key when its values are all different, and none when they are not.", async () => {
  const labels = (label: string): string => Array.from({ length: 40 }, (_, at) => `img/${at}.png,${at === 7 ? label : "cat"}\n`).join("");
  const diff = await diffTexts(`image_path,label\n${labels("cat")}`, `image_path,label\n${labels("dog")}`);
  expect(diff.key).toEqual({ columns: ["image_path"], origin: "inferred" });
  expect(diff.rows).toMatchObject({ added: 0, removed: 0, changed: 1 });
  const repeated = await diffTexts(`image_path,label\nimg/1.png,dog\n${labels("cat")}`, `image_path,label\n${labels("dog")}`);
  expect(repeated.key).toBeUndefined();
  // A name that says more about identity goes first.
  const both = await diffTexts("name,id\na,1\nb,2\n", "name,id\nc,1\nb,2\n");
  expect(both.key?.columns).toEqual(["id"]);
});
