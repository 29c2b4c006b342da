import { throwIfAborted } from "../base/concurrency.ts";

const DEFAULT_BYTES = 192 * 1024 * 1024;

/** Bounds the bytes that a remote's uploads hold in memory at once, whatever number of them a caller starts. First come, first served. */
export class BufferBudget {
  readonly #bytes: number;
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];
  #used = 0;

  constructor(bytes = DEFAULT_BYTES) {
    this.#bytes = bytes;
  }

  /** Runs `work` once `bytes` are free; a piece larger than the whole budget runs alone. */
  async run<T>(bytes: number, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    throwIfAborted(signal);
    const charged = Math.min(bytes, this.#bytes);
    if (this.#waiting.length > 0 || this.#used + charged > this.#bytes) {
      await new Promise<void>((start) => this.#waiting.push({ bytes: charged, start }));
    } else {
      this.#used += charged;
    }
    try {
      throwIfAborted(signal);
      return await work();
    } finally {
      this.#used -= charged;
      this.#startNext();
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#used + next.bytes <= this.#bytes; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.start();
    }
  }
}
