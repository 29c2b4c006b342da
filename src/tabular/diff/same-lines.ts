/**
 * What two versions of a text have in common, found by comparing bytes: versions of a table are mostly the same lines in the same order,
 * and those need no second look. Runs of the same lines are passed over as fast as memory is compared; where they end, the nearest line
 * that both have is looked for in windows that grow (the greedy way of Heckel, "A technique for isolating differences between files",
 * 1978, and of `rsync` for blocks). Every pair of lines so found is the same, byte by byte; that a better pairing exists does no harm.
 */
import type { ByteRange } from "../source.ts";
import type { RecordText } from "../table-reader.ts";
import { createRecordScanner, type RecordScanner } from "../text/scan.ts";
import { findCommonLine } from "./common-line.ts";
import { LineCursor, sameLength } from "./line-cursor.ts";

/** Is a place where two versions differ: which bytes, and how many records they hold. */
export interface Difference {
  readonly before: ByteRange;
  readonly after: ByteRange;
  readonly beforeRecords: number;
  readonly afterRecords: number;
}

/** Says where two versions differ, in order. What lies between is the same in both and holds whole records. */
export interface SameLines {
  readonly differences: readonly Difference[];
  /** Records that both versions have, in the same order. */
  readonly records: number;
}

/** No more is kept of differing bytes than this, plus a share of what was passed over. */
const DIFFERING_BYTES = 4 * 1024 * 1024;
const DIFFERING_SHARE = 1 / 4;
/** Nearer to one another than this, on average, differences are not worth passing over what lies between. */
const BYTES_BETWEEN = 2 * 1024;
const FEW_DIFFERENCES = 1000;

/** Returns what two texts have in common, or undefined when that is too little to be worth it or cannot be told record by record. */
export async function findSameLines(before: RecordText, after: RecordText, signal?: AbortSignal): Promise<SameLines | undefined> {
  const finder = new SameLinesFinder(before, after, signal);
  return finder.run();
}

class SameLinesFinder {
  readonly #before: LineCursor;
  readonly #after: LineCursor;
  readonly #beforeRecords: RecordCounter;
  /** Is fed what differs only: what is the same leaves both versions' records in the same state. */
  readonly #afterRecords: RecordCounter;
  readonly #newline: number;
  readonly #signal: AbortSignal | undefined;
  readonly #differences: Difference[] = [];
  #records = 0;
  #sameBytes = 0;
  #differingBytes = 0;

  constructor(before: RecordText, after: RecordText, signal?: AbortSignal) {
    this.#before = new LineCursor(before.file, before.start);
    this.#after = new LineCursor(after.file, after.start);
    this.#beforeRecords = new RecordCounter(before);
    this.#afterRecords = new RecordCounter(after);
    this.#newline = before.dialect.newline;
    this.#signal = signal;
  }

  async run(): Promise<SameLines | undefined> {
    for (;;) {
      this.#signal?.throwIfAborted();
      if (!(await this.#passSame())) return undefined;
      if (this.#before.isAtEnd && this.#after.isAtEnd) return { differences: this.#differences, records: this.#records };
      if (!(await this.#passDifference()) || !this.#isWorthIt()) return undefined;
    }
  }

  /** Passes over the lines that both have next; false when they do not end with a record. */
  async #passSame(): Promise<boolean> {
    const [before, after] = [this.#before, this.#after];
    for (;;) {
      const length = await sameLength(before, after, this.#newline);
      if (length === 0) break;
      this.#records += this.#beforeRecords.add(before.take(length));
      after.take(length);
      this.#sameBytes += length;
    }
    return this.#beforeRecords.isAtRecord;
  }

  /** Passes over what differs, up to the next line that both have; false when there is none near enough or a record goes on after it. */
  async #passDifference(): Promise<boolean> {
    const [before, after] = [this.#before, this.#after];
    const found = await findCommonLine(before, after, this.#signal);
    if (found === undefined) return false;
    const difference = {
      before: { start: before.position, end: before.position + found.before },
      after: { start: after.position, end: after.position + found.after },
      beforeRecords: this.#beforeRecords.add(before.take(found.before)),
      afterRecords: this.#afterRecords.add(after.take(found.after)),
    };
    this.#differingBytes += found.before + found.after;
    this.#differences.push(difference);
    return this.#beforeRecords.isAtRecord && this.#afterRecords.isAtRecord;
  }

  #isWorthIt(): boolean {
    const differences = this.#differences.length;
    return (
      this.#differingBytes <= DIFFERING_BYTES + DIFFERING_SHARE * this.#sameBytes &&
      (differences <= FEW_DIFFERENCES || differences * BYTES_BETWEEN <= this.#sameBytes)
    );
  }
}

/** Counts the records of a text that comes in pieces of whole lines. */
class RecordCounter {
  readonly #scanner: RecordScanner;
  readonly #hasEmptyRecords: boolean;
  #counted = 0;

  constructor({ dialect, hasEmptyRecords }: RecordText) {
    this.#scanner = createRecordScanner(dialect);
    this.#hasEmptyRecords = hasEmptyRecords;
  }

  /** Returns how many more records there are after these bytes. */
  add(bytes: Uint8Array): number {
    this.#scanner.update(bytes);
    const { lines, emptyLines } = this.#scanner.count();
    const counted = lines - (this.#hasEmptyRecords ? 0 : emptyLines);
    const more = counted - this.#counted;
    this.#counted = counted;
    return more;
  }

  /** Whether a record starts at the next byte, or the text ends there. */
  get isAtRecord(): boolean {
    return !this.#scanner.isInsideQuotes();
  }
}
