import { throwIfAborted } from "../base/concurrency.ts";
import { withSending } from "./sent-requests.ts";

const DEFAULT_BYTES = 192 * 1024 * 1024;

/** Lends memory of so many bytes until the work that asked for it is done. */
export type Lend = (bytes: number) => Uint8Array;

/**
 * Bounds the bytes that a remote's uploads hold in memory at once, whatever number of them a caller starts. First come, first served.
 * Memory is lent again rather than made anew, which the kernel would have to clear and the collector to find.
 */
export class BufferBudget {
  readonly #bytes: number;
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];
  #used = 0;
  #idle: Uint8Array[] = [];

  constructor(bytes = DEFAULT_BYTES) {
    this.#bytes = bytes;
  }

  /**
   * Runs `work` once `bytes` are free; a piece larger than the whole budget runs alone. What `work` borrows is lent again when
   * it has succeeded and its requests over `node:http` are sent to their ends; after a failure, or an answer that came early, a connection may
   * still be reading it, and nobody gets it again. What is sent otherwise, `work` must copy.
   */
  async run<T>(bytes: number, signal: AbortSignal | undefined, work: (lend: Lend) => Promise<T>): Promise<T> {
    throwIfAborted(signal);
    const charged = Math.min(bytes, this.#bytes);
    if (this.#waiting.length > 0 || this.#used + charged > this.#bytes) {
      await new Promise<void>((start) => this.#waiting.push({ bytes: charged, start }));
    } else {
      this.#used += charged;
    }
    try {
      throwIfAborted(signal);
      this.#forgetBeyond(this.#bytes - this.#used);
      const lent: Uint8Array[] = [];
      const lend = (length: number): Uint8Array => {
        const buffer = this.#take(length);
        lent.push(buffer);
        return buffer;
      };
      const { result, isSent } = await withSending(() => work(lend));
      if (isSent) this.#idle.push(...lent);
      return result;
    } finally {
      this.#used -= charged;
      this.#startNext();
      if (this.#used === 0) this.#idle = [];
    }
  }

  #take(length: number): Uint8Array {
    const index = this.#idle.findIndex((buffer) => buffer.length === length);
    const [found] = index === -1 ? [] : this.#idle.splice(index, 1);
    return found ?? Buffer.allocUnsafeSlow(length);
  }

  /** Idle memory counts like any other: what would be too much is given up. */
  #forgetBeyond(bytes: number): void {
    let kept = 0;
    this.#idle = this.#idle.filter((buffer) => (kept += buffer.length) <= bytes);
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#used + next.bytes <= this.#bytes; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.start();
    }
  }
}
