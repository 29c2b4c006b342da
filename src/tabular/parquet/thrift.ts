/**
 * Walks Thrift's compact protocol without building anything, so that a list that claims a billion items costs nothing. What it has walked
 * through can be given to a parser that believes every length.
 */

/** Types of the compact protocol, as far as Parquet uses them. */
export const THRIFT = { stop: 0, true: 1, false: 2, byte: 3, i16: 4, i32: 5, i64: 6, double: 7, binary: 8, list: 9, struct: 12 } as const;

const MAX_DEPTH = 32;
const MAX_VARINT_BYTES = 10;

/** Is called for each field of a struct; returns true when it has read the value, and false to have it skipped. */
export type VisitField = (id: number, type: number) => boolean;

/** Stands at a place of some bytes. Whatever reaches past the end, nests deeper than 32 or has more values than allowed is a RangeError. */
export class ThriftWalker {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #maxValues: number;
  #values = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, options: { readonly at?: number; readonly maxValues: number }) {
    this.#bytes = bytes;
    this.at = options.at ?? 0;
    this.#maxValues = options.maxValues;
  }

  /** Reads a struct to its end. */
  struct(visit: VisitField): void {
    if (++this.#depth > MAX_DEPTH) throw new RangeError("structures nest too deeply");
    let id = 0;
    for (;;) {
      const header = this.#byte();
      const type = header & 0x0f;
      if (type === THRIFT.stop) break;
      id = header >> 4 === 0 ? this.integer() : id + (header >> 4);
      if (!visit(id, type)) this.skip(type);
    }
    this.#depth--;
  }

  /** Reads the head of a list; each of its items takes at least a byte. */
  list(): { readonly type: number; readonly count: number } {
    const header = this.#byte();
    const short = header >> 4;
    const count = short === 15 ? this.#varint() : short;
    if (count > this.#bytes.length - this.at) throw new RangeError("a list is longer than the bytes that hold it");
    return { type: header & 0x0f, count };
  }

  /** Reads an integer of any width; one that a double cannot hold is rounded. */
  integer(): number {
    const zigzag = this.#varint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  /** Moves past a value of a struct's field. */
  skip(type: number): void {
    this.#countValue();
    switch (type) {
      case THRIFT.true:
      case THRIFT.false:
        return;
      case THRIFT.byte:
        this.#move(1);
        return;
      case THRIFT.i16:
      case THRIFT.i32:
      case THRIFT.i64:
        this.#varint();
        return;
      case THRIFT.double:
        this.#move(8);
        return;
      case THRIFT.binary:
        this.#move(this.#varint());
        return;
      case THRIFT.list:
        this.#skipList();
        return;
      case THRIFT.struct:
        this.struct(() => false);
        return;
      default:
        throw new RangeError(`a value has the type ${type}, which Parquet does not use`);
    }
  }

  #skipList(): void {
    if (++this.#depth > MAX_DEPTH) throw new RangeError("lists nest too deeply");
    const { type, count } = this.list();
    // A boolean takes a byte in a list, and none in a struct.
    const itemType = type === THRIFT.true || type === THRIFT.false ? THRIFT.byte : type;
    for (let item = 0; item < count; item++) this.skip(itemType);
    this.#depth--;
  }

  #countValue(): void {
    if (++this.#values > this.#maxValues) throw new RangeError("there are more values than any table needs");
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new RangeError("a structure does not end");
    this.at++;
    return byte;
  }

  #move(count: number): void {
    if (count > this.#bytes.length - this.at) throw new RangeError("a value reaches past the end");
    this.at += count;
  }

  #varint(): number {
    let value = 0;
    let weight = 1;
    for (let read = 0; read < MAX_VARINT_BYTES; read++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value;
      weight *= 128;
    }
    throw new RangeError("a number is too long");
  }
}
