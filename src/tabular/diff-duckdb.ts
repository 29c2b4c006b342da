/**
 * The keyed diff of large tables through DuckDB, when the optional package @duckdb/node-api is installed. One query joins keys and row
 * hashes of both files, so that little is held in memory; two more fetch what changed. Whatever DuckDB cannot do exactly as mlv does
 * (ragged rows, empty or repeated keys, types that differ) gives undefined, and mlv's own matching follows.
 */
import type { MatchResult } from "./diff/by-key.ts";
import type { ColumnPlan, SharedColumn } from "./diff/plan.ts";
import type { CellText, ChangedRow, SampleRow } from "./diff/result.ts";
import type { ColumnStatistics } from "./diff/column-statistics.ts";
import { DuckDbSession, isDuckDbFailure, type DuckDbOptions } from "./duckdb/session.ts";
import { countQuery, quoteName, scanOf, type JoinShape } from "./duckdb/queries.ts";
import { askSide, listOf, type SideAnswer } from "./duckdb/statistics.ts";
import { createTableDescriber } from "./describe.ts";
import type { TableReader } from "./open-table.ts";
import { readPieces, type TableSource } from "./source.ts";
import { MAX_STATISTICS } from "./diff/side.ts";
import { inferTextType, mergeTypes, type ColumnType } from "./text/infer.ts";

export type { DuckDbOptions } from "./duckdb/session.ts";

/** Is what DuckDB is asked to match. */
export interface DuckDbMatch {
  readonly before: TableSource;
  readonly after: TableSource;
  readonly readers: { readonly before: TableReader; readonly after: TableReader };
  readonly plan: ColumnPlan;
  readonly key: SharedColumn;
}

/** Is what DuckDB found: rows, and facts about columns by place. */
export interface DuckDbFound {
  readonly result: MatchResult;
  readonly before: { readonly types: readonly ColumnType[]; readonly statistics: readonly ColumnStatistics[] };
  readonly after: { readonly types: readonly ColumnType[]; readonly statistics: readonly ColumnStatistics[] };
}

interface MatchSettings {
  readonly sampleLimit?: number | undefined;
  readonly statistics?: boolean | undefined;
  readonly duckdb: DuckDbOptions;
  readonly signal?: AbortSignal | undefined;
}

const MIN_BYTES = 64 * 1024 * 1024;
const EXAMINE_LIMIT = 20_000;
const SAMPLE_LIMIT = 10;

/** Matches rows by one key column. Returns undefined when DuckDB is not there, is not worth it, or cannot match exactly. */
export async function matchWithDuckDb(match: DuckDbMatch, settings: MatchSettings): Promise<DuckDbFound | undefined> {
  const bytes = match.before.file.byteLength + match.after.file.byteLength;
  if (bytes < (settings.duckdb.minBytes ?? MIN_BYTES) || !isSupported(match)) return undefined;
  const session = await DuckDbSession.open(settings.duckdb, settings.signal);
  if (session === undefined) return undefined;
  try {
    return await new DuckDbMatcher(session, match, settings).run();
  } catch (error) {
    settings.signal?.throwIfAborted();
    if (isDuckDbFailure(error)) return undefined;
    throw error;
  } finally {
    session.close();
  }
}

function isSupported({ before, after, readers, plan }: DuckDbMatch): boolean {
  const isReadable = (source: TableSource, reader: TableReader): boolean =>
    source.path !== undefined &&
    !/[*?[\]{}]/.test(source.path) &&
    (reader.format === "parquet" || (reader.format !== "jsonl" && reader.encoding === "utf-8"));
  const haveSameTypes = plan.shared.every(
    (column) => readers.before.columns[column.before]?.nativeType === readers.after.columns[column.after]?.nativeType,
  );
  return plan.shared.length > 1 && haveSameTypes && isReadable(before, readers.before) && isReadable(after, readers.after);
}

/** Is a row that DuckDB gives: texts by column. */
type FoundRow = Readonly<Record<string, string | null>>;

/** Is what a pass over the bytes of a version showed. */
interface SideFacts {
  readonly rows: number;
  readonly types: readonly ColumnType[];
}

class DuckDbMatcher {
  readonly #session: DuckDbSession;
  readonly #match: DuckDbMatch;
  readonly #settings: MatchSettings;
  readonly #shape: JoinShape;
  readonly #samples: number;

  constructor(session: DuckDbSession, match: DuckDbMatch, settings: MatchSettings) {
    const { readers, plan, key } = match;
    this.#session = session;
    this.#match = match;
    this.#settings = settings;
    this.#samples = settings.sampleLimit ?? SAMPLE_LIMIT;
    const nameOf = (reader: TableReader, place: number): string => quoteName(reader.columns[place]?.name ?? "");
    this.#shape = {
      before: {
        scan: scanOf(match.before.path ?? "", readers.before),
        key: nameOf(readers.before, key.before),
        compared: plan.shared.map((column) => nameOf(readers.before, column.before)),
      },
      after: {
        scan: scanOf(match.after.path ?? "", readers.after),
        key: nameOf(readers.after, key.after),
        compared: plan.shared.map((column) => nameOf(readers.after, column.after)),
      },
    };
  }

  async run(): Promise<DuckDbFound | undefined> {
    const { before, after, readers } = this.#match;
    // The files are counted here while DuckDB joins them on its own threads.
    const [[counts], described] = await Promise.all([
      this.#session.rows(countQuery(this.#shape, { examined: EXAMINE_LIMIT, samples: this.#samples })),
      Promise.all([describe(before, readers.before, this.#settings.signal), describe(after, readers.after, this.#settings.signal)]),
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
    const afterSide = await this.#ask("after", afterFacts, [...keys("changedlist"), ...keys("addedlist")]);
    const known = { statistics: this.#asBefore(afterSide.statistics), rows: differing };
    const beforeSide = await this.#ask("before", beforeFacts, [...keys("changedlist"), ...keys("removedlist")], known);
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

  /** Asks a version for the rows of some keys and for its statistics, as far as they are wanted. */
  async #ask(
    side: "before" | "after",
    { types, rows }: SideFacts,
    keys: readonly string[],
    known?: { readonly statistics: readonly (ColumnStatistics | undefined)[]; readonly rows: number },
  ): Promise<SideAnswer> {
    const names = this.#match.readers[side].columns.map((column) => quoteName(column.name));
    const key = this.#match.key[side];
    const columns = names
      .slice(0, MAX_STATISTICS)
      .map((name, place) => ({ name, type: types[place] ?? "string", isKey: place === key }) as const);
    return askSide(this.#session, {
      side: this.#shape[side],
      columns: this.#settings.statistics === false ? [] : columns,
      rows,
      fetched: { columns: keys.length === 0 ? [] : names, keys },
      ...(known === undefined ? {} : { known }),
    });
  }

  /** Puts the later version's statistics where the earlier one has the same columns. */
  #asBefore(statistics: readonly ColumnStatistics[]): (ColumnStatistics | undefined)[] {
    const { plan, readers } = this.#match;
    return readers.before.columns.map((_, place) => {
      const shared = plan.shared.find((column) => column.before === place);
      return shared === undefined ? undefined : statistics[shared.after];
    });
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
    asked: SideFacts & { readonly statistics: readonly ColumnStatistics[] },
  ): Promise<readonly ColumnStatistics[]> {
    if (types.every((type, place) => type === asked.types[place])) return asked.statistics;
    return (await this.#ask(side, { types, rows: asked.rows }, [])).statistics;
  }
}

/** Counts rows and infers types from samples, faster than any parser could. */
async function describe(source: TableSource, reader: TableReader, signal?: AbortSignal): Promise<SideFacts> {
  if (reader.rowCount !== undefined) return { rows: reader.rowCount, types: reader.columns.map((column) => column.type ?? "any") };
  const describer = createTableDescriber(source.name);
  for await (const piece of readPieces(source.file, signal)) describer?.update(piece);
  const description = describer?.finish();
  const types = reader.columns.map((_, place) => (description?.columns[place]?.replace(/^.*:/s, "") ?? "string") as ColumnType);
  return { rows: description?.rows ?? Number.NaN, types };
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
