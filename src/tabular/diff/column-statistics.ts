/** Statistics of one column, in one pass and bounded memory. */
import { asBuffer } from "../text/encoding.ts";
import { inferTextType, mergeTypes, type ColumnType } from "../text/infer.ts";
import { INTEGER_KIND, NOT_A_NUMBER, numberKind, readNumber } from "./number-bytes.ts";
import { copyOf, TopValues } from "./top-values.ts";

/** Describes a column's values. */
export interface ColumnStatistics {
  /** Cells that are null, absent or, in delimited text, empty. */
  readonly nulls: number;
  /** The least and greatest value: by number where all values are numbers, else by bytes. Cut after 200 characters. */
  readonly min?: string;
  readonly max?: string;
  readonly distinct: number;
  /** Whether `distinct` is exact; else it is within about 2 %. */
  readonly isDistinctExact: boolean;
  /** The most frequent values, most first; counts are lower bounds unless `isDistinctExact`. */
  readonly top: readonly { readonly value: string; readonly count: number }[];
}

const HLL_BITS = 14;
const TEXT_LIMIT = 200;
const TOP_LIMIT = 5;

/** Collects a column's statistics. */
export class ColumnCollector {
  nulls = 0;
  #values = 0;
  #type: ColumnType | undefined;
  #isNumeric = true;
  #numberMin = Number.POSITIVE_INFINITY;
  #numberMax = Number.NEGATIVE_INFINITY;
  #numberMinText: Uint8Array | undefined;
  #numberMaxText: Uint8Array | undefined;
  #textMin: Uint8Array | undefined;
  #textMax: Uint8Array | undefined;
  #counting: { readonly registers: Uint8Array; readonly top: TopValues } | undefined;
  readonly #isEmptyNull: boolean;

  /** In delimited text an empty cell stands for null. Counting different values takes about 100 KiB, too much for thousands of columns. */
  constructor(options: { readonly isEmptyNull: boolean; readonly isCounting: boolean }) {
    this.#isEmptyNull = options.isEmptyNull;
    if (options.isCounting) this.#counting = { registers: new Uint8Array(1 << HLL_BITS), top: new TopValues() };
  }

  /** Takes note of a value whose hash is known. */
  add(bytes: Uint8Array, start: number, end: number, hash: { readonly first: number; readonly second: number }): void {
    if (start === end && this.#isEmptyNull) {
      this.nulls++;
      return;
    }
    this.#values++;
    if (this.#isNumeric) this.#addNumber(bytes, start, end);
    else if (this.#type !== "string") this.#addType(bytes, start, end);
    if (this.#textMin === undefined || isLess(bytes, start, end, this.#textMin))
      this.#textMin = copyOf(bytes, start, Math.min(end, start + TEXT_LIMIT));
    if (this.#textMax === undefined || isGreater(bytes, start, end, this.#textMax))
      this.#textMax = copyOf(bytes, start, Math.min(end, start + TEXT_LIMIT));
    if (this.#counting === undefined) return;
    const { registers, top } = this.#counting;
    const register = hash.first >>> (32 - HLL_BITS);
    const rank = Math.clz32(hash.second) + 1;
    if (rank > (registers[register] ?? 0)) registers[register] = rank;
    top.add(bytes, start, end, hash);
  }

  /** Returns another one that has seen the same values. */
  copy(): ColumnCollector {
    const copy = new ColumnCollector({ isEmptyNull: this.#isEmptyNull, isCounting: false });
    copy.nulls = this.nulls;
    copy.#values = this.#values;
    copy.#type = this.#type;
    copy.#isNumeric = this.#isNumeric;
    copy.#numberMin = this.#numberMin;
    copy.#numberMax = this.#numberMax;
    copy.#numberMinText = this.#numberMinText;
    copy.#numberMaxText = this.#numberMaxText;
    copy.#textMin = this.#textMin;
    copy.#textMax = this.#textMax;
    copy.#counting = this.#counting && { registers: this.#counting.registers.slice(), top: this.#counting.top.copy() };
    return copy;
  }

  /** Returns the type that holds all values of a delimited text's column. */
  get type(): ColumnType {
    return this.#type ?? "any";
  }

  /** Returns what was collected. */
  finish(): ColumnStatistics {
    const [min, max] = this.#isNumeric ? [this.#numberMinText, this.#numberMaxText] : [this.#textMin, this.#textMax];
    const isDistinctExact = this.#counting?.top.isExact ?? false;
    return {
      nulls: this.nulls,
      ...(min === undefined || max === undefined ? {} : { min: shorten(min), max: shorten(max) }),
      distinct: isDistinctExact ? (this.#counting?.top.size ?? 0) : this.#estimate(),
      isDistinctExact,
      top: this.#counting?.top.list(TOP_LIMIT) ?? [],
    };
  }

  #addNumber(bytes: Uint8Array, start: number, end: number): void {
    const value = readNumber(bytes, start, end);
    if (numberKind.last === NOT_A_NUMBER) {
      this.#addType(bytes, start, end);
      if (this.#type !== "integer" && this.#type !== "number") this.#isNumeric = false;
      return;
    }
    if (numberKind.last !== INTEGER_KIND) this.#type = "number";
    else this.#type ??= "integer";
    const isRounded = numberKind.last === INTEGER_KIND && !Number.isSafeInteger(value);
    if (value < this.#numberMin || (isRounded && value === this.#numberMin && order(bytes, start, end, this.#numberMinText) < 0)) {
      this.#numberMin = value;
      this.#numberMinText = copyOf(bytes, start, end);
    }
    if (value > this.#numberMax || (isRounded && value === this.#numberMax && order(bytes, start, end, this.#numberMaxText) > 0)) {
      this.#numberMax = value;
      this.#numberMaxText = copyOf(bytes, start, end);
    }
  }

  #addType(bytes: Uint8Array, start: number, end: number): void {
    if (this.#type === "date" && isDate(bytes, start, end)) return;
    const text = end - start > 64 ? "long text" : asBuffer(bytes).toString("utf8", start, end);
    this.#type = mergeTypes(this.#type, inferTextType(text), "string");
  }

  /** The estimate of HyperLogLog (Flajolet et al. 2007), with linear counting where few registers are set. */
  #estimate(): number {
    const registers = this.#counting?.registers ?? new Uint8Array(1);
    const count = registers.length;
    let sum = 0;
    let zeros = 0;
    for (const rank of registers) {
      sum += 2 ** -rank;
      if (rank === 0) zeros++;
    }
    const estimate = ((0.7213 / (1 + 1.079 / count)) * count * count) / sum;
    const corrected = estimate <= 2.5 * count && zeros > 0 ? count * Math.log(count / zeros) : estimate;
    return Math.min(Math.round(corrected), this.#values);
  }
}

const INTEGER = /^[+-]?\d{1,40}$/;

/** Compares integers of a usual length that are the same double; anything else counts as the same. */
function order(bytes: Uint8Array, start: number, end: number, than: Uint8Array | undefined): number {
  if (than === undefined || end - start > 41 || than.length > 41) return 0;
  const [one, other] = [asBuffer(bytes).toString("latin1", start, end), asBuffer(than).toString("latin1")];
  if (!INTEGER.test(one) || !INTEGER.test(other)) return 0;
  const difference = BigInt(one) - BigInt(other);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function isDate(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 10 || bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return false;
  const month = ((bytes[start + 5] ?? 0) - 48) * 10 + (bytes[start + 6] ?? 0) - 48;
  const day = ((bytes[start + 8] ?? 0) - 48) * 10 + (bytes[start + 9] ?? 0) - 48;
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if ((byte < 48 || byte > 57) && at !== start + 4 && at !== start + 7) return false;
  }
  return true;
}

function isLess(bytes: Uint8Array, start: number, end: number, than: Uint8Array): boolean {
  return compare(bytes, start, end, than) < 0;
}

function isGreater(bytes: Uint8Array, start: number, end: number, than: Uint8Array): boolean {
  return compare(bytes, start, end, than) > 0;
}

function compare(bytes: Uint8Array, start: number, end: number, than: Uint8Array): number {
  const length = Math.min(end - start, than.length);
  for (let at = 0; at < length; at++) {
    const difference = (bytes[start + at] ?? 0) - (than[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return Math.min(end - start, TEXT_LIMIT) - than.length;
}

function shorten(bytes: Uint8Array): string {
  const text = asBuffer(bytes).toString("utf8");
  return bytes.length < TEXT_LIMIT ? text : `${text.replace(/\ufffd+$/, "")}…`;
}
