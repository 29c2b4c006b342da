/** JSON lines as rows: a column for each key, cells in a canonical text that is the same exactly when the JSON value is. */
import { MlvError } from "../../base/errors.ts";
import { ABSENT_CELL, NULL_CELL, RowBatchBuilder, type RowBatch } from "../batch.ts";
import { asBuffer } from "./encoding.ts";
import { inferJsonType, mergeTypes, type ColumnType } from "./infer.ts";

/** Counts how JSON lines were written, as opposed to what they say. */
export interface JsonLinesTraits {
  lfLines: number;
  crlfLines: number;
  blankLines: number;
  endsWithNewline: boolean;
}

/** Is the column of lines that hold no object. */
export const VALUE_COLUMN = "value";
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const MAX_COLUMNS = 20_000;
const LONG_NUMBER = /\d{16}|\d[.eE]/;

/** Parses pieces of JSON lines in UTF-8. */
export class JsonLinesParser {
  readonly traits: JsonLinesTraits = {
    lfLines: 0,
    crlfLines: 0,
    blankLines: 0,
    endsWithNewline: true,
  };
  readonly #name: string;
  #pending: Uint8Array = new Uint8Array(0);
  #line = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Calls `visit` with the value of each line that is complete. Throws `table-unreadable` at a line that is no JSON. */
  push(bytes: Uint8Array, visit: (value: unknown, line: string) => void): void {
    const buffer = this.#pending.length === 0 ? asBuffer(bytes) : Buffer.concat([this.#pending, bytes]);
    let start = 0;
    for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10, start)) {
      const hasCr = end > start && buffer[end - 1] === 13;
      if (hasCr) this.traits.crlfLines++;
      else this.traits.lfLines++;
      this.#visitLine(buffer.toString("utf8", start, hasCr ? end - 1 : end), visit);
      start = end + 1;
    }
    this.#pending = buffer.subarray(start);
    if (this.#pending.length > MAX_LINE_BYTES) throw this.#unreadable("a line is longer than 64 MiB");
  }

  /** Visits the last line, when the text does not end with a newline. */
  finish(visit: (value: unknown, line: string) => void): void {
    this.traits.endsWithNewline = this.#pending.length === 0;
    if (this.#pending.length > 0) this.#visitLine(asBuffer(this.#pending).toString("utf8"), visit);
    this.#pending = new Uint8Array(0);
  }

  #visitLine(line: string, visit: (value: unknown, line: string) => void): void {
    this.#line++;
    if (line.trim() === "") {
      this.traits.blankLines++;
      return;
    }
    let value: unknown;
    try {
      value = parseExactly(line);
    } catch (error) {
      throw this.#unreadable(`line ${this.#line} is no JSON`, error);
    }
    visit(value, line);
  }

  #unreadable(why: string, cause?: unknown): MlvError {
    return new MlvError("table-unreadable", `\`${this.#name}\` cannot be read as JSON lines: ${why}`, {
      cause,
      details: { path: this.#name },
    });
  }
}

/** Is a number that a double cannot hold, as it was written. */
class ExactNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Parses JSON; numbers that a double would round are kept as they were written. */
function parseExactly(line: string): unknown {
  if (!LONG_NUMBER.test(line)) return JSON.parse(line);
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const source = context?.source;
    return typeof value === "number" && source !== undefined && isRounded(value, source) ? new ExactNumber(source) : value;
  };
  return JSON.parse(line, revive);
}

function isRounded(value: number, source: string): boolean {
  if (source.replace(/[^\d]|[eE].*$/g, "").length < 16 && Number.isFinite(value) && value !== 0) return false;
  return normalizeNumber(String(value)) !== normalizeNumber(source);
}

/** Returns a decimal's digits and exponent in one form: `-`, digits without zeros at either end, `e`, exponent. */
function normalizeNumber(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  const trimmed = digits.replace(/0+$/, "");
  if (trimmed === "") return `${sign}0`;
  return `${sign}${trimmed}e${Number(exponent) - fraction.length + digits.length - trimmed.length}`;
}

/** Returns the canonical text of a JSON value that is not null. */
export function formatJsonCell(value: unknown): string {
  if (typeof value === "string") return needsQuotes(value) ? JSON.stringify(value) : value;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return canonicalJson(value);
}

/** A string is shown bare unless it could be taken for another kind of value. */
function needsQuotes(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first === 0x22 || first === 0x5b || first === 0x7b) return true;
  if ((first >= 0x30 && first <= 0x39) || first === 0x2d) return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text);
  return text === "true" || text === "false" || text === "null";
}

/** JSON with the keys of every object in order, since their order means nothing. */
function canonicalJson(value: unknown): string {
  if (value instanceof ExactNumber) return value.source;
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(",")}}`;
}

/** Collects the columns of JSON lines. */
export class JsonColumns {
  readonly places = new Map<string, number>();
  readonly types: (ColumnType | undefined)[] = [];

  /** Takes note of a line's keys and types. */
  add(value: unknown): void {
    for (const [key, cell] of entriesOf(value)) {
      let place = this.places.get(key);
      if (place === undefined) {
        if (this.places.size >= MAX_COLUMNS)
          throw new MlvError("table-unreadable", "JSON lines with more than 20,000 different keys are no table");
        place = this.places.size;
        this.places.set(key, place);
      }
      const type = cell instanceof ExactNumber ? (/[.eE]/.test(cell.source) ? "number" : "integer") : inferJsonType(cell);
      this.types[place] = mergeTypes(this.types[place], type, "any");
    }
  }
}

/** Returns a line's columns: an object's keys, or the one column `value`. */
export function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
  return isObject ? Object.entries(value) : [[VALUE_COLUMN, value]];
}

/** Writes JSON values into batches, in the order of known columns. */
export class JsonBatchWriter {
  readonly batch = new RowBatchBuilder();
  readonly #places: ReadonlyMap<string, number>;
  #row: unknown[] = [];

  constructor(places: ReadonlyMap<string, number>) {
    this.#places = places;
  }

  /** Empties the batch. */
  reset(): RowBatch {
    this.batch.reset(this.batch.bytes);
    return this.batch;
  }

  /** Adds a line as a row. */
  add(value: unknown): void {
    const row = this.#row;
    row.length = 0;
    for (const [key, cell] of entriesOf(value)) {
      const place = this.#places.get(key);
      if (place !== undefined) row[place] = cell;
    }
    for (let place = 0; place < this.#places.size; place++) {
      const cell = row[place];
      if (cell === undefined) this.batch.addMarker(ABSENT_CELL);
      else if (cell === null) this.batch.addMarker(NULL_CELL);
      else this.batch.addText(formatJsonCell(cell));
    }
    this.batch.endRow();
  }
}
