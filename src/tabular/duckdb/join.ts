/** Matches rows through DuckDB by joining keys and row hashes of both files, so that little is held in memory; then fetches what changed. */
import type { ColumnStatistics } from "../diff/column-statistics.ts";
import type { MatchResult } from "../diff/by-key.ts";
import type { CellText, ChangedRow, SampleRow } from "../diff/result.ts";
import type { TableReader } from "../table-reader.ts";
import { inferTextType, mergeTypes, type ColumnType } from "../text/infer.ts";
import { countQuery } from "./queries.ts";
import type { DuckDbFound, DuckDbMatch, DuckDbSides, SampledFacts } from "./sides.ts";
import { listOf, type SideAnswer } from "./statistics.ts";

/** Is a row that DuckDB gives: texts by column. */
type FoundRow = Readonly<Record<string, string | null>>;

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
      sides.session.rows(countQuery(sides.shape, { examined: EXAMINE_LIMIT, samples: this.#samples })),
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
    const keys = (name: string): string[] => listOf(counts[name]);
    const differing = added + removed + changed;
    const afterSide = await sides.ask("after", afterFacts, { keys: [...keys("changedlist"), ...keys("addedlist")] });
    const known = { statistics: sides.asBefore(afterSide.statistics), rows: differing };
    const beforeSide = await sides.ask("before", beforeFacts, { keys: [...keys("changedlist"), ...keys("removedlist")], known });
    const [beforeRows, afterRows] = [this.#byKey("before", beforeSide), this.#byKey("after", afterSide)];
    const compared = this.#compare(keys("changedlist"), beforeRows, afterRows);
    const types = this.#types(beforeFacts.types, afterFacts.types, beforeRows, afterRows);
    if (types === undefined || compared === undefined) return undefined;
    const statistics = {
      before: await this.#statistics("before", types.before, { ...beforeFacts, statistics: beforeSide.statistics }),
      after: await this.#statistics("after", types.after, { ...afterFacts, statistics: afterSide.statistics }),
    };
    const result: MatchResult = {
      added,
      removed,
      changed,
      unchanged: pairs - changed,
      examined: keys("changedlist").length,
      changedCells: compared.changedCells,
      samples: {
        changed: compared.samples,
        added: keys("addedlist").map((key) => this.#wholeRow("after", afterRows.get(key))),
        removed: keys("removedlist").map((key) => this.#wholeRow("before", beforeRows.get(key))),
      },
    };
    return {
      result,
      before: { types: types.before, statistics: statistics.before },
      after: { types: types.after, statistics: statistics.after },
    };
  }

  #byKey(side: "before" | "after", { rows }: SideAnswer): ReadonlyMap<string, FoundRow> {
    const names = this.#match.readers[side].columns.map((column) => column.name);
    return new Map(
      rows.map(([key, ...cells]) => [key ?? "", Object.fromEntries(names.map((name, place) => [name, cells[place] ?? null]))]),
    );
  }

  /** Compares the examined rows cell by cell; undefined when a row that DuckDB calls changed shows no change as text. */
  #compare(
    keys: readonly string[],
    beforeRows: ReadonlyMap<string, FoundRow>,
    afterRows: ReadonlyMap<string, FoundRow>,
  ): { changedCells: number[]; samples: ChangedRow[] } | undefined {
    const { plan, readers } = this.#match;
    const changedCells = plan.shared.map(() => 0);
    const samples: ChangedRow[] = [];
    for (const key of keys) {
      const [from, to] = [beforeRows.get(key), afterRows.get(key)];
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
      if (samples.length < this.#samples) samples.push({ key: [key], cells });
    }
    return { changedCells, samples };
  }

  #cell(reader: TableReader, place: number, row: FoundRow): CellText {
    const text = row[reader.columns[place]?.name ?? ""] ?? null;
    return text === null && reader.format !== "parquet" ? "" : text;
  }

  #wholeRow(side: "before" | "after", row: FoundRow | undefined): SampleRow {
    const reader = this.#match.readers[side];
    return reader.columns.map((_, place) => (row === undefined ? undefined : this.#cell(reader, place, row)));
  }

  /** Sampled types, widened by what changed; undefined when a shared column then seems retyped, which mlv's own pass decides. */
  #types(
    sampledBefore: readonly ColumnType[],
    sampledAfter: readonly ColumnType[],
    beforeRows: ReadonlyMap<string, FoundRow>,
    afterRows: ReadonlyMap<string, FoundRow>,
  ): { before: ColumnType[]; after: ColumnType[] } | undefined {
    const { plan, readers } = this.#match;
    const before = widen(sampledBefore, readers.before, beforeRows);
    const after = widen(sampledAfter, readers.after, afterRows);
    const isText = readers.before.format !== "parquet";
    return isText && plan.shared.some((column) => before[column.before] !== after[column.after]) ? undefined : { before, after };
  }

  /** Returns statistics that were asked for with sampled types, or asks once more where changed rows showed that a type is another. */
  async #statistics(
    side: "before" | "after",
    types: readonly ColumnType[],
    asked: SampledFacts & { readonly statistics: readonly ColumnStatistics[] },
  ): Promise<readonly ColumnStatistics[]> {
    if (types.every((type, place) => type === asked.types[place])) return asked.statistics;
    return (await this.#sides.ask(side, { types, rows: asked.rows }, {})).statistics;
  }
}

function widen(sampled: readonly ColumnType[], reader: TableReader, rows: ReadonlyMap<string, FoundRow>): ColumnType[] {
  if (reader.format === "parquet") return [...sampled];
  return sampled.map((type, place) => {
    let widest: ColumnType | undefined = type === "any" ? undefined : type;
    const name = reader.columns[place]?.name ?? "";
    for (const row of rows.values()) widest = mergeTypes(widest, inferTextType(row[name] ?? ""), "string");
    return widest ?? "any";
  });
}
