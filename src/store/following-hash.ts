import { SHARE_ENV, Worker } from "node:worker_threads";
import type { Sha256 } from "../base/ids.ts";
import type { HashTask } from "./hashing-thread.ts";

/**
 * Hashes a file in a thread of its own while it is still being written, in any order: it follows the part from the beginning that is
 * complete. Costs some 30 ms and 10 MB, so it pays from tens of MiB on.
 */
export class FollowingHash {
  readonly #worker: Worker;
  readonly #parts = new Map<number, number>();
  readonly #answer: Promise<Sha256 | undefined>;
  #end = 0;

  /** The file must exist. */
  constructor(file: string) {
    const program = import.meta.url.endsWith(".ts") ? "./hashing-thread.ts" : "./hashing-thread.js";
    this.#worker = new Worker(new URL(program, import.meta.url), {
      name: "mlv-hash",
      workerData: file,
      env: SHARE_ENV,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 32 },
    });
    this.#answer = new Promise((resolve) => {
      this.#worker.on("message", (hash: Sha256) => resolve(hash));
      this.#worker.on("error", () => resolve(undefined));
      this.#worker.on("exit", () => resolve(undefined));
    });
  }

  /** Says that bytes `offset` to `offset + length` are written; each byte once. */
  written(offset: number, length: number): void {
    this.#parts.set(offset, length);
    const before = this.#end;
    for (let next = this.#parts.get(this.#end); next !== undefined; next = this.#parts.get(this.#end)) {
      this.#parts.delete(this.#end);
      this.#end += next;
    }
    if (this.#end > before) this.#tell({ end: this.#end, isEnd: false });
  }

  /** Returns the hash of the first `size` bytes once they all are written; undefined when they are not, or when the thread could not read them. */
  async finish(size: number): Promise<Sha256 | undefined> {
    if (this.#end !== size) return undefined;
    this.#tell({ end: size, isEnd: true });
    return this.#answer;
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #tell(task: HashTask): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window and has no origin.
    this.#worker.postMessage(task);
  }
}
