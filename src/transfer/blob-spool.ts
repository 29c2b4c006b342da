import * as fs from "node:fs";
import path from "node:path";
import { mapConcurrent } from "../base/concurrency.ts";
import { ensureFolder } from "../base/durable.ts";
import { fromSystemError, MlvError } from "../base/errors.ts";
import type { BodyBlob } from "../formats/body.ts";
import type { ByteRange, Remote } from "../remotes/remote.ts";

/** Ranges that are nearer than this are fetched as one: a request costs about as much as 128 KiB. */
const JOIN_GAP_BYTES = 128 * 1024;
/** A run is fetched in parts of this size, in parallel, each of which a later run need not fetch again. */
const PART_BYTES = 16 * 1024 * 1024;

/** Returns ranges sorted, with those that overlap, adjoin or nearly adjoin made one. */
export function coalesceRanges(ranges: readonly ByteRange[], gap: number = JOIN_GAP_BYTES): ByteRange[] {
  const sorted = [...ranges].sort((a, b) => a.offset - b.offset);
  const joined: { offset: number; length: number }[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && range.offset <= last.offset + last.length + gap) {
      last.length = Math.max(last.length, range.offset + range.length - last.offset);
    } else {
      joined.push({ ...range });
    }
  }
  return joined;
}

/** Says where a spool fetches from and who hears of progress. */
export interface SpoolContext {
  readonly remote: Remote;
  /** A folder of this version's own, kept until the version is complete. */
  readonly folder: string;
  readonly jobs: number;
  readonly signal: AbortSignal | undefined;
  readonly onReceived: (bytes: number) => void;
}

/**
 * Holds fetched ranges of blobs in sparse files at their own offsets. What was fetched whole is noted beside them, so that an interrupted pull
 * fetches only the rest; nothing in here is believed before what is made from it has matched its hash.
 */
export class BlobSpool {
  readonly #context: SpoolContext;
  readonly #descriptors = new Map<string, number>();

  constructor(context: SpoolContext) {
    this.#context = context;
  }

  /** Fetches ranges of blobs as far as they are not here, coalesced and in parallel. Throws `content-missing` when the remote lost one. */
  async fetch(wanted: ReadonlyMap<BodyBlob, readonly ByteRange[]>): Promise<void> {
    ensureFolder(this.#context.folder);
    const jobs: { readonly blob: BodyBlob; readonly range: ByteRange }[] = [];
    for (const [blob, ranges] of wanted) {
      const done = this.#readDone(blob);
      for (const range of coalesceRanges(ranges)) {
        for (const part of cutRange(range)) if (!isCovered(part, done)) jobs.push({ blob, range: part });
      }
    }
    await mapConcurrent(jobs, this.#context.jobs, ({ blob, range }) => this.#fetchRange(blob, range));
  }

  /** Returns bytes that were fetched. */
  read(blob: BodyBlob, offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    const read = fs.readSync(this.#open(blob), bytes, 0, length, offset);
    return read < length ? bytes.subarray(0, read) : bytes;
  }

  /** Closes the files; `discard` removes them too. */
  close(options: { readonly discard: boolean }): void {
    for (const descriptor of this.#descriptors.values()) fs.closeSync(descriptor);
    this.#descriptors.clear();
    if (options.discard) fs.rmSync(this.#context.folder, { recursive: true, force: true });
  }

  async #fetchRange(blob: BodyBlob, range: ByteRange): Promise<void> {
    const { remote, signal, onReceived } = this.#context;
    const isWhole = range.offset === 0 && range.length === blob.size;
    const body = await remote.get(blob.key, { signal, ...(isWhole ? {} : { range }) });
    if (body === undefined) {
      throw new MlvError("content-missing", `the remote lost ${blob.key}`, {
        hint: "run `mlv push` where the data is still cached, which sends it again",
        details: { key: blob.key },
      });
    }
    const descriptor = this.#open(blob);
    let at = range.offset;
    const end = range.offset + range.length;
    try {
      for await (const data of body.stream) {
        if (at + data.length > end) throw new MlvError("content-mismatch", `the remote sent more of ${blob.key} than was asked for`);
        fs.writeSync(descriptor, data, 0, data.length, at);
        at += data.length;
        onReceived(data.length);
      }
    } catch (error) {
      throw fromSystemError(error, "write", this.#fileOf(blob));
    }
    if (at !== end) throw new MlvError("content-mismatch", `the remote's copy of ${blob.key} is too short`, { details: { key: blob.key } });
    fs.appendFileSync(`${this.#fileOf(blob)}.done`, `${range.offset} ${range.length}\n`);
  }

  #readDone(blob: BodyBlob): ByteRange[] {
    const file = `${this.#fileOf(blob)}.done`;
    if (!fs.existsSync(file)) return [];
    const lines = fs.readFileSync(file, "latin1").split("\n");
    return lines.flatMap((line) => {
      const [offset, length] = line.split(" ").map(Number);
      return length === undefined || Number.isNaN(length) ? [] : [{ offset: offset ?? 0, length }];
    });
  }

  #open(blob: BodyBlob): number {
    const file = this.#fileOf(blob);
    let descriptor = this.#descriptors.get(file);
    if (descriptor === undefined) {
      descriptor = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
      this.#descriptors.set(file, descriptor);
    }
    return descriptor;
  }

  #fileOf(blob: BodyBlob): string {
    return path.join(this.#context.folder, blob.key.replaceAll("/", "-"));
  }
}

function* cutRange(range: ByteRange): Generator<ByteRange> {
  for (let offset = range.offset; offset < range.offset + range.length; offset += PART_BYTES) {
    yield { offset, length: Math.min(PART_BYTES, range.offset + range.length - offset) };
  }
}

function isCovered(range: ByteRange, done: readonly ByteRange[]): boolean {
  return done.some(({ offset, length }) => offset <= range.offset && offset + length >= range.offset + range.length);
}
