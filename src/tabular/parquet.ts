/** Parquet: description from the footer, and rows with their exact values. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import {
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type Compressors,
  type FileMetaData,
  type SchemaElement,
  type SchemaTree,
} from "hyparquet";
import { compressors as otherCompressors } from "hyparquet-compressors";
import { MlvError } from "../base/errors.ts";
import { RowBatchBuilder, NULL_CELL, type RowBatch } from "./batch.ts";
import { formatColumns, type Column } from "./columns.ts";
import { addCell, formatDay, formatTimestamp } from "./parquet-values.ts";
import type { TableDescription } from "./describe.ts";
import type { RandomAccessFile } from "./source.ts";
import type { ColumnType } from "./text/infer.ts";

/** Is a Parquet column: its Frictionless type, and the type that the file itself declares. */
export interface ParquetColumn extends Column {
  readonly nativeType: string;
}

/** Is an open Parquet file. */
export interface ParquetTable {
  readonly rows: number;
  readonly columns: readonly ParquetColumn[];
  /** How the file is written: row groups, codecs, writer. */
  readonly layout: { readonly rowGroups: number; readonly codecs: string; readonly writer: string };
  /** Yields all rows, one row group in memory at a time. */
  readBatches(signal?: AbortSignal): AsyncGenerator<RowBatch>;
}

const MAX_FOOTER_BYTES = 64 * 1024 * 1024;
const MAX_PAGE_BYTES = 512 * 1024 * 1024;
const BATCH_ROWS = 4096;

/** Returns the description in a Parquet file's footer, or undefined when it has none that can be read. */
export async function describeParquet(file: RandomAccessFile): Promise<TableDescription | undefined> {
  try {
    const metadata = await readFooter(file);
    const rows = Number(metadata.num_rows);
    if (!Number.isSafeInteger(rows) || rows < 0) return undefined;
    return { format: "parquet", rows, columns: formatColumns(columnsOf(metadata)) };
  } catch {
    // A reader of hostile bytes fails in many ways; each means that this is no Parquet file that can be described.
    return undefined;
  }
}

/** Opens a Parquet file. Throws `table-unreadable` when its footer cannot be read. */
export async function openParquet(file: RandomAccessFile, name: string): Promise<ParquetTable> {
  try {
    const metadata = await readFooter(file);
    const codecs = new Set(metadata.row_groups.flatMap((group) => group.columns.map((column) => column.meta_data?.codec ?? "encrypted")));
    return {
      rows: Number(metadata.num_rows),
      columns: columnsOf(metadata),
      layout: {
        rowGroups: metadata.row_groups.length,
        codecs: [...codecs].sort().join(", "),
        writer: metadata.created_by ?? "",
      },
      readBatches: (signal) => readBatches(file, metadata, name, signal),
    };
  } catch (error) {
    // A footer that decodes can still lack what its description needs.
    throw unreadable(name, error);
  }
}

async function readFooter(file: RandomAccessFile): Promise<FileMetaData> {
  if (file.byteLength < 12) throw new RangeError("too short for a Parquet file");
  const tail = new DataView(await file.slice(file.byteLength - 8, file.byteLength));
  if (tail.getUint32(0, true) > MAX_FOOTER_BYTES) throw new RangeError("the footer is larger than 64 MiB");
  const metadata = await parquetMetadataAsync(
    { byteLength: file.byteLength, slice: (start, end) => file.slice(start, end) },
    { geoparquet: false },
  );
  const rows = metadata.row_groups.reduce((sum, group) => sum + group.num_rows, 0n);
  if (metadata.row_groups.some((group) => group.num_rows < 0n) || rows !== metadata.num_rows)
    throw new RangeError("the row groups do not add up");
  // Rows without columns would cost nothing to claim and for ever to read.
  if (rows > 0n && parquetSchema(metadata).children.length === 0) throw new RangeError("there are rows but no columns");
  return metadata;
}

function columnsOf(metadata: FileMetaData): ParquetColumn[] {
  return parquetSchema(metadata).children.map((child) => ({
    name: child.element.name,
    type: typeOf(child),
    nativeType: nativeTypeOf(child),
  }));
}

function typeOf(tree: SchemaTree): ColumnType {
  const { element, children } = tree;
  if (element.repetition_type === "REPEATED") return "array";
  if (children.length > 0) return element.converted_type === "LIST" || element.logical_type?.type === "LIST" ? "array" : "object";
  const logical = element.logical_type?.type;
  const converted = element.converted_type ?? "";
  if (converted === "DECIMAL" || logical === "DECIMAL") return "number";
  if (converted === "DATE" || logical === "DATE") return "date";
  if (converted.startsWith("TIMESTAMP") || logical === "TIMESTAMP" || element.type === "INT96") return "datetime";
  if (converted.startsWith("TIME_") || logical === "TIME") return "time";
  if (converted === "JSON" || logical === "JSON") return "object";
  if (logical === "FLOAT16" || element.type === "FLOAT" || element.type === "DOUBLE") return "number";
  if (element.type === "BOOLEAN") return "boolean";
  return element.type === "INT32" || element.type === "INT64" ? "integer" : "string";
}

function nativeTypeOf(tree: SchemaTree): string {
  const { element, children } = tree;
  const optional = element.repetition_type === "REQUIRED" ? " not null" : "";
  const repeated = element.repetition_type === "REPEATED" ? "repeated " : "";
  if (children.length > 0) {
    const kind = (element.converted_type ?? element.logical_type?.type ?? "struct").toLowerCase();
    const inner = children.map((child) => `${child.element.name}: ${nativeTypeOf(child)}`).join(", ");
    return `${repeated}${kind}<${inner}>${optional}`;
  }
  return `${repeated}${leafName(element)}${optional}`;
}

function leafName(element: SchemaElement): string {
  const { logical_type: logical, converted_type: converted, type = "unknown" } = element;
  if (logical?.type === "DECIMAL" || converted === "DECIMAL") return `decimal(${element.precision ?? 0}, ${element.scale ?? 0})`;
  if (logical?.type === "TIMESTAMP") return `timestamp(${logical.unit.toLowerCase()}${logical.isAdjustedToUTC ? ", UTC" : ""})`;
  if (logical?.type === "TIME") return `time(${logical.unit.toLowerCase()})`;
  if (logical?.type === "INTEGER") return `${logical.isSigned ? "" : "u"}int${logical.bitWidth}`;
  if (logical !== undefined) return logical.type.toLowerCase();
  if (converted === "UTF8") return "string";
  return (converted ?? type).toLowerCase();
}

/** Wraps a decompressor so that a page that claims to be huge is refused before memory is taken for it. */
function bounded(
  decompress: (input: Uint8Array, outputBytes: number) => Uint8Array,
): (input: Uint8Array, outputBytes: number) => Uint8Array {
  return (input, outputBytes) => {
    if (outputBytes < 0 || outputBytes > MAX_PAGE_BYTES) throw new RangeError("a page is larger than 512 MiB");
    return decompress(input, outputBytes);
  };
}

const COMPRESSORS: Compressors = {
  ...Object.fromEntries(Object.entries(otherCompressors).map(([codec, decompress]) => [codec, bounded(decompress)])),
  GZIP: bounded((input, outputBytes) => gunzipSync(input, { maxOutputLength: outputBytes + 1 })),
  BROTLI: bounded((input, outputBytes) => brotliDecompressSync(input, { maxOutputLength: outputBytes + 1 })),
  ZSTD: bounded((input, outputBytes) => zstdDecompressSync(input, { maxOutputLength: outputBytes + 1 })),
};

/** Makes every rich value exact: hyparquet's own parsers round times to milliseconds and parse JSON. */
const PARSERS = {
  timestampFromMilliseconds: (value: bigint): string => formatTimestamp(value, 1000n),
  timestampFromMicroseconds: (value: bigint): string => formatTimestamp(value, 1_000_000n),
  timestampFromNanoseconds: (value: bigint): string => formatTimestamp(value, 1_000_000_000n),
  dateFromDays: formatDay,
  jsonFromBytes: (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8"),
};

/** Takes away the annotations for which hyparquet would round (decimals) or give up (BSON, intervals, geometry). */
function withExactValues(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) => {
    const isLossy =
      ["DECIMAL", "BSON", "INTERVAL"].includes(element.converted_type ?? "") ||
      ["DECIMAL", "BSON", "INTERVAL", "GEOMETRY", "GEOGRAPHY"].includes(element.logical_type?.type ?? "");
    if (!isLossy) return element;
    const { converted_type: _converted, logical_type: _logical, ...plain } = element;
    return plain;
  });
  return { ...metadata, schema };
}

async function* readBatches(file: RandomAccessFile, metadata: FileMetaData, name: string, signal?: AbortSignal): AsyncGenerator<RowBatch> {
  const trees = parquetSchema(metadata).children;
  const asyncBuffer = {
    byteLength: file.byteLength,
    slice: (start: number, end?: number) => file.slice(start, end),
  };
  const exact = withExactValues(metadata);
  const batch = new RowBatchBuilder();
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    signal?.throwIfAborted();
    const rows = Number(group.num_rows);
    const range = { rowStart: groupStart, rowEnd: groupStart + rows };
    groupStart += rows;
    if (rows === 0) continue;
    const columns: ArrayLike<unknown>[] = [];
    try {
      const options = {
        file: asyncBuffer,
        metadata: exact,
        compressors: COMPRESSORS,
        parsers: PARSERS,
        utf8: false,
        geoparquet: false,
      };
      const scan = await parquetScan({ ...options, ...range });
      for (const tree of trees) columns.push(await scan.readColumn({ column: tree.element.name, ...range }));
    } catch (error) {
      throw unreadable(name, error);
    }
    if (columns.some((column) => column.length !== rows)) throw unreadable(name, new RangeError("a column is shorter than its row group"));
    for (let start = 0; start < rows; start += BATCH_ROWS) {
      try {
        fillBatch(batch, columns, trees, { start, end: Math.min(rows, start + BATCH_ROWS) });
      } catch (error) {
        throw unreadable(name, error);
      }
      yield batch;
    }
  }
}

function fillBatch(
  batch: RowBatchBuilder,
  columns: readonly ArrayLike<unknown>[],
  trees: readonly SchemaTree[],
  range: { readonly start: number; readonly end: number },
): void {
  batch.reset(batch.bytes);
  for (let row = range.start; row < range.end; row++) {
    for (const [place, tree] of trees.entries()) {
      const value = columns[place]?.[row];
      if (value === null || value === undefined) batch.addMarker(NULL_CELL);
      else addCell(batch, value, tree);
    }
    batch.endRow();
  }
}

function unreadable(name: string, cause: unknown): MlvError {
  return new MlvError("table-unreadable", `\`${name}\` cannot be read as a Parquet file`, {
    cause,
    details: { path: name },
  });
}
