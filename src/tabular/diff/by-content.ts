/** Rows matched by content, as multisets: what one version has more often than the other is added or removed. */
import type { RowBatch } from "../batch.ts";
import type { MatchOptions, MatchResult } from "./by-key.ts";
import { extendFirst, extendSecond } from "./hash.ts";
import { HashTable } from "./hash-table.ts";
import type { SampleRow } from "./result.ts";
import type { TableSide } from "./side.ts";

const UNIQUE = 1;
const REPEATED = 2;

/** Matches rows by content; no row is ever "changed". */
export async function matchByContent(before: TableSide, after: TableSide, options: MatchOptions): Promise<MatchResult> {
  const table = new HashTable();
  const places = options.same?.places;
  const beforeOrder = new OrderHash();
  await before.read(() => {
    beforeOrder.add(before, places?.before.of(before.rows));
    const found = table.find(before.rowFirst, before.rowSecond);
    const entry = found >= 0 ? found : table.add(before.rowFirst, before.rowSecond);
    table.setFlag(entry, found >= 0 ? REPEATED : UNIQUE);
    table.setValue(entry, 0, table.value(entry, 0) + 1);
    if (found < 0) table.setValue(entry, 1, before.rows);
    return true;
  }, options.signal);
  const rowsBefore = before.rows;

  const afterOrder = new OrderHash();
  const addedSamples: SampleRow[] = [];
  let added = 0;
  let lastRow = -1;
  let hasDescent = false;
  await after.read((batch, row) => {
    afterOrder.add(after, places?.after.of(after.rows));
    const entry = table.find(after.rowFirst, after.rowSecond);
    const left = entry < 0 ? 0 : table.value(entry, 0);
    if (left === 0) {
      added++;
      if (addedSamples.length < options.sampleLimit) addedSamples.push(after.allTexts(batch, row));
      return true;
    }
    table.setValue(entry, 0, left - 1);
    if (table.flag(entry) === UNIQUE) {
      const row32 = table.value(entry, 1) >>> 0;
      if (row32 < lastRow || places?.before.of(row32) !== places?.after.of(after.rows)) hasDescent = true;
      lastRow = row32;
    }
    return true;
  }, options.signal);

  const unchanged = after.rows - added;
  const removed = rowsBefore - unchanged;
  const samples = {
    changed: [],
    added: addedSamples,
    removed: await sampleRemoved(before, table, removed, options),
  };
  const isReordered = added === 0 && removed === 0 ? !beforeOrder.equals(afterOrder) : hasDescent;
  const changedCells = options.comparedNames.map(() => 0);
  return { added, removed, changed: 0, unchanged, isReordered, examined: 0, changedCells, samples };
}

async function sampleRemoved(before: TableSide, table: HashTable, removed: number, options: MatchOptions): Promise<SampleRow[]> {
  const samples: SampleRow[] = [];
  const wanted = Math.min(removed, options.sampleLimit);
  if (wanted === 0) return samples;
  await before.read((batch: RowBatch, row: number) => {
    const entry = table.find(before.rowFirst, before.rowSecond);
    const left = entry < 0 ? 0 : table.value(entry, 0);
    if (left > 0) {
      table.setValue(entry, 0, left - 1);
      samples.push(before.allTexts(batch, row));
    }
    return samples.length < wanted;
  }, options.signal);
  return samples;
}

/** Hashes rows in their order. */
class OrderHash {
  #first = 0;
  #second = 0;

  /** `place` is the gap between rows of both versions that the row lies in, if there are any. */
  add(side: TableSide, place: number = 0): void {
    this.#first = extendFirst(extendFirst(this.#first, place), side.rowFirst);
    this.#second = extendSecond(extendSecond(this.#second, place), side.rowSecond);
  }

  equals(other: OrderHash): boolean {
    return this.#first === other.#first && this.#second === other.#second;
  }
}
