/**
 * Delimited text, cut into records as Python's csv module does when it is not strict: a quote opens a quoted field only at the field's
 * start, two quotes inside one stand for one, and what follows a closing quote belongs to the field.
 */
import { MlvError } from "../../base/errors.ts";
import { RowBatchBuilder, type RowBatch } from "../batch.ts";

/** Says how a delimited text is written; bytes. */
export interface CsvDialect {
  readonly delimiter: number;
  readonly quote: number;
  /** LF, or CR in texts that have no LF. */
  readonly newline: number;
}

/** Counts how a text was written, as opposed to what it says. */
export interface CsvTraits {
  lfLines: number;
  crlfLines: number;
  quotedCells: number;
  cells: number;
  blankLines: number;
  endsWithNewline: boolean;
}

/** Returns the traits of no text at all. */
export function noTraits(): CsvTraits {
  return { lfLines: 0, crlfLines: 0, quotedCells: 0, cells: 0, blankLines: 0, endsWithNewline: true };
}

/** Bounds one record, so that a lost quote cannot fill memory. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;
const CR = 13;

/** Cuts pieces of a text into batches of records; the last batch is asked for with `finish`. */
export class CsvTokenizer {
  readonly traits: CsvTraits = noTraits();
  readonly #dialect: CsvDialect;
  readonly #isHeaderCounted: boolean;
  #isHeaderDue: boolean;
  /** An empty line is no record, unless the header says that the table has one column. */
  #skipsBlankLines = true;
  readonly #batch = new RowBatchBuilder();
  #pending: Uint8Array = new Uint8Array(0);
  #escaped: number[] = [];

  /** With `isHeaderSkipped` the first record is left out; the traits count it unless `isHeaderCounted` is false. */
  constructor(dialect: CsvDialect, options: { readonly isHeaderSkipped?: boolean; readonly isHeaderCounted?: boolean } = {}) {
    this.#dialect = dialect;
    this.#isHeaderCounted = options.isHeaderCounted ?? true;
    this.#isHeaderDue = options.isHeaderSkipped ?? false;
  }

  /** Returns the records that are complete after `bytes`. Throws `table-unreadable` at a record beyond all bounds. */
  push(bytes: Uint8Array): RowBatch {
    const buffer = new Uint8Array(this.#pending.length + bytes.length);
    buffer.set(this.#pending);
    buffer.set(bytes, this.#pending.length);
    const consumed = this.#tokenize(buffer, false);
    this.#pending = buffer.subarray(consumed);
    if (this.#pending.length > MAX_RECORD_BYTES) {
      throw new MlvError("table-unreadable", "a record is longer than 64 MiB", {
        hint: "look for a quote that is never closed",
      });
    }
    return this.#batch;
  }

  /** Returns the last record, when the text does not end with a newline. */
  finish(): RowBatch {
    this.#tokenize(this.#pending.slice(), true);
    this.#pending = new Uint8Array(0);
    return this.#batch;
  }

  #tokenize(buffer: Uint8Array, isLast: boolean): number {
    const { delimiter, quote, newline } = this.#dialect;
    const batch = this.#batch;
    const end = buffer.length;
    batch.reset(buffer);
    let rowStart = 0;
    let at = 0;
    let quoted = 0;
    if (isLast) this.traits.endsWithNewline = end === 0;
    while (at < end) {
      const start = at;
      let isPlain = true;
      if (at < end && buffer[at] === quote) {
        quoted++;
        const close = findClose(buffer, at, quote);
        if (close.at >= end - 1 && !isLast) break;
        isPlain = false;
        at = Math.min(close.at + 1, end);
        const isSimple = !close.hasEscape && (at === end || buffer[at] === delimiter || buffer[at] === newline);
        if (isSimple && close.at < end) {
          batch.addCell(start + 1, close.at);
        } else {
          while (at < end && buffer[at] !== delimiter && buffer[at] !== newline) at++;
          this.#escaped.push(batch.cellCount);
          batch.addCell(start, at);
        }
      } else {
        while (at < end) {
          const byte = buffer[at];
          if (byte === delimiter || byte === newline) break;
          at++;
        }
        batch.addCell(start, at);
      }
      if (at < end && buffer[at] === delimiter) {
        at++;
        if (at < end || !isLast) continue;
        batch.addCell(at, at);
      } else if (at >= end && !isLast) {
        break;
      }
      this.#endRow(buffer, rowStart, at, { isPlain, isLast: at >= end, quoted });
      quoted = 0;
      at++;
      rowStart = at;
    }
    if (rowStart < end) batch.dropRow();
    this.#escaped.length = 0;
    return Math.min(rowStart, end);
  }

  #endRow(buffer: Uint8Array, rowStart: number, at: number, row: { isPlain: boolean; isLast: boolean; quoted: number }): void {
    const batch = this.#batch;
    const last = batch.cellCount - 1;
    const hasCr = this.#dialect.newline !== CR && at > rowStart && buffer[at - 1] === CR;
    if (hasCr && row.isPlain) batch.ends[last] = (batch.ends[last] ?? 0) - 1;
    if (!row.isLast) {
      if (hasCr) this.traits.crlfLines++;
      else this.traits.lfLines++;
    }
    if (at - (hasCr ? 1 : 0) === rowStart) {
      this.traits.blankLines++;
      if (this.#skipsBlankLines) {
        batch.dropRow();
        return;
      }
    }
    for (const cell of this.#escaped) {
      const rawEnd = (batch.ends[cell] ?? 0) - (cell === last && hasCr && !row.isPlain ? 1 : 0);
      batch.ends[cell] = unquote(buffer, batch.starts[cell] ?? 0, rawEnd, this.#dialect.quote);
    }
    this.#escaped.length = 0;
    this.traits.quotedCells += row.quoted;
    this.traits.cells += batch.cellCount - (batch.firstCells[batch.rowCount] ?? 0);
    if (this.#isHeaderDue) {
      this.#isHeaderDue = false;
      this.#skipsBlankLines = batch.cellCount > 1;
      if (!this.#isHeaderCounted) Object.assign(this.traits, noTraits());
      batch.dropRow();
      return;
    }
    batch.endRow();
  }
}

function findClose(buffer: Uint8Array, open: number, quote: number): { at: number; hasEscape: boolean } {
  let hasEscape = false;
  let at = open + 1;
  for (;;) {
    at = buffer.indexOf(quote, at);
    if (at < 0) return { at: buffer.length, hasEscape };
    if (buffer[at + 1] !== quote) return { at, hasEscape };
    hasEscape = true;
    at += 2;
  }
}

/** Rewrites a quoted field in place, from its opening quote to its raw end, and returns where its text ends. */
function unquote(buffer: Uint8Array, start: number, end: number, quote: number): number {
  let to = start;
  let isInside = true;
  for (let at = start + 1; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (isInside && byte === quote) {
      if (buffer[at + 1] === quote && at + 1 < end) at++;
      else {
        isInside = false;
        continue;
      }
    }
    buffer[to++] = byte;
  }
  return to;
}
