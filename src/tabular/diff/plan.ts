/** Decides which columns are compared and which make the key. */
import { MlvError } from "../../base/errors.ts";
import type { TableReader } from "../table-reader.ts";
import { findRenames, type Rename } from "./renames.ts";
import { TableSide } from "./side.ts";

/** Is a column that both versions have, by its places. */
export interface SharedColumn {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

/** Says how the columns of two versions belong together. */
export interface ColumnPlan {
  /** In the later version's order. */
  readonly shared: readonly SharedColumn[];
  readonly renames: readonly Rename[];
  readonly dropped: readonly number[];
  readonly added: readonly number[];
}

/** Is a key to try. */
export interface KeyCandidate {
  readonly columns: readonly string[];
  readonly origin: "given" | "inferred";
}

const SURE_KEY = /^(?:id|_id|uuid|guid|key|index|row_?id|record_?id)$/i;
const LIKELY_KEY = /(?:^|[_\s-])(?:id|uuid|guid|key)$|[a-z](?:Id|ID|Key|Uuid)$/;
/** What has one of these names is often told apart by it: files, addresses, codes, days. */
const NAMING_KEY =
  /^(?:file|image|photo|audio|video|doc(?:ument)?)?[\s_-]?(?:file|path|name|uri|url)$|^(?:image|slug|code|sku|isbn|doi|e-?mail|date|timestamp)$/i;
const MAX_INFERRED = 3;

/** Matches columns by name, and renamed ones by content. */
export async function planColumns(
  before: TableReader,
  after: TableReader,
  key: KeyCandidate | undefined,
  signal?: AbortSignal,
): Promise<ColumnPlan> {
  const beforePlaces = new Map(before.columns.map((column, place) => [column.name, place]));
  const afterNames = new Set(after.columns.map((column) => column.name));
  const shared: SharedColumn[] = [];
  const added: number[] = [];
  for (const [place, { name }] of after.columns.entries()) {
    const from = beforePlaces.get(name);
    if (from === undefined) added.push(place);
    else shared.push({ name, before: from, after: place });
  }
  const dropped = before.columns.flatMap(({ name }, place) => (afterNames.has(name) ? [] : [place]));
  const keyColumns = key?.columns.map((name) => shared.find((column) => column.name === name)) ?? [];
  const knownKeys = keyColumns.filter((column) => column !== undefined);
  const hasKey = knownKeys.length > 0 && knownKeys.length === keyColumns.length;
  const sides = createSides(before, after, shared, hasKey ? knownKeys : []);
  const context = hasKey ? "key" : shared.length > 0 ? "row" : "position";
  const renames = await findRenames({ side: sides.before, dropped }, { side: sides.after, added }, context, signal);
  const renamed = renames.map((rename) => ({
    name: after.columns[rename.after]?.name ?? "",
    ...rename,
  }));
  return {
    shared: [...shared, ...renamed].sort((left, right) => left.after - right.after),
    renames,
    dropped: dropped.filter((place) => !renames.some((rename) => rename.before === place)),
    added: added.filter((place) => !renames.some((rename) => rename.after === place)),
  };
}

/** Returns both versions, ready to be read over the shared columns with a key among them. */
export function createSides(
  before: TableReader,
  after: TableReader,
  shared: readonly SharedColumn[],
  key: readonly SharedColumn[],
): { readonly before: TableSide; readonly after: TableSide } {
  return {
    before: new TableSide({
      reader: before,
      keyPlaces: key.map((column) => column.before),
      comparedPlaces: shared.map((column) => column.before),
    }),
    after: new TableSide({
      reader: after,
      keyPlaces: key.map((column) => column.after),
      comparedPlaces: shared.map((column) => column.after),
    }),
  };
}

/** Returns the keys to try in turn: the given one alone, or in its place the one column that both versions have, else shared columns whose name says that they identify rows. */
export function keyCandidates(
  before: TableReader,
  after: TableReader,
  options: {
    readonly key?: readonly string[] | undefined;
    readonly keyColumn?: string | undefined;
    readonly inferKey?: boolean | undefined;
  },
): KeyCandidate[] {
  // A version without anything has no columns, and needs no key to say that all rows came or went.
  if (before.columns.length === 0 || after.columns.length === 0) return [];
  const { keyColumn } = options;
  const isColumn = keyColumn !== undefined && [before, after].every(({ columns }) => columns.some(({ name }) => name === keyColumn));
  if (isColumn) return [{ columns: [keyColumn], origin: "given" }];
  if (options.key !== undefined && options.key.length > 0) return [{ columns: options.key, origin: "given" }];
  if (options.inferKey === false) return [];
  const afterNames = new Set(after.columns.map((column) => column.name));
  const names = before.columns.map((column) => column.name).filter((name) => afterNames.has(name));
  const rank = (name: string): number => [SURE_KEY, LIKELY_KEY, NAMING_KEY].findIndex((pattern) => pattern.test(name));
  const likely = names.filter((name) => rank(name) >= 0).sort((left, right) => rank(left) - rank(right));
  return likely.slice(0, MAX_INFERRED).map((name) => ({ columns: [name], origin: "inferred" }));
}

/** Returns a key's columns among the shared ones; a given key may name a renamed column by either name. Throws `usage` when one is missing. */
export function resolveKey(candidate: KeyCandidate, plan: ColumnPlan, before: TableReader): SharedColumn[] | undefined {
  const columns: SharedColumn[] = [];
  for (const name of candidate.columns) {
    const column = plan.shared.find((shared) => shared.name === name || before.columns[shared.before]?.name === name);
    if (column === undefined) {
      if (candidate.origin === "inferred") return undefined;
      throw new MlvError("usage", `the key column \`${name}\` is not in both versions of \`${before.name}\``, {
        hint: `columns that both have: ${plan.shared.map((shared) => shared.name).join(", ")}`,
        details: { column: name },
      });
    }
    columns.push(column);
  }
  return columns;
}
