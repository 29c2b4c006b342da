export { formatBytes, formatCount, formatPlural } from "../base/amounts.ts";

/** Returns milliseconds for people: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.round(seconds) % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Returns rows as aligned columns, two spaces apart; columns named in `right` are aligned to the right. */
export function formatColumns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, countCells(cell));
  const pad = (cell: string, index: number): string => {
    const space = " ".repeat((widths[index] ?? 0) - countCells(cell));
    return right.includes(index) ? space + cell : cell + space;
  };
  return rows.map((row) => row.map(pad).join("  ").trimEnd());
}

// Colours and combining marks take no cell; emoji and the scripts of East Asia take two, as Unicode's annex 11 has it for most.
// eslint-disable-next-line no-control-regex
const WITHOUT_CELL = /\u001b\[\d+m|\p{Mn}|\p{Me}/gu;
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/gu;

/** Returns how many cells of a terminal a text takes. */
function countCells(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  return Array.from(text.replace(WITHOUT_CELL, "").replace(WIDE, "WW")).length;
}
