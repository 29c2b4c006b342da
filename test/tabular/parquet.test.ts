import * as fs from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diffTables, type DiffTablesOptions, type TableDiff } from "../../src/tabular/diff.ts";
import { describeParquet } from "../../src/tabular/parquet.ts";
import { readRows, type TableRow } from "../../src/tabular/rows.ts";
import { openTableFile, tableFromBytes } from "../../src/tabular/source.ts";

const folder = "fixtures/tabular";

async function diffFiles(before: string, after: string, options: DiffTablesOptions = {}): Promise<TableDiff> {
  const earlier = await openTableFile(`${folder}/${before}`);
  const later = await openTableFile(`${folder}/${after}`);
  try {
    return await diffTables(earlier, later, options);
  } finally {
    await earlier.close();
    await later.close();
  }
}

test("Statistics of a Parquet file's columns are of its values, over all its batches.", async () => {
  const { statistics } = await diffFiles("base.parquet", "edited-zstd.parquet");
  const before = new Map(statistics.map((column) => [column.name, column.before]));
  expect(before.get("id")).toMatchObject({ nulls: 0, min: "0", max: "999", distinct: 1000 });
  expect(before.get("big")).toMatchObject({ min: "1152921504606846976", max: "1152921504606847975" });
  expect(before.get("day")).toMatchObject({ min: "2024-01-01", max: "2024-12-31" });
  expect(before.get("flag")?.top).toEqual([
    { value: "false", count: 500 },
    { value: "true", count: 500 },
  ]);
});

test("A Parquet file is described from its footer.", async () => {
  const file = await openTableFile(`${folder}/base.parquet`);
  expect(await describeParquet(file.file)).toEqual({
    format: "parquet",
    rows: 1000,
    columns: [
      "id:integer",
      "name:string",
      "price:number",
      "big:integer",
      "at:datetime",
      "day:date",
      "ratio:number",
      "tags:array",
      "point:object",
      "flag:boolean",
    ],
  });
  await file.close();
});

test("Rows of several row groups have exact values of every type.", async () => {
  const file = await openTableFile(`${folder}/base.parquet`);
  const rows: TableRow[] = [];
  for await (const row of readRows(file.file, "base.parquet")) rows.push(row);
  expect(rows.length).toBe(1000);
  expect(rows[999]).toEqual({
    id: 999,
    name: "name 13",
    price: 9.99,
    big: 2n ** 60n + 999n,
    at: "2024-01-01T00:00:00.000999",
    day: "2024-09-24",
    ratio: 999 / 7,
    tags: ["t0", null],
    point: { x: 999, y: "p999" },
    flag: false,
  });
  expect(rows[3]).toMatchObject({ name: null });
  expect(rows[5]).toMatchObject({ tags: null });
  await file.close();
});

test("Other row groups and another compression are formatting only.", async () => {
  const diff = await diffFiles("base.parquet", "base-zstd.parquet");
  expect(diff.formattingOnly).toBe(true);
  expect(diff.rows).toMatchObject({ added: 0, removed: 0, changed: 0, unchanged: 1000 });
  expect(diff.formatting).toEqual([
    { trait: "row groups", before: "4", after: "1" },
    { trait: "compression", before: "SNAPPY", after: "ZSTD" },
  ]);
});

test("Edits across row groups are named; a decimal beyond a double's digits is exact.", async () => {
  const diff = await diffFiles("base.parquet", "edited-zstd.parquet");
  expect(diff.key).toEqual({ columns: ["id"], origin: "inferred" });
  expect(diff.rows).toEqual({ added: 3, removed: 1, changed: 1, unchanged: 998, isReordered: false });
  expect(diff.samples.changed).toEqual([{ key: ["500"], cells: [{ column: "price", before: "5.00", after: "12345678901234.56" }] }]);
  expect(diff.samples.removed[0]?.[0]).toBe("7");
  expect(diff.samples.added.map((row) => row[0])).toEqual(["1000", "1001", "1002"]);
});

test("A retyped column with equal values leaves the rows as they are; renames and drops are named.", async () => {
  const diff = await diffFiles("base.parquet", "retyped-gzip.parquet");
  expect(diff.schema.retyped).toEqual([
    { name: "id", before: "int64", after: "int32" },
    { name: "at", before: "timestamp(micros)", after: "timestamp(nanos)" },
  ]);
  expect(diff.schema.renamed).toEqual([{ before: "name", after: "title" }]);
  expect(diff.schema.dropped.map((column) => column.name)).toEqual(["flag"]);
  expect(diff.rows).toMatchObject({ added: 0, removed: 0, changed: 0, unchanged: 1000 });
});

test("A decimal with another scale, and an integer that became a decimal, keep their values.", async () => {
  const diff = await diffFiles("base.parquet", "rescaled-zstd.parquet");
  expect(diff.schema.retyped).toEqual([
    { name: "price", before: "decimal(18, 2)", after: "decimal(20, 4)" },
    { name: "big", before: "int64", after: "decimal(25, 1)" },
  ]);
  expect(diff.rows).toMatchObject({ added: 0, removed: 0, changed: 1, unchanged: 999 });
  expect(diff.samples.changed).toEqual([{ key: ["500"], cells: [{ column: "price", before: "5", after: "12345678901234.56" }] }]);
});

/** Damages bytes at some places, counted from a first one. */
function damage(good: Buffer, first: number, edits: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.from(good);
  for (const [at, byte] of edits) bytes[first + (at % (good.length - first))] = byte;
  return bytes;
}

async function readAll(bytes: Uint8Array): Promise<number> {
  let rows = 0;
  for await (const row of readRows(tableFromBytes("t.parquet", bytes).file, "t.parquet")) {
    expect(Object.keys(row).length).toBeGreaterThan(0);
    rows++;
  }
  return rows;
}

const footerStart = (bytes: Buffer): number => bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);

const damaged = [
  "base.parquet",
  "base-zstd.parquet",
  "pages-v1-plain.parquet",
  "pages-v1-snappy.parquet",
  "pages-v2-plain.parquet",
  "pages-v2-lz4.parquet",
  "pages-delta.parquet",
];
test.each(damaged)(
  "Damaged bytes of %s are described as no table, refused, or read; never does memory grow or time pass.",
  async (name) => {
    const good = fs.readFileSync(`${folder}/${name}`);
    expect(await readAll(good)).toBe(1000);
    // Printed before anything can go wrong: a process that ran out of memory prints nothing more.
    const seed = Number(process.env["MLV_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`seed of ${name}: ${seed}`);
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(edits, fc.boolean(), async (places, isAnywhere) => {
        const bytes = damage(good, isAnywhere ? 0 : footerStart(good), places);
        await describeParquet(tableFromBytes("t.parquet", bytes).file);
        try {
          await readAll(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "table-unreadable" });
        }
      }),
      { numRuns: Number(process.env["MLV_TEST_RUNS"] ?? 60), seed },
    );
    expect(process.memoryUsage().rss).toBeLessThan(1024 ** 3);
  },
);

/** Makes a Parquet file of a footer alone. */
function footerOnly(footer: Buffer): Buffer {
  const trailer = Buffer.from("\0\0\0\0PAR1", "latin1");
  trailer.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from("PAR1"), footer, trailer]);
}

describe("A footer that claims more than it has", () => {
  const list = (count: number, type: number): number[] => [0xf0 | type, ...varint(count)];
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]);
  const claims: readonly (readonly [string, Buffer])[] = [
    ["lists within lists of 30 million items", Buffer.from([0x29, ...Array.from({ length: 5000 }, () => list(30_000_000, 9)).flat()])],
    ["structures within structures", Buffer.alloc(1_000_000, 0x1c)],
    ["millions of empty structures", Buffer.concat([Buffer.from([0x29, ...list(20_000_000, 12)]), Buffer.alloc(20_000_001)])],
    ["a text beyond its end", Buffer.from([0x28, ...varint(2 ** 31)])],
    ["a number without an end", Buffer.concat([Buffer.from([0x25]), Buffer.alloc(1000, 0xff)])],
  ];
  test.each(claims)("with %s is no table, and takes little memory", async (_what, footer) => {
    const file = footerOnly(footer);
    const before = process.memoryUsage().rss;
    expect(await describeParquet(tableFromBytes("t.parquet", file).file)).toBeUndefined();
    await expect(readAll(file)).rejects.toMatchObject({ code: "table-unreadable" });
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
  });
});

test("The real Parquet file of flights is described.", async () => {
  const file = await openTableFile("node_modules/vega-datasets/data/flights-3m.parquet");
  expect(await describeParquet(file.file)).toMatchObject({
    rows: 3_000_000,
    columns: ["date:datetime", "delay:integer", "distance:integer", "origin:string", "destination:string"],
  });
  await file.close();
});
