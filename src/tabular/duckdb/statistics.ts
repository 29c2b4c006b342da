/** Columns' statistics through DuckDB: one pass for all columns, and one for exact counts of what is frequent. */
import type { ColumnStatistics } from "../diff/column-statistics.ts";
import type { ColumnType } from "../text/infer.ts";
import { statisticsQuery, topQuery } from "./queries.ts";
import type { DuckDbSession } from "./session.ts";

/** Below this estimate different values are counted, and the most frequent ones are of interest. */
const FEW = 2000;

/** Returns the statistics of columns, given by quoted names. */
export async function collectStatistics(
  session: DuckDbSession,
  scan: string,
  names: readonly string[],
  types: readonly ColumnType[],
): Promise<ColumnStatistics[]> {
  const [row] = await session.rows(statisticsQuery(scan, names, types));
  const columns = names.map((name, place) => {
    const isCounted = Number(row?.[`distinct${place}`] ?? 0) < FEW;
    return { name, isCounted, values: isCounted ? listOf(row?.[`top${place}`]) : [] };
  });
  const [counts] = await session.rows(topQuery(scan, columns));
  return columns.map(({ isCounted, values }, place) => {
    const [min, max] = [textOf(row?.[`min${place}`]), textOf(row?.[`max${place}`])];
    const top = values.map((value, at) => ({ value, count: Number(counts?.[`top${place}_${at}`] ?? 0) }));
    return {
      nulls: Number(row?.[`nulls${place}`] ?? 0),
      ...(min === null || max === null ? {} : { min, max }),
      distinct: Number((isCounted ? counts : row)?.[`distinct${place}`] ?? 0),
      isDistinctExact: isCounted,
      top: top.sort((left, right) => right.count - left.count || (left.value < right.value ? -1 : 1)),
    };
  });
}

/** Returns a text that DuckDB gave, or null. */
export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Returns a list of texts that DuckDB gave. */
export function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
