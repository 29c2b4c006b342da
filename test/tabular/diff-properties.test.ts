import * as fs from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diffTexts } from "./diff-texts.ts";

describe("properties", () => {
  const cell = fc.oneof(
    fc.constantFrom("", "1", "1.0", "x", "é", 'say "hi"', "a,b", "line\nbreak", "line\r\nbreak", "-0", "NaN"),
    fc.string({ unit: "grapheme", maxLength: 8 }),
  );
  const table = fc.integer({ min: 2, max: 5 }).chain((width) =>
    fc.array(fc.array(cell, { minLength: width, maxLength: width }), {
      minLength: 0,
      maxLength: 40,
    }),
  );
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const write = (rows: readonly (readonly string[])[], ids: readonly number[], width: number): string =>
    [
      ["id", ...Array.from({ length: width }, (_, at) => `c${at}`)].map(quote).join(","),
      ...rows.map((row, at) => [String(ids[at]), ...row].map(quote).join(",")),
    ].join("\n");

  test("With a key the diff reports exactly the edits.", async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.infiniteStream(fc.nat({ max: 9 })), cell, async (rows, dice, text) => {
        const width = rows[0]?.length ?? 2;
        const ids = rows.map((_, at) => at + 1);
        const expected = { added: 0, removed: 0, changed: 0 };
        const afterRows: string[][] = [];
        const afterIds: number[] = [];
        const changedCells: string[] = [];
        for (const [at, row] of rows.entries()) {
          const roll = dice.next().value;
          if (roll === 0) {
            expected.removed++;
            continue;
          }
          const edited = [...row];
          if (roll === 1 && row[at % width] !== text) {
            edited[at % width] = text;
            expected.changed++;
            changedCells.push(`${at + 1} c${at % width}`);
          }
          afterRows.push(edited);
          afterIds.push(at + 1);
          if (roll === 2) {
            expected.added++;
            afterRows.push(row);
            afterIds.push(1000 + at);
          }
        }
        const diff = await diffTexts(write(rows, ids, width), write(afterRows, afterIds, width), {
          key: ["id"],
          sampleLimit: 100,
        });
        expect(diff.rows).toEqual({
          ...expected,
          unchanged: rows.length - expected.removed - expected.changed,
          isReordered: false,
        });
        expect(diff.samples.changed.flatMap((row) => row.cells.map((change) => `${row.key[0]} ${change.column}`))).toEqual(changedCells);
        expect(diff.samples.added.length).toBe(expected.added);
        expect(diff.samples.removed.length).toBe(expected.removed);
      }),
      { numRuns: 300 },
    );
  });

  test("Without a key the diff is the difference of multisets.", async () => {
    const small = fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.constantFrom("1", "2", "")), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(small, small, async (before, after) => {
        const write2 = (rows: readonly (readonly string[])[]): string => ["x,y", ...rows.map((row) => row.join(","))].join("\n");
        const diff = await diffTexts(write2(before), write2(after), { inferKey: false });
        const left = before.map((row) => row.join(","));
        let added = 0;
        for (const row of after.map((cells) => cells.join(","))) {
          const at = left.indexOf(row);
          if (at < 0) added++;
          else left.splice(at, 1);
        }
        expect(diff.rows).toMatchObject({
          added,
          removed: left.length,
          unchanged: after.length - added,
        });
        expect(diff.before.rows).toBe(before.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe("real tables", () => {
  const folder = "node_modules/vega-datasets/data";
  const read = (name: string): string => fs.readFileSync(`${folder}/${name}`, "utf8");

  test("Edits of real tables are named, and nothing else.", async () => {
    const weather = read("seattle-weather.csv");
    const lines = weather.trimEnd().split("\n");
    const edited = [...lines];
    edited[10] = (edited[10] ?? "").replace(/[^,]+$/, "hail");
    edited.splice(500, 3);
    edited.push("2016-01-01,0.0,5.0,1.0,2.0,sun");
    const diff = await diffTexts(weather, `${edited.join("\n")}\n`, { key: ["date"] });
    expect(diff.rows).toEqual({
      added: 1,
      removed: 3,
      changed: 1,
      unchanged: 1457,
      isReordered: false,
    });
    expect(diff.changedCells.columns).toEqual([{ name: "weather", cells: 1 }]);
    expect(diff.schema).toEqual({
      added: [],
      dropped: [],
      renamed: [],
      retyped: [],
      isReordered: false,
    });
  });

  test("A TSV turned around, and JSON with a nested edit, say so.", async () => {
    const tsv = read("unemployment.tsv");
    const [header = "", ...rows] = tsv.trimEnd().split("\n");
    expect((await diffTexts(tsv, [header, ...rows.reverse()].join("\n"), { name: "u.tsv" })).rows).toEqual({
      added: 0,
      removed: 0,
      changed: 0,
      unchanged: rows.length,
      isReordered: true,
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const movies = JSON.parse(read("movies.json")) as Record<string, unknown>[];
    const lines = (): string => movies.map((movie) => JSON.stringify(movie)).join("\n");
    const before = lines();
    movies[5] = { ...movies[5], Title: { main: "nested", parts: [1] } };
    const diff = await diffTexts(before, lines(), { name: "movies.jsonl" });
    expect(diff.rows).toMatchObject({ added: 1, removed: 1, unchanged: movies.length - 1 });
    expect(diff.schema.retyped).toEqual([]);
  });
});
