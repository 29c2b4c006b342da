/**
 * Matches rows of which most are the same lines: what differs is matched by mlv, and DuckDB, which reads the files faster, tells that the
 * key is one in all rows and what the columns hold. It reads the later version whole, and of the earlier one only the columns whose
 * statistics do not follow.
 */
import { matchByKey, type MatchResult } from "../diff/by-key.ts";
import { HashTable } from "../diff/hash-table.ts";
import { createSides } from "../diff/plan.ts";
import type { TableSplit } from "../diff/split.ts";
import { mergeTypes, type ColumnType } from "../text/infer.ts";
import { readRowTexts, type RowsByColumn } from "./row-texts.ts";
import { statisticsBefore } from "./earlier.ts";
import { describeText, type DuckDbFound, type DuckDbSides, type SampledFacts } from "./sides.ts";

/** More rows than this are not looked at one by one. */
const MAX_DIFFERING = 200_000;
const MIN_SAMPLED = 1000;
const MAX_FEW = 500;
/** More removed keys than this are not looked for by name. */
const MAX_REMOVED = 20_000;

/** Matches what two versions do not have in common; undefined when that is too much, or DuckDB and mlv do not agree on what there is. */
export async function matchBySplit(sides: DuckDbSides, split: TableSplit): Promise<DuckDbFound | undefined> {
  const { readers, plan, key } = sides.match;
  const found = await matchDiffering(sides, split);
  if (found === undefined) return undefined;
  const { result, rows } = found;
  const sampled = await describeText(sides.match.before.name, readers.before, split.readSame(sides.settings.signal));
  const facts = {
    before: factsOf(sampled, rows.before.types, split.sameRows + split.places.before.rows),
    after: factsOf(sampled, rows.after.types, split.sameRows + split.places.after.rows),
  };
  // A column that seems retyped is decided on all values, which mlv's own matching looks at.
  if (plan.shared.some((column) => facts.before.types[column.before] !== facts.after.types[column.after])) return undefined;
  const keysAfter = new Set(rows.after.cells[key.after]);
  const removed = (rows.before.cells[key.before] ?? []).filter((cell) => !keysAfter.has(cell));
  const few = await guessFew(split, sides.settings.signal);
  const after = await sides.ask("after", facts.after, { isKeyCounted: true, few });
  // The keys of the earlier version are those of the later one, without the added and with the removed: none of these may be there.
  const isKey = after.counted.rows === facts.after.rows && after.counted.keys === facts.after.rows && removed.length === result.removed;
  if (!isKey || (await sides.find("after", removed)) > 0) return undefined;
  const differing = result.added + result.removed + result.changed;
  const cells = { before: rows.before.cells.map(nullsOf), after: rows.after.cells.map(nullsOf) };
  const before = await statisticsBefore(sides, facts.before, { types: facts.after.types, answer: after, differing, cells });
  return {
    result: { ...result, unchanged: result.unchanged + split.sameRows },
    before: { types: facts.before.types, statistics: before },
    after: { types: facts.after.types, statistics: after.statistics },
  };
}

interface Differing {
  readonly result: MatchResult;
  readonly rows: { readonly before: RowsByColumn; readonly after: RowsByColumn };
}

async function matchDiffering({ match, settings }: DuckDbSides, split: TableSplit): Promise<Differing | undefined> {
  const { plan, key } = match;
  const { signal } = settings;
  if (split.places.before.rows + split.places.after.rows > MAX_DIFFERING) return undefined;
  const { before, after } = createSides(split.before, split.after, plan.shared, [key]);
  const result = await matchByKey(before, after, {
    sampleLimit: settings.sampleLimit,
    comparedNames: plan.shared.map((column) => column.name),
    same: { keys: new HashTable(), places: split.places },
    signal,
  });
  if (typeof result === "string" || !split.holds(result)) return undefined;
  // Where no value differs, how the text is written is told by mlv's own matching.
  if (result.added + result.removed + result.changed === 0 || result.removed > MAX_REMOVED) return undefined;
  const rows = { before: await readRowTexts(split.before, signal), after: await readRowTexts(split.after, signal) };
  return { result, rows };
}

/** Widens sampled types by those of the rows that differ. */
function factsOf(sampled: SampledFacts, differing: readonly ColumnType[], rows: number): SampledFacts {
  const types = sampled.types.map((type, place) => {
    const other = differing[place] ?? "any";
    if (type === "any" || other === "any") return type === "any" ? other : type;
    return mergeTypes(type, other, "string") ?? "string";
  });
  return { rows, types };
}

/**
 * Guesses which columns have few different values, for which counting them all costs no more than an estimate. A wrong guess costs memory,
 * up to the bound that DuckDB has.
 */
async function guessFew(split: TableSplit, signal: AbortSignal | undefined): Promise<Set<number>> {
  const { cells } = await readRowTexts(split.sample, signal);
  const places = cells.flatMap((column, place) => {
    const distinct = new Set(column).size;
    return column.length >= MIN_SAMPLED && distinct <= Math.min(MAX_FEW, column.length / 10) ? [place] : [];
  });
  return new Set(places);
}

/** In delimited text an empty cell stands for null. */
function nullsOf(cells: readonly string[]): (string | null)[] {
  return cells.map((cell) => (cell === "" ? null : cell));
}
