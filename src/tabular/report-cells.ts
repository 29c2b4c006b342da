/** How cells, counts and rows are worded in reports. */
import type { CellText, TableDiff } from "./diff.ts";

const SHOWN_CHARACTERS = 60;

/** Returns a count with separators of thousands. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Returns a count with its noun, in the plural unless it is one. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Returns a cell's text as it is shown: short, and with words for what has no text. Spaces that would be lost are put in quotes. */
export function showCell(cell: CellText): string {
  if (cell === undefined) return "(absent)";
  if (cell === null) return "(null)";
  if (cell === "") return "(empty)";
  const text = cell.length > SHOWN_CHARACTERS ? `${cell.slice(0, SHOWN_CHARACTERS).toWellFormed()}…` : cell;
  return /^\s|\s$|\s\s/.test(text) ? `"${text}"` : text;
}

/** Returns both texts of a changed cell; long ones are cut so that the first difference is seen. */
export function showChange(before: CellText, after: CellText): readonly [string, string] {
  if (typeof before !== "string" || typeof after !== "string") return [showCell(before), showCell(after)];
  let same = 0;
  while (same < before.length && before[same] === after[same]) same++;
  const start = same < SHOWN_CHARACTERS - 20 ? 0 : same - 20;
  const cut = (text: string): string => (start === 0 ? showCell(text) : `…${showCell(text.slice(start).toWellFormed())}`);
  return [cut(before), cut(after)];
}

/** Says in one line what happened to the rows. */
export function describeRows(diff: TableDiff): string {
  const { added, removed, changed, isReordered } = diff.rows;
  const counts =
    diff.before.rows === diff.after.rows
      ? countOf(diff.after.rows, "row")
      : `rows ${formatCount(diff.before.rows)} → ${formatCount(diff.after.rows)}`;
  const parts = [
    added > 0 ? `${formatCount(added)} added` : "",
    removed > 0 ? `${formatCount(removed)} removed` : "",
    changed > 0 ? `${formatCount(changed)} changed` : "",
    isReordered === true ? "in another order" : "",
  ].filter((part) => part !== "");
  return `${counts}: ${parts.length === 0 ? "none changed" : parts.join(", ")}`;
}

/**
 * Returns the statistics of a column that differ, as label, before and after. Of values that all stand there once none is the most frequent.
 */
export function changedStatistics(column: TableDiff["statistics"][number]): (readonly [string, string, string])[] {
  const { before, after } = column;
  if (before === undefined || after === undefined) return [];
  const distinct = (statistics: typeof before): string =>
    `${statistics.isDistinctExact ? "" : "about "}${formatCount(statistics.distinct)}`;
  const top = (statistics: typeof before): string =>
    statistics.top
      .slice(0, 3)
      .map(({ value, count }) => `${quoteInList(showCell(value))} × ${formatCount(count)}`)
      .join(", ");
  const rows: (readonly [string, string, string])[] = [
    ["nulls", formatCount(before.nulls), formatCount(after.nulls)],
    ["min", showCell(before.min), showCell(after.min)],
    ["max", showCell(before.max), showCell(after.max)],
    ["distinct", distinct(before), distinct(after)],
    ["top", top(before), top(after)],
  ];
  const isEachOnce = (before.top[0]?.count ?? 0) <= 1 && (after.top[0]?.count ?? 0) <= 1;
  return rows.filter(
    ([label, from, to]) => from !== to && !(label === "distinct" && isNoise(before, after)) && !(label === "top" && isEachOnce),
  );
}

/** Puts a text in quotes that would not be told from the list that it stands in. */
function quoteInList(text: string): string {
  return /, | × /.test(text) && !text.startsWith('"') ? `"${text}"` : text;
}

/** Two estimates that are close may be of the same number. */
function isNoise(before: { distinct: number; isDistinctExact: boolean }, after: { distinct: number; isDistinctExact: boolean }): boolean {
  if (before.isDistinctExact && after.isDistinctExact) return false;
  return Math.abs(before.distinct - after.distinct) < 0.05 * Math.max(before.distinct, after.distinct);
}
