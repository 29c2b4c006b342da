/** One version of a table while it is compared: which of its cells make the key and the compared row, and their hashes. */
import { ABSENT_CELL, NULL_CELL, type RowBatch } from "../batch.ts";
import type { TableReader } from "../table-reader.ts";
import { asBuffer } from "../text/encoding.ts";
import { ColumnCollector } from "./column-statistics.ts";
import { extendFirst, extendSecond, finish, hashBytes, lane, SEQUENCE_SEED_1, SEQUENCE_SEED_2 } from "./hash.ts";
import type { CellText } from "./result.ts";

const NULL_HASH = 0x6e756c6c;
const ABSENT_HASH = 0x61627374;
const TEXT_LIMIT = 2000;

/** Statistics are kept of the first columns only, so that a table of thousands of them fits memory. */
export const MAX_STATISTICS = 500;

/** Says which columns of a version take part, in the order that both versions share. */
export interface SidePlan {
  readonly reader: TableReader;
  readonly keyPlaces: readonly number[];
  readonly comparedPlaces: readonly number[];
}

/** Reads a version and hashes its rows; the hashes of the row read last lie in its fields. */
export class TableSide {
  readonly plan: SidePlan;
  rows = 0;
  keyFirst = 0;
  keySecond = 0;
  rowFirst = 0;
  rowSecond = 0;
  readonly cellFirsts: number[] = [];
  readonly cellSeconds: number[] = [];
  #collectors: readonly ColumnCollector[] | undefined;
  #collected: readonly ColumnCollector[] | undefined;
  readonly #hash = { first: 0, second: 0 };

  constructor(plan: SidePlan) {
    this.plan = plan;
  }

  /** Yields each batch after another; `visit` is called for each row, and stops everything by returning false. */
  async read(visit: (batch: RowBatch, row: number) => boolean, signal?: AbortSignal): Promise<void> {
    this.rows = 0;
    for await (const batch of this.plan.reader.readBatches(signal)) {
      for (let row = 0; row < batch.rowCount; row++) {
        this.#hashRow(batch, row);
        if (!visit(batch, row)) return;
        this.rows++;
      }
    }
    this.#collected ??= this.#collectors;
    this.#collectors = undefined;
  }

  /** Collects statistics during the next read; `from` has what was collected of other rows of the same version. */
  collectStatistics(from?: readonly ColumnCollector[]): void {
    this.#collectors = from;
    if (from !== undefined) return;
    const isText = this.plan.reader.delimiter !== undefined;
    this.#collectors = this.plan.reader.columns.map(
      (_, place) => new ColumnCollector({ isEmptyNull: isText, isCounting: place < MAX_STATISTICS }),
    );
  }

  /** Returns what the first complete read collected, a collector for each column. */
  get statistics(): readonly ColumnCollector[] {
    return this.#collected ?? [];
  }

  /** Returns the texts of a row's cells at some places. */
  texts(batch: RowBatch, row: number, places: readonly number[]): CellText[] {
    const first = batch.firstCells[row] ?? 0;
    const count = (batch.firstCells[row + 1] ?? 0) - first;
    return places.map((place) => (place < count ? shortText(batch, first + place) : undefined));
  }

  /** Returns the texts of all cells of a row, those beyond the header included. */
  allTexts(batch: RowBatch, row: number): CellText[] {
    const count = (batch.firstCells[row + 1] ?? 0) - (batch.firstCells[row] ?? 0);
    const width = Math.max(count, this.plan.reader.columns.length);
    return this.texts(
      batch,
      row,
      Array.from({ length: width }, (_, place) => place),
    );
  }

  #hashRow(batch: RowBatch, row: number): void {
    const { cellFirsts, cellSeconds, plan } = this;
    const { bytes, starts, ends } = batch;
    const firstCell = batch.firstCells[row] ?? 0;
    const count = (batch.firstCells[row + 1] ?? 0) - firstCell;
    const width = plan.reader.columns.length;
    for (let place = 0; place < count; place++) {
      const end = ends[firstCell + place] ?? ABSENT_CELL;
      if (end < 0) {
        const marker = end === NULL_CELL ? NULL_HASH : ABSENT_HASH;
        cellFirsts[place] = marker;
        cellSeconds[place] = marker;
        const collector = this.#collectors?.[place];
        if (collector !== undefined) collector.nulls++;
        continue;
      }
      const start = starts[firstCell + place] ?? 0;
      const first = hashBytes(bytes, start, end);
      cellFirsts[place] = first;
      cellSeconds[place] = lane.second;
      if (this.#collectors !== undefined && place < width) {
        this.#hash.first = first;
        this.#hash.second = lane.second;
        this.#collectors[place]?.add(bytes, start, end, this.#hash);
      }
    }
    for (let place = count; place < width; place++) {
      cellFirsts[place] = ABSENT_HASH;
      cellSeconds[place] = ABSENT_HASH;
      const collector = this.#collectors?.[place];
      if (collector !== undefined) collector.nulls++;
    }
    this.#combine(count, width);
  }

  #combine(count: number, width: number): void {
    const { cellFirsts, cellSeconds, plan } = this;
    let first = SEQUENCE_SEED_1;
    let second = SEQUENCE_SEED_2;
    for (const place of plan.keyPlaces) {
      first = extendFirst(first, cellFirsts[place] ?? 0);
      second = extendSecond(second, cellSeconds[place] ?? 0);
    }
    this.keyFirst = finish(first);
    this.keySecond = finish(second);
    first = SEQUENCE_SEED_1;
    second = SEQUENCE_SEED_2;
    for (const place of plan.comparedPlaces) {
      first = extendFirst(first, cellFirsts[place] ?? 0);
      second = extendSecond(second, cellSeconds[place] ?? 0);
    }
    for (let place = width; place < count; place++) {
      first = extendFirst(first, cellFirsts[place] ?? 0);
      second = extendSecond(second, cellSeconds[place] ?? 0);
    }
    this.rowFirst = finish(first);
    this.rowSecond = finish(second);
  }
}

function shortText(batch: RowBatch, cell: number): CellText {
  const end = batch.ends[cell] ?? ABSENT_CELL;
  if (end === NULL_CELL) return null;
  if (end === ABSENT_CELL) return undefined;
  const start = batch.starts[cell] ?? 0;
  const text = asBuffer(batch.bytes).toString("utf8", start, Math.min(end, start + 4 * TEXT_LIMIT));
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
}
