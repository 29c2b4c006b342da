/** A table that was opened: its columns, its rows as batches, and how it is written. */
import type { RowBatch } from "./batch.ts";
import type { TableDescription } from "./describe.ts";
import type { ByteRange, RandomAccessFile } from "./source.ts";
import type { CsvTraits } from "./text/csv.ts";
import type { TextEncoding } from "./text/encoding.ts";
import type { ColumnType } from "./text/infer.ts";
import type { ScanDialect } from "./text/scan.ts";

/** Is a column of an open table. */
export interface TableColumn {
  readonly name: string;
  /** Known at once for JSON lines and Parquet; for delimited text it shows when all rows were read. */
  readonly type?: ColumnType;
  /** The type that a Parquet file declares. */
  readonly nativeType?: string;
}

/** Says how a table is written, as opposed to what it says: names of traits and their values, comparable one by one. */
export type TableTraits = Readonly<Record<string, string>>;

/** Is a table that can be read any number of times. */
export interface TableReader {
  readonly name: string;
  readonly format: TableDescription["format"];
  readonly delimiter?: string;
  readonly encoding?: TextEncoding;
  readonly columns: readonly TableColumn[];
  /** Known without reading for Parquet. */
  readonly rowCount?: number;
  /** Known for text whose records can be read in parts. */
  readonly text?: TableText;
  /** Returns the same table with the decimals of some columns, by name, without the zeros that their scale adds; Parquet alone has them. */
  withBareDecimals?(names: ReadonlySet<string>): TableReader;
  /** Yields all rows in order. A row of delimited text may have fewer or more cells than there are columns. */
  readBatches(signal?: AbortSignal): AsyncGenerator<RowBatch>;
  /** Returns the traits; complete once all rows were read. */
  traits(): TableTraits;
}

/** Is a text made of records; the first of them starts at the byte `start`. */
export interface RecordText {
  readonly file: RandomAccessFile;
  readonly start: number;
  readonly dialect: ScanDialect;
  /** Whether an empty line is a record. */
  readonly hasEmptyRecords: boolean;
}

/** Is a table's text, whose lines are the same bytes wherever they stand. */
export interface TableText extends RecordText {
  /** Texts of one family write a line with the same bytes. */
  readonly encodingFamily: string;
  /** Returns the table of the records in some ranges of bytes, each of whole records; the header counts as written in it where asked for. */
  part(ranges: readonly ByteRange[], hasHeader: boolean): TablePart;
  /** Returns the traits of a table whose parts were all read. */
  traitsOf(parts: readonly TablePart[]): TableTraits;
}

/** Is a part of a table. */
export interface TablePart {
  readonly reader: TableReader;
  /** Yields the part's text, with the header where there is one, as UTF-8. */
  readonly readText: (signal?: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Returns how it was written; complete once all its rows were read. */
  readonly written: () => CsvTraits | undefined;
}
