/** Lines for added and removed rows on a terminal, under the names of their columns. */
import type { DiffColumn, TableDiff } from "./diff.ts";
import { escapeControls } from "./escape.ts";
import { countOf, showCell } from "./report-cells.ts";

/** A line of names with what it is indented by fits 80 columns, or is no wider than the rows under it. */
const TEXT_WIDTH = 72;
const SEPARATOR = " | ";
const HEADER_INDENT = "    ";

/** Says how much is shown. */
export interface SampleLimits {
  /** Rows of each kind. */
  readonly rows: number;
  readonly columns: number;
}

/**
 * Returns removed and added sample rows as lines. The names of the columns stand above them, once where both sides have the same; not above rows of
 * one cell, whose column the rest of a report names.
 */
export function formatSamples(diff: TableDiff, limits: SampleLimits): string[] {
  const lines: string[] = [];
  let shownNames: string | undefined;
  for (const [sign, samples, columns] of [
    ["-", diff.samples.removed, diff.before.columns] as const,
    ["+", diff.samples.added, diff.after.columns] as const,
  ]) {
    const rows = samples.slice(0, limits.rows);
    const texts = rows.map(
      (row) =>
        `  ${sign} ${row
          .slice(0, limits.columns)
          .map((cell) => escapeControls(showCell(cell)))
          .join(SEPARATOR)}`,
    );
    const width = Math.max(0, ...rows.map((row) => row.length));
    const names = Array.from({ length: width }, (_, place) => nameOf(columns, place));
    if (width > 1 && names.join("\0") !== shownNames) {
      shownNames = names.join("\0");
      lines.push(header(names, { columns: limits.columns, width: Math.max(TEXT_WIDTH, ...texts.map((text) => text.length)) }));
    }
    lines.push(...texts);
  }
  return lines;
}

/** Tells whether a line that `formatSamples` returned is one of names. */
export function isSampleHeader(line: string): boolean {
  return line.startsWith(HEADER_INDENT) && !line.startsWith(`${HEADER_INDENT} `);
}

function nameOf(columns: readonly DiffColumn[], place: number): string {
  return escapeControls(showCell(columns[place]?.name ?? `cell ${place + 1}`));
}

/** What does not fit is counted. */
function header(names: readonly string[], limits: { readonly columns: number; readonly width: number }): string {
  const whole = Math.min(names.length, limits.columns);
  for (let count = whole; ; count--) {
    const rest = names.length - count;
    const more = rest === 0 ? [] : [`… and ${countOf(rest, "more column")}`];
    const line = `${HEADER_INDENT}${[...names.slice(0, count), ...more].join(SEPARATOR)}`;
    if (line.length <= limits.width || count <= 1) return line;
  }
}
