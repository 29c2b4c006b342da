/** JSON lines as a table. */
import type { RowBatch } from "./batch.ts";
import { lineEncodingOf, readText } from "./read-text.ts";
import type { TableSource } from "./source.ts";
import type { TableReader, TableText } from "./table-reader.ts";
import type { TextEncoding } from "./text/encoding.ts";
import { JsonBatchWriter, JsonColumns, JsonLinesParser } from "./text/json-lines.ts";
import { lineEndTrait } from "./text/line-ends.ts";

type Pieces = (signal?: AbortSignal) => AsyncIterable<Uint8Array>;

/** Opens JSON lines; reads all of them once, for any line may have one more column. Throws `table-unreadable`. */
export async function openJsonLines(source: TableSource, encoding: TextEncoding, signal?: AbortSignal): Promise<TableReader> {
  const columns = new JsonColumns();
  const first = new JsonLinesParser(source.name);
  for await (const piece of readText(source.file, encoding, signal)) first.push(piece, (value) => columns.add(value));
  first.finish((value) => columns.add(value));
  const { endsWithNewline, blankLines } = first.traits;
  const readerOf = (pieces: Pieces): TableReader => ({
    name: source.name,
    format: "jsonl",
    encoding,
    columns: [...columns.places.keys()].map((name, place) => ({ name, type: columns.types[place] ?? "any" })),
    readBatches: (innerSignal) => readBatches(source.name, columns, pieces(innerSignal)),
    traits: () => ({
      encoding,
      ...lineEndTrait(first.traits),
      "blank lines": String(blankLines),
      "newline at the end": endsWithNewline ? "yes" : "no",
    }),
  });
  const reader = readerOf((innerSignal) => readText(source.file, encoding, innerSignal));
  const text = textOf(source, encoding, reader, readerOf);
  return text === undefined ? reader : { ...reader, text };
}

async function* readBatches(name: string, columns: JsonColumns, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<RowBatch> {
  const parser = new JsonLinesParser(name);
  const writer = new JsonBatchWriter(columns.places);
  const add = (value: unknown): void => writer.add(value);
  for await (const piece of pieces) {
    const batch = writer.reset();
    parser.push(piece, add);
    yield batch;
  }
  const batch = writer.reset();
  parser.finish(add);
  yield batch;
}

/** All traits are known of the whole, so the parts' do not matter. */
function textOf(
  { file }: TableSource,
  encoding: TextEncoding,
  whole: TableReader,
  readerOf: (pieces: Pieces) => TableReader,
): TableText | undefined {
  const lines = lineEncodingOf(encoding);
  if (lines === undefined) return undefined;
  return {
    file,
    start: lines.start,
    dialect: { newline: 10, quote: -1, delimiter: 10 },
    hasEmptyRecords: false,
    encodingFamily: lines.family,
    part(ranges) {
      const readPart: Pieces = (signal) => lines.read(file, ranges, signal);
      return { reader: readerOf(readPart), readText: readPart, written: () => undefined };
    },
    traitsOf: () => whole.traits(),
  };
}
