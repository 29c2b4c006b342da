/** Reads a header forward in small pieces, never more than a bound in all, and skips what is not of interest without reading it. */
import type { RandomAccessFile } from "../source.ts";

const FIRST_PIECE_BYTES = 1024;
const MAX_PIECE_BYTES = 64 * 1024;
const MAX_READ_BYTES = 128 * 1024 * 1024;

/** Stands at a place of a file. Every read throws a RangeError past the file's end or past the bound. */
export class Cursor {
  position = 0;
  readonly #file: RandomAccessFile;
  #piece = new DataView(new ArrayBuffer(0));
  #pieceStart = 0;
  #readBytes = 0;
  #pieceBytes = FIRST_PIECE_BYTES;

  constructor(file: RandomAccessFile) {
    this.#file = file;
  }

  /** Reads an unsigned byte. */
  async byte(): Promise<number> {
    const { view, at } = await this.#take(1);
    return view.getUint8(at);
  }

  /** Reads a little-endian 32-bit number. */
  async uint32(): Promise<number> {
    const { view, at } = await this.#take(4);
    return view.getUint32(at, true);
  }

  /** Reads a little-endian 64-bit number that a double can hold. */
  async uint64(): Promise<number> {
    const { view, at } = await this.#take(8);
    const value = Number(view.getBigUint64(at, true));
    if (!Number.isSafeInteger(value)) throw new RangeError("a number is out of bounds");
    return value;
  }

  /** Reads bytes, as a copy. */
  async bytes(count: number): Promise<Uint8Array> {
    const { view, at } = await this.#take(count);
    return new Uint8Array(view.buffer.slice(view.byteOffset + at, view.byteOffset + at + count));
  }

  /** Reads UTF-8. */
  async text(byteCount: number): Promise<string> {
    return Buffer.from(await this.bytes(byteCount)).toString("utf8");
  }

  /** Reads a base-128 number of at most ten bytes (protobuf); what a double cannot hold is rounded. */
  async varint(): Promise<number> {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = await this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number is too long");
  }

  /** Moves on without reading. */
  skip(count: number): void {
    if (count < 0 || this.position + count > this.#file.byteLength) throw new RangeError("a length reaches past the end of the file");
    this.position += count;
  }

  async #take(count: number): Promise<{ view: DataView; at: number }> {
    if (count < 0 || this.position + count > this.#file.byteLength) throw new RangeError("a length reaches past the end of the file");
    if (this.position < this.#pieceStart || this.position + count > this.#pieceStart + this.#piece.byteLength) {
      // Reading on takes larger pieces; after a skip (over weights, most often) a small one is enough.
      const isReadingOn = this.position <= this.#pieceStart + this.#piece.byteLength;
      this.#pieceBytes = isReadingOn ? Math.min(MAX_PIECE_BYTES, 2 * this.#pieceBytes) : FIRST_PIECE_BYTES;
      const wanted = Math.max(count, Math.min(this.#pieceBytes, this.#file.byteLength - this.position));
      this.#readBytes += wanted;
      if (this.#readBytes > MAX_READ_BYTES) throw new RangeError("a header is larger than 128 MiB");
      this.#piece = new DataView(await this.#file.slice(this.position, this.position + wanted));
      this.#pieceStart = this.position;
      if (this.#piece.byteLength < count) throw new RangeError("the file ended early");
    }
    const at = this.position - this.#pieceStart;
    this.position += count;
    return { view: this.#piece, at };
  }
}
