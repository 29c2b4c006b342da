/** What DuckDB tells of one version: its columns' statistics, and the rows of some keys, in one pass and at most one more. */
import type { ColumnStatistics } from "../diff/column-statistics.ts";
import type { ColumnType } from "../text/infer.ts";
import { countsQuery, sideQuery, type Fetched, type JoinSide } from "./queries.ts";
import type { DuckDbSession } from "./session.ts";

/** Below this estimate different values are counted, and the most frequent ones are of interest. */
const FEW = 2000;
const TOP = 5;
/** An estimate is off by about two hundredths; fewer rows than this share of it change nothing that it could show. */
const NEGLIGIBLE = 1 / 200;

/** Says what is asked of one version. */
export interface SideRequest {
  readonly side: JoinSide;
  /** Quoted names and types of the columns whose statistics are asked for; none of them for no statistics. */
  readonly columns: readonly { readonly name: string; readonly type: ColumnType; readonly isKey: boolean }[];
  /** How many rows there are, which is how many different values the key has. */
  readonly rows: number;
  readonly fetched: Fetched;
  /** Statistics of the same columns in the other version, and by how many rows the two differ. */
  readonly known?: { readonly statistics: readonly (ColumnStatistics | undefined)[]; readonly rows: number };
}

/** Is the answer. */
export interface SideAnswer {
  readonly statistics: readonly ColumnStatistics[];
  /** The rows of the keys, the key first. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Asks one version. What the other one showed of a column saves asking for it again, where few rows differ. */
export async function askSide(session: DuckDbSession, { side, columns, rows, fetched, known }: SideRequest): Promise<SideAnswer> {
  const likely = columns.map(({ isKey }, place) => {
    if (isKey) return rows;
    const other = known?.statistics[place];
    if (other === undefined || known === undefined) return undefined;
    if (other.isDistinctExact) return "few";
    return known.rows <= other.distinct * NEGLIGIBLE ? other.distinct : undefined;
  });
  const questions = columns.map((column, place) => ({
    ...column,
    isEstimated: likely[place] === undefined,
    isCounted: likely[place] === "few",
  }));
  const [row] = await session.rows(sideQuery(side, questions, fetched));
  const estimates = likely.map((found, place) => (typeof found === "number" ? found : Number(row?.[`distinct${place}`] ?? 0)));
  const toCount = columns.flatMap(({ name }, place) =>
    likely[place] === undefined && (estimates[place] ?? 0) < FEW ? [{ name, place }] : [],
  );
  const [counted] = toCount.length === 0 ? [] : await session.rows(countsQuery(side.scan, toCount));
  const statistics = columns.map(({ isKey }, place) => {
    const counts = countsOf(row?.[`counts${place}`] ?? counted?.[`counts${place}`]);
    const [min, max] = [textOf(row?.[`min${place}`]), textOf(row?.[`max${place}`])];
    const isCounted = counts !== undefined;
    return {
      nulls: Number(row?.[`nulls${place}`] ?? 0),
      ...(min === null || max === null ? {} : { min, max }),
      distinct: isCounted ? counts.length : (estimates[place] ?? 0),
      isDistinctExact: isCounted || isKey,
      top: (counts ?? []).sort((left, right) => right.count - left.count || (left.value < right.value ? -1 : 1)).slice(0, TOP),
    };
  });
  return { statistics, rows: rowsOf(row?.["found"]) };
}

/** Reads a map of values to counts; undefined when there is none. */
function countsOf(map: unknown): { value: string; count: number }[] | undefined {
  if (!Array.isArray(map)) return map === null ? [] : undefined;
  return map.flatMap((entry: unknown) => {
    if (typeof entry !== "object" || entry === null || !("key" in entry) || !("value" in entry)) return [];
    return typeof entry.key === "string" ? [{ value: entry.key, count: Number(entry.value) }] : [];
  });
}

function rowsOf(found: unknown): (string | null)[][] {
  return Array.isArray(found) ? found.map((row: unknown) => (Array.isArray(row) ? row.map(textOf) : [])) : [];
}

/** Returns a text that DuckDB gave, or null. */
export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Returns a list of texts that DuckDB gave. */
export function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
