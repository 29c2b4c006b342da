/** Opens a table of any format as columns and batches of rows. */
import { MlvError } from "../base/errors.ts";
import { tableFormatOf } from "./describe.ts";
import { openCsv } from "./open-csv.ts";
import { openJsonLines } from "./open-json-lines.ts";
import { openParquet } from "./parquet.ts";
import { readPieces, type TableSource } from "./source.ts";
import type { TableReader } from "./table-reader.ts";
import { uniqueNames } from "./text/csv-table.ts";
import { detectEncoding } from "./text/encoding.ts";

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
  const reader: TableReader = {
    name: source.name,
    format: "parquet",
    rowCount: table.rows,
    columns: uniqueNames(table.columns.map((column) => column.name)).map((name, place) => ({
      ...table.columns[place],
      name,
    })),
    readBatches: (signal) => table.readBatches(signal),
    withBareDecimals(names) {
      const places = new Set(reader.columns.flatMap(({ name }, place) => (names.has(name) ? [place] : [])));
      return { ...reader, readBatches: (signal) => table.readBatches(signal, places) };
    },
    traits: () => ({ "row groups": String(rowGroups), compression: codecs, writer }),
  };
  return reader;
}
