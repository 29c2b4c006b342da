/** The most frequent values of a stream: exact while there are few different ones, else the Misra–Gries summary, pruned in batches. */
import { asBuffer } from "../text/encoding.ts";

const SLOTS = 4096;
const MAX_VALUES = 2048;
const TEXT_LIMIT = 200;

/** Returns a copy of some bytes; `slice` of a Buffer would share them with the batch, which is used again. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

/** Counts values by their hash, at most 2,048 at once. */
export class TopValues {
  size = 0;
  /** Whether every value was kept, so that size and counts are exact. */
  isExact = true;
  readonly #first = new Int32Array(SLOTS);
  readonly #second = new Int32Array(SLOTS);
  readonly #counts = new Float64Array(SLOTS);
  readonly #texts: (Uint8Array | undefined)[] = Array.from({ length: SLOTS });

  /** Counts a value. Its text is kept at once while all are, else from its second occurrence on. */
  add(bytes: Uint8Array, start: number, end: number, hash: { readonly first: number; readonly second: number }): void {
    let slot = hash.second & (SLOTS - 1);
    for (;;) {
      const count = this.#counts[slot] ?? 0;
      if (count === 0) break;
      if (this.#first[slot] === hash.first && this.#second[slot] === hash.second) {
        this.#counts[slot] = count + 1;
        this.#texts[slot] ??= copyOf(bytes, start, Math.min(end, start + TEXT_LIMIT));
        return;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
    if (this.size === MAX_VALUES) {
      this.#prune();
      this.add(bytes, start, end, hash);
      return;
    }
    this.size++;
    this.#first[slot] = hash.first;
    this.#second[slot] = hash.second;
    this.#counts[slot] = 1;
    this.#texts[slot] = this.isExact ? copyOf(bytes, start, Math.min(end, start + TEXT_LIMIT)) : undefined;
  }

  /** Returns another one that has counted the same. */
  copy(): TopValues {
    const copy = new TopValues();
    copy.size = this.size;
    copy.isExact = this.isExact;
    copy.#first.set(this.#first);
    copy.#second.set(this.#second);
    copy.#counts.set(this.#counts);
    for (const [slot, text] of this.#texts.entries()) copy.#texts[slot] = text;
    return copy;
  }

  /** Returns the values that were counted more than once, or all while exact, most frequent first. */
  list(limit: number): { readonly value: string; readonly count: number }[] {
    const found: { value: string; count: number }[] = [];
    for (const [slot, count] of this.#counts.entries()) {
      const text = this.#texts[slot];
      if (count > (this.isExact ? 0 : 1) && text !== undefined) found.push({ value: asBuffer(text).toString("utf8"), count });
    }
    return found.sort((left, right) => right.count - left.count || (left.value < right.value ? -1 : 1)).slice(0, limit);
  }

  /** Takes a count from all and forgets what is then at zero: one where that makes room, else the count of the 512th most frequent value. */
  #prune(): void {
    this.isExact = false;
    const kept: number[] = [];
    for (let slot = 0; slot < SLOTS; slot++) if ((this.#counts[slot] ?? 0) > 1) kept.push(slot);
    let floor = 1;
    if (kept.length > MAX_VALUES / 4) {
      const counts = kept.map((slot) => this.#counts[slot] ?? 0).sort((left, right) => right - left);
      floor = counts[MAX_VALUES / 4] ?? 1;
    }
    const survivors = kept
      .filter((slot) => (this.#counts[slot] ?? 0) > floor)
      .map((slot) => ({
        first: this.#first[slot] ?? 0,
        second: this.#second[slot] ?? 0,
        count: (this.#counts[slot] ?? 0) - floor,
        text: this.#texts[slot],
      }));
    this.#counts.fill(0);
    this.size = survivors.length;
    for (const { first, second, count, text } of survivors) {
      let slot = second & (SLOTS - 1);
      while ((this.#counts[slot] ?? 0) > 0) slot = (slot + 1) & (SLOTS - 1);
      this.#first[slot] = first;
      this.#second[slot] = second;
      this.#counts[slot] = count;
      this.#texts[slot] = text;
    }
  }
}
