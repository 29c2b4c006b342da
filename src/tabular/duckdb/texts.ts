/** The texts that DuckDB gives for values of Parquet files, as mlv writes them. */
import type { TableColumn } from "../table-reader.ts";

const SCALAR = /^(?:boolean|u?int_?\d+|float|double|decimal\(.*\)|date|timestamp\(.*\)|time\(.*\)|string|json|enum)(?: not null)?$/;
/** Nested values are texts in JSON, in which DuckDB writes values of these types in another way than mlv, or may. */
const UNLIKE = /bson|bytes|array|date|decimal|double|enum|float|geo|int96|interval|json|map|time|unknown|uuid/;

/** Tells whether DuckDB and mlv agree on how a column's values are written. */
export function isWrittenAlike({ nativeType }: TableColumn): boolean {
  if (nativeType === undefined || SCALAR.test(nativeType)) return true;
  return isNested(nativeType) && !UNLIKE.test(nativeType);
}

/** Returns the expression of a cell's text; `readText` makes it what mlv writes. */
export function textExpression(cell: string, { nativeType }: TableColumn): string {
  return nativeType !== undefined && isNested(nativeType) ? `to_json(${cell})::VARCHAR` : `${cell}::VARCHAR`;
}

/** Returns the text that mlv writes for what DuckDB wrote. */
export function readText(text: string, { nativeType }: TableColumn): string {
  if (nativeType === undefined) return text;
  if (nativeType.startsWith("timestamp(")) return text.replace(" ", "T").replace(/\+00$/, "");
  if (nativeType.startsWith("time(")) return text.replace(/\+00$/, "");
  if (nativeType.startsWith("double")) return numberText(parseNumber(text));
  if (nativeType.startsWith("float")) return numberText(Math.fround(parseNumber(text)));
  return text;
}

function parseNumber(text: string): number {
  return Number(text.replace("inf", "Infinity"));
}

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function isNested(nativeType: string): boolean {
  return nativeType.startsWith("repeated ") || nativeType.includes("<");
}
