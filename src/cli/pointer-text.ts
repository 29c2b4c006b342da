import type { Pointer } from "../formats/pointer.ts";
import { escapeControls } from "../ops/content-diff.ts";
import { formatBytes, formatCount, formatPlural } from "./format.ts";

/** Returns a pointer as lines of which a plain `diff` shows what changed: one fact a line, a line a column. */
export function pointerLines(pointer: Pointer): string[] {
  const { kind, sha256, size, files, mode, table, source, extensions } = pointer;
  const lines = [kind === "dir" ? "folder" : mode === "x" ? "executable file" : "file"];
  if (files !== undefined) lines.push(`files: ${formatCount(files)}`);
  lines.push(`size: ${formatPlural(size, "byte")}${size < 1024 ? "" : ` (${formatBytes(size)})`}`);
  if (table !== undefined) {
    const delimiter = table.delimiter === undefined ? "" : `, separated by ${table.delimiter === "\t" ? "tab" : table.delimiter}`;
    lines.push(`table: ${table.format}${delimiter}`, `rows: ${formatCount(table.rows)}`);
    for (const column of table.columns) lines.push(`column: ${column}`);
  }
  for (const [key, value] of Object.entries(source ?? {})) lines.push(`source ${key}: ${String(value)}`);
  for (const [key, value] of Object.entries(extensions ?? {})) lines.push(`${key}: ${JSON.stringify(value)}`);
  lines.push(`sha256: ${sha256}`);
  return lines.map(escapeControls);
}
