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
import { quoteName, scanOf, type JoinShape } from "./queries.ts";
import type { DuckDbOptions, DuckDbSession } from "./session.ts";
import { askSide, type SideAnswer } from "./statistics.ts";

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

/** Is what is asked of a version besides its statistics. */
interface AskOptions {
  /** Keys whose rows are wanted. */
  readonly keys?: readonly string[];
  /** Statistics of the same columns in the other version, and by how many rows the two differ. */
  readonly known?: { readonly statistics: readonly (ColumnStatistics | undefined)[]; readonly rows: number };
  readonly isKeyCounted?: boolean;
  /** Places of the columns whose statistics are wanted; all of them unless said otherwise. */
  readonly places?: readonly number[];
}

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

  /** Asks a version for its statistics, as far as they are wanted, and for what the options say. */
  async ask(
    side: "before" | "after",
    { types, rows }: SampledFacts,
    { keys = [], known, isKeyCounted = false, places }: AskOptions,
  ): Promise<SideAnswer> {
    const names = this.match.readers[side].columns.map((column) => quoteName(column.name));
    const key = this.match.key[side];
    const columns = names
      .slice(0, MAX_STATISTICS)
      .map((name, place) => ({ name, type: types[place] ?? "string", isKey: place === key }) as const)
      .filter((_, place) => places?.includes(place) ?? true);
    return askSide(this.session, {
      side: this.shape[side],
      columns: this.settings.statistics === false ? [] : columns,
      rows,
      fetched: { columns: keys.length === 0 ? [] : names, keys },
      isKeyCounted,
      ...(known === undefined ? {} : { known }),
    });
  }

  /** Puts the later version's statistics where the earlier one has the same columns. */
  asBefore(statistics: readonly ColumnStatistics[]): (ColumnStatistics | undefined)[] {
    const { plan, readers } = this.match;
    return readers.before.columns.map((_, place) => {
      const shared = plan.shared.find((column) => column.before === place);
      return shared === undefined ? undefined : statistics[shared.after];
    });
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
