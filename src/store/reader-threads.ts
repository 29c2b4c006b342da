import { SHARE_ENV, Worker } from "node:worker_threads";
import type { Sha256 } from "../base/ids.ts";
import type { ReadAnswer, ReadTask } from "./reader-thread.ts";
import type { StatMark } from "./trust-ledger.ts";

/** Is a small file to read, with its stat data from before. */
export interface FileToRead {
  /** Absolute path. */
  readonly file: string;
  readonly stat: StatMark;
}

/** Is a run of files as a thread has read them. */
export interface ReadFiles {
  /** Undefined for a file that was not read: it is gone, refused or changed, or the thread died. */
  readonly hashes: readonly (Sha256 | undefined)[];
  /** The files' bytes one behind the other, each with the size from before. */
  readonly bytes: Buffer;
  /** Gives the memory back; `bytes` must not be used afterwards. */
  release(): void;
}

/** Is how many bytes of files one call can read. */
export const READ_MEMORY_BYTES = 2 * 1024 * 1024;
/** Each thread reads one piece of memory while another waits for it and some are being written out. */
const MEMORIES_PER_THREAD = 3;

interface Thread {
  readonly worker: Worker;
  readonly answers: ((answer: ReadAnswer | undefined) => void)[];
}

/**
 * Reads and hashes small files in threads of their own, into shared memory from which they can be written without a copy.
 * Costs some 30 ms and 10 MB a thread, so it pays from a few thousand files on. A thread that dies only leaves its files unread.
 */
export class ReaderThreads {
  #threads: Thread[];
  #free: SharedArrayBuffer[];
  readonly #waiting: ((memory: SharedArrayBuffer) => void)[] = [];

  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => this.#start());
    this.#free = Array.from({ length: count * MEMORIES_PER_THREAD }, () => new SharedArrayBuffer(READ_MEMORY_BYTES));
  }

  /** Reads files of at most `READ_MEMORY_BYTES` together; waits while all memory is in use. Never fails: what could not be read has no hash. */
  async read(files: readonly FileToRead[]): Promise<ReadFiles> {
    const memory = this.#free.pop() ?? (await new Promise<SharedArrayBuffer>((resolve) => this.#waiting.push(resolve)));
    const stats = new Float64Array(files.length * 4);
    let size = 0;
    for (const [index, { stat }] of files.entries()) {
      stats.set([stat.size, stat.mtimeMs, stat.ctimeMs, stat.ino], index * 4);
      size += stat.size;
    }
    const answer = await this.#ask({ memory, files: files.map(({ file }) => file).join("\0"), stats });
    return {
      hashes: files.map((_, index) => hashAt(answer, index)),
      bytes: Buffer.from(memory, 0, size),
      release: () => {
        const next = this.#waiting.shift();
        if (next === undefined) this.#free.push(memory);
        else next(memory);
      },
    };
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    const threads = this.#threads;
    this.#threads = [];
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  #ask(task: ReadTask): Promise<ReadAnswer | undefined> {
    let thread = this.#threads[0];
    for (const other of this.#threads) if (thread === undefined || other.answers.length < thread.answers.length) thread = other;
    if (thread === undefined) return Promise.resolve(undefined);
    const { worker, answers } = thread;
    return new Promise((resolve) => {
      answers.push(resolve);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window and has no origin.
      worker.postMessage(task);
    });
  }

  #start(): Thread {
    const program = import.meta.url.endsWith(".ts") ? "./reader-thread.ts" : "./reader-thread.js";
    const worker = new Worker(new URL(program, import.meta.url), {
      name: "mlv-reader",
      env: SHARE_ENV,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    });
    const thread: Thread = { worker, answers: [] };
    const fail = (): void => {
      this.#threads = this.#threads.filter((other) => other !== thread);
      for (const answer of thread.answers.splice(0)) answer(undefined);
    };
    worker.on("message", (answer: ReadAnswer) => thread.answers.shift()?.(answer));
    worker.on("error", fail);
    worker.on("exit", fail);
    return thread;
  }
}

function hashAt(answer: ReadAnswer | undefined, index: number): Sha256 | undefined {
  if (answer === undefined || answer[index * 64] === " ") return undefined;
  return answer.slice(index * 64, index * 64 + 64) as Sha256;
}
