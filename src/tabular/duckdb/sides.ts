/** Two versions of a table as DuckDB sees them: how it reads them, and what it tells of each. */
import type { MatchResult } from "../diff/by-key.ts";
import type { ColumnStatistics } from "../diff/column-statistics.ts";
import type { ColumnPlan, SharedColumn } from "../diff/plan.ts";
import { MAX_STATISTICS } from "../diff/side.ts";
import type { TableSplit } from "../diff/split.ts";
import { createTableDescriber } from "../describe.ts";
import { readPieces, type TableSource } from "../source.ts";
import type { TableReader } from "../table-reader.ts";
import type { ColumnType } from "../text/infer.ts";
import { fetchQuery, quoteName, scanOf, type JoinShape } from "./queries.ts";
import type { DuckDbOptions, DuckDbSession } from "./session.ts";
import { askSide, textOf, type SideAnswer } from "./statistics.ts";

/** Is what DuckDB is asked to match. */
export interface DuckDbMatch {
  readonly before: TableSource;
  readonly after: TableSource;
  readonly readers: { readonly before: TableReader; readonly after: TableReader };
  readonly plan: ColumnPlan;
  readonly key: SharedColumn;
  /** What both versions have in common, where that is known. */
  readonly split: TableSplit | undefined;
}

/** Is what DuckDB found: rows, and facts about columns by place. */
export interface DuckDbFound {
  readonly result: MatchResult;
  readonly before: { readonly types: readonly ColumnType[]; readonly statistics: readonly ColumnStatistics[] };
  readonly after: { readonly types: readonly ColumnType[]; readonly statistics: readonly ColumnStatistics[] };
}

/** Says how DuckDB matches. */
export interface MatchSettings {
  readonly sampleLimit: number;
  readonly statistics?: boolean | undefined;
  readonly duckdb: DuckDbOptions;
  readonly signal?: AbortSignal | undefined;
}

/** Is what is asked of a version. */
interface AskOptions {
  /** Statistics of the same columns in the other version, and by how many rows the two differ. */
  readonly known?: { readonly statistics: readonly (ColumnStatistics | undefined)[]; readonly rows: number };
  readonly isKeyCounted?: boolean;
  /** Places of the columns that seem to have few different values; only where all columns are asked for. */
  readonly few?: ReadonlySet<number>;
  /** Places of the columns whose statistics are wanted; all of them unless said otherwise. */
  readonly places?: readonly number[];
}

/** Are rows by key: a cell for each column of the version, null where it is null or, in delimited text, empty. */
export type RowsByKey = ReadonlyMap<string, readonly (string | null)[]>;

/** Is what a pass over the bytes of a version showed. */
export interface SampledFacts {
  readonly rows: number;
  readonly types: readonly ColumnType[];
}

/** Asks DuckDB about two versions. */
export class DuckDbSides {
  readonly session: DuckDbSession;
  readonly match: DuckDbMatch;
  readonly settings: MatchSettings;
  readonly shape: JoinShape;

  constructor(session: DuckDbSession, match: DuckDbMatch, settings: MatchSettings) {
    const { readers, plan, key } = match;
    this.session = session;
    this.match = match;
    this.settings = settings;
    const nameOf = (reader: TableReader, place: number): string => quoteName(reader.columns[place]?.name ?? "");
    this.shape = {
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

  /** Counts rows and infers types of a version, from samples. */
  async describe(side: "before" | "after"): Promise<SampledFacts> {
    const { [side]: source, readers } = this.match;
    const reader = readers[side];
    if (reader.rowCount !== undefined) return { rows: reader.rowCount, types: reader.columns.map((column) => column.type ?? "any") };
    return describeText(source.name, reader, readPieces(source.file, this.settings.signal));
  }

  /** Asks a version for its statistics, as far as they are wanted. */
  async ask(
    side: "before" | "after",
    { types, rows }: SampledFacts,
    { known, isKeyCounted = false, few, places }: AskOptions,
  ): Promise<SideAnswer> {
    const key = this.match.key[side];
    const columns = this.match.readers[side].columns
      .slice(0, MAX_STATISTICS)
      .map((column, place) => ({ column, type: types[place] ?? "string", isKey: place === key }) as const)
      .filter((_, place) => places?.includes(place) ?? true);
    return askSide(this.session, {
      side: this.shape[side],
      columns: this.settings.statistics === false ? [] : columns,
      rows,
      isKeyCounted,
      ...(known === undefined ? {} : { known }),
      ...(few === undefined ? {} : { few }),
    });
  }

  /** Fetches the rows of some keys, which are as DuckDB writes them. */
  async fetch(side: "before" | "after", keys: readonly string[]): Promise<RowsByKey> {
    if (keys.length === 0) return new Map();
    const { columns } = this.match.readers[side];
    const rows = await this.session.rows(fetchQuery(this.shape[side], columns, keys));
    return new Map(
      rows.map(({ cells }) => {
        const [key, ...texts]: unknown[] = Array.isArray(cells) ? cells : [];
        return [String(key), columns.map((column, place) => textOf(texts[place], column))];
      }),
    );
  }

  /** Returns which of some keys a version has. */
  async find(side: "before" | "after", keys: readonly string[]): Promise<number> {
    return keys.length === 0 ? 0 : (await this.session.rows(fetchQuery(this.shape[side], [], keys))).length;
  }
}

/** Counts a text's rows and infers types from samples, faster than any parser could. */
export async function describeText(name: string, reader: TableReader, pieces: AsyncIterable<Uint8Array>): Promise<SampledFacts> {
  const describer = createTableDescriber(name);
  for await (const piece of pieces) describer?.update(piece);
  const description = describer?.finish();
  const types = reader.columns.map((_, place) => (description?.columns[place]?.replace(/^.*:/s, "") ?? "string") as ColumnType);
  return { rows: description?.rows ?? Number.NaN, types };
}
