/**
 * Two versions of a table as three tables: the rows that both have in the same order, and what is left of each. Only what is left is
 * matched; the rows of the first are read once, for their keys and statistics, instead of two or three times.
 */
import type { ByteRange } from "../source.ts";
import type { TablePart, TableReader, TableText } from "../table-reader.ts";
import type { MatchResult } from "./by-key.ts";
import type { ColumnPlan } from "./plan.ts";
import { findSameLines, type Difference } from "./same-lines.ts";

const SAMPLES = 16;
const SAMPLE_BYTES = 64 * 1024;

/** Are the three tables. */
export interface TableSplit {
  /** Rows of both versions. */
  readonly same: TableReader;
  /** Yields the text of these rows, with the header. */
  readonly readSame: TablePart["readText"];
  /** A few of these rows from all over the table; the last of each place may be cut off or run into the next. */
  readonly sample: TableReader;
  /** How many these are. */
  readonly sameRows: number;
  readonly before: TableReader;
  readonly after: TableReader;
  /** Tells which difference a row of `before` or `after` belongs to: rows that both have lie between any two of them. */
  readonly places: { readonly before: RowPlaces; readonly after: RowPlaces };
  /** Tells whether matching what is left of both saw as many rows as there should be. */
  readonly holds: (result: MatchResult) => boolean;
  /** Return both versions with the traits of all their parts, once all rows were read. */
  readonly whole: { readonly before: () => TableReader; readonly after: () => TableReader };
}

/** Splits two versions; undefined where their rows are not lines of the same columns, or where they have too little in common. */
export async function splitTables(
  readers: { readonly before: TableReader; readonly after: TableReader },
  plan: ColumnPlan,
  signal?: AbortSignal,
): Promise<TableSplit | undefined> {
  const { before, after } = readers;
  const [earlier, later] = [before.text, after.text];
  if (earlier === undefined || later === undefined || !haveSameLines(before, after, plan)) return undefined;
  const found = await findSameLines(earlier, later, signal);
  if (found === undefined) return undefined;
  const differing = {
    before: found.differences.map((difference) => difference.before),
    after: found.differences.map((difference) => difference.after),
  };
  const ranges = between(earlier, differing.before);
  const same = earlier.part(ranges, false);
  const places = {
    before: new RowPlaces(found.differences, "beforeRecords"),
    after: new RowPlaces(found.differences, "afterRecords"),
  };
  const own = { before: earlier.part(differing.before, true), after: later.part(differing.after, true) };
  return {
    same: same.reader,
    readSame: same.readText,
    sample: earlier.part(sampleOf(ranges), false).reader,
    sameRows: found.records,
    before: own.before.reader,
    after: own.after.reader,
    places,
    holds: ({ added, removed, changed, unchanged }) =>
      removed + changed + unchanged === places.before.rows && added + changed + unchanged === places.after.rows,
    whole: {
      before: () => wholeOf(before, earlier, [same, own.before]),
      after: () => wholeOf(after, later, [same, own.after]),
    },
  };
}

/** Tells whether the same bytes mean the same row in both. */
function haveSameLines(before: TableReader, after: TableReader, plan: ColumnPlan): boolean {
  const { text: earlier } = before;
  const { text: later } = after;
  return (
    earlier !== undefined &&
    later !== undefined &&
    before.format === after.format &&
    earlier.encodingFamily === later.encodingFamily &&
    earlier.hasEmptyRecords === later.hasEmptyRecords &&
    earlier.dialect.newline === later.dialect.newline &&
    earlier.dialect.delimiter === later.dialect.delimiter &&
    earlier.dialect.quote === later.dialect.quote &&
    before.columns.length === after.columns.length &&
    plan.shared.length === before.columns.length &&
    plan.shared.every((column) => column.before === column.after)
  );
}

function between({ start, file }: TableText, ranges: readonly ByteRange[]): ByteRange[] {
  const starts = [start, ...ranges.map((range) => range.end)];
  const ends = [...ranges.map((range) => range.start), file.byteLength];
  return starts.flatMap((from, place) => {
    const to = ends[place] ?? from;
    return to > from ? [{ start: from, end: to }] : [];
  });
}

/** Returns the beginnings of some ranges, evenly spread. */
function sampleOf(ranges: readonly ByteRange[]): ByteRange[] {
  const step = Math.max(1, ranges.length / SAMPLES);
  const picked = Array.from({ length: Math.min(SAMPLES, ranges.length) }, (_, at) => ranges[Math.floor(at * step)]);
  return picked.flatMap((range) =>
    range === undefined ? [] : [{ start: range.start, end: Math.min(range.end, range.start + SAMPLE_BYTES) }],
  );
}

function wholeOf(reader: TableReader, text: TableText, parts: readonly TablePart[]): TableReader {
  return { ...reader, traits: () => text.traitsOf(parts) };
}

/** Says which difference each row belongs to. */
export class RowPlaces {
  /** How many rows there should be. */
  readonly rows: number;
  readonly #places: Int32Array;

  constructor(differences: readonly Difference[], count: "beforeRecords" | "afterRecords") {
    this.rows = differences.reduce((sum, difference) => sum + difference[count], 0);
    this.#places = new Int32Array(this.rows);
    let at = 0;
    for (const [place, difference] of differences.entries()) {
      this.#places.fill(place, at, at + difference[count]);
      at += difference[count];
    }
  }

  /** Returns the number of the difference that a row belongs to. */
  of(row: number): number {
    return this.#places[row] ?? -1;
  }
}
