/** Looks at the first bytes of a text and says how it is delimited, or that it is no table. */
import { rowTexts } from "../batch.ts";
import { CsvTokenizer, type CsvDialect } from "./csv.ts";

const CANDIDATES = [",", ";", "\t", "|"] as const;
const QUOTE = 34;
const SNIFF_BYTES = 64 * 1024;
/** No more is cut into records than is wanted, or little more. */
const STEP_BYTES = 8 * 1024;
const SNIFF_RECORDS = 100;
/** What share of the records must have the same width for it to be the table's, when the first line has another. */
const MIN_AGREEING = 0.9;

/** Is the start of a delimited text, understood. */
export interface CsvHead {
  readonly dialect: CsvDialect;
  readonly delimiter: string;
  readonly columns: readonly string[];
  /** The first records after the header, complete ones only. */
  readonly records: readonly (readonly string[])[];
}

/** Says how to read the start of a text. */
export interface SniffOptions {
  /** Whether `head` is all of the text. */
  readonly isWhole: boolean;
  /** The delimiter that the file's name suggests. */
  readonly preferred: "," | "\t";
  readonly maxRecords: number;
}

/** Returns what the first bytes of a UTF-8 or Latin-1 text without a byte order mark say, or undefined when they are no table's. */
export function sniffCsv(head: Uint8Array, options: SniffOptions): CsvHead | undefined {
  if (looksBinary(head)) return undefined;
  const newline = head.includes(10) || !head.includes(13) ? 10 : 13;
  const isWhole = options.isWhole && head.length <= SNIFF_BYTES;
  const sniffed = head.subarray(0, SNIFF_BYTES);
  let best: { delimiter: string; share: number; width: number } | undefined;
  const candidates = [options.preferred, ...CANDIDATES.filter((candidate) => candidate !== options.preferred)];
  for (const delimiter of candidates) {
    const records = readRecords(sniffed, { delimiter: delimiter.charCodeAt(0), quote: QUOTE, newline }, isWhole, SNIFF_RECORDS);
    const width = records[0]?.length ?? 0;
    if (width < 2) continue;
    const share = records.filter((record) => record.length === width).length / records.length;
    if (best === undefined || share > best.share + 0.05 || (share >= best.share - 0.05 && width > best.width))
      best = { delimiter, share, width };
  }
  const delimiter = best?.delimiter ?? options.preferred;
  const dialect = { delimiter: delimiter.charCodeAt(0), quote: QUOTE, newline };
  const [columns, ...records] = readRecords(head, dialect, options.isWhole, options.maxRecords + 1);
  if (columns === undefined) return undefined;
  const ragged = records.filter((record) => record.length !== columns.length).length;
  if (records.length < 3 || ragged <= records.length / 2) return { dialect, delimiter, columns, records };
  const fitted = fitHeader(columns, records);
  return fitted && { dialect, delimiter, columns: fitted, records };
}

/**
 * Returns the names of a first line that has another width than the others, which agree on theirs. Where one name is missing, it is the
 * first's, as R and pandas write and read it, else the last ones'; where there are more names than cells, the last columns are empty.
 * Undefined when the others do not agree.
 */
function fitHeader(columns: readonly string[], records: readonly (readonly string[])[]): string[] | undefined {
  const widths = records.map((record) => record.length);
  const width = widths.toSorted((a, b) => a - b)[Math.floor(widths.length / 2)] ?? 0;
  const agreeing = widths.filter((other) => other === width).length;
  const missing = width - columns.length;
  if (width < 2 || agreeing < MIN_AGREEING * widths.length) return undefined;
  if (missing <= 0) return [...columns];
  return missing === 1 ? ["", ...columns] : [...columns, ...Array.from({ length: missing }, () => "")];
}

/** Returns the first complete records of a piece of text. */
export function readRecords(bytes: Uint8Array, dialect: CsvDialect, isWhole: boolean, limit: number): string[][] {
  const tokenizer = new CsvTokenizer(dialect);
  const records: string[][] = [];
  for (let at = 0; at < bytes.length && records.length < limit; at += STEP_BYTES) {
    const batch = tokenizer.push(bytes.subarray(at, at + STEP_BYTES));
    for (let row = 0; row < batch.rowCount && records.length < limit; row++) records.push(rowTexts(batch, row).map((text) => text ?? ""));
  }
  if (isWhole && records.length < limit) {
    const batch = tokenizer.finish();
    for (let row = 0; row < batch.rowCount; row++) records.push(rowTexts(batch, row).map((text) => text ?? ""));
  }
  return records;
}

/** Tells whether bytes hold a NUL or many control characters, which no text does. */
export function looksBinary(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return true;
  const looked = Math.min(bytes.length, 8192);
  let controls = 0;
  for (let at = 0; at < looked; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) controls++;
  }
  return controls > looked / 50;
}
