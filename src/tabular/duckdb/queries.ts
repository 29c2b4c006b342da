/** The SQL that mlv asks of DuckDB. Every name and text in it is quoted. */
import type { ColumnType } from "../text/infer.ts";
import type { TableReader } from "../table-reader.ts";

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

/** Is what is asked of one column; its name is quoted. */
export interface ColumnQuestion {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether an estimate of its different values is asked for. */
  readonly isEstimated: boolean;
  /** Whether all of its values are counted, which is only for columns that have few. */
  readonly isCounted: boolean;
}

/**
 * Asks one version, in one pass, for nulls, extremes (numbers as numbers), different values and counts of values of its columns, for the
 * rows of some keys, all cells as texts, the key first, and, where `isKeyCounted`, for its rows and the different hashes of their keys.
 */
export function sideQuery(
  side: JoinSide,
  questions: readonly ColumnQuestion[],
  { fetched, isKeyCounted }: { readonly fetched: Fetched; readonly isKeyCounted: boolean },
): string {
  const expressions = questions.flatMap(({ name, type, isEstimated, isCounted }, place) => {
    const cell = `t.${name}`;
    const numeric = type === "integer" ? "HUGEINT" : "DOUBLE";
    const value = type === "integer" || type === "number" ? `try_cast(${cell} AS ${numeric})` : `${cell}::VARCHAR`;
    return [
      `count(*) - count(${cell}) AS nulls${place}`,
      `min(${value})::VARCHAR AS min${place}`,
      `max(${value})::VARCHAR AS max${place}`,
      ...(isEstimated ? [`approx_count_distinct(${cell}) AS distinct${place}`] : []),
      ...(isCounted ? [countsOf(cell, place)] : []),
    ];
  });
  if (isKeyCounted) expressions.push(`count(DISTINCT hash(t.${side.key})) AS keys`);
  expressions.push("count(*) AS rows");
  if (fetched.keys.length === 0) return `SELECT ${expressions.join(", ")} FROM ${side.scan} t`;
  const key = `t.${side.key}::VARCHAR`;
  const cells = [key, ...fetched.columns.map((name) => `t.${name}::VARCHAR`)].join(", ");
  const wanted = `(SELECT unnest([${fetched.keys.map(quoteText).join(", ")}]::VARCHAR[]) AS k)`;
  return `SELECT ${[...expressions, `list([${cells}]) FILTER (WHERE wanted.k IS NOT NULL) AS found`].join(", ")}
  FROM ${side.scan} t LEFT JOIN ${wanted} wanted ON ${key} = wanted.k`;
}

/** Says which cells of which rows are fetched; the names are quoted. */
export interface Fetched {
  readonly columns: readonly string[];
  readonly keys: readonly string[];
}

/** Counts all values of some columns, by their place among all. */
export function countsQuery(scan: string, columns: readonly { readonly name: string; readonly place: number }[]): string {
  return `SELECT ${columns.map(({ name, place }) => countsOf(`t.${name}`, place)).join(", ")} FROM ${scan} t`;
}

function countsOf(cell: string, place: number): string {
  return `histogram(${cell}::VARCHAR) AS counts${place}`;
}
