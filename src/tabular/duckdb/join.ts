/** Matches rows through DuckDB by joining keys and row hashes of both files, so that little is held in memory; then fetches what changed. */
import type { MatchResult } from "../diff/by-key.ts";
import type { CellText, ChangedRow, SampleRow } from "../diff/result.ts";
import type { TableReader } from "../table-reader.ts";
import { inferTextType, mergeTypes, type ColumnType } from "../text/infer.ts";
import { statisticsBefore } from "./earlier.ts";
import { countQuery } from "./queries.ts";
import type { DuckDbFound, DuckDbMatch, DuckDbSides, RowsByKey } from "./sides.ts";
import { listOf } from "./statistics.ts";

const EXAMINE_LIMIT = 20_000;

/** Matches all rows; undefined when DuckDB cannot match as mlv does. */
export async function matchByJoin(sides: DuckDbSides): Promise<DuckDbFound | undefined> {
  return new JoinMatcher(sides).run();
}

class JoinMatcher {
  readonly #sides: DuckDbSides;
  readonly #match: DuckDbMatch;
  readonly #samples: number;

  constructor(sides: DuckDbSides) {
    this.#sides = sides;
    this.#match = sides.match;
    this.#samples = sides.settings.sampleLimit;
  }

  async run(): Promise<DuckDbFound | undefined> {
    const sides = this.#sides;
    // The files are counted here while DuckDB joins them on its own threads.
    const [[counts], described] = await Promise.all([
      sides.session.rows(countQuery(sides.shape, EXAMINE_LIMIT)),
      Promise.all([sides.describe("before"), sides.describe("after")]),
    ]);
    if (counts === undefined) return undefined;
    const [beforeFacts, afterFacts] = described;
    const number = (name: string): number => Number(counts[name] ?? Number.NaN);
    const [pairs, added, removed, changed] = [number("pairs"), number("added"), number("removed"), number("changed")];
    // Each key joined exactly once on both sides: only then is it a key.
    const isUnique = pairs === beforeFacts.rows - removed && pairs === afterFacts.rows - added && number("nullkeys") === 0;
    if (!isUnique || number("addedkeys") !== added || number("removedkeys") !== removed) return undefined;
    // Nothing changed in the values: order and formatting are told by mlv's own pass.
    if (added + removed + changed === 0) return undefined;
    const lists = { changed: listOf(counts["changedlist"]), added: listOf(counts["addedlist"]), removed: listOf(counts["removedlist"]) };
    const rows = {
      before: await sides.fetch("before", [...lists.changed, ...lists.removed]),
      after: await sides.fetch("after", [...lists.changed, ...lists.added]),
    };
    const compared = this.#compare(lists.changed, rows);
    const types = this.#types(beforeFacts.types, afterFacts.types, rows);
    if (types === undefined || compared === undefined) return undefined;
    const after = await sides.ask("after", { ...afterFacts, types: types.after }, {});
    const isAll = lists.changed.length === changed && lists.added.length === added && lists.removed.length === removed;
    const before = await statisticsBefore(
      sides,
      { ...beforeFacts, types: types.before },
      {
        types: types.after,
        answer: after,
        differing: added + removed + changed,
        cells: isAll ? { before: this.#columns("before", rows.before), after: this.#columns("after", rows.after) } : undefined,
      },
    );
    const result: MatchResult = {
      added,
      removed,
      changed,
      unchanged: pairs - changed,
      examined: lists.changed.length,
      changedCells: compared.changedCells,
      samples: {
        changed: compared.samples,
        added: lists.added.slice(0, this.#samples).map((key) => this.#wholeRow("after", rows.after.get(key))),
        removed: lists.removed.slice(0, this.#samples).map((key) => this.#wholeRow("before", rows.before.get(key))),
      },
    };
    return {
      result,
      before: { types: types.before, statistics: before },
      after: { types: types.after, statistics: after.statistics },
    };
  }

  #columns(side: "before" | "after", rows: RowsByKey): (string | null)[][] {
    return this.#match.readers[side].columns.map((_, place) => [...rows.values()].map((cells) => cells[place] ?? null));
  }

  /** Compares the examined rows cell by cell; undefined when a row that DuckDB calls changed shows no change as text. */
  #compare(
    keys: readonly string[],
    rows: { readonly before: RowsByKey; readonly after: RowsByKey },
  ): { changedCells: number[]; samples: ChangedRow[] } | undefined {
    const { plan, readers } = this.#match;
    const changedCells = plan.shared.map(() => 0);
    const samples: ChangedRow[] = [];
    for (const key of keys) {
      const [from, to] = [rows.before.get(key), rows.after.get(key)];
      if (from === undefined || to === undefined) return undefined;
      const cells: ChangedRow["cells"][number][] = [];
      for (const [at, column] of plan.shared.entries()) {
        const before = this.#cell(readers.before, column.before, from);
        const after = this.#cell(readers.after, column.after, to);
        if (before === after) continue;
        changedCells[at] = (changedCells[at] ?? 0) + 1;
        cells.push({ column: column.name, before, after });
      }
      if (cells.length === 0) return undefined;
      if (samples.length < this.#samples) samples.push({ key: [from[this.#match.key.before] ?? null], cells });
    }
    return { changedCells, samples };
  }

  #cell(reader: TableReader, place: number, row: readonly (string | null)[]): CellText {
    const text = row[place] ?? null;
    return text === null && reader.format !== "parquet" ? "" : text;
  }

  #wholeRow(side: "before" | "after", row: readonly (string | null)[] | undefined): SampleRow {
    const reader = this.#match.readers[side];
    return reader.columns.map((_, place) => (row === undefined ? undefined : this.#cell(reader, place, row)));
  }

  /** Sampled types, widened by what changed; undefined when a shared column then seems retyped, which mlv's own pass decides. */
  #types(
    sampledBefore: readonly ColumnType[],
    sampledAfter: readonly ColumnType[],
    rows: { readonly before: RowsByKey; readonly after: RowsByKey },
  ): { before: ColumnType[]; after: ColumnType[] } | undefined {
    const { plan, readers } = this.#match;
    const before = widen(sampledBefore, readers.before, rows.before);
    const after = widen(sampledAfter, readers.after, rows.after);
    const isText = readers.before.format !== "parquet";
    return isText && plan.shared.some((column) => before[column.before] !== after[column.after]) ? undefined : { before, after };
  }
}

function widen(sampled: readonly ColumnType[], reader: TableReader, rows: RowsByKey): ColumnType[] {
  if (reader.format === "parquet") return [...sampled];
  return sampled.map((type, place) => {
    let widest: ColumnType | undefined = type === "any" ? undefined : type;
    for (const row of rows.values()) widest = mergeTypes(widest, inferTextType(row[place] ?? ""), "string");
    return widest ?? "any";
  });
}
