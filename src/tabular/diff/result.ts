/** What a diff of two tables says. */
import type { ColumnStatistics } from "./column-statistics.ts";
import type { TableDescription } from "../describe.ts";
import type { ColumnType } from "../text/infer.ts";

/** Is a column of one version. */
export interface DiffColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** The type that a Parquet file declares. */
  readonly nativeType?: string;
}

/** Is one version of the table. */
export interface DiffVersion {
  readonly name: string;
  readonly format: TableDescription["format"];
  readonly rows: number;
  readonly columns: readonly DiffColumn[];
}

/** Names what changed in the columns. Rows are compared over the columns that both versions have, renamed ones included. */
export interface SchemaDiff {
  readonly added: readonly DiffColumn[];
  readonly dropped: readonly DiffColumn[];
  /** Columns whose name changed while their content says that they are the same. */
  readonly renamed: readonly { readonly before: string; readonly after: string }[];
  readonly retyped: readonly {
    readonly name: string;
    readonly before: string;
    readonly after: string;
  }[];
  /** Whether the columns that both have stand in another order. */
  readonly isReordered: boolean;
}

/** Counts rows. */
export interface RowCounts {
  readonly added: number;
  readonly removed: number;
  /** Rows with the same key and other values; zero without a key. */
  readonly changed: number;
  readonly unchanged: number;
  /** Whether rows that both have stand in another order; absent where DuckDB matched them, which does not look. */
  readonly isReordered?: boolean;
}

/** Is a cell's text; null for a null, absent where the row has no such cell. Cut after 2,000 characters. */
export type CellText = string | null | undefined;

/** Is one changed row: its key, and the cells that differ. */
export interface ChangedRow {
  readonly key: readonly CellText[];
  readonly cells: readonly {
    readonly column: string;
    readonly before: CellText;
    readonly after: CellText;
  }[];
}

/** Is a row that only one version has, cell by cell in the order of that version's columns. */
export type SampleRow = readonly CellText[];

/** Is the difference of two versions of a table. */
export interface TableDiff {
  readonly before: DiffVersion;
  readonly after: DiffVersion;
  /** Whether nothing differs, formatting included. */
  readonly isSame: boolean;
  /** Whether values, columns and order are the same and only the way they are written differs. */
  readonly formattingOnly: boolean;
  readonly formatting: readonly {
    readonly trait: string;
    readonly before: string;
    readonly after: string;
  }[];
  /** The key that rows were matched by; absent when they were matched by content. */
  readonly key?: { readonly columns: readonly string[]; readonly origin: "given" | "inferred" };
  /** Says why a key was not used. */
  readonly keyNote?: string;
  readonly schema: SchemaDiff;
  readonly rows: RowCounts;
  /** Changed cells by column (after's names), most first, over the `examined` changed rows. */
  readonly changedCells: {
    readonly examined: number;
    readonly columns: readonly { readonly name: string; readonly cells: number }[];
  };
  readonly samples: {
    readonly changed: readonly ChangedRow[];
    readonly added: readonly SampleRow[];
    readonly removed: readonly SampleRow[];
  };
  /** By column; empty when statistics were not asked for. */
  readonly statistics: readonly {
    readonly name: string;
    readonly before?: ColumnStatistics;
    readonly after?: ColumnStatistics;
  }[];
  readonly engine: "mlv" | "duckdb";
}
