import { mapConcurrent } from "../base/concurrency.ts";
import type { Sha256 } from "../base/ids.ts";
import { LOOSE_MIN_BYTES } from "../store/cache.ts";
import type { CacheWriter } from "../store/cache-writer.ts";
import { READ_MEMORY_BYTES, ReaderThreads } from "../store/reader-threads.ts";
import { readSmallFile } from "../store/small-files.ts";
import type { FileStat } from "./workspace-index.ts";

/** Is how many files, and how many bytes of small ones, are taken in with one call. */
export const INTAKE_FILES = 512;
export const INTAKE_BYTES = READ_MEMORY_BYTES - LOOSE_MIN_BYTES;
/** Threads are started when so many small files are known to be there: fewer are read in the time that starting takes. */
const THREADS_FROM_FILES = 3 * INTAKE_FILES;
const MAX_THREADS = 4;

/** Is a file to take in. */
export interface IntakeFile {
  /** Absolute path. */
  readonly file: string;
  readonly stat: FileStat;
  /** True where a large file may become the cached object by hard link. */
  readonly takeByLink: boolean;
}

/** Is a file whose content is in the cache, or will be once the writer is finished. */
export interface TakenFile {
  readonly sha256: Sha256;
  readonly stat: FileStat;
}

/** Says what an intake works with. */
export interface IntakeOptions {
  readonly writer: CacheWriter;
  readonly jobs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Brings the content of files into the cache, in the order in which it is asked to: small files into packs, read by threads of their own
 * once there are many, large ones by themselves.
 */
export class FileIntake {
  readonly #options: IntakeOptions;
  #smallFiles = 0;
  #threads: ReaderThreads | undefined;
  /** Ends when the small files of all earlier calls have their places in a pack. */
  #placed: Promise<void> = Promise.resolve();
  /** Ends when the large files of all earlier calls are stored. */
  #stored: Promise<void> = Promise.resolve();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Tells how many calls of `take` may run at once. */
  get width(): number {
    return this.#threads === undefined ? 1 : 8;
  }

  /**
   * Takes in at most `INTAKE_FILES` files with `INTAKE_BYTES` of small ones, and a file more; returns their hashes in order.
   * Rejects as `readSmallFile` and `CacheWriter.storeFile` do.
   */
  async take(files: readonly IntakeFile[]): Promise<TakenFile[]> {
    const taken = Array.from<TakenFile>({ length: files.length });
    const small: number[] = [];
    const large: number[] = [];
    for (const [index, { stat }] of files.entries()) (stat.size < LOOSE_MIN_BYTES ? small : large).push(index);
    this.#startThreads(small.length);
    const settled = await Promise.allSettled([this.#takeSmall(files, small, taken), this.#takeLarge(files, large, taken)]);
    for (const result of settled) if (result.status === "rejected") throw result.reason;
    return taken;
  }

  /** Ends the threads; whoever takes in files has to call it in the end. */
  async close(): Promise<void> {
    await this.#threads?.close();
    this.#threads = undefined;
  }

  #startThreads(count: number): void {
    this.#smallFiles += count;
    const { jobs } = this.#options;
    if (this.#threads !== undefined || jobs < 2 || this.#smallFiles < THREADS_FROM_FILES) return;
    const processors = process.getBuiltinModule("node:os").availableParallelism();
    if (processors > 1) this.#threads = new ReaderThreads(Math.min(processors, jobs, MAX_THREADS));
  }

  async #takeSmall(files: readonly IntakeFile[], small: readonly number[], taken: TakenFile[]): Promise<void> {
    if (small.length === 0) return;
    if (this.#threads === undefined) {
      for (const index of small) taken[index] = this.#takeNow(files[index] as IntakeFile);
      return;
    }
    const before = this.#placed;
    const { promise: placed, resolve: endTurn } = Promise.withResolvers<void>();
    this.#placed = placed;
    const wanted = small.map((index) => files[index] as IntakeFile);
    const read = await this.#threads.read(wanted);
    try {
      await before;
      const objects = wanted.map(({ stat }, position) => ({ sha256: read.hashes[position], size: stat.size }));
      const written = this.#options.writer.addRun(objects, read.bytes);
      endTurn();
      await written;
      for (const [position, index] of small.entries()) {
        const sha256 = read.hashes[position];
        const file = wanted[position] as IntakeFile;
        // What a thread could not read is read here, which tells why.
        taken[index] = sha256 === undefined ? this.#takeNow(file) : { sha256, stat: file.stat };
      }
    } finally {
      endTurn();
      read.release();
    }
  }

  #takeNow({ file, stat }: IntakeFile): TakenFile {
    const { sha256, data } = readSmallFile(file, stat);
    this.#options.writer.addSmall(sha256, data);
    return { sha256, stat };
  }

  async #takeLarge(files: readonly IntakeFile[], large: readonly number[], taken: TakenFile[]): Promise<void> {
    if (large.length === 0) return;
    const { writer, jobs, signal } = this.#options;
    const before = this.#stored;
    const storing = before.then(async () => {
      await mapConcurrent(large, jobs, async (index) => {
        const { file, takeByLink } = files[index] as IntakeFile;
        const { sha256, stat } = await writer.storeFile(file, { takeByLink, signal });
        taken[index] = { sha256, stat };
      });
    });
    this.#stored = storing.catch(() => undefined);
    await storing;
  }
}
