/** Delimited text with a header as a table. */
import { MlvError } from "../../base/errors.ts";
import type { RowBatch } from "../batch.ts";
import { CsvTokenizer, type CsvDialect, type CsvTraits } from "./csv.ts";
import { sniffCsv, type CsvHead } from "./sniff.ts";

/** Is a delimited text whose header was read. */
export interface CsvText {
  readonly columns: readonly string[];
  readonly delimiter: string;
  readonly dialect: CsvDialect;
  /** Reads the text, which starts with the header, as UTF-8 pieces; the traits, the header's with them unless said otherwise, are complete once the batches are. */
  read(
    pieces: AsyncIterable<Uint8Array>,
    options?: { readonly isHeaderCounted: boolean },
  ): {
    readonly batches: AsyncGenerator<RowBatch>;
    readonly traits: CsvTraits;
  };
}

const HEAD_RECORDS = 1000;

/** Understands a text by its start. Throws `table-unreadable` when it is no table. */
export function openCsvText(
  head: Uint8Array,
  options: { readonly isWhole: boolean; readonly format: "csv" | "tsv"; readonly name: string },
): CsvText {
  const preferred = options.format === "tsv" ? "\t" : ",";
  const isEmpty = options.isWhole && head.every((byte) => byte === 10 || byte === 13);
  const sniffed = isEmpty ? emptyHead(preferred) : sniffCsv(head, { isWhole: options.isWhole, preferred, maxRecords: HEAD_RECORDS });
  if (sniffed === undefined) {
    throw new MlvError("table-unreadable", `\`${options.name}\` cannot be read as delimited text`, {
      details: { path: options.name },
    });
  }
  const columns = uniqueNames(sniffed.columns);
  return {
    columns,
    delimiter: sniffed.delimiter,
    dialect: sniffed.dialect,
    read(pieces, reading) {
      const tokenizer = new CsvTokenizer(sniffed.dialect, { isHeaderSkipped: true, ...reading });
      return { batches: tokenize(tokenizer, pieces), traits: tokenizer.traits };
    },
  };
}

async function* tokenize(tokenizer: CsvTokenizer, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<RowBatch> {
  for await (const piece of pieces) yield tokenizer.push(piece);
  yield tokenizer.finish();
}

function emptyHead(delimiter: string): CsvHead {
  return {
    dialect: { delimiter: delimiter.charCodeAt(0), quote: 34, newline: 10 },
    delimiter,
    columns: [],
    records: [],
  };
}

/** Names that a header repeats get a number, and an empty one its place, so that each column can be named. */
export function uniqueNames(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.map((name, place) => {
    const base = name === "" ? `column ${place + 1}` : name;
    let unique = base;
    for (let count = 2; seen.has(unique); count++) unique = `${base} (${count})`;
    seen.add(unique);
    return unique;
  });
}
