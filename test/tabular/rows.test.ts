import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readRows, type TableRow } from "../../src/tabular/rows.ts";
import { tableFromBytes } from "../../src/tabular/source.ts";
import { CsvTokenizer } from "../../src/tabular/text/csv.ts";
import { rowTexts } from "../../src/tabular/batch.ts";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function rowsOf(name: string, content: string | Uint8Array, pieceBytes?: number): Promise<TableRow[]> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const input = pieceBytes === undefined ? tableFromBytes(name, bytes).file : pieces(bytes, pieceBytes);
  const rows: TableRow[] = [];
  for await (const row of readRows(input, name)) rows.push(row);
  return rows;
}

const text = 'id,name,note\r\n1,Zoë,"said ""hi"", then\r\nleft"\r\n\r\n2,,"a""b"\r\n3,x,y,more\r\n4,x,y\r\n';
const expected = [
  { id: "1", name: "Zoë", note: 'said "hi", then\r\nleft' },
  { id: "2", name: "", note: 'a"b' },
  { id: "3", name: "x", note: "y", "column 4": "more" },
  { id: "4", name: "x", note: "y" },
];

test.each([
  ["UTF-8", Buffer.from(text)],
  ["UTF-8 with a byte order mark", Buffer.from(`\ufeff${text}`)],
  ["UTF-16 little-endian", Buffer.from(`\ufeff${text}`, "utf16le")],
  ["UTF-16 big-endian", Buffer.from(`\ufeff${text}`, "utf16le").swap16()],
  ["Latin-1", Buffer.from(text, "latin1")],
] as const)("Rows of a CSV file in %s are read, from a file and from pieces of any size.", async (_what, bytes) => {
  expect(await rowsOf("t.csv", bytes)).toEqual(expected);
  for (const size of [1, 2, 7, 1000]) expect(await rowsOf("t.csv", bytes, size)).toEqual(expected);
});

test("Rows of TSV and JSON lines are read; nested values keep their types.", async () => {
  expect(await rowsOf("t.tsv", "a\tb\n1\tx, y\n")).toEqual([{ a: "1", b: "x, y" }]);
  const lines = '{"a":{"b":[1,null]},"__proto__":1}\r\n\n[1]\n{"a":2}';
  for (const size of [undefined, 3]) {
    const rows = await rowsOf("t.jsonl", lines, size);
    expect(rows.map((row) => Object.entries(row))).toEqual([
      [
        ["a", { b: [1, null] }],
        ["__proto__", 1],
      ],
      [["value", [1]]],
      [["a", 2]],
    ]);
  }
});

test("A line that is no JSON is refused with its number, and a table that is none by name.", async () => {
  await expect(rowsOf("t.jsonl", '{"a":1}\n{"a":\n')).rejects.toMatchObject({
    code: "table-unreadable",
    message: "`t.jsonl` cannot be read as JSON lines: line 2 is no JSON",
  });
  await expect(rowsOf("t.csv", Buffer.from([1, 2, 0, 3, 10]))).rejects.toMatchObject({ code: "table-unreadable" });
  await expect(rowsOf("t.xls", "a,b\n")).rejects.toMatchObject({ code: "table-unreadable" });
});

test("Repeated and empty names in a header get names of their own.", async () => {
  expect(await rowsOf("t.csv", "a,a,\n1,2,3\n")).toEqual([{ a: "1", "a (2)": "2", "column 3": "3" }]);
});

test("An empty line is a row of a table with one column, and only there.", async () => {
  expect(await rowsOf("t.csv", "a\nx\n\ny\n")).toEqual([{ a: "x" }, { a: "" }, { a: "y" }]);
  expect((await rowsOf("t.csv", "a,b\n1,2\n\n3,4\n")).length).toBe(2);
});

test("Records written with quotes where they are needed are read back, in pieces of any size.", () => {
  const cell = fc.oneof(fc.string({ unit: "grapheme", maxLength: 6 }), fc.constantFrom('"', '""', ",", "\n", "\r\n", "\r", '",\n"'));
  const write = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 40 }),
      (records, size) => {
        const bytes = Buffer.from(records.map((record) => `${record.map(write).join(",")}\n`).join(""));
        const tokenizer = new CsvTokenizer({ delimiter: 44, quote: 34, newline: 10 });
        const found: unknown[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          const batch = tokenizer.push(bytes.subarray(at, at + size));
          for (let row = 0; row < batch.rowCount; row++) found.push(rowTexts(batch, row));
        }
        const batch = tokenizer.finish();
        for (let row = 0; row < batch.rowCount; row++) found.push(rowTexts(batch, row));
        expect(found).toEqual(records);
      },
    ),
    { numRuns: 1000 },
  );
});
