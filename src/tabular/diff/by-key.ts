/** Rows matched by a key: one pass over each version, and one more over the earlier one to fetch what changed. */
import type { RowBatch } from "../batch.ts";
import { HashTable } from "./hash-table.ts";
import type { CellText, ChangedRow, SampleRow } from "./result.ts";
import type { TableSide } from "./side.ts";
import type { RowPlaces } from "./split.ts";

/** Is what matching found. */
export interface MatchResult {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Absent where the order was not looked at. */
  readonly isReordered?: boolean;
  readonly examined: number;
  /** Changed cells, by compared column. */
  readonly changedCells: readonly number[];
  readonly samples: {
    readonly changed: readonly ChangedRow[];
    readonly added: readonly SampleRow[];
    readonly removed: readonly SampleRow[];
  };
}

/** Says how matching goes. */
export interface MatchOptions {
  readonly sampleLimit: number;
  /** Names of the compared columns, and which of them are the key. */
  readonly comparedNames: readonly string[];
  /** Rows that both versions have in the same order, besides those that are matched. */
  readonly same?: SameRows | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Are rows that need no matching. */
export interface SameRows {
  /** Their keys, none of which may be found again. */
  readonly keys: HashTable;
  /** In which gap between these rows a matched row lies. */
  readonly places: { readonly before: RowPlaces; readonly after: RowPlaces };
}

const UNMATCHED = 0;
const MATCHED = 1;
const CHANGED = 2;
const EXAMINE_BYTES = 64 * 1024 * 1024;

/** Is a changed row on its way to becoming a sample. */
interface PendingSample {
  readonly key: readonly CellText[];
  readonly after: readonly CellText[];
}

/** Matches rows by key. Returns which version repeats a key when one does: then there is no key. */
export async function matchByKey(before: TableSide, after: TableSide, options: MatchOptions): Promise<MatchResult | "before" | "after"> {
  const table = new HashTable();
  let isUnique = true;
  await before.read(() => {
    if (table.find(before.keyFirst, before.keySecond) >= 0 || isSameKey(before, options)) {
      isUnique = false;
      return false;
    }
    const entry = table.add(before.keyFirst, before.keySecond);
    table.setValue(entry, 0, before.rowFirst);
    table.setValue(entry, 1, before.rowSecond);
    return true;
  }, options.signal);
  if (!isUnique) return "before";

  const found = new ChangeCollector(before, after, table, options);
  await after.read((batch, row) => found.visitAfter(batch, row), options.signal);
  if (!found.isUnique) return "after";
  return found.finish();
}

function isSameKey({ keyFirst, keySecond }: TableSide, { same }: MatchOptions): boolean {
  return same !== undefined && same.keys.find(keyFirst, keySecond) >= 0;
}

class ChangeCollector {
  isUnique = true;
  readonly #before: TableSide;
  readonly #after: TableSide;
  readonly #table: HashTable;
  readonly #options: MatchOptions;
  readonly #addedKeys = new HashTable();
  readonly #addedSamples: SampleRow[] = [];
  readonly #pending: PendingSample[] = [];
  /** For each examined changed row, the hashes of its compared cells after the change. */
  readonly #cells: Int32Array[] = [];
  readonly #examineLimit: number;
  #lastEntry = -1;
  #isReordered = false;
  #changed = 0;
  #matched = 0;

  constructor(before: TableSide, after: TableSide, table: HashTable, options: MatchOptions) {
    this.#before = before;
    this.#after = after;
    this.#table = table;
    this.#options = options;
    this.#examineLimit = Math.max(1000, Math.floor(EXAMINE_BYTES / (8 * options.comparedNames.length + 100)));
  }

  visitAfter(batch: RowBatch, row: number): boolean {
    const { keyFirst, keySecond, rowFirst, rowSecond, plan } = this.#after;
    const entry = this.#table.find(keyFirst, keySecond);
    if (entry < 0) {
      if (this.#addedKeys.find(keyFirst, keySecond) >= 0 || isSameKey(this.#after, this.#options)) {
        this.isUnique = false;
        return false;
      }
      this.#addedKeys.add(keyFirst, keySecond);
      if (this.#addedSamples.length < this.#options.sampleLimit) this.#addedSamples.push(this.#after.allTexts(batch, row));
      return true;
    }
    if (this.#table.flag(entry) !== UNMATCHED) {
      this.isUnique = false;
      return false;
    }
    this.#matched++;
    const places = this.#options.same?.places;
    if (entry < this.#lastEntry || places?.before.of(entry) !== places?.after.of(this.#after.rows)) this.#isReordered = true;
    this.#lastEntry = entry;
    if (this.#table.value(entry, 0) === rowFirst && this.#table.value(entry, 1) === rowSecond) {
      this.#table.setFlag(entry, MATCHED);
      return true;
    }
    this.#table.setFlag(entry, CHANGED);
    this.#table.setValue(entry, 0, this.#changed++);
    if (this.#cells.length < this.#examineLimit) this.#cells.push(cellHashes(this.#after));
    if (this.#pending.length < this.#options.sampleLimit) {
      const { keyPlaces, comparedPlaces } = plan;
      this.#pending.push({
        key: this.#after.texts(batch, row, keyPlaces),
        after: [...this.#after.texts(batch, row, comparedPlaces), extraText(this.#after, batch, row)],
      });
    }
    return true;
  }

  async finish(): Promise<MatchResult> {
    const removed = this.#table.size - this.#matched;
    const removedSamples: SampleRow[] = [];
    const changed: (ChangedRow | undefined)[] = this.#pending.map(() => undefined);
    const changedCells = this.#options.comparedNames.map(() => 0);
    const examined = this.#cells.length;
    let toExamine = examined;
    let toSample = Math.min(removed, this.#options.sampleLimit);
    const visit = (batch: RowBatch, row: number): boolean => {
      const entry = this.#before.rows;
      const flag = this.#table.flag(entry);
      if (flag === UNMATCHED && toSample > 0) {
        toSample--;
        removedSamples.push(this.#before.allTexts(batch, row));
      } else if (flag === CHANGED) {
        const which = this.#table.value(entry, 0);
        const cells = this.#cells[which];
        if (cells !== undefined) {
          toExamine--;
          countChanges(this.#before, cells, changedCells);
          const pending = this.#pending[which];
          if (pending !== undefined) changed[which] = this.#compare(pending, batch, row);
        }
      }
      return toExamine > 0 || toSample > 0;
    };
    if (toExamine > 0 || toSample > 0) await this.#before.read(visit, this.#options.signal);
    return {
      added: this.#addedKeys.size,
      removed,
      changed: this.#changed,
      unchanged: this.#matched - this.#changed,
      isReordered: this.#isReordered,
      examined,
      changedCells,
      samples: {
        changed: changed.filter((sample) => sample !== undefined),
        added: this.#addedSamples,
        removed: removedSamples,
      },
    };
  }

  #compare(pending: PendingSample, batch: RowBatch, row: number): ChangedRow {
    const before = [...this.#before.texts(batch, row, this.#before.plan.comparedPlaces), extraText(this.#before, batch, row)];
    const names = [...this.#options.comparedNames, "(cells beyond the header)"];
    const hashes = this.#cells[this.#table.value(this.#before.rows, 0)];
    const cells = names.flatMap((column, place) => {
      const isChanged =
        place === this.#options.comparedNames.length
          ? before[place] !== pending.after[place]
          : hashes !== undefined && differs(this.#before, hashes, place);
      return isChanged ? [{ column, before: before[place], after: pending.after[place] }] : [];
    });
    return { key: pending.key, cells };
  }
}

function cellHashes(side: TableSide): Int32Array {
  const { comparedPlaces } = side.plan;
  const hashes = new Int32Array(2 * comparedPlaces.length);
  for (const [at, place] of comparedPlaces.entries()) {
    hashes[2 * at] = side.cellFirsts[place] ?? 0;
    hashes[2 * at + 1] = side.cellSeconds[place] ?? 0;
  }
  return hashes;
}

function differs(side: TableSide, hashes: Int32Array, at: number): boolean {
  const place = side.plan.comparedPlaces[at] ?? 0;
  return side.cellFirsts[place] !== hashes[2 * at] || side.cellSeconds[place] !== hashes[2 * at + 1];
}

function countChanges(side: TableSide, hashes: Int32Array, counts: number[]): void {
  for (let at = 0; at < counts.length; at++) if (differs(side, hashes, at)) counts[at] = (counts[at] ?? 0) + 1;
}

/** Returns the cells beyond the header as one text, or undefined when there are none. */
function extraText(side: TableSide, batch: RowBatch, row: number): CellText {
  const width = side.plan.reader.columns.length;
  const extra = side.allTexts(batch, row).slice(width);
  return extra.length === 0 ? undefined : extra.join(" | ");
}
