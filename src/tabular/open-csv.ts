/** Delimited text as a table. */
import { lineEncodingOf, readText, type LineEncoding } from "./read-text.ts";
import type { TableSource } from "./source.ts";
import type { TablePart, TableReader, TableText, TableTraits } from "./table-reader.ts";
import { openCsvText, type CsvText } from "./text/csv-table.ts";
import { noTraits, type CsvTraits } from "./text/csv.ts";
import { createUtf8Converter, type TextEncoding } from "./text/encoding.ts";
import { lineEndTrait } from "./text/line-ends.ts";
import { createRecordScanner } from "./text/scan.ts";

const HEAD_BYTES = 1024 * 1024;

/** Opens delimited text by its first mebibyte. Throws `table-unreadable`. */
export async function openCsv(source: TableSource, format: "csv" | "tsv", encoding: TextEncoding): Promise<TableReader> {
  const raw = new Uint8Array(await source.file.slice(0, Math.min(HEAD_BYTES, source.file.byteLength)));
  const head = createUtf8Converter(encoding).convert(raw);
  const table = openCsvText(head, {
    isWhole: raw.length === source.file.byteLength,
    format,
    name: source.name,
  });
  let written: CsvTraits | undefined;
  const traits = (): TableTraits => ({
    encoding,
    delimiter: table.delimiter,
    ...(written === undefined ? {} : describeTraits(written)),
    ...(table.dialect.newline === CR && written !== undefined ? { "line ends": "CR" } : {}),
  });
  const reader: TableReader = {
    name: source.name,
    format,
    delimiter: table.delimiter,
    encoding,
    columns: table.columns.map((name) => ({ name })),
    async *readBatches(signal) {
      const reading = table.read(readText(source.file, encoding, signal));
      yield* reading.batches;
      written = reading.traits;
    },
    traits,
  };
  const text = textOf(source, { table, raw, encoding, reader });
  return text === undefined ? reader : { ...reader, text };
}

const CR = 13;

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

interface OpenText {
  readonly table: CsvText;
  /** The first bytes of the file as they are. */
  readonly raw: Uint8Array;
  readonly encoding: TextEncoding;
  readonly reader: TableReader;
}

function textOf({ file }: TableSource, { table, raw, encoding, reader }: OpenText): TableText | undefined {
  const lines = lineEncodingOf(encoding);
  const header = lines === undefined || table.dialect.newline === CR ? undefined : headerEnd(raw, lines, table);
  if (lines === undefined || header === undefined) return undefined;
  return {
    file,
    start: header,
    dialect: table.dialect,
    hasEmptyRecords: table.columns.length === 1,
    encodingFamily: lines.family,
    part(ranges, hasHeader) {
      let written: CsvTraits | undefined;
      const readPart: TablePart["readText"] = (signal) => lines.read(file, [{ start: lines.start, end: header }, ...ranges], signal);
      const readBatches: TableReader["readBatches"] = async function* (signal) {
        const reading = table.read(readPart(signal), { isHeaderCounted: hasHeader });
        yield* reading.batches;
        written = reading.traits;
      };
      return { reader: { ...reader, readBatches }, readText: readPart, written: () => written };
    },
    traitsOf: (parts) => ({ ...reader.traits(), ...describeTraits(sumOf(parts)) }),
  };
}

/** Returns where the header ends; undefined when that is not among the first bytes. */
function headerEnd(raw: Uint8Array, lines: LineEncoding, { dialect }: CsvText): number | undefined {
  const scanner = createRecordScanner(dialect);
  let start = lines.start;
  for (let newline = raw.indexOf(dialect.newline, start); newline >= 0; newline = raw.indexOf(dialect.newline, start)) {
    scanner.update(raw.subarray(start, newline + 1));
    start = newline + 1;
    const { lines: ended, emptyLines } = scanner.count();
    if (!scanner.isInsideQuotes() && ended > emptyLines) return start;
  }
  return undefined;
}

/** Adds up what was counted; the text ends with a newline unless the part that has its end does not. */
function sumOf(parts: readonly TablePart[]): CsvTraits {
  const sum = noTraits();
  for (const part of parts) {
    const written = part.written();
    if (written === undefined) continue;
    sum.lfLines += written.lfLines;
    sum.crlfLines += written.crlfLines;
    sum.quotedCells += written.quotedCells;
    sum.cells += written.cells;
    sum.blankLines += written.blankLines;
    sum.endsWithNewline &&= written.endsWithNewline;
  }
  return sum;
}
