/** Words for a table's diff, for terminals and for Markdown. Pure: the same diff gives the same text. */
import type { DiffColumn, TableDiff } from "./diff.ts";
import { escapeControls, markdownCode } from "./escape.ts";
import { changedStatistics, countOf, describeRows, formatCount, showCell, showChange } from "./report-cells.ts";
import { formatSamples } from "./report-samples.ts";

export { escapeControls, escapeHtml, escapeMarkdown } from "./escape.ts";

/** Says how much a report shows. */
export interface ReportOptions {
  /** Sample rows of each kind; 10 unless said otherwise. */
  readonly samples?: number;
  /** Whether changed statistics of columns are shown; true unless said otherwise. */
  readonly statistics?: boolean;
}

const SAMPLES = 10;
const MAX_NAMED = 20;
const MAX_SAMPLE_COLUMNS = 12;
const MAX_STATISTICS = 30;
/** A line of statistics with what it is indented by fits 80 columns. */
const TEXT_WIDTH = 72;
const CONTINUED = "      ";

/** How names and values are written, and what is made prominent. */
interface Style {
  readonly code: (text: string) => string;
  readonly strong: (text: string) => string;
}

const TEXT: Style = { code: escapeControls, strong: (text) => text };
const MARKDOWN: Style = { code: markdownCode, strong: (text) => `**${text}**` };

/** Returns the diff as lines for a terminal, without colours; every control character from the data is written out. */
export function formatTableDiffText(diff: TableDiff, options: ReportOptions = {}): string[] {
  const lines = describeChanges(diff, TEXT);
  const limit = options.samples ?? SAMPLES;
  for (const { key, cells } of diff.samples.changed.slice(0, limit)) {
    const label = key.map((part) => escapeControls(showCell(part))).join(", ");
    for (const cell of cells.slice(0, MAX_SAMPLE_COLUMNS)) {
      const [before, after] = showChange(cell.before, cell.after);
      lines.push(`  ~ ${label}  ${escapeControls(cell.column)}: ${escapeControls(before)} → ${escapeControls(after)}`);
    }
    if (cells.length > MAX_SAMPLE_COLUMNS) lines.push(`  ~ ${label}  ${moreCells(cells.length)}`);
  }
  lines.push(...formatSamples(diff, { rows: limit, columns: MAX_SAMPLE_COLUMNS }));
  if (options.statistics !== false) {
    for (const column of diff.statistics.slice(0, MAX_STATISTICS)) {
      const changes = changedStatistics(column).map(
        ([label, before, after]) => [`${label} ${escapeControls(before)}`, `→ ${escapeControls(after)}`] as const,
      );
      if (changes.length > 0) lines.push(...wrapStatistics(escapeControls(column.name), changes));
    }
  }
  return lines;
}

function moreCells(cells: number): string {
  return `… and ${countOf(cells - MAX_SAMPLE_COLUMNS, "more changed cell")}`;
}

/** Fills lines of a column's statistics, breaking between them, and inside one only before its arrow. */
function wrapStatistics(column: string, changes: readonly (readonly [string, string])[]): string[] {
  const lines: string[] = [];
  let line = `  ${column}:`;
  const put = (text: string): void => {
    if (line.length + 1 + text.length > TEXT_WIDTH && line.length > CONTINUED.length) {
      lines.push(line);
      line = `${CONTINUED}${text}`;
    } else line += ` ${text}`;
  };
  for (const [place, [before, after]] of changes.entries()) {
    const end = place < changes.length - 1 ? ";" : "";
    const whole = `${before} ${after}${end}`;
    if (CONTINUED.length + whole.length <= TEXT_WIDTH) put(whole);
    else for (const part of [before, `${after}${end}`]) put(part);
  }
  return [...lines, line];
}

/** Returns the diff as Markdown for a pull request's comment; nothing from the data can become markup, a link or a mention. */
export function formatTableDiffMarkdown(diff: TableDiff, options: ReportOptions = {}): string {
  const limit = options.samples ?? SAMPLES;
  const blocks = [
    describeChanges(diff, MARKDOWN)
      .map((line) => `- ${line}`)
      .join("\n"),
  ];
  const { changed, added, removed } = diff.samples;
  if (changed.length > 0) {
    const rows = changed.slice(0, limit).flatMap(({ key, cells }) => {
      const which = key.map((part) => markdownCode(showCell(part))).join(", ");
      const shown = cells.slice(0, MAX_SAMPLE_COLUMNS).map((cell) => {
        const [before, after] = showChange(cell.before, cell.after);
        return [which, markdownCode(cell.column), markdownCode(before), markdownCode(after)];
      });
      return cells.length > MAX_SAMPLE_COLUMNS ? [...shown, [which, moreCells(cells.length)]] : shown;
    });
    const label = diff.key?.columns.map(markdownCode).join(", ") ?? "row";
    blocks.push(
      details(
        sampleTitle("changed row", changed.slice(0, limit).length, diff.rows.changed),
        markdownTable([label, "column", "before", "after"], rows),
        true,
      ),
    );
  }
  for (const [word, rows, total, columns] of [
    ["added row", added, diff.rows.added, diff.after.columns] as const,
    ["removed row", removed, diff.rows.removed, diff.before.columns] as const,
  ]) {
    const shown = rows.slice(0, limit).map((row) => row.slice(0, MAX_SAMPLE_COLUMNS).map((cell) => markdownCode(showCell(cell))));
    if (shown.length > 0)
      blocks.push(details(sampleTitle(word, shown.length, total), markdownTable(headerOf(columns, shown), shown), false));
  }
  if (options.statistics !== false) {
    const rows = diff.statistics
      .slice(0, MAX_STATISTICS)
      .flatMap((column) =>
        changedStatistics(column).map(([label, before, after]) => [
          markdownCode(column.name),
          label,
          markdownCode(before),
          markdownCode(after),
        ]),
      );
    if (rows.length > 0) blocks.push(details("Columns' statistics", markdownTable(["column", "", "before", "after"], rows), false));
  }
  return `${blocks.join("\n\n")}\n`;
}

function describeChanges(diff: TableDiff, style: Style): string[] {
  if (diff.isSame) return [`the same ${countOf(diff.after.rows, "row")}, written the same way`];
  const lines: string[] = [];
  if (diff.formattingOnly) lines.push(style.strong(`formatting only: the same values in ${countOf(diff.after.rows, "row")}`));
  else lines.push(style.strong(describeRows(diff)) + matchedBy(diff, style));
  if (diff.keyNote !== undefined) lines.push(style.code(diff.keyNote));
  const { added, dropped, renamed, retyped, isReordered } = diff.schema;
  const named = (column: DiffColumn): string =>
    `${style.code(column.name)} (${column.nativeType === undefined ? column.type : style.code(column.nativeType)})`;
  if (added.length > 0) lines.push(`${style.strong(`${countOf(added.length, "column")} added`)}: ${listed(added.map(named))}`);
  if (dropped.length > 0) lines.push(`${style.strong(`${countOf(dropped.length, "column")} dropped`)}: ${listed(dropped.map(named))}`);
  if (renamed.length > 0)
    lines.push(`${style.strong("renamed")}: ${listed(renamed.map(({ before, after }) => `${style.code(before)} → ${style.code(after)}`))}`);
  if (retyped.length > 0) {
    const types = retyped.map(({ name, before, after }) => `${style.code(name)} ${style.code(before)} → ${style.code(after)}`);
    lines.push(`${style.strong("type changed")}: ${listed(types)}`);
  }
  if (isReordered) lines.push("columns in another order");
  const cells = diff.changedCells.columns.map(({ name, cells: count }) => `${style.code(name)} ${formatCount(count)}`);
  if (cells.length > 0) {
    const isPart = diff.changedCells.examined < diff.rows.changed;
    lines.push(`changed cells${isPart ? ` in the first ${formatCount(diff.changedCells.examined)} changed rows` : ""}: ${listed(cells)}`);
  }
  for (const { trait, before, after } of diff.formatting)
    lines.push(`${trait}: ${style.code(showTrait(before))} → ${style.code(showTrait(after))}`);
  return lines;
}

function matchedBy(diff: TableDiff, style: Style): string {
  const { added, removed, changed } = diff.rows;
  if (added + removed + changed === 0) return "";
  if (diff.key === undefined) return " (matched by content)";
  return ` (key ${diff.key.columns.map(style.code).join(", ")}${diff.key.origin === "inferred" ? ", inferred" : ""})`;
}

function showTrait(value: string): string {
  if (value === "\t") return "tab";
  return value === "" ? "(none)" : showCell(value);
}

function listed(items: readonly string[]): string {
  const rest = items.length - MAX_NAMED;
  return items.slice(0, MAX_NAMED).join(", ") + (rest > 0 ? ` and ${formatCount(rest)} more` : "");
}

function sampleTitle(noun: string, shown: number, total: number): string {
  return shown < total ? `${formatCount(shown)} of ${countOf(total, noun)}` : countOf(total, noun);
}

function headerOf(columns: readonly DiffColumn[], rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map((row) => row.length));
  return Array.from({ length: width }, (_, place) => markdownCode(columns[place]?.name ?? `cell ${place + 1}`));
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${header.map((_, place) => cells[place] ?? "").join(" | ")} |`;
  return [line(header), `|${" --- |".repeat(header.length)}`, ...rows.map(line)].join("\n");
}

function details(title: string, content: string, isOpen: boolean): string {
  return `<details${isOpen ? " open" : ""}><summary>${title}</summary>\n\n${content}\n\n</details>`;
}
