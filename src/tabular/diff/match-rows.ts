/** Matches the rows of two versions by the first key that is one, else by content. */
import type { TableDiff } from "./result.ts";
import type { ColumnType } from "../text/infer.ts";
import type { TableReader } from "../table-reader.ts";
import { matchByContent } from "./by-content.ts";
import { matchByKey, type MatchResult, type SameRows } from "./by-key.ts";
import type { ColumnCollector, ColumnStatistics } from "./column-statistics.ts";
import { HashTable } from "./hash-table.ts";
import { createSides, resolveKey, type ColumnPlan, type KeyCandidate, type SharedColumn } from "./plan.ts";
import { MAX_STATISTICS, type TableSide } from "./side.ts";
import type { TableSplit } from "./split.ts";

/** How many rows of a kind are shown unless said otherwise. */
export const SAMPLE_LIMIT = 10;

/** Are both versions, opened. */
export interface Readers {
  readonly before: TableReader;
  readonly after: TableReader;
}

/** Is what was learnt about the columns of one version: by place. */
export interface SideFacts {
  readonly types: readonly ColumnType[];
  readonly statistics: readonly ColumnStatistics[];
}

/** Is what matching the rows gave. */
export interface Matched {
  readonly result: MatchResult;
  /** Both versions, which now know how they are written. */
  readonly readers: Readers;
  readonly key: KeyCandidate | undefined;
  readonly keyNote: string | undefined;
  readonly before: SideFacts;
  readonly after: SideFacts;
  readonly engine: TableDiff["engine"];
}

/** Is what is matched. */
export interface RowMatch {
  readonly readers: Readers;
  readonly plan: ColumnPlan;
  /** What both versions have in common, where that is known. */
  readonly split: TableSplit | undefined;
}

interface MatchRowsOptions {
  readonly statistics?: boolean | undefined;
  readonly sampleLimit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Matches rows by the first candidate that is unique in both versions, else by content. Throws `usage` as `resolveKey` does. */
export async function matchRows(match: RowMatch, candidates: readonly KeyCandidate[], options: MatchRowsOptions): Promise<Matched> {
  const { plan, readers } = match;
  let keyNote: string | undefined;
  const attempts: { candidate: KeyCandidate | undefined; key: readonly SharedColumn[] }[] = [];
  for (const candidate of candidates) {
    const key = resolveKey(candidate, plan, readers.before);
    if (key !== undefined) attempts.push({ candidate, key });
  }
  for (const { candidate, key } of [...attempts, { candidate: undefined, key: [] }]) {
    const found = (await matchBy(key, match, options)) ?? (await matchBy(key, { ...match, split: undefined }, options));
    if (typeof found === "object") return { ...found, key: candidate, keyNote, engine: "mlv" };
    if (candidate?.origin === "given") {
      const where = found === "before" ? "the earlier version" : "the later version";
      keyNote = `the key ${candidate.columns.join(", ")} is not unique in ${where}; rows were matched by content`;
    }
  }
  throw new Error("matching by content always gives a result");
}

type Found = Pick<Matched, "result" | "readers" | "before" | "after">;

/**
 * Matches rows by a key, or by content where it has no column. Returns which version repeats a key when one does, and undefined when the
 * split did not hold what it promised.
 */
async function matchBy(
  key: readonly SharedColumn[],
  { readers, plan, split }: RowMatch,
  options: MatchRowsOptions,
): Promise<Found | "before" | "after" | undefined> {
  const hasStatistics = options.statistics ?? true;
  const sides = createSides(split?.before ?? readers.before, split?.after ?? readers.after, plan.shared, key);
  // Delimited text shows its types only in its values, so a collector is needed even where no statistics are asked for.
  if (hasStatistics || readers.before.format !== "parquet") sides.before.collectStatistics();
  if (hasStatistics || readers.after.format !== "parquet") sides.after.collectStatistics();
  let same: SameRows | undefined;
  if (split !== undefined) {
    const keys = await readSame(split, key, plan, { sides, signal: options.signal });
    if (keys === "before" || keys === undefined) return keys;
    same = { keys, places: split.places };
  }
  const result = await (key.length === 0 ? matchByContent : matchByKey)(sides.before, sides.after, {
    sampleLimit: options.sampleLimit ?? SAMPLE_LIMIT,
    comparedNames: plan.shared.map((column) => column.name),
    same,
    signal: options.signal,
  });
  if (typeof result === "string" || (split !== undefined && !split.holds(result))) return typeof result === "string" ? result : undefined;
  return {
    result: split === undefined ? result : { ...result, unchanged: result.unchanged + split.sameRows },
    readers: split === undefined ? readers : { before: split.whole.before(), after: split.whole.after() },
    before: factsOf(sides.before.statistics, hasStatistics),
    after: factsOf(sides.after.statistics, hasStatistics),
  };
}

/** Reads the rows that both versions have, for their keys and for both sides' statistics. Returns "before" when a key is repeated. */
async function readSame(
  split: TableSplit,
  key: readonly SharedColumn[],
  plan: ColumnPlan,
  {
    sides,
    signal,
  }: { readonly sides: { readonly before: TableSide; readonly after: TableSide }; readonly signal: AbortSignal | undefined },
): Promise<HashTable | "before" | undefined> {
  const same = createSides(split.same, split.same, plan.shared, key).before;
  same.collectStatistics();
  const keys = new HashTable();
  let isUnique = true;
  await same.read(() => {
    if (key.length === 0) return true;
    isUnique = keys.find(same.keyFirst, same.keySecond) < 0;
    if (isUnique) keys.add(same.keyFirst, same.keySecond);
    return isUnique;
  }, signal);
  if (!isUnique) return "before";
  if (same.rows !== split.sameRows) return undefined;
  sides.before.collectStatistics(same.statistics.map((collector) => collector.copy()));
  sides.after.collectStatistics(same.statistics);
  return keys;
}

function factsOf(collectors: readonly ColumnCollector[], hasStatistics: boolean): SideFacts {
  return {
    types: collectors.map((collector) => collector.type),
    statistics: hasStatistics ? collectors.slice(0, MAX_STATISTICS).map((collector) => collector.finish()) : [],
  };
}
