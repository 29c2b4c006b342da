/**
 * What changed between two versions of a table. Rows are hashed in one pass over each version and matched in typed arrays, about 22
 * bytes a row, so that six million rows need well under a gibibyte; the few rows that changed are then fetched in one more pass.
 */
import type { ColumnStatistics } from "./diff/column-statistics.ts";
import { matchRows, SAMPLE_LIMIT, type Matched, type Readers, type SideFacts } from "./diff/match-rows.ts";
import { keyCandidates, planColumns, resolveKey, type ColumnPlan, type KeyCandidate } from "./diff/plan.ts";
import { matchWithDuckDb, type DuckDbOptions } from "./diff-duckdb.ts";
import type { DiffColumn, SchemaDiff, TableDiff } from "./diff/result.ts";
import { splitTables, type TableSplit } from "./diff/split.ts";
import { openTable } from "./open-table.ts";
import { readPieces, type RandomAccessFile, type TableSource } from "./source.ts";

export type { ChangedRow, CellText, DiffColumn, DiffVersion, RowCounts, SampleRow, SchemaDiff, TableDiff } from "./diff/result.ts";
export type { ColumnStatistics } from "./diff/column-statistics.ts";

/** Says how two versions of a table are compared. */
export interface DiffTablesOptions {
  /** Columns that identify a row; without them a column such as `id` is used when its values are unique in both versions. */
  readonly key?: readonly string[] | undefined;
  /** A column that is the key in place of `key` where both versions have it: the text that `key` was read from may be a column's name. */
  readonly keyColumn?: string | undefined;
  /** Whether a key may be inferred; true unless said otherwise. */
  readonly inferKey?: boolean | undefined;
  /** How many changed, added and removed rows are shown, each; 10 unless said otherwise. */
  readonly sampleLimit?: number | undefined;
  /** Whether columns' statistics are collected; true unless said otherwise. */
  readonly statistics?: boolean | undefined;
  /** Whether rows that both versions have in the same order are passed over; true unless said otherwise. The diff is the same either way. */
  readonly split?: boolean | undefined;
  /** How DuckDB is used where it is installed, for keyed diffs of large CSV, TSV and Parquet files that lie on this machine; `false` for never. */
  readonly duckdb?: DuckDbOptions | false | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares two versions of a table; CSV, TSV, JSON lines and Parquet, also with one another. Texts are compared exactly (`1.0` is not `1`),
 * JSON and Parquet by value. Throws `table-unreadable`, or `usage` when a given key names a column that is not in both.
 */
export async function diffTables(before: TableSource, after: TableSource, options: DiffTablesOptions = {}): Promise<TableDiff> {
  const { signal } = options;
  const readers = alignDecimals({ before: await openTable(before, signal), after: await openTable(after, signal) });
  const candidates = keyCandidates(readers.before, readers.after, options);
  const plan = await planColumns(readers.before, readers.after, candidates[0], signal);
  const split = options.split === false ? undefined : await splitTables(readers, plan, signal);
  const matched =
    (await tryDuckDb({ before, after, readers, plan, split, candidate: candidates[0] }, options)) ??
    (await matchRows({ readers, plan, split }, candidates, options));
  const diff = assemble(matched.readers, plan, matched);
  if (!diff.isSame || (await haveSameBytes(before.file, after.file, signal))) return diff;
  const formatting = [
    {
      trait: diff.after.format === "jsonl" ? "spacing, order of keys or escapes" : "encoding of values",
      before: "one way",
      after: "another",
    },
  ];
  return { ...diff, isSame: false, formattingOnly: true, formatting };
}

/** A decimal column whose type changed keeps its values: `1.50` is `1.500` then, and `2.00` the integer 2. */
function alignDecimals({ before, after }: Readers): Readers {
  const types = new Map(before.columns.map(({ name, nativeType }) => [name, nativeType]));
  const names = new Set<string>();
  for (const { name, nativeType } of after.columns) {
    const from = types.get(name);
    if (from === undefined || nativeType === undefined || from === nativeType) continue;
    if (from.startsWith("decimal") || nativeType.startsWith("decimal")) names.add(name);
  }
  if (names.size === 0) return { before, after };
  return { before: before.withBareDecimals?.(names) ?? before, after: after.withBareDecimals?.(names) ?? after };
}

async function haveSameBytes(before: RandomAccessFile, after: RandomAccessFile, signal?: AbortSignal): Promise<boolean> {
  if (before.byteLength !== after.byteLength) return false;
  const other = readPieces(after, signal);
  for await (const piece of readPieces(before, signal)) {
    const next = await other.next();
    if (next.done === true || Buffer.compare(piece, next.value) !== 0) return false;
  }
  return true;
}

interface DuckDbInput {
  readonly before: TableSource;
  readonly after: TableSource;
  readonly readers: Readers;
  readonly plan: ColumnPlan;
  readonly split: TableSplit | undefined;
  readonly candidate: KeyCandidate | undefined;
}

/** Matches through DuckDB where that is possible and worth it; undefined means that the rows are still to be matched. */
async function tryDuckDb(input: DuckDbInput, options: DiffTablesOptions): Promise<Matched | undefined> {
  const { readers, plan, candidate } = input;
  const key = candidate === undefined ? undefined : resolveKey(candidate, plan, readers.before);
  if (key?.length !== 1 || key[0] === undefined || options.duckdb === false) return undefined;
  const found = await matchWithDuckDb(
    { ...input, key: key[0] },
    { ...options, sampleLimit: options.sampleLimit ?? SAMPLE_LIMIT, duckdb: options.duckdb ?? {} },
  );
  return found === undefined ? undefined : { ...found, readers, key: candidate, keyNote: undefined, engine: "duckdb" };
}

function assemble(readers: Readers, plan: ColumnPlan, matched: Matched): TableDiff {
  const { result } = matched;
  const beforeColumns = typedColumns(readers.before, matched.before);
  const afterColumns = typedColumns(readers.after, matched.after);
  const { added, removed, changed, unchanged, isReordered } = result;
  const named = diffSchema(plan, beforeColumns, afterColumns);
  // JSON gives the order of keys no meaning.
  const schema = readers.before.format === "jsonl" || readers.after.format === "jsonl" ? { ...named, isReordered: false } : named;
  const rows = { added, removed, changed, unchanged, ...(isReordered === undefined ? {} : { isReordered }) };
  const isSchemaSame =
    schema.added.length + schema.dropped.length + schema.renamed.length + schema.retyped.length === 0 && !schema.isReordered;
  const isContentSame = isSchemaSame && added + removed + changed === 0 && isReordered !== true;
  const formatting = diffFormatting(readers, isContentSame);
  const counts = result.changedCells.map((cells, at) => ({
    name: plan.shared[at]?.name ?? "",
    cells,
  }));
  return {
    before: {
      name: readers.before.name,
      format: readers.before.format,
      rows: unchanged + changed + removed,
      columns: beforeColumns,
    },
    after: {
      name: readers.after.name,
      format: readers.after.format,
      rows: unchanged + changed + added,
      columns: afterColumns,
    },
    isSame: isContentSame && formatting.length === 0,
    formattingOnly: isContentSame && formatting.length > 0,
    formatting,
    ...(matched.key === undefined ? {} : { key: matched.key }),
    ...(matched.keyNote === undefined ? {} : { keyNote: matched.keyNote }),
    schema,
    rows,
    changedCells: {
      examined: result.examined,
      columns: counts.filter(({ cells }) => cells > 0).sort((left, right) => right.cells - left.cells),
    },
    samples: result.samples,
    statistics: pairStatistics(plan, readers, matched),
    engine: matched.engine,
  };
}

function typedColumns(reader: Readers["before"], facts: SideFacts): DiffColumn[] {
  return reader.columns.map((column, place) => ({ ...column, type: column.type ?? facts.types[place] ?? "any" }));
}

function diffSchema(plan: ColumnPlan, before: readonly DiffColumn[], after: readonly DiffColumn[]): SchemaDiff {
  const retyped = plan.shared.flatMap((column) => {
    const from = before[column.before];
    const to = after[column.after];
    if (from === undefined || to === undefined || !isRetyped(from, to)) return [];
    return [{ name: column.name, before: from.nativeType ?? from.type, after: to.nativeType ?? to.type }];
  });
  return {
    added: plan.added.flatMap((place) => after[place] ?? []),
    dropped: plan.dropped.flatMap((place) => before[place] ?? []),
    renamed: plan.renames.map((rename) => ({
      before: before[rename.before]?.name ?? "",
      after: after[rename.after]?.name ?? "",
    })),
    retyped,
    isReordered: plan.shared.some((column, at) => column.before < (plan.shared[at - 1]?.before ?? -1)),
  };
}

/** A column without any value has no type that could have changed. */
function isRetyped(before: DiffColumn, after: DiffColumn): boolean {
  if (before.nativeType !== undefined && after.nativeType !== undefined) return before.nativeType !== after.nativeType;
  return before.type !== after.type && before.type !== "any" && after.type !== "any";
}

/** Counts say little where rows changed; then only what holds for the whole file is compared, and of two formats only what both have. */
function diffFormatting(readers: Readers, isContentSame: boolean): TableDiff["formatting"] {
  const before: Readonly<Record<string, string>> = {
    format: readers.before.format,
    ...readers.before.traits(),
  };
  const after: Readonly<Record<string, string>> = {
    format: readers.after.format,
    ...readers.after.traits(),
  };
  const counted = new Set(["quoted cells", "blank lines", "row groups"]);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const traits = before["format"] === after["format"] ? names : names.filter((name) => name in before && name in after);
  return traits.flatMap((trait) => {
    const [from, to] = [before[trait] ?? "", after[trait] ?? ""];
    return from === to || (counted.has(trait) && !isContentSame) ? [] : [{ trait, before: from, after: to }];
  });
}

function pairStatistics(plan: ColumnPlan, readers: Readers, matched: Matched): TableDiff["statistics"] {
  if (matched.after.statistics.length === 0 && matched.before.statistics.length === 0) return [];
  const pair = (
    name: string,
    before: ColumnStatistics | undefined,
    after: ColumnStatistics | undefined,
  ): TableDiff["statistics"][number] => ({
    name,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
  const shared = new Map(plan.shared.map((column) => [column.after, column.before]));
  const later = readers.after.columns.map(({ name }, place) => {
    const from = shared.get(place);
    return pair(name, from === undefined ? undefined : matched.before.statistics[from], matched.after.statistics[place]);
  });
  const dropped = plan.dropped.map((place) => pair(readers.before.columns[place]?.name ?? "", matched.before.statistics[place], undefined));
  return [...later, ...dropped];
}
