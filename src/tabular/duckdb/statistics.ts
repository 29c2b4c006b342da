/** What DuckDB tells of one version's columns, in one pass and at most one more. */
import type { ColumnStatistics } from "../diff/column-statistics.ts";
import type { ColumnType } from "../text/infer.ts";
import type { TableColumn } from "../table-reader.ts";
import { countsQuery, sideQuery, type JoinSide } from "./queries.ts";
import type { DuckDbSession } from "./session.ts";
import { readText } from "./texts.ts";

/** Below this estimate different values are counted, and the most frequent ones are of interest. */
const FEW = 2000;
const TOP = 5;
/** An estimate is off by about two hundredths; fewer rows than this share of it change nothing that it could show. */
const NEGLIGIBLE = 1 / 200;

/** Says what is asked of one version. */
export interface SideRequest {
  readonly side: JoinSide;
  /** The columns whose statistics are asked for; none of them for no statistics. */
  readonly columns: readonly { readonly column: TableColumn; readonly type: ColumnType; readonly isKey: boolean }[];
  /** How many rows there are, which is how many different values the key has. */
  readonly rows: number;
  /** Whether the different hashes of the keys are counted. */
  readonly isKeyCounted: boolean;
  /** Places, among `columns`, of those that seem to have few different values, so that they are counted at once. */
  readonly few?: ReadonlySet<number>;
  /** Statistics of the same columns in the other version, and by how many rows the two differ. */
  readonly known?: { readonly statistics: readonly (ColumnStatistics | undefined)[]; readonly rows: number };
}

/** Is what one column holds; all its values and how often it has them where they were counted. */
export interface ColumnAnswer extends ColumnStatistics {
  readonly counts?: ReadonlyMap<string, number>;
}

/** Is the answer. */
export interface SideAnswer {
  readonly statistics: readonly ColumnStatistics[];
  readonly answers: readonly ColumnAnswer[];
  /** Rows, and the different hashes of their keys, where they were counted. */
  readonly counted: { readonly rows: number; readonly keys: number };
}

/** Asks one version. What the other one showed of a column saves asking for it again, where few rows differ. */
export async function askSide(session: DuckDbSession, request: SideRequest): Promise<SideAnswer> {
  const { side, columns, rows, known, few } = request;
  const likely = columns.map(({ isKey }, place) => {
    if (isKey) return rows;
    if (few?.has(place) === true) return "few";
    const other = known?.statistics[place];
    if (other === undefined || known === undefined) return undefined;
    if (other.isDistinctExact) return "few";
    return known.rows <= other.distinct * NEGLIGIBLE ? other.distinct : undefined;
  });
  const questions = columns.map((asked, place) => ({
    ...asked,
    isEstimated: likely[place] === undefined,
    isCounted: likely[place] === "few",
  }));
  const [row] = await session.rows(sideQuery(side, questions, request.isKeyCounted));
  const estimates = likely.map((found, place) => (typeof found === "number" ? found : Number(row?.[`distinct${place}`] ?? 0)));
  const toCount = columns.flatMap(({ column }, place) =>
    likely[place] === undefined && (estimates[place] ?? 0) < FEW ? [{ column, place }] : [],
  );
  const [counted] = toCount.length === 0 ? [] : await session.rows(countsQuery(side.scan, toCount));
  const counts = columns.map(({ column }, place) => countsOf(row?.[`counts${place}`] ?? counted?.[`counts${place}`], column));
  const statistics = columns.map(({ column, isKey }, place): ColumnStatistics => {
    const [min, max] = [textOf(row?.[`min${place}`], column), textOf(row?.[`max${place}`], column)];
    return {
      nulls: Number(row?.[`nulls${place}`] ?? 0),
      ...(min === null || max === null ? {} : { min, max }),
      distinct: counts[place]?.size ?? estimates[place] ?? 0,
      isDistinctExact: counts[place] !== undefined || isKey,
      top: mostFrequent(counts[place] ?? new Map()),
    };
  });
  return {
    statistics,
    answers: statistics.map((found, place) => (counts[place] === undefined ? found : { ...found, counts: counts[place] })),
    counted: { rows: Number(row?.["rows"] ?? Number.NaN), keys: Number(row?.["keys"] ?? Number.NaN) },
  };
}

/** Returns the most frequent values, most first. */
export function mostFrequent(counts: ReadonlyMap<string, number>): ColumnStatistics["top"] {
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((left, right) => right.count - left.count || (left.value < right.value ? -1 : 1))
    .slice(0, TOP);
}

/** Reads a map of values to counts; undefined when there is none. */
function countsOf(map: unknown, column: TableColumn): Map<string, number> | undefined {
  if (!Array.isArray(map)) return map === null ? new Map() : undefined;
  const counts = new Map<string, number>();
  for (const entry of map as unknown[]) {
    if (typeof entry !== "object" || entry === null || !("key" in entry) || !("value" in entry)) continue;
    if (typeof entry.key === "string") counts.set(readText(entry.key, column), Number(entry.value));
  }
  return counts;
}

/** Returns the text of a column's value as mlv writes it, or null. */
export function textOf(value: unknown, column: TableColumn): string | null {
  return typeof value === "string" ? readText(value, column) : null;
}

/** Returns a list of texts that DuckDB gave. */
export function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
