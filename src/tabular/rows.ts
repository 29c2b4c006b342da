/** Tables as rows of plain values, one at a time. */
import { rowTexts } from "./batch.ts";
import { tableFormatOf } from "./describe.ts";
import { openTable } from "./open-table.ts";
import type { TableColumn } from "./table-reader.ts";
import { readPieces, type RandomAccessFile } from "./source.ts";
import { openCsvText } from "./text/csv-table.ts";
import { createUtf8Converter, detectEncoding, incompleteUtf8Tail, type Utf8Converter } from "./text/encoding.ts";
import { entriesOf, JsonLinesParser } from "./text/json-lines.ts";

/**
 * Is one row by column name. Cells are texts in delimited files, JSON values in JSON lines, typed values in Parquet (numbers, bigints where
 * a number would round, booleans, nested values, ISO texts for dates and times). A cell that the row does not have is absent.
 */
export type TableRow = Readonly<Record<string, unknown>>;

const HEAD_BYTES = 1024 * 1024;

/**
 * Yields the rows of a table, from a file that can be read anywhere or from a stream of bytes (not for Parquet, whose footer is at the
 * end). A stream's encoding is judged by its first mebibyte. Throws `table-unreadable`.
 */
export async function* readRows(
  input: RandomAccessFile | AsyncIterable<Uint8Array>,
  name: string,
  signal?: AbortSignal,
): AsyncGenerator<TableRow> {
  if (tableFormatOf(name) === "jsonl") {
    yield* readJsonRows(input, name, signal);
  } else if (Symbol.asyncIterator in input) {
    yield* readCsvStream(input, name, signal);
  } else {
    const table = await openTable({ name, file: input }, signal);
    for await (const batch of table.readBatches(signal)) {
      for (let row = 0; row < batch.rowCount; row++) yield toRow(rowTexts(batch, row), table.columns);
    }
  }
}

function toRow(texts: readonly (string | undefined)[], columns: readonly TableColumn[]): TableRow {
  const entries = texts.map((text, place): [string, unknown] => {
    const column = columns[place];
    return [column?.name ?? `column ${place + 1}`, text === undefined ? null : typedValue(text, column)];
  });
  return Object.fromEntries(entries);
}

function typedValue(text: string, column: TableColumn | undefined): unknown {
  if (column?.nativeType === undefined) return text;
  if (column.type === "integer") return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
  if (column.type === "number") return column.nativeType.startsWith("decimal") && String(Number(text)) !== text ? text : Number(text);
  if (column.type === "boolean") return text === "true";
  return column.type === "object" || column.type === "array" ? JSON.parse(text) : text;
}

async function* readJsonRows(
  input: RandomAccessFile | AsyncIterable<Uint8Array>,
  name: string,
  signal?: AbortSignal,
): AsyncGenerator<TableRow> {
  const parser = new JsonLinesParser(name);
  let rows: TableRow[] = [];
  const visit = (_value: unknown, line: string): void => void rows.push(jsonRow(line));
  for await (const piece of utf8Pieces(input, signal)) {
    parser.push(piece, visit);
    yield* rows;
    rows = [];
  }
  parser.finish(visit);
  yield* rows;
}

function jsonRow(line: string): TableRow {
  const value: unknown = JSON.parse(line);
  return Object.fromEntries(entriesOf(value));
}

async function* readCsvStream(input: AsyncIterable<Uint8Array>, name: string, signal?: AbortSignal): AsyncGenerator<TableRow> {
  const pieces = utf8Pieces(input, signal);
  const first = await pieces.next();
  const head = first.done === true ? new Uint8Array(0) : first.value;
  const format = tableFormatOf(name) === "tsv" ? "tsv" : "csv";
  const table = openCsvText(head, { isWhole: head.length < HEAD_BYTES, format, name });
  const columns = table.columns.map((column) => ({ name: column }));
  const all = async function* (): AsyncGenerator<Uint8Array> {
    yield head;
    yield* pieces;
  };
  for await (const batch of table.read(all()).batches) {
    for (let row = 0; row < batch.rowCount; row++) yield toRow(rowTexts(batch, row), columns);
  }
}

/** Yields UTF-8: first the head, a mebibyte or all there is, which decides the encoding of a stream. */
async function* utf8Pieces(input: RandomAccessFile | AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!(Symbol.asyncIterator in input)) {
    const converter = createUtf8Converter(await detectEncoding(readPieces(input, signal)));
    for await (const piece of readPieces(input, signal)) yield converter.convert(piece);
    yield converter.finish();
    return;
  }
  let head: Uint8Array[] | undefined = [];
  let headBytes = 0;
  let converter: Utf8Converter | undefined;
  const start = async (): Promise<Uint8Array> => {
    const bytes = Buffer.concat(head ?? []);
    head = undefined;
    const keep = headBytes < HEAD_BYTES ? 0 : incompleteUtf8Tail(bytes);
    converter = createUtf8Converter(await detectEncoding([bytes.subarray(0, bytes.length - keep)]));
    return converter.convert(bytes);
  };
  for await (const piece of input) {
    signal?.throwIfAborted();
    if (converter !== undefined) {
      yield converter.convert(piece);
      continue;
    }
    head?.push(piece);
    headBytes += piece.length;
    if (headBytes >= HEAD_BYTES) yield await start();
  }
  if (converter === undefined) yield await start();
  yield converter?.finish() ?? new Uint8Array(0);
}
