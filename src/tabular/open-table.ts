/** Opens a table of any format as columns and batches of rows. */
import { MlvError } from "../base/errors.ts";
import type { RowBatch } from "./batch.ts";
import { tableFormatOf, type TableDescription } from "./describe.ts";
import { openParquet } from "./parquet.ts";
import { readPieces, type RandomAccessFile, type TableSource } from "./source.ts";
import { openCsvText, uniqueNames } from "./text/csv-table.ts";
import type { CsvTraits } from "./text/csv.ts";
import { createUtf8Converter, detectEncoding, type TextEncoding } from "./text/encoding.ts";
import { JsonBatchWriter, JsonColumns, JsonLinesParser } from "./text/json-lines.ts";
import type { ColumnType } from "./text/infer.ts";

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
  /** Yields all rows in order. A row of delimited text may have fewer or more cells than there are columns. */
  readBatches(signal?: AbortSignal): AsyncGenerator<RowBatch>;
  /** Returns the traits; complete once all rows were read. */
  traits(): TableTraits;
}

const HEAD_BYTES = 1024 * 1024;

/** Opens a table by the format that its name announces. Throws `table-unreadable`. */
export async function openTable(source: TableSource, signal?: AbortSignal): Promise<TableReader> {
  const format = tableFormatOf(source.name);
  if (format === undefined) {
    throw new MlvError("table-unreadable", `\`${source.name}\` is no table that is known here`, {
      hint: "known are .csv, .tsv, .jsonl, .ndjson and .parquet",
      details: { path: source.name },
    });
  }
  if (format === "parquet") return openParquetTable(source);
  const encoding = await detectEncoding(readPieces(source.file, signal));
  return format === "jsonl" ? openJsonLines(source, encoding, signal) : openCsv(source, format, encoding);
}

async function openParquetTable(source: TableSource): Promise<TableReader> {
  const table = await openParquet(source.file, source.name);
  const { rowGroups, codecs, writer } = table.layout;
  return {
    name: source.name,
    format: "parquet",
    rowCount: table.rows,
    columns: uniqueNames(table.columns.map((column) => column.name)).map((name, place) => ({
      ...table.columns[place],
      name,
    })),
    readBatches: (signal) => table.readBatches(signal),
    traits: () => ({ "row groups": String(rowGroups), compression: codecs, writer }),
  };
}

/** Yields a file's text in UTF-8, without a byte order mark. */
async function* readUtf8(file: RandomAccessFile, encoding: TextEncoding, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const converter = createUtf8Converter(encoding);
  for await (const piece of readPieces(file, signal)) yield converter.convert(piece);
  yield converter.finish();
}

async function openCsv(source: TableSource, format: "csv" | "tsv", encoding: TextEncoding): Promise<TableReader> {
  const raw = new Uint8Array(await source.file.slice(0, Math.min(HEAD_BYTES, source.file.byteLength)));
  const head = createUtf8Converter(encoding).convert(raw);
  const table = openCsvText(head, {
    isWhole: raw.length === source.file.byteLength,
    format,
    name: source.name,
  });
  let traits: TableTraits = { encoding, delimiter: table.delimiter };
  return {
    name: source.name,
    format,
    delimiter: table.delimiter,
    encoding,
    columns: table.columns.map((name) => ({ name })),
    async *readBatches(signal) {
      const reading = table.read(readUtf8(source.file, encoding, signal));
      yield* reading.batches;
      traits = {
        encoding,
        delimiter: table.delimiter,
        ...describeTraits(reading.traits),
        ...(table.hasCrLines ? { "line ends": "CR" } : {}),
      };
    },
    traits: () => traits,
  };
}

function describeTraits(traits: CsvTraits): TableTraits {
  const { quotedCells, cells, blankLines, endsWithNewline } = traits;
  return {
    ...lineEndTrait(traits),
    quoting: quotedCells === 0 ? "none" : quotedCells === cells ? "all cells" : "some cells",
    "quoted cells": String(quotedCells),
    "blank lines": String(blankLines),
    "newline at the end": endsWithNewline ? "yes" : "no",
  };
}

function lineEndTrait(traits: { readonly lfLines: number; readonly crlfLines: number }): TableTraits {
  const { lfLines, crlfLines } = traits;
  return { "line ends": crlfLines === 0 ? "LF" : lfLines === 0 ? "CRLF" : "mixed" };
}

async function openJsonLines(source: TableSource, encoding: TextEncoding, signal?: AbortSignal): Promise<TableReader> {
  const columns = new JsonColumns();
  const first = new JsonLinesParser(source.name);
  for await (const piece of readUtf8(source.file, encoding, signal)) first.push(piece, (value) => columns.add(value));
  first.finish((value) => columns.add(value));
  const { endsWithNewline, blankLines } = first.traits;
  return {
    name: source.name,
    format: "jsonl",
    encoding,
    columns: [...columns.places.keys()].map((name, place) => ({
      name,
      type: columns.types[place] ?? "any",
    })),
    async *readBatches(innerSignal) {
      const parser = new JsonLinesParser(source.name);
      const writer = new JsonBatchWriter(columns.places);
      const add = (value: unknown): void => writer.add(value);
      for await (const piece of readUtf8(source.file, encoding, innerSignal)) {
        const batch = writer.reset();
        parser.push(piece, add);
        yield batch;
      }
      const batch = writer.reset();
      parser.finish(add);
      yield batch;
    },
    traits: () => ({
      encoding,
      ...lineEndTrait(first.traits),
      "blank lines": String(blankLines),
      "newline at the end": endsWithNewline ? "yes" : "no",
    }),
  };
}
