/**
 * Rows as byte ranges: what every reader of the room produces and the diff consumes, so that millions of rows need no strings.
 * A cell's bytes are its canonical text in UTF-8: two cells hold the same value exactly when their bytes are the same.
 */

import { asBuffer } from "./text/encoding.ts";

/** Marks in `ends` a null and a cell that the row does not have. */
export const NULL_CELL = -1;
export const ABSENT_CELL = -2;

/** Is a run of rows; valid until the next one is asked for. Row `r` has the cells `firstCells[r]` to `firstCells[r + 1]`. */
export interface RowBatch {
  readonly bytes: Uint8Array;
  readonly rowCount: number;
  readonly firstCells: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Collects rows into a batch; grows as needed and is used again for the next one. */
export class RowBatchBuilder implements RowBatch {
  bytes: Buffer = Buffer.alloc(0);
  rowCount = 0;
  cellCount = 0;
  firstCells = new Int32Array(1024);
  starts = new Int32Array(8192);
  ends = new Int32Array(8192);
  #used = 0;

  /** Empties the batch; cells then refer to `bytes`. */
  reset(bytes: Uint8Array): void {
    this.bytes = asBuffer(bytes);
    this.rowCount = 0;
    this.cellCount = 0;
    this.#used = 0;
    this.firstCells[0] = 0;
  }

  /** Adds a cell that is already in `bytes`, or a marker. */
  addCell(start: number, end: number): void {
    if (this.cellCount === this.starts.length) {
      this.starts = grow(this.starts);
      this.ends = grow(this.ends);
    }
    this.starts[this.cellCount] = start;
    this.ends[this.cellCount++] = end;
  }

  /** Adds a cell and copies its text to the end of `bytes`. */
  addText(text: string): void {
    const room = text.length * 3;
    if (this.#used + room > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(64 * 1024, 2 * (this.#used + room)));
      larger.set(this.bytes.subarray(0, this.#used));
      this.bytes = larger;
    }
    const start = this.#used;
    this.#used += this.bytes.write(text, start, "utf8");
    this.addCell(start, this.#used);
  }

  /** Adds a null or absent cell. */
  addMarker(marker: typeof NULL_CELL | typeof ABSENT_CELL): void {
    this.addCell(0, marker);
  }

  /** Ends the row whose cells were added last. */
  endRow(): void {
    this.rowCount++;
    if (this.rowCount === this.firstCells.length) this.firstCells = grow(this.firstCells);
    this.firstCells[this.rowCount] = this.cellCount;
  }

  /** Forgets the cells of a row that was not ended. */
  dropRow(): void {
    this.cellCount = this.firstCells[this.rowCount] ?? 0;
  }

  /** Bytes of text that were added. */
  get usedBytes(): number {
    return this.#used;
  }
}

function grow(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Returns a cell's text, or undefined for a null or absent one. */
export function cellText(batch: RowBatch, cell: number): string | undefined {
  const end = batch.ends[cell] ?? ABSENT_CELL;
  if (end < 0) return undefined;
  return asBuffer(batch.bytes).toString("utf8", batch.starts[cell] ?? 0, end);
}

/** Returns the texts of a row's cells. */
export function rowTexts(batch: RowBatch, row: number): (string | undefined)[] {
  const texts: (string | undefined)[] = [];
  for (let cell = batch.firstCells[row] ?? 0; cell < (batch.firstCells[row + 1] ?? 0); cell++) texts.push(cellText(batch, cell));
  return texts;
}
