/**
 * Describes tables for pointers: rows, column names and types. Text is described while it is hashed, at about a quarter of the hash's
 * time: records are counted by a vector scanner, types are inferred from the first records and from a few at fixed places later on, so
 * that the same bytes give the same description however they are cut into pieces.
 */
import { createUtf8Converter, encodingFromMark, type Utf8Converter } from "./text/encoding.ts";
import { TypeCollector } from "./text/infer.ts";
import { createRecordScanner, type RecordScanner } from "./text/scan.ts";
import { looksBinary, readRecords, sniffCsv, type CsvHead } from "./text/sniff.ts";
import { formatColumns } from "./columns.ts";

/** Says what a table holds; the `table` field of a pointer. */
export interface TableDescription {
  readonly format: "csv" | "tsv" | "jsonl" | "parquet";
  /** Records without the header and without empty lines. */
  readonly rows: number;
  /** `name:type` with Frictionless type names, at most 200. */
  readonly columns: readonly string[];
  readonly delimiter?: string;
}

/** Describes a table from its bytes, piece by piece. */
export interface TableDescriber {
  update(chunk: Uint8Array): void;
  /** Returns the description, or undefined when the bytes are no table's. */
  finish(): TableDescription | undefined;
}

const HEAD_BYTES = 1024 * 1024;
const HEAD_RECORDS = 1000;
const SAMPLE_EVERY_BYTES = 16 * 1024 * 1024;
const SAMPLE_BYTES = 4 * 1024;

/** Returns the format that a file's name announces, or undefined. */
export function tableFormatOf(fileName: string): TableDescription["format"] | undefined {
  const extension = /\.([A-Za-z]+)$/.exec(fileName)?.[1]?.toLowerCase();
  return extension === undefined ? undefined : FORMATS.get(extension);
}

const FORMATS: ReadonlyMap<string, TableDescription["format"]> = new Map([
  ["csv", "csv"],
  ["tsv", "tsv"],
  ["tab", "tsv"],
  ["jsonl", "jsonl"],
  ["ndjson", "jsonl"],
  ["parquet", "parquet"],
  ["parq", "parquet"],
  ["pq", "parquet"],
]);

/** Creates a describer for a file of that name, or returns undefined when the name announces no text table. */
export function createTableDescriber(fileName: string): TableDescriber | undefined {
  const format = tableFormatOf(fileName);
  if (format === undefined || format === "parquet") return undefined;
  return new TextTableDescriber(format);
}

interface Describing {
  readonly scanner: RecordScanner;
  readonly types: TypeCollector;
  readonly columns: readonly string[];
  readonly sample: (bytes: Uint8Array) => void;
  readonly finish: () => TableDescription;
}

class TextTableDescriber implements TableDescriber {
  readonly #format: "csv" | "tsv" | "jsonl";
  #head: Uint8Array[] = [];
  #headBytes = 0;
  #converter: Utf8Converter | undefined;
  #describing: Describing | undefined;
  #isNoTable = false;
  #position = 0;
  #nextSample = SAMPLE_EVERY_BYTES;
  #sample: Uint8Array[] | undefined;
  #sampleBytes = 0;

  constructor(format: "csv" | "tsv" | "jsonl") {
    this.#format = format;
  }

  update(chunk: Uint8Array): void {
    if (this.#isNoTable) return;
    if (this.#describing !== undefined) {
      this.#scan(this.#converter?.convert(chunk) ?? chunk);
      return;
    }
    // The head is always cut at the same byte, so that pieces of any size give the same description.
    const part = chunk.subarray(0, HEAD_BYTES - this.#headBytes);
    this.#head.push(new Uint8Array(part));
    this.#headBytes += part.length;
    if (this.#headBytes < HEAD_BYTES) return;
    this.#start(false);
    if (part.length < chunk.length) this.update(chunk.subarray(part.length));
  }

  finish(): TableDescription | undefined {
    if (this.#describing === undefined && !this.#isNoTable) this.#start(true);
    if (this.#isNoTable || this.#describing === undefined) return undefined;
    const rest = this.#converter?.finish();
    if (rest !== undefined && rest.length > 0) this.#scan(rest);
    this.#endSample();
    return this.#describing.finish();
  }

  #start(isWhole: boolean): void {
    let head: Uint8Array = Buffer.concat(this.#head);
    this.#head = [];
    const encoding = encodingFromMark(head);
    if (encoding !== undefined) {
      this.#converter = createUtf8Converter(encoding);
      head = this.#converter.convert(head);
    }
    this.#describing = this.#format === "jsonl" ? describeJsonLines(head, isWhole) : describeCsv(head, isWhole, this.#format);
    this.#isNoTable = this.#describing === undefined;
    if (this.#describing !== undefined) this.#scan(head);
  }

  #scan(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const isSampling = this.#sample !== undefined;
      const room = isSampling ? SAMPLE_BYTES - this.#sampleBytes : this.#nextSample - this.#position;
      const part = rest.subarray(0, room);
      this.#describing?.scanner.update(part);
      this.#position += part.length;
      rest = rest.subarray(part.length);
      if (this.#sample !== undefined) {
        this.#sample.push(new Uint8Array(part));
        this.#sampleBytes += part.length;
        if (this.#sampleBytes === SAMPLE_BYTES) this.#endSample();
      } else if (this.#position === this.#nextSample) {
        this.#nextSample += SAMPLE_EVERY_BYTES;
        if (this.#describing?.scanner.isInsideQuotes() === false) this.#sample = [];
      }
    }
  }

  #endSample(): void {
    if (this.#sample === undefined) return;
    const bytes = Buffer.concat(this.#sample);
    this.#sample = undefined;
    this.#sampleBytes = 0;
    this.#describing?.sample(bytes);
  }
}

function describeCsv(head: Uint8Array, isWhole: boolean, format: "csv" | "tsv"): Describing | undefined {
  const sniffed = sniffCsv(head, {
    isWhole,
    preferred: format === "tsv" ? "\t" : ",",
    maxRecords: HEAD_RECORDS,
  });
  if (sniffed === undefined) return undefined;
  const scanner = createRecordScanner(sniffed.dialect);
  const types = new TypeCollector();
  for (const record of sniffed.records) addRecord(types, record, sniffed);
  return {
    scanner,
    types,
    columns: sniffed.columns,
    sample(bytes) {
      const start = bytes.indexOf(sniffed.dialect.newline) + 1;
      if (start === 0) return;
      for (const record of readRecords(bytes.subarray(start), sniffed.dialect, false, HEAD_RECORDS)) {
        if (record.length === sniffed.columns.length) addRecord(types, record, sniffed);
      }
    },
    finish() {
      const { lines, emptyLines } = scanner.count();
      const records = sniffed.columns.length === 1 ? lines - leadingBlankLines(head, sniffed.dialect.newline) : lines - emptyLines;
      return {
        format,
        rows: Math.max(0, records - 1),
        columns: formatColumns(sniffed.columns.map((name, column) => ({ name, type: types.typeOf(column) }))),
        delimiter: sniffed.delimiter,
      };
    },
  };
}

function addRecord(types: TypeCollector, record: readonly string[], head: CsvHead): void {
  const width = Math.min(record.length, head.columns.length, 200);
  for (let column = 0; column < width; column++) types.addText(column, record[column] ?? "");
}

/** Empty lines before the header are no rows even in a table of one column. */
function leadingBlankLines(head: Uint8Array, newline: number): number {
  let count = 0;
  for (let at = 0; at < head.length; at++) {
    if (head[at] === newline) count++;
    else if (head[at] !== 13) break;
  }
  return count;
}

function describeJsonLines(head: Uint8Array, isWhole: boolean): Describing | undefined {
  if (looksBinary(head)) return undefined;
  const types = new TypeCollector();
  const columns: string[] = [];
  const places = new Map<string, number>();
  const addLines = (bytes: Uint8Array, hasEnd: boolean): { good: number; bad: number } => {
    const lines = Buffer.from(bytes).toString("utf8").split("\n");
    if (!hasEnd) lines.pop();
    let good = 0;
    let bad = 0;
    for (const line of lines.slice(0, HEAD_RECORDS)) {
      if (line.trim() === "") continue;
      if (addJsonRecord(line, columns, places, types)) good++;
      else bad++;
    }
    return { good, bad };
  };
  const { good, bad } = addLines(head, isWhole);
  if (good === 0 || bad > good / 10) return undefined;
  const scanner = createRecordScanner({ newline: 10, quote: -1, delimiter: 10 });
  return {
    scanner,
    types,
    columns,
    sample(bytes) {
      const start = bytes.indexOf(10) + 1;
      if (start > 0) addLines(bytes.subarray(start), false);
    },
    finish() {
      const { lines, emptyLines } = scanner.count();
      const named = columns.map((name, column) => ({ name, type: types.typeOf(column) }));
      return { format: "jsonl", rows: lines - emptyLines, columns: formatColumns(named) };
    },
  };
}

/** Objects have a column for each key; any other value is the one column `value`. */
function addJsonRecord(line: string, columns: string[], places: Map<string, number>, types: TypeCollector): boolean {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return false;
  }
  const entries =
    typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [["value", value] as const];
  for (const [name, cell] of entries) {
    let place = places.get(name);
    if (place === undefined) {
      if (columns.length >= 200) continue;
      place = columns.length;
      places.set(name, place);
      columns.push(name);
    }
    types.addJson(place, cell);
  }
  return true;
}
