/** A table from 64-bit hashes to entries, about 22 bytes each: what lets six million rows be compared in memory. */
const CHUNK_BITS = 18;
const CHUNK_ENTRIES = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_ENTRIES - 1;
const MAX_ENTRIES = 2 ** 30;

/** Keeps two more numbers and a flag with each hash. Entries are numbered from zero in the order in which they were added. */
export class HashTable {
  size = 0;
  #slots = new Int32Array(1 << 16);
  #mask = (1 << 16) - 1;
  readonly #firsts: Int32Array[] = [];
  readonly #seconds: Int32Array[] = [];
  readonly #values: Int32Array[] = [];
  readonly #flags: Uint8Array[] = [];

  /** Returns the entry of a hash, or -1. */
  find(first: number, second: number): number {
    let slot = first & this.#mask;
    for (;;) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (entry < 0) return -1;
      const place = entry & CHUNK_MASK;
      const chunk = entry >>> CHUNK_BITS;
      if (this.#firsts[chunk]?.[place] === first && this.#seconds[chunk]?.[place] === second) return entry;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Adds a hash that is not there and returns its entry. */
  add(first: number, second: number): number {
    if (this.size >= MAX_ENTRIES) throw new RangeError("a table of more than a billion rows cannot be compared in memory");
    if ((this.size + 1) * 3 > this.#slots.length * 2) this.#grow();
    const entry = this.size++;
    const place = entry & CHUNK_MASK;
    if (place === 0) {
      this.#firsts.push(new Int32Array(CHUNK_ENTRIES));
      this.#seconds.push(new Int32Array(CHUNK_ENTRIES));
      this.#values.push(new Int32Array(2 * CHUNK_ENTRIES));
      this.#flags.push(new Uint8Array(CHUNK_ENTRIES));
    }
    const chunk = entry >>> CHUNK_BITS;
    set(this.#firsts[chunk], place, first);
    set(this.#seconds[chunk], place, second);
    this.#place(entry, first);
    return entry;
  }

  /** Returns one of an entry's two numbers. */
  value(entry: number, which: 0 | 1): number {
    return this.#values[entry >>> CHUNK_BITS]?.[2 * (entry & CHUNK_MASK) + which] ?? 0;
  }

  /** Sets one of an entry's two numbers (32 bits). */
  setValue(entry: number, which: 0 | 1, value: number): void {
    set(this.#values[entry >>> CHUNK_BITS], 2 * (entry & CHUNK_MASK) + which, value);
  }

  /** Returns an entry's flag; zero at first. */
  flag(entry: number): number {
    return this.#flags[entry >>> CHUNK_BITS]?.[entry & CHUNK_MASK] ?? 0;
  }

  /** Sets an entry's flag (8 bits). */
  setFlag(entry: number, flag: number): void {
    set(this.#flags[entry >>> CHUNK_BITS], entry & CHUNK_MASK, flag);
  }

  #place(entry: number, first: number): void {
    let slot = first & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    const slots = this.#slots.length * 2;
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    for (let entry = 0; entry < this.size; entry++) this.#place(entry, this.#firsts[entry >>> CHUNK_BITS]?.[entry & CHUNK_MASK] ?? 0);
  }
}

function set(array: Int32Array | Uint8Array | undefined, place: number, value: number): void {
  if (array !== undefined) array[place] = value;
}
