/** Statistics of the earlier version: those that follow from the later one's, the others as DuckDB tells them. */
import type { ColumnStatistics } from "../diff/column-statistics.ts";
import { MAX_STATISTICS } from "../diff/side.ts";
import type { ColumnType } from "../text/infer.ts";
import { deriveStatistics, type Cells } from "./derive.ts";
import type { DuckDbSides, SampledFacts } from "./sides.ts";
import type { SideAnswer } from "./statistics.ts";

/** Is what is known of the later version, and of the rows in which the two differ. */
export interface LaterVersion {
  readonly types: readonly ColumnType[];
  readonly answer: SideAnswer;
  /** How many rows differ. */
  readonly differing: number;
  /** The cells of the rows that differ, by the column's place; undefined when they are too many to be at hand. */
  readonly cells: { readonly before: readonly Cells[]; readonly after: readonly Cells[] } | undefined;
}

/** Returns the statistics of the earlier version's columns, by place; none where none are wanted. */
export async function statisticsBefore(
  sides: DuckDbSides,
  facts: SampledFacts,
  { types, answer, differing, cells }: LaterVersion,
): Promise<ColumnStatistics[]> {
  if (sides.settings.statistics === false) return [];
  const { plan, key, readers } = sides.match;
  const sharedAfter = new Map(plan.shared.map((column) => [column.before, column.after]));
  const places = readers.before.columns.slice(0, MAX_STATISTICS).map((_, place) => place);
  const derived = places.map((place) => {
    const after = sharedAfter.get(place);
    const other = after === undefined ? undefined : answer.answers[after];
    const type = facts.types[place] ?? "string";
    if (after === undefined || other === undefined || cells === undefined || types[after] !== type) return undefined;
    const [taken = [], given = []] = [cells.after[after], cells.before[place]];
    return deriveStatistics({ other, type, isKey: place === key.before, taken, given, rows: facts.rows });
  });
  const asked = places.filter((place) => derived[place] === undefined);
  if (asked.length === 0) return derived.filter((statistics) => statistics !== undefined);
  const statistics = asked.map((place) => answer.statistics[sharedAfter.get(place) ?? -1]);
  const found = await sides.ask("before", facts, { places: asked, known: { statistics, rows: differing } });
  return derived.flatMap((known, place) => known ?? found.statistics[asked.indexOf(place)] ?? []);
}
