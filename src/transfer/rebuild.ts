import { MlvError } from "../base/errors.ts";
import { malformedBody, maxBaseBytes, maxDecodedBytes } from "../formats/body-bounds.ts";
import type { Body, BodyBase, BodyBlob, PlainSegment, Segment } from "../formats/body.ts";
import type { ByteRange } from "../remotes/remote.ts";
import type { Cache } from "../store/cache.ts";
import { decompress } from "../store/compression.ts";
import { decodeDelta } from "../store/delta-codec.ts";
import { coalesceRanges, type BlobSpool } from "./blob-spool.ts";
import { FrameMemory } from "./frame-memory.ts";
import { findLocalRanges, LocalFrames, splitByLocal, type LocalRange, type StoredSegment } from "./local-ranges.ts";
import { SegmentMap } from "./segments.ts";
import type { StoredObject } from "./stored-objects.ts";

const MAX_RAW_READ = 1024 * 1024;

/** Is the blob ranges to fetch, by blob. */
export type FetchPlan = Map<BodyBlob, ByteRange[]>;

/** Throws `recipe-malformed` for a plan of more bytes than a version of `length` bytes and its bases may need. */
export function assertPlan(plan: FetchPlan, length: number): void {
  let bytes = 0;
  for (const ranges of plan.values()) for (const range of coalesceRanges(ranges, 0)) bytes += range.length;
  if (bytes > maxDecodedBytes(length) + maxBaseBytes(length)) throw malformedBody(`reading it would take ${bytes} bytes of the remote`);
}

/** Turns segments of one body into bytes: from the cache where it holds them, else from fetched ranges. */
export class Rebuilder {
  readonly #body: Body;
  readonly #cache: Cache;
  readonly #spool: BlobSpool;
  readonly #stream: SegmentMap;
  readonly #bases: readonly { readonly map: SegmentMap; readonly base: BodyBase; local: LocalRange[] }[];
  readonly #localFrames = new LocalFrames();
  readonly #frames: FrameMemory<Buffer>;

  /** With `isLocal` false every byte is fetched, also what the cache could give. */
  constructor(options: { readonly body: Body; readonly cache: Cache; readonly spool: BlobSpool; readonly isLocal: boolean }) {
    const { body, cache } = options;
    this.#body = body;
    this.#cache = cache;
    this.#spool = options.spool;
    this.#frames = new FrameMemory(body.length);
    this.#stream = new SegmentMap(body.segments);
    this.#bases = body.bases.map((base) => ({
      map: new SegmentMap(base.segments),
      base,
      local: options.isLocal ? findLocalRanges(cache, base, []) : [],
    }));
  }

  /** Tells whether a range of the stream stands on bases. */
  hasDeltas(offset: number, length: number): boolean {
    return this.#body.bases.length > 0 && this.#stream.slice(offset, length).some((segment) => "base" in segment);
  }

  /** Takes bytes from cached objects instead of the remote from now on; to be called before `plan`. */
  useLocal(objects: readonly StoredObject[]): void {
    if (objects.length === 0) return;
    for (const object of objects) this.#localFrames.add(object);
    for (const known of this.#bases) {
      const isWhole = known.local.length === 1 && known.local[0]?.length === known.base.size;
      if (isWhole) continue;
      const found = findLocalRanges(this.#cache, known.base, objects);
      if (found.length > 0) known.local = [...known.local, ...found].sort((a, b) => a.offset - b.offset);
    }
  }

  /** Returns the bases that ranges of the stream stand on, with how many of their bytes the cache lacks for it. */
  basesOf(
    ranges: readonly { readonly offset: number; readonly size: number }[],
  ): { readonly number: number; readonly base: BodyBase; readonly missingBytes: number }[] {
    const missing = new Map<number, number>();
    const need = (number: number, offset: number, length: number): void => {
      for (const run of splitByLocal(this.#baseAt(number).local, offset, length))
        if (run.local === undefined) missing.set(number, (missing.get(number) ?? 0) + run.length);
    };
    for (const { offset, size } of ranges) {
      for (const segment of this.#stream.slice(offset, size)) {
        if (segment.encoding === "copy") need(segment.base, segment.offset, segment.length);
        else if (segment.encoding === "delta" && this.#localFrames.find(segment, this.#body.blobs) === undefined)
          need(segment.base, segment.dictionaryOffset, segment.dictionaryLength);
      }
    }
    return [...missing].map(([number, missingBytes]) => ({ number, base: this.#baseAt(number).base, missingBytes }));
  }

  /** Adds all of a base to a plan. */
  planBase(plan: FetchPlan, number: number): void {
    this.#planBase(plan, number, 0, this.#baseAt(number).base.size);
  }

  /** Yields a base from its beginning; `planBase` must have been fetched. */
  readBase(number: number): AsyncGenerator<Uint8Array> {
    return this.#readBase(number, 0, this.#baseAt(number).base.size);
  }

  /** Takes a base from the cache from now on. */
  useCachedBase(number: number): void {
    const known = this.#baseAt(number);
    known.local = findLocalRanges(this.#cache, known.base, []);
  }

  /** Returns where the bytes from `offset` on begin: sorted by this, objects that share a frame are neighbours. */
  placeAt(offset: number): { readonly blob: number; readonly offset: number } {
    const [segment] = this.#stream.slice(offset, 1);
    return segment === undefined || segment.encoding === "copy" ? { blob: -1, offset } : { blob: segment.blob, offset: segment.offset };
  }

  /** Adds what a range of the stream needs from blobs to a plan. */
  plan(plan: FetchPlan, offset: number, length: number): void {
    for (const segment of this.#stream.slice(offset, length)) {
      if (segment.encoding === "copy") {
        this.#planBase(plan, segment.base, segment.offset, segment.length);
        continue;
      }
      if (this.#localFrames.find(segment, this.#body.blobs) !== undefined) continue;
      if (segment.encoding === "delta") this.#planBase(plan, segment.base, segment.dictionaryOffset, segment.dictionaryLength);
      this.#planStored(plan, segment);
    }
  }

  /**
   * Yields a range of the stream; everything that `plan` asked for must have been fetched.
   * Throws `content-mismatch`, or `recipe-malformed` once frames decode to more than a version of this size may need.
   */
  async *read(offset: number, length: number): AsyncGenerator<Uint8Array> {
    for (const segment of this.#stream.slice(offset, length)) {
      if (segment.encoding === "copy") {
        yield* this.#readBase(segment.base, segment.offset, segment.length);
        continue;
      }
      const local = this.#localFrames.find(segment, this.#body.blobs);
      if (local !== undefined) yield* this.#cache.read(local.object, local.objectOffset, local.length);
      else if (segment.encoding === "delta") yield await this.#readDelta(segment);
      else yield* this.#readPlain(segment);
    }
  }

  #planStored(plan: FetchPlan, segment: StoredSegment): void {
    const blob = this.#body.blobs[segment.blob] as BodyBlob;
    const range = { offset: segment.offset, length: segment.encoding === "raw" ? segment.length : segment.stored };
    const ranges = plan.get(blob);
    if (ranges === undefined) plan.set(blob, [range]);
    else ranges.push(range);
  }

  #planBase(plan: FetchPlan, number: number, offset: number, length: number): void {
    const base = this.#baseAt(number);
    for (const run of splitByLocal(base.local, offset, length)) {
      if (run.local !== undefined) continue;
      for (const segment of base.map.slice(run.offset, run.length)) this.#planStored(plan, segment as PlainSegment);
    }
  }

  async *#readBase(number: number, offset: number, length: number): AsyncGenerator<Uint8Array> {
    const base = this.#baseAt(number);
    for (const run of splitByLocal(base.local, offset, length)) {
      if (run.local !== undefined) yield* this.#cache.read(run.local.object, run.local.objectOffset, run.length);
      else for (const segment of base.map.slice(run.offset, run.length)) yield* this.#readPlain(segment as PlainSegment);
    }
  }

  async #readDelta(segment: Segment & { encoding: "delta" }): Promise<Uint8Array> {
    this.#frames.count(segment.decoded);
    const dictionary: Uint8Array[] = [];
    for await (const part of this.#readBase(segment.base, segment.dictionaryOffset, segment.dictionaryLength)) dictionary.push(part);
    const frame = this.#readStored(segment.blob, segment.offset, segment.stored);
    const data = decodeDelta(frame, Buffer.concat(dictionary), segment.decoded);
    return data.subarray(segment.skip, segment.skip + segment.length);
  }

  *#readPlain(segment: PlainSegment): Generator<Uint8Array> {
    if (segment.encoding === "zstd") {
      yield this.#decodeFrame(segment).subarray(segment.skip, segment.skip + segment.length);
      return;
    }
    for (let at = 0; at < segment.length; at += MAX_RAW_READ) {
      yield this.#readStored(segment.blob, segment.offset + at, Math.min(MAX_RAW_READ, segment.length - at));
    }
  }

  #decodeFrame(segment: PlainSegment & { encoding: "zstd" }): Buffer {
    return this.#frames.get(segment, () => decompress(this.#readStored(segment.blob, segment.offset, segment.stored), segment.decoded));
  }

  #readStored(number: number, offset: number, length: number): Buffer {
    const blob = this.#body.blobs[number] as BodyBlob;
    const bytes = this.#spool.read(blob, offset, length);
    if (bytes.length === length) return bytes;
    throw new MlvError("content-mismatch", `the remote's copy of ${blob.key} is too short`, { details: { key: blob.key } });
  }

  #baseAt(number: number): { readonly map: SegmentMap; readonly base: BodyBase; local: LocalRange[] } {
    const base = this.#bases[number];
    if (base === undefined) throw new MlvError("recipe-malformed", "a recipe's body names a base that is not there");
    return base;
  }
}
