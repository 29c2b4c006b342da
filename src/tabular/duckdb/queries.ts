/** The SQL that mlv asks of DuckDB. Every name and text in it is quoted. */
import type { ColumnType } from "../text/infer.ts";
import type { TableReader } from "../open-table.ts";

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

/** Counts pairs and differences by hash of the compared cells, and lists the least keys of each kind. */
export function countQuery({ before, after }: JoinShape, limits: { readonly examined: number; readonly samples: number }): string {
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
    min(a.k::VARCHAR, ${limits.examined}) FILTER (WHERE ${isChanged}) AS changedlist,
    min(b.k::VARCHAR, ${Math.max(1, limits.samples)}) FILTER (WHERE a.k IS NULL) AS addedlist,
    min(a.k::VARCHAR, ${Math.max(1, limits.samples)}) FILTER (WHERE b.k IS NULL) AS removedlist
  FROM ${side(before)} a FULL OUTER JOIN ${side(after)} b ON a.k = b.k`;
}

/** Fetches the rows of some keys, all cells as texts named `c0`, `c1`, …, the key as `k`. */
export function fetchQuery(side: JoinSide, columns: readonly string[], keys: readonly string[]): string {
  const cells = columns.map((name, place) => `${name}::VARCHAR AS c${place}`).join(", ");
  return `SELECT ${side.key}::VARCHAR AS k, ${cells} FROM ${side.scan} WHERE ${side.key}::VARCHAR IN (SELECT unnest([${keys.map(quoteText).join(", ")}]))`;
}

/** Computes nulls, extremes and an estimate of distinct values of all columns in one pass; numbers are compared as numbers. */
export function statisticsQuery(scan: string, columns: readonly string[], types: readonly ColumnType[]): string {
  const expressions = columns.flatMap((name, place) => {
    const type = types[place];
    const numeric = type === "integer" ? "HUGEINT" : "DOUBLE";
    const value = type === "integer" || type === "number" ? `try_cast(${name} AS ${numeric})` : `${name}::VARCHAR`;
    const extremes = [`min(${value})::VARCHAR AS min${place}`, `max(${value})::VARCHAR AS max${place}`];
    const top = `approx_top_k(${name}::VARCHAR, 5) AS top${place}`;
    return [`count(*) - count(${name}) AS nulls${place}`, ...extremes, `approx_count_distinct(${name}) AS distinct${place}`, top];
  });
  return `SELECT ${expressions.join(", ")} FROM ${scan}`;
}

/** Counts some values of some columns exactly, and the different values where there are few. */
export function topQuery(
  scan: string,
  columns: readonly { readonly name: string; readonly values: readonly string[]; readonly isCounted: boolean }[],
): string {
  const expressions = columns.flatMap(({ name, values, isCounted }, place) => [
    ...(isCounted ? [`count(DISTINCT ${name}) AS distinct${place}`] : []),
    ...values.map((value, at) => `count(*) FILTER (WHERE ${name}::VARCHAR = ${quoteText(value)}) AS top${place}_${at}`),
  ]);
  return `SELECT ${["1", ...expressions].join(", ")} FROM ${scan}`;
}
