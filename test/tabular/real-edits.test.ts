import * as fs from "node:fs";
import * as os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diffTables, type DiffTablesOptions, type TableDiff } from "../../src/tabular/diff.ts";
import { openTableFile } from "../../src/tabular/source.ts";
import { loadDuckDb, type DuckDbForTests } from "./duckdb.ts";
import { formatCsv, parseCsv, TableEdit, type Cells, type CsvForm } from "./table-edit.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-test-real-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
const duckdb = await loadDuckDb();
const seed = Number(process.env["MLV_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed of the edits: ${seed}`);

const vega = (name: string): Cells => parseCsv(fs.readFileSync(`node_modules/vega-datasets/data/${name}`, "utf8"));
const real = (name: string): Cells => parseCsv(fs.readFileSync(`fixtures/tabular/real/${name}`, "utf8"));
/** The first line of scikit-learn's tables counts rows and columns; ours gets names. */
const learn = (name: string): Cells => {
  const [, ...rows] = real(name);
  return [(rows[0] ?? []).map((_, place) => `column ${place}`), ...rows];
};
const plain: CsvForm = { delimiter: ",", newline: "\n", quotes: "needed", encoding: "utf8" };

let query: (sql: string) => Promise<Record<string, unknown>[]>;
beforeAll(async () => {
  if (duckdb === undefined) return;
  const instance = await (duckdb as DuckDbForTests).DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  query = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
});

function write(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return file;
}

async function diffFiles(before: string, after: string, options: DiffTablesOptions): Promise<TableDiff> {
  const [earlier, later] = [await openTableFile(before), await openTableFile(after)];
  try {
    return await diffTables(earlier, later, { sampleLimit: 100_000, ...options });
  } finally {
    await earlier.close();
    await later.close();
  }
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const scan = (file: string): string =>
  `read_csv('${file}', all_varchar = true, header = true, delim = ',', quote = '"', escape = '"', auto_detect = true)`;
const sorted = (items: readonly unknown[]): string[] => items.map((item) => JSON.stringify(item)).sort();

/** Counts through DuckDB's own join of plain copies. */
async function joined(before: Cells, after: Cells, edit: TableEdit): Promise<unknown> {
  const [from, to] = [write("plain-before.csv", formatCsv(before, plain)), write("plain-after.csv", formatCsv(after, plain))];
  const on = edit.key.map((name) => `a.${quote(name)} = b.${quote(name)}`).join(" AND ");
  const first = quote(edit.key[0] ?? "");
  const differs = edit.sharedColumns().map(([was, is]) => `a.${quote(was)} IS DISTINCT FROM b.${quote(is)}`);
  const [row] =
    await query(`SELECT count(*) FILTER (WHERE a.${first} IS NULL) AS added, count(*) FILTER (WHERE b.${first} IS NULL) AS removed,
    count(*) FILTER (WHERE a.${first} IS NOT NULL AND b.${first} IS NOT NULL AND (${differs.join(" OR ")})) AS changed
    FROM ${scan(from)} a FULL OUTER JOIN ${scan(to)} b ON ${on}`);
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, count]) => [name, Number(count)]));
}

interface Pair {
  readonly name: string;
  readonly table: () => Cells;
  readonly key: readonly string[];
  readonly edit: (edit: TableEdit) => void;
  readonly form: Partial<CsvForm>;
  readonly formatting: readonly string[];
}

const pairs: readonly Pair[] = [
  {
    name: "airports: cells and rows, in UTF-8 with a byte order mark and CRLF",
    table: () => vega("airports.csv"),
    key: ["iata"],
    edit: (edit) => edit.changeCells(40).removeRows(17).insertRows(23),
    form: { newline: "\r\n", encoding: "utf8-bom" },
    formatting: ["encoding", "line ends"],
  },
  {
    name: "weather: cells, all of them quoted, with semicolons",
    table: () => vega("seattle-weather.csv"),
    key: ["date"],
    edit: (edit) => edit.changeCells(31),
    form: { delimiter: ";", quotes: "all" },
    formatting: ["delimiter", "quoting"],
  },
  {
    name: "zip codes: rows in UTF-16",
    table: () => vega("zipcodes.csv").slice(0, 8000),
    key: ["zip_code"],
    edit: (edit) => edit.removeRows(100).insertRows(1).changeCells(5),
    form: { encoding: "utf16le" },
    formatting: ["encoding"],
  },
  {
    name: "employment: columns come and go, cells change",
    table: () => vega("us-employment.csv"),
    key: ["month"],
    edit: (edit) => edit.renameColumn("nonfarm", "nonfarm_payrolls").dropColumn("government").addColumn("source", "BLS").changeCells(12),
    form: {},
    formatting: [],
  },
  {
    name: "stock prices: another order of rows and of columns",
    table: () => vega("sp500-2000.csv"),
    key: ["date"],
    edit: (edit) => edit.reverseRows().moveColumn("volume", 1).changeCells(9),
    form: {},
    formatting: [],
  },
  {
    name: "countries: a column of another type",
    table: () => vega("gapminder-health-income.csv"),
    key: ["country"],
    edit: (edit) => edit.changeColumn("population", (text) => `${text}.5`),
    form: {},
    formatting: [],
  },
  {
    name: "penguins: a key of three columns, quoted texts",
    table: () => real("penguins-raw.csv"),
    key: ["studyName", "Sample Number", "Species"],
    edit: (edit) => edit.changeCells(25).removeRows(6).insertRows(4),
    form: { quotes: "all" },
    formatting: ["quoting"],
  },
];

describe("Every edit of a real table is named, and none invented", () => {
  test.each(pairs.map((pair) => [pair.name, pair] as const))("%s", async (_name, pair) => {
    const table = pair.table();
    const edit = new TableEdit(table, pair.key, seed);
    pair.edit(edit);
    const diff = await diffFiles(
      write("before.csv", formatCsv(table, plain)),
      write("after.csv", formatCsv(edit.cells(), { ...plain, ...pair.form })),
      { key: pair.key },
    );
    expect(diff.rows).toEqual({ ...edit.counts(), isReordered: edit.isReversed });
    expect(sorted(diff.samples.changed.flatMap(({ key, cells }) => cells.map((cell) => ({ key, ...cell }))))).toEqual(
      sorted(edit.changes()),
    );
    expect(sorted(diff.samples.added)).toEqual(sorted(edit.added));
    expect(sorted(diff.samples.removed)).toEqual(sorted(edit.removed));
    expect({
      added: diff.schema.added.map(({ name }) => name),
      dropped: diff.schema.dropped.map(({ name }) => name),
      renamed: diff.schema.renamed,
      isReordered: diff.schema.isReordered,
    }).toEqual(edit.schema());
    // A changed or inserted cell may well be of another type than the rest.
    const retyped = diff.schema.retyped.map(({ name }) => name);
    expect(retyped).toEqual(expect.arrayContaining([...edit.retyped]));
    expect(retyped.filter((name) => !edit.touchedColumns().includes(name))).toEqual([]);
    expect(diff.formatting.map(({ trait }) => trait)).toEqual(expect.arrayContaining([...pair.formatting]));
    expect(diff.formatting.filter(({ trait }) => !pair.formatting.includes(trait) && trait !== "quoting")).toEqual([]);
    if (duckdb === undefined) return;
    const { unchanged: _unchanged, ...counts } = edit.counts();
    expect(await joined(table, edit.cells(), edit)).toEqual(counts);
  });

  test.each(["iris.csv", "wine_data.csv", "breast_cancer.csv"])("%s: rows without a key, some of them twice", async (name) => {
    const table = learn(name);
    const edit = new TableEdit(table, [], seed).removeRows(11).duplicateRows(7);
    const [before, after] = [write(name, formatCsv(table, plain)), write(`after-${name}`, formatCsv(edit.cells(), plain))];
    const diff = await diffFiles(before, after, { inferKey: false });
    const multiset = edit.multisetCounts();
    expect({ added: diff.rows.added, removed: diff.rows.removed, changed: diff.rows.changed }).toEqual({ ...multiset, changed: 0 });
    if (duckdb === undefined) return;
    const count = (left: string, right: string): string => `(SELECT count(*) FROM (FROM ${scan(left)} EXCEPT ALL FROM ${scan(right)}))`;
    const [row] = await query(`SELECT ${count(after, before)} AS added, ${count(before, after)} AS removed`);
    expect({ added: Number(row?.["added"]), removed: Number(row?.["removed"]) }).toEqual(multiset);
  });

  test("earthquakes: nested JSON lines, with other spacing and order of keys", async () => {
    type Feature = { id: string; properties: Record<string, unknown>; geometry: { coordinates: number[] } };
    const text = fs.readFileSync("node_modules/vega-datasets/data/earthquakes.json", "utf8");
    const { features } = JSON.parse(text) as { features: Feature[] };
    const edited = features.flatMap((feature, at): object[] => {
      if (at % 400 === 9) return [];
      if (at % 300 === 5) return [{ ...feature, properties: { ...feature.properties, mag: 9.9 } }];
      if (at % 500 === 7) return [{ ...feature, geometry: { ...feature.geometry, coordinates: [0, 0, at] } }];
      return [Object.fromEntries(Object.entries(feature).reverse())];
    });
    const count = (remainder: number, step: number): number => features.filter((_, at) => at % step === remainder).length;
    const before = write("quakes.jsonl", `${features.map((feature) => JSON.stringify(feature)).join("\n")}\n`);
    const after = write(
      "quakes-after.jsonl",
      `${edited.map((feature) => JSON.stringify(feature, undefined, 1).replaceAll("\n", " ")).join("\n")}\n`,
    );
    const diff = await diffFiles(before, after, { key: ["id"] });
    const [removed, magnitudes, places] = [count(9, 400), count(5, 300), count(7, 500)];
    expect(diff.rows).toMatchObject({ added: 0, removed, changed: magnitudes + places });
    expect(diff.changedCells.columns).toEqual([
      { name: "properties", cells: magnitudes },
      { name: "geometry", cells: places },
    ]);
    expect(diff.schema).toMatchObject({ added: [], dropped: [], renamed: [], retyped: [] });
  });

  test.skipIf(duckdb === undefined)("flights: Parquet in several row groups, from Snappy to Zstandard, with a retyped column", async () => {
    const [before, after] = [path.join(folder, "flights.parquet"), path.join(folder, "flights-after.parquet")];
    const rows = "(SELECT row_number() OVER () - 1 AS id, * FROM (FROM 'node_modules/vega-datasets/data/flights-3m.parquet' LIMIT 20000))";
    await query(`COPY (FROM ${rows} ORDER BY id) TO '${before}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 4096)`);
    const edited = `SELECT * REPLACE (delay::INTEGER AS delay, CASE WHEN id % 1000 = 3 THEN 'XXX' ELSE origin END AS origin)
      FROM ${rows} WHERE id % 2500 <> 11 UNION ALL SELECT 20000 + range, DATE '2001-01-01', range::INTEGER, 5, 'AAA', 'BBB' FROM range(13)`;
    await query(`COPY (FROM (${edited}) ORDER BY id) TO '${after}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)`);
    const diff = await diffFiles(before, after, { key: ["id"], duckdb: false });
    expect(diff.rows).toEqual({ added: 13, removed: 8, changed: 20, unchanged: 20_000 - 28, isReordered: false });
    expect(diff.changedCells.columns).toEqual([{ name: "origin", cells: 20 }]);
    expect(diff.schema.retyped.map(({ name }) => name)).toEqual(["delay"]);
    expect(diff.formatting.map(({ trait }) => trait)).toEqual(expect.arrayContaining(["compression"]));
    const [row] = await query(`SELECT (SELECT count(*) FROM (FROM '${after}' EXCEPT ALL FROM '${before}')) AS added,
      (SELECT count(*) FROM (FROM '${before}' EXCEPT ALL FROM '${after}')) AS removed`);
    expect({ added: Number(row?.["added"]), removed: Number(row?.["removed"]) }).toEqual({ added: 13 + 20, removed: 8 + 20 });
  });
});
