/**
 * Statistics of one version from those of the other, where few rows differ: what only the other has is taken away, what only this one has
 * is added. Nulls and counts of values come out exactly; extremes where no row that differs has one.
 */
import type { ColumnStatistics } from "../diff/column-statistics.ts";
import type { ColumnType } from "../text/infer.ts";
import { mostFrequent, type ColumnAnswer } from "./statistics.ts";

/** Are cells of a column. */
export type Cells = readonly (string | null)[];

/** Is what is known of a column: the other version's answer, its type in both, and the cells of the rows that differ. */
export interface KnownColumn {
  readonly other: ColumnAnswer;
  readonly type: ColumnType;
  readonly isKey: boolean;
  /** Cells that only the other version has, and those that only this one has. */
  readonly taken: Cells;
  readonly given: Cells;
  /** Rows of this version. */
  readonly rows: number;
}

/** An estimate is off by about two hundredths; fewer rows than this share of it change nothing that it could show. */
const NEGLIGIBLE = 1 / 200;

/** Returns a column's statistics in this version, or undefined where they do not follow from the other's. */
export function deriveStatistics({ other, type, isKey, taken, given, rows }: KnownColumn): ColumnStatistics | undefined {
  const [takenValues, givenValues] = [taken, given].map((cells) => cells.filter((cell) => cell !== null)) as [string[], string[]];
  const nulls = other.nulls - (taken.length - takenValues.length) + (given.length - givenValues.length);
  if (other.counts !== undefined) return fromCounts(other, { nulls, type, taken: takenValues, given: givenValues });
  const { min, max } = other;
  if (min === undefined || max === undefined) return undefined;
  const isInside = [...takenValues, ...givenValues].every((value) => compare(type, min, value) < 0 && compare(type, value, max) < 0);
  if (!isInside || (!isKey && taken.length + given.length > other.distinct * NEGLIGIBLE)) return undefined;
  return { nulls, min, max, distinct: isKey ? rows : other.distinct, isDistinctExact: isKey, top: [] };
}

function fromCounts(
  others: ColumnAnswer,
  { nulls, type, taken, given }: { nulls: number; type: ColumnType; taken: readonly string[]; given: readonly string[] },
): ColumnStatistics | undefined {
  const counts = new Map(others.counts);
  for (const value of given) counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const value of taken) counts.set(value, (counts.get(value) ?? 0) - 1);
  for (const [value, count] of counts) {
    if (count < 0) return undefined;
    if (count === 0) counts.delete(value);
  }
  const values = [...counts.keys()].sort((left, right) => compare(type, left, right));
  const [min, max] = [values[0], values.at(-1)];
  if (min === undefined || max === undefined) return { nulls, distinct: 0, isDistinctExact: true, top: [] };
  // DuckDB writes numbers in its own way; only those that it wrote are known to be written so.
  const extremes = isNumeric(type) ? sameNumbers(others, min, max) : { min, max };
  return extremes && { nulls, ...extremes, distinct: counts.size, isDistinctExact: true, top: mostFrequent(counts) };
}

function sameNumbers(others: ColumnStatistics, min: string, max: string): { min: string; max: string } | undefined {
  const { min: least, max: most } = others;
  if (least === undefined || most === undefined) return undefined;
  const isSame = (left: string, right: string): boolean =>
    Number(left) === Number(right) && Math.abs(Number(left)) <= Number.MAX_SAFE_INTEGER;
  return isSame(min, least) && isSame(max, most) ? { min: least, max: most } : undefined;
}

function isNumeric(type: ColumnType): boolean {
  return type === "integer" || type === "number";
}

/** Orders values as DuckDB does: numbers by size, texts by their bytes. What is no number has no order. */
function compare(type: ColumnType, left: string, right: string): number {
  return isNumeric(type) ? Number(left) - Number(right) : Buffer.compare(Buffer.from(left), Buffer.from(right));
}
