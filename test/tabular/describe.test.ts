import * as fs from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createTableDescriber, type TableDescription } from "../../src/tabular/describe.ts";
import { CsvTokenizer } from "../../src/tabular/text/csv.ts";
import { createRecordScanner } from "../../src/tabular/text/scan.ts";

function describe(name: string, content: string | Uint8Array, pieceBytes = 1 << 20): TableDescription | undefined {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const describer = createTableDescriber(name);
  for (let at = 0; at < bytes.length; at += pieceBytes) describer?.update(bytes.subarray(at, at + pieceBytes));
  return describer?.finish();
}

test("A table's rows, names, types and delimiter are described.", () => {
  const text =
    "id;price;when;at;ok;name;code\n1;2,5;2024-01-02;2024-01-02T10:00:00Z;true;Ann;007\n2;3,5;2024-01-03;2024-01-03 11:00;false;Bob;008\n";
  expect(describe("a.csv", text)).toEqual({
    format: "csv",
    rows: 2,
    columns: ["id:integer", "price:string", "when:date", "at:datetime", "ok:boolean", "name:string", "code:string"],
    delimiter: ";",
  });
  expect(describe("a.TSV", "x\ty\n1\t1.5\n2\t2\n")).toEqual({
    format: "tsv",
    rows: 2,
    columns: ["x:integer", "y:number"],
    delimiter: "\t",
  });
  expect(describe("a.csv", "x|y\n1|\n|2\n")?.delimiter).toBe("|");
});

test("JSON lines have a column for each key, with the type that holds all its values.", () => {
  const text = '{"a":1,"b":"x","c":{"d":1}}\n{"a":1.5,"e":[1]}\r\n\n{"a":null,"b":2}';
  expect(describe("a.jsonl", text)).toEqual({
    format: "jsonl",
    rows: 3,
    columns: ["a:number", "b:any", "c:object", "e:array"],
  });
  expect(describe("a.ndjson", "1\n2\n")).toEqual({
    format: "jsonl",
    rows: 2,
    columns: ["value:integer"],
  });
});

test("Newlines in quotes, byte order marks, CRLF, old Mac line ends and UTF-16 are understood.", () => {
  expect(describe("a.csv", 'a,b\n"x\ny","p""q\n\n"\n1,2')?.rows).toBe(2);
  expect(describe("a.csv", "\ufeffa,b\r\n1,2\r\n\r\n3,4\r\n")).toMatchObject({
    rows: 2,
    columns: ["a:integer", "b:integer"],
  });
  expect(describe("a.csv", "a,b\r1,2\r3,4\r")?.rows).toBe(2);
  expect(describe("a.csv", Buffer.from("\ufeffa,b\n1,é\n", "utf16le"))).toMatchObject({
    rows: 1,
    columns: ["a:integer", "b:string"],
  });
});

test("What is no table has no description.", () => {
  expect(describe("a.csv", Buffer.from([80, 75, 3, 4, 0, 0, 1, 2]))).toBeUndefined();
  expect(describe("a.csv", "")).toBeUndefined();
  expect(describe("a.csv", "a,b,c\n1\n2,3\n4\n5,6,7,8,9\n")).toBeUndefined();
  expect(describe("a.jsonl", "no json\nat all\n")).toBeUndefined();
  expect(createTableDescriber("a.bin")).toBeUndefined();
});

test("A first line that is shorter than the others, which agree, names the columns it can.", () => {
  const rows = (count: number): string => Array.from({ length: count }, (_, at) => `${at},${at}.5,x${at},y\n`).join("");
  expect(describe("a.csv", `569,30\n${rows(20)}`)).toMatchObject({ rows: 20, columns: ["569:integer", "30:number", ":string", ":string"] });
  // As R writes row names.
  expect(describe("a.csv", `a,b,c\n${rows(20)}`)?.columns).toEqual([":integer", "a:number", "b:string", "c:string"]);
  expect(describe("a.csv", "Notes, some\nfirst, second, third\nand\na, b, c, d, e\nmore, or, less, so\n")).toBeUndefined();
});

test("A first line with more names than the others have cells is a header all the same.", () => {
  const rows = Array.from({ length: 20 }, (_, at) => `${at},${at}.5\n`).join("");
  expect(describe("a.csv", `a,b,c,\n${rows}`)).toMatchObject({ rows: 20, columns: ["a:integer", "b:number", "c:any", ":any"] });
  expect(describe("a.csv", `Dear all, as you know,\n${"this is a letter\n".repeat(20)}`)).toBeUndefined();
});

test("At most 200 columns are named, and no more than fit a pointer.", () => {
  const wide = Array.from({ length: 300 }, (_, at) => `c${at}`).join(",");
  expect(describe("a.csv", `${wide}\n`)?.columns.length).toBe(200);
  const long = Array.from({ length: 100 }, (_, at) => `c${at}${"x".repeat(2000)}`).join(",");
  expect(describe("a.csv", `${long}\n`)?.columns.length).toBe(19);
});

test("The vector scanner counts the records that the tokenizer cuts, for any bytes in any pieces.", () => {
  const soup = fc.array(
    fc.constantFrom(",", '"', "\n", "\r", "\r\n", "a", "bc", '""', ",,", '","', "0123456789012345678901234567890123456789"),
    {
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(soup, fc.integer({ min: 1, max: 300 }), (parts, pieceBytes) => {
      const bytes = Buffer.from(parts.join(""));
      const dialect = { delimiter: 44, quote: 34, newline: 10 };
      const scanner = createRecordScanner(dialect);
      const tokenizer = new CsvTokenizer(dialect);
      let rows = 0;
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        scanner.update(bytes.subarray(at, at + pieceBytes));
        rows += tokenizer.push(bytes.subarray(at, at + pieceBytes)).rowCount;
      }
      rows += tokenizer.finish().rowCount;
      const { lines, emptyLines } = scanner.count();
      expect(lines - emptyLines).toBe(rows);
    }),
    { numRuns: 3000 },
  );
});

test("The same bytes give the same description however they are cut.", () => {
  const lines = ["id,value"];
  for (let row = 0; row < 2_500_000; row++) lines.push(`${row},${row < 2_400_000 ? row % 10 : "late text"}`);
  const bytes = Buffer.from(lines.join("\n"));
  const whole = describe("a.csv", bytes, bytes.length);
  expect(whole).toEqual({
    format: "csv",
    rows: 2_500_000,
    columns: ["id:integer", "value:integer"],
    delimiter: ",",
  });
  expect(describe("a.csv", bytes, 77_777)).toEqual(whole);
});

test("A buffer that its owner fills again between two pieces changes no description.", () => {
  const bytes = Buffer.from(`id,name\n${Array.from({ length: 2000 }, (_, at) => `${at},name ${at}\n`).join("")}`);
  const describer = createTableDescriber("a.csv");
  const reused = Buffer.alloc(1000);
  for (let at = 0; at < bytes.length; at += reused.length)
    describer?.update(reused.subarray(0, bytes.copy(reused, 0, at, at + reused.length)));
  expect(describer?.finish()).toEqual(describe("a.csv", bytes));
});

test("Real tables are described as they are.", () => {
  const folder = "node_modules/vega-datasets/data";
  expect(describe("weather.csv", fs.readFileSync(`${folder}/seattle-weather.csv`))).toEqual({
    format: "csv",
    rows: 1461,
    columns: ["date:date", "precipitation:number", "temp_max:number", "temp_min:number", "wind:number", "weather:string"],
    delimiter: ",",
  });
  expect(describe("u.tsv", fs.readFileSync(`${folder}/unemployment.tsv`))).toMatchObject({
    rows: 3218,
    delimiter: "\t",
  });
  expect(describe("f.csv", fs.readFileSync(`${folder}/flights-airport.csv`))).toMatchObject({
    rows: 5366,
  });
});
