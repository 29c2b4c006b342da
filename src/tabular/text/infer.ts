/** Infers Frictionless type names from cells' texts. */

/** Is a Frictionless type name. */
export type ColumnType = "integer" | "number" | "string" | "boolean" | "date" | "datetime" | "time" | "object" | "array" | "any";

const INTEGER = /^[+-]?(?:0|[1-9]\d*)$/;
const NUMBER = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?:NaN|nan|INF|Infinity|inf)$/;
const BOOLEAN = /^(?:true|false|True|False|TRUE|FALSE)$/;
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const DATETIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?$/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?$/;

/** Returns the type of one cell of a delimited text, or undefined for an empty one. Leading zeros make a string, so that `007` stays itself. */
export function inferTextType(text: string): ColumnType | undefined {
  if (text === "") return undefined;
  if (text.length > 40) return "string";
  const first = text.charCodeAt(0);
  if ((first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46) {
    if (INTEGER.test(text)) return "integer";
    if (NUMBER.test(text)) return "number";
    if (DATE.test(text)) return "date";
    if (DATETIME.test(text)) return "datetime";
    return TIME.test(text) ? "time" : "string";
  }
  if (BOOLEAN.test(text)) return "boolean";
  return NUMBER.test(text) ? "number" : "string";
}

/** Returns the type of one JSON value, or undefined for null. */
export function inferJsonType(value: unknown): ColumnType | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  if (typeof value === "bigint") return "integer";
  if (typeof value === "string") return "string";
  return Array.isArray(value) ? "array" : "object";
}

/** Returns the narrowest type that holds both. */
export function mergeTypes(left: ColumnType | undefined, right: ColumnType | undefined, otherwise: ColumnType): ColumnType | undefined {
  if (left === undefined || left === right) return right;
  if (right === undefined) return left;
  const isNumeric = (type: ColumnType): boolean => type === "integer" || type === "number";
  return isNumeric(left) && isNumeric(right) ? "number" : otherwise;
}

/** Accumulates the types of columns over rows. */
export class TypeCollector {
  readonly #types: (ColumnType | undefined)[] = [];

  /** Takes note of a cell of a delimited text. */
  addText(column: number, text: string): void {
    const known = this.#types[column];
    if (known === "string") return;
    this.#types[column] = mergeTypes(known, inferTextType(text), "string");
  }

  /** Takes note of a JSON value. */
  addJson(column: number, value: unknown): void {
    const known = this.#types[column];
    if (known === "any") return;
    this.#types[column] = mergeTypes(known, inferJsonType(value), "any");
  }

  /** Returns a column's type; `any` when it never held a value. */
  typeOf(column: number): ColumnType {
    return this.#types[column] ?? "any";
  }
}
