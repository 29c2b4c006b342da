import { createCipheriv, createHash, type Cipheriv } from "node:crypto";

const ZEROS = Buffer.alloc(1 << 20);

/** Is a stream of bytes that look random and are the same for the same seed (AES-128-CTR over zeros). */
export class SeededBytes {
  readonly #cipher: Cipheriv;

  constructor(seed: string) {
    const key = createHash("sha256").update(seed).digest();
    this.#cipher = createCipheriv("aes-128-ctr", key.subarray(0, 16), key.subarray(16, 32));
  }

  /** Returns the next `length` bytes. */
  next(length: number): Buffer {
    if (length <= ZEROS.length) return this.#cipher.update(ZEROS.subarray(0, length));
    return this.#cipher.update(Buffer.alloc(length));
  }
}

/** Is a sequence of seeded numbers. */
export class SeededNumbers {
  readonly #bytes: SeededBytes;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(seed: string) {
    this.#bytes = new SeededBytes(seed);
  }

  /** Returns a number from 0 to 2^32 - 1. */
  uint32(): number {
    if (this.#at >= this.#block.length) {
      this.#block = this.#bytes.next(1 << 16);
      this.#at = 0;
    }
    const value = this.#block.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  /** Returns a whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit);
  }
}
