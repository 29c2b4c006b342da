/** Parquet: description from the footer, and rows with their exact values. */
import { parquetSchema, type FileMetaData, type SchemaElement, type SchemaTree } from "hyparquet";
import { MlvError } from "../base/errors.ts";
import { RowBatchBuilder, NULL_CELL, type RowBatch } from "./batch.ts";
import { formatColumns, type Column } from "./columns.ts";
import { addCell, formatDay, formatTimestamp } from "./parquet-values.ts";
import type { TableDescription } from "./describe.ts";
import { readFooter, type ParquetFooter } from "./parquet/footer.ts";
import { readRowGroup } from "./parquet/group.ts";
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
  /** Yields all rows, one row group in memory at a time; decimals of the columns at `barePlaces` without zeros at their end. */
  readBatches(signal?: AbortSignal, barePlaces?: ReadonlySet<number>): AsyncGenerator<RowBatch>;
}

const BATCH_ROWS = 4096;

/** Returns the description in a Parquet file's footer, or undefined when it has none that can be read. Memory stays bounded, whatever it claims. */
export async function describeParquet(file: RandomAccessFile): Promise<TableDescription | undefined> {
  try {
    const { metadata, rows } = await openFooter(file);
    return { format: "parquet", rows, columns: formatColumns(columnsOf(metadata)) };
  } catch {
    // A reader of hostile bytes fails in many ways; each means that this is no Parquet file that can be described.
    return undefined;
  }
}

/** Opens a Parquet file. Throws `table-unreadable` when its footer cannot be read. */
export async function openParquet(file: RandomAccessFile, name: string): Promise<ParquetTable> {
  try {
    const footer = await openFooter(file);
    const codecs = new Set<string>();
    for (const place of footer.rowGroups) {
      for (const { columns } of footer.withRowGroup(place).row_groups)
        for (const column of columns) codecs.add(column.meta_data?.codec ?? "encrypted");
    }
    return {
      rows: footer.rows,
      columns: columnsOf(footer.metadata),
      layout: {
        rowGroups: footer.rowGroups.length,
        codecs: [...codecs].sort().join(", "),
        writer: footer.metadata.created_by ?? "",
      },
      readBatches: (signal, barePlaces) => readBatches({ file, footer, name, barePlaces }, signal),
    };
  } catch (error) {
    // A footer that decodes can still lack what its description needs.
    throw unreadable(name, error);
  }
}

async function openFooter(file: RandomAccessFile): Promise<ParquetFooter> {
  const footer = await readFooter(file);
  // Rows without columns would cost nothing to claim and for ever to read.
  if (footer.rows > 0 && parquetSchema(footer.metadata).children.length === 0) throw new RangeError("there are rows but no columns");
  return footer;
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

interface OpenParquet {
  readonly file: RandomAccessFile;
  readonly footer: ParquetFooter;
  readonly name: string;
  readonly barePlaces: ReadonlySet<number> | undefined;
}

async function* readBatches({ file, footer, name, barePlaces }: OpenParquet, signal?: AbortSignal): AsyncGenerator<RowBatch> {
  const cells = parquetSchema(footer.metadata).children.map((tree, place) => ({ tree, isBare: barePlaces?.has(place) === true }));
  const batch = new RowBatchBuilder();
  for (const place of footer.rowGroups) {
    signal?.throwIfAborted();
    const { rows } = place;
    if (rows === 0) continue;
    let columns: ArrayLike<unknown>[];
    try {
      const metadata = withExactValues({ ...footer.withRowGroup(place), num_rows: BigInt(rows) });
      columns = await readRowGroup({ file, metadata, dataEnd: footer.start, parsers: PARSERS });
    } catch (error) {
      throw unreadable(name, error);
    }
    for (let start = 0; start < rows; start += BATCH_ROWS) {
      try {
        fillBatch(batch, columns, cells, { start, end: Math.min(rows, start + BATCH_ROWS) });
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
  cells: readonly { readonly tree: SchemaTree; readonly isBare: boolean }[],
  range: { readonly start: number; readonly end: number },
): void {
  batch.reset(batch.bytes);
  for (let row = range.start; row < range.end; row++) {
    for (const [place, { tree, isBare }] of cells.entries()) {
      const value = columns[place]?.[row];
      if (value === null || value === undefined) batch.addMarker(NULL_CELL);
      else addCell(batch, value, tree, isBare);
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
