/** The SQL that mlv asks of DuckDB. Every name and text in it is quoted. */
import type { ColumnType } from "../text/infer.ts";
import type { TableColumn, TableReader } from "../table-reader.ts";
import { textExpression } from "./texts.ts";

/** Is one side of the join: how to read the file, its key, and what is compared, as quoted names in the same order on both sides. */
export interface JoinSide {
  readonly scan: string;
  readonly key: string;
  readonly compared: readonly string[];
}

/** Are both sides of the join. */
export interface JoinShape {
  readonly before: JoinSide;
  readonly after: JoinSide;
}

/** Returns a name for SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns the expression that reads a file exactly as mlv does: all texts, nothing guessed, no row left out. */
export function scanOf(path: string, reader: TableReader): string {
  if (reader.format === "parquet") return `read_parquet(${quoteText(path)})`;
  const columns = reader.columns.map((column) => `${quoteText(column.name)}: 'VARCHAR'`).join(", ");
  const dialect = `header = true, delim = ${quoteText(reader.delimiter ?? ",")}, quote = '"', escape = '"'`;
  return `read_csv(${quoteText(path)}, auto_detect = false, ${dialect}, columns = {${columns}})`;
}

/** Counts pairs and differences by hash of the compared cells, and lists the least keys of each kind, at most `limit` of each. */
export function countQuery({ before, after }: JoinShape, limit: number): string {
  const side = ({ scan, key, compared }: JoinSide): string => `(SELECT ${key} AS k, hash(${compared.join(", ")}) AS h FROM ${scan})`;
  const isChanged = "a.k IS NOT NULL AND b.k IS NOT NULL AND a.h <> b.h";
  return `SELECT
    count(*) FILTER (WHERE a.k IS NOT NULL AND b.k IS NOT NULL) AS pairs,
    count(*) FILTER (WHERE a.k IS NULL AND b.k IS NULL) AS nullkeys,
    count(*) FILTER (WHERE a.k IS NULL) AS added,
    count(*) FILTER (WHERE b.k IS NULL) AS removed,
    count(*) FILTER (WHERE ${isChanged}) AS changed,
    count(DISTINCT b.k) FILTER (WHERE a.k IS NULL) AS addedkeys,
    count(DISTINCT a.k) FILTER (WHERE b.k IS NULL) AS removedkeys,
    min(a.k::VARCHAR, ${limit}) FILTER (WHERE ${isChanged}) AS changedlist,
    min(b.k::VARCHAR, ${limit}) FILTER (WHERE a.k IS NULL) AS addedlist,
    min(a.k::VARCHAR, ${limit}) FILTER (WHERE b.k IS NULL) AS removedlist
  FROM ${side(before)} a FULL OUTER JOIN ${side(after)} b ON a.k = b.k`;
}

/** Is what is asked of one column. */
export interface ColumnQuestion {
  readonly column: TableColumn;
  readonly type: ColumnType;
  /** Whether an estimate of its different values is asked for. */
  readonly isEstimated: boolean;
  /** Whether all of its values are counted, which is only for columns that have few. */
  readonly isCounted: boolean;
}

/**
 * Asks one version, in one pass, for its rows, and for nulls, extremes (numbers as numbers), different values and counts of values of
 * its columns.
 */
export function sideQuery(side: JoinSide, questions: readonly ColumnQuestion[], isKeyCounted: boolean): string {
  const expressions = questions.flatMap(({ column, type, isEstimated, isCounted }, place) => {
    const cell = cellOf(column);
    const isNested = type === "object" || type === "array";
    const value = column.nativeType === undefined ? readFromText(cell, type) : isNested ? textExpression(cell, column) : cell;
    return [
      `count(*) - count(${cell}) AS nulls${place}`,
      `min(${value})::VARCHAR AS min${place}`,
      `max(${value})::VARCHAR AS max${place}`,
      ...(isEstimated ? [`approx_count_distinct(${cell}) AS distinct${place}`] : []),
      ...(isCounted ? [countsOf(column, place)] : []),
    ];
  });
  if (isKeyCounted) expressions.push(`count(DISTINCT hash(t.${side.key})) AS keys`);
  return `SELECT ${[...expressions, "count(*) AS rows"].join(", ")} FROM ${side.scan} t`;
}

function readFromText(cell: string, type: ColumnType): string {
  if (type === "integer") return `try_cast(${cell} AS HUGEINT)`;
  return type === "number" ? `try_cast(${cell} AS DOUBLE)` : cell;
}

/** Fetches cells of the rows of some keys, as texts, the key first. */
export function fetchQuery(side: JoinSide, columns: readonly TableColumn[], keys: readonly string[]): string {
  const key = `t.${side.key}::VARCHAR`;
  const cells = [key, ...columns.map((column) => textExpression(cellOf(column), column))].join(", ");
  const wanted = `(SELECT unnest([${keys.map(quoteText).join(", ")}]::VARCHAR[]) AS k)`;
  return `SELECT [${cells}] AS cells FROM ${side.scan} t JOIN ${wanted} wanted ON ${key} = wanted.k`;
}

/** Counts all values of some columns, by their place among all. */
export function countsQuery(scan: string, columns: readonly { readonly column: TableColumn; readonly place: number }[]): string {
  return `SELECT ${columns.map(({ column, place }) => countsOf(column, place)).join(", ")} FROM ${scan} t`;
}

function countsOf(column: TableColumn, place: number): string {
  return `histogram(${textExpression(cellOf(column), column)}) AS counts${place}`;
}

function cellOf({ name }: TableColumn): string {
  return `t.${quoteName(name)}`;
}
