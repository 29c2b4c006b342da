import * as fs from "node:fs";
import * as os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diffTables, type DiffTablesOptions, type TableDiff } from "../../src/tabular/diff.ts";
import { openTableFile } from "../../src/tabular/source.ts";
import { loadDuckDb, type DuckDbForTests } from "./duckdb.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-test-duckdb-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
const duckdb = await loadDuckDb();

async function diffFiles(before: string, after: string, options: DiffTablesOptions): Promise<TableDiff> {
  const earlier = await openTableFile(before);
  const later = await openTableFile(after);
  try {
    return await diffTables(earlier, later, options);
  } finally {
    await earlier.close();
    await later.close();
  }
}

function write(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return file;
}

const always = { load: loadDuckDb, minBytes: 0 };

/** The order of rows is not looked at by DuckDB, samples come by key, and statistics differ in words; all else is the same. */
function comparable(diff: TableDiff): unknown {
  const { engine: _engine, rows, samples, statistics: _statistics, formatting: _formatting, ...rest } = diff;
  const { isReordered: _order, ...counts } = rows;
  const byText = (left: unknown, right: unknown): number => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1);
  const sorted = {
    changed: [...samples.changed].sort(byText),
    added: [...samples.added].sort(byText),
    removed: [...samples.removed].sort(byText),
  };
  return { ...rest, rows: counts, samples: sorted };
}

describe("with DuckDB or without it, the diff is the same", () => {
  const rows = Array.from({ length: 3000 }, (_, at) => `${at},"name, ${at % 17}",${at % 5 === 0 ? "" : at / 4},"line\nbreak ${at % 3}"`);
  const header = "id,name,score,note";
  const base = `${header}\n${rows.join("\n")}\n`;
  const edited = rows.flatMap((row, at) =>
    at === 7 ? [] : at === 8 ? [row.replace("name", "NAME")] : at === 9 ? [row, `9000,"x",1,y`] : [row],
  );
  const cases: readonly (readonly [string, string])[] = [
    ["edited rows", `${header}\n${edited.join("\n")}\n`],
    ["nothing", base],
    ["a repeated key", `${base}5,"again",1,z\n`],
    ["a ragged row", `${base}9001,x\n`],
    ["an empty key", `${base},x,1,z\n`],
    ["a type", base.replace('"name, 3",0.75', '"name, 3",many')],
    ["another order", `${header}\n${[...rows].reverse().join("\n")}\n`],
    ["a quote inside a field", base.replace("9001", "").replace('"name, 4"', 'name" 4')],
    ["CRLF and an edit", `${header}\n${edited.join("\n")}\n`.replaceAll("\n", "\r\n").replaceAll("line\r\n", "line\n")],
  ];
  test.each(cases)("for a change to %s", async (what, after) => {
    const before = write("before.csv", base);
    const later = write("after.csv", after);
    for (const [from, to] of [
      [before, later],
      [later, before],
    ] as const) {
      const own = await diffFiles(from, to, { key: ["id"], duckdb: false, split: false, sampleLimit: 100 });
      for (const split of [true, false]) {
        const through = await diffFiles(from, to, { key: ["id"], duckdb: always, split, sampleLimit: 100 });
        expect(comparable(through), `split: ${split}`).toEqual(comparable(own));
        if (what === "edited rows" && duckdb !== undefined) expect(through.engine).toBe("duckdb");
      }
    }
  });

  test("for Parquet", async () => {
    const [before, after] = ["fixtures/tabular/base.parquet", "fixtures/tabular/edited-zstd.parquet"];
    const own = await diffFiles(before, after, { duckdb: false });
    const through = await diffFiles(before, after, { duckdb: always });
    expect(through.rows).toMatchObject({ added: 3, removed: 1, changed: 1, unchanged: 998 });
    if (duckdb !== undefined) expect(through.engine).toBe("duckdb");
    expect(comparable(through)).toEqual(comparable(own));
    expect(extremes(through)).toEqual(extremes(own));
  });

  test.skipIf(duckdb === undefined)("for Parquet with values that DuckDB writes in another way than mlv", async () => {
    const connection = await (await (duckdb as DuckDbForTests).DuckDBInstance.create(":memory:")).connect();
    const [before, after] = [path.join(folder, "types.parquet"), path.join(folder, "types-after.parquet")];
    const values = `i AS id, (i / 3)::FLOAT AS single, CASE i % 50 WHEN 1 THEN 'nan' WHEN 2 THEN '-inf' WHEN 3 THEN '-0.0' ELSE '1e' || (i % 30) END::DOUBLE AS double,
      TIMESTAMPTZ '2024-01-01 10:00:00+02' + to_microseconds(i) AS moment, TIMESTAMP '2024-01-01' + to_days(i::INT) AS local, TIME '01:02:03' + to_milliseconds(i) AS clock,
      (i * 7)::DECIMAL(12, 3) AS decimal, i::UTINYINT AS small, [i % 4, NULL] AS list, {'a': i % 5, 'b': 'x"y'} AS struct, i % 2 = 0 AS flag, DATE '1969-12-01' + i::INT AS day`;
    await connection.runAndReadAll(`COPY (SELECT ${values} FROM range(200) t(i)) TO '${before}' (FORMAT parquet)`);
    await connection.runAndReadAll(
      `COPY (SELECT * REPLACE (CASE WHEN id % 60 = 7 THEN -1.5 ELSE double END AS double, CASE WHEN id = 90 THEN local + INTERVAL 1 SECOND ELSE local END AS local)
       FROM (SELECT ${values} FROM range(210) t(i)) WHERE id <> 20) TO '${after}' (FORMAT parquet)`,
    );
    const own = await diffFiles(before, after, { key: ["id"], duckdb: false });
    const through = await diffFiles(before, after, { key: ["id"], duckdb: always });
    expect(through.engine).toBe("duckdb");
    expect(own.rows).toMatchObject({ added: 10, removed: 1, changed: 5 });
    expect(comparable(through)).toEqual(comparable(own));
    // What is no number has no place among numbers, and DuckDB gives it one.
    const named = (diff: TableDiff): unknown[] => extremes(diff).filter(([name]) => name !== "double");
    expect(named(through)).toEqual(named(own));
  });
});

/** Returns nulls and extremes of all columns on both sides. */
function extremes(diff: TableDiff): unknown[][] {
  return diff.statistics.map(({ name, before: was, after: is }) => [
    name,
    ...[was, is].flatMap((side) => [side?.nulls, side?.min, side?.max]),
  ]);
}

test("Without the package, or with one that fails, mlv matches the rows itself.", async () => {
  const before = write("a.csv", "id,v\n1,a\n");
  const after = write("b.csv", "id,v\n1,b\n");
  for (const load of [
    async (): Promise<unknown> => Promise.reject(new Error("not installed")),
    async (): Promise<unknown> => Promise.resolve({}),
    async (): Promise<unknown> => Promise.resolve({ DuckDBInstance: { create: async () => Promise.reject(new Error("wrong platform")) } }),
  ]) {
    const diff = await diffFiles(before, after, { duckdb: { load, minBytes: 0 } });
    expect(diff).toMatchObject({ engine: "mlv", rows: { changed: 1 } });
  }
});

describe.skipIf(duckdb === undefined)("Counts agree with DuckDB's own EXCEPT ALL on real tables", () => {
  let query: (sql: string) => Promise<Record<string, unknown>[]>;
  beforeAll(async () => {
    const instance = await (duckdb as DuckDbForTests).DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    query = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  });

  const data = "node_modules/vega-datasets/data";
  const lines = (text: string): string[] => text.trimEnd().split(/\r?\n/);
  const join = (all: readonly string[]): string => `${all.join("\n")}\n`;
  const jsonLines = (name: string, edit: (row: Record<string, unknown>, at: number) => unknown = (row) => row): string =>
    join(
      (JSON.parse(fs.readFileSync(`${data}/${name}`, "utf8")) as Record<string, unknown>[]).flatMap(
        (row, at) => JSON.stringify(edit(row, at)) ?? [],
      ),
    );
  const editLines = (edit: (line: string, at: number) => readonly string[]) => (text: string) =>
    join(lines(text).flatMap((line, at) => (at === 0 ? [line] : edit(line, at))));

  const pairs: readonly (readonly [string, string, (text: string) => string | Uint8Array])[] = [
    ["cells", "seattle-weather.csv", editLines((line, at) => (at % 100 === 7 ? [line.replace(/[^,]+$/, "hail")] : [line]))],
    ["rows", "airports.csv", editLines((line, at) => (at % 50 === 3 ? [] : at % 70 === 5 ? [line, line.replace(/^.../, "ZZ9")] : [line]))],
    ["order of rows", "unemployment.tsv", (text) => join([lines(text)[0] ?? "", ...lines(text).slice(1).reverse()])],
    ["duplicates", "stocks.csv", editLines((line, at) => (at % 40 === 1 ? [line, line] : [line]))],
    [
      "line ends and quoting",
      "github.csv",
      (text) =>
        lines(text)
          .map((line) => line.replaceAll(/[^,]+/g, '"$&"'))
          .join("\r\n"),
    ],
    ["empty cells", "co2-concentration.csv", editLines((line, at) => (at % 30 === 2 ? [line.replace(/,[^,]*$/, ",")] : [line]))],
    ["all rows", "sp500.csv", editLines((line) => [`${line}0`])],
    ["everything removed", "weather.csv", (text) => join(lines(text).slice(0, 1))],
  ];
  test.each(pairs)("after an edit of %s in %s", async (what, name, edit) => {
    const text = fs.readFileSync(`${data}/${name}`, "utf8");
    const before = write(name, text);
    const after = write(`after-${name}`, edit(text));
    const diff = await diffFiles(before, after, { inferKey: false });
    const read = (file: string): string =>
      `SELECT * FROM read_csv('${file}', all_varchar = true, header = true, delim = '${name.endsWith("tsv") ? "\\t" : ","}', quote = '"', escape = '"', null_padding = true)`;
    const [row] = await query(
      `SELECT (SELECT count(*) FROM (${read(after)} EXCEPT ALL ${read(before)})) AS added, (SELECT count(*) FROM (${read(before)} EXCEPT ALL ${read(after)})) AS removed`,
    );
    expect({ added: diff.rows.added, removed: diff.rows.removed }, what).toEqual({
      added: Number(row?.["added"]),
      removed: Number(row?.["removed"]),
    });
  });

  test.each([
    [
      "nested values",
      "movies.json",
      (row: Record<string, unknown>, at: number): unknown => (at % 90 === 4 ? { ...row, Title: { main: row["Title"], parts: [at] } } : row),
    ],
    ["rows of JSON", "penguins.json", (row: Record<string, unknown>, at: number): unknown => (at % 33 === 5 ? undefined : row)],
  ] as const)("after an edit of %s in %s", async (_what, name, edit) => {
    const before = write("before.jsonl", jsonLines(name));
    const after = write("after.jsonl", jsonLines(name, edit));
    const diff = await diffFiles(before, after, { inferKey: false });
    const read = (file: string): string => `SELECT json::VARCHAR FROM read_ndjson_objects('${file}')`;
    const [row] = await query(
      `SELECT (SELECT count(*) FROM (${read(after)} EXCEPT ALL ${read(before)})) AS added, (SELECT count(*) FROM (${read(before)} EXCEPT ALL ${read(after)})) AS removed`,
    );
    expect({ added: diff.rows.added, removed: diff.rows.removed }).toEqual({
      added: Number(row?.["added"]),
      removed: Number(row?.["removed"]),
    });
  });

  test("after edits of a Parquet file", async () => {
    const [before, after] = ["fixtures/tabular/base.parquet", "fixtures/tabular/edited-zstd.parquet"];
    const diff = await diffFiles(before, after, { inferKey: false, duckdb: false });
    const [row] = await query(
      `SELECT (SELECT count(*) FROM (FROM '${after}' EXCEPT ALL FROM '${before}')) AS added, (SELECT count(*) FROM (FROM '${before}' EXCEPT ALL FROM '${after}')) AS removed`,
    );
    expect({ added: diff.rows.added, removed: diff.rows.removed }).toEqual({
      added: Number(row?.["added"]),
      removed: Number(row?.["removed"]),
    });
  });
});

test.skipIf(duckdb === undefined)(
  "Sixty thousand rows with inserts and edits are counted alike, and statistics taken over from one side hold.",
  async () => {
    const seed = Number(process.env["MLV_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`seed of sixty thousand rows: ${seed}`);
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const rows = Array.from({ length: 60_000 }, (_, at) => [
      at,
      ["red", "green", "", "blue"][random(4)],
      random(1e6) / 100,
      `m${random(1e9)}`,
    ]);
    const header = "id,colour,amount,mail";
    const text = (lines: readonly (readonly unknown[])[]): string => `${header}\n${lines.map((line) => line.join(",")).join("\n")}\n`;
    let next = 60_000;
    const counts = { added: 0, removed: 0, changed: 0 };
    const edited = rows.flatMap((row) => {
      const dice = random(600);
      if (dice === 0) {
        counts.added++;
        return [row, [next++, "black", -random(1000), "new"]];
      }
      if (dice === 1) {
        counts.removed++;
        return [];
      }
      if (dice > 4) return [row];
      counts.changed++;
      return [row.map((cell, at) => (at === 2 ? 1e7 + random(100) : cell))];
    });
    const before = write("sixty.csv", text(rows));
    const after = write("sixty-after.csv", text(edited));
    const own = await diffFiles(before, after, { key: ["id"], duckdb: false });
    const through = await diffFiles(before, after, { key: ["id"], duckdb: always });
    const joined = await diffFiles(before, after, { key: ["id"], duckdb: always, split: false });
    expect(own.rows).toMatchObject(counts);
    for (const diff of [through, joined]) {
      expect(diff.rows).toMatchObject(counts);
      expect(diff.engine).toBe("duckdb");
    }
    // What follows from one side's statistics and the rows that differ is what asking the other side tells.
    const asked = (diff: TableDiff): unknown =>
      diff.statistics.map(({ name, before: was, after: is }) =>
        [was, is].map((side) => [name, side?.nulls, side?.min, side?.max, side?.top, side?.isDistinctExact]),
      );
    expect(asked(through)).toEqual(asked(joined));
    for (const [place, { name, before: was, after: is }] of through.statistics.entries()) {
      for (const [found, wanted] of [
        [was, own.statistics[place]?.before],
        [is, own.statistics[place]?.after],
      ] as const) {
        expect(Number(found?.nulls), name).toBe(wanted?.nulls);
        if (name !== "mail" && name !== "colour")
          expect([Number(found?.min), Number(found?.max)], name).toEqual([Number(wanted?.min), Number(wanted?.max)]);
        if (name === "colour") expect(found?.top, name).toEqual(wanted?.top);
        expect(Math.abs((found?.distinct ?? 0) / (wanted?.distinct ?? 1) - 1), name).toBeLessThan(0.45);
      }
    }
  },
);
