import type { ColumnType } from "./text/infer.ts";

/** Is a column's name and Frictionless type. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

const MAX_COLUMNS = 200;
const MAX_COLUMNS_BYTES = 40_000;

/** Returns `name:type` for each column: at most 200, and no more than fit a pointer. */
export function formatColumns(columns: readonly Column[]): string[] {
  const texts: string[] = [];
  let bytes = 0;
  for (const { name, type } of columns.slice(0, MAX_COLUMNS)) {
    const text = `${name.toWellFormed()}:${type}`;
    bytes += Buffer.byteLength(JSON.stringify(text));
    if (bytes > MAX_COLUMNS_BYTES) break;
    texts.push(text);
  }
  return texts;
}
