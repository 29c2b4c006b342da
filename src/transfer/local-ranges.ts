import type { Sha256 } from "../base/ids.ts";
import type { BodyBlob, Segment } from "../formats/body.ts";
import type { Cache } from "../store/cache.ts";
import type { StoredObject } from "./stored-objects.ts";

/** Says that bytes `offset` to `offset + length` of a base are in the cache, as part of `object` from `objectOffset` on. */
export interface LocalRange {
  readonly offset: number;
  readonly length: number;
  readonly object: Sha256;
  readonly objectOffset: number;
}

/** Is a run of a base: where it lies in the cache, or that it does not. */
export interface BaseRun {
  readonly offset: number;
  readonly length: number;
  readonly local: LocalRange | undefined;
}

/**
 * Finds which bytes of a base object this machine already holds: all of them when the base is cached, else those that cached objects took from
 * it.
 */
export function findLocalRanges(
  cache: Cache,
  base: { readonly sha256: Sha256; readonly size: number },
  objects: readonly StoredObject[],
): LocalRange[] {
  if (cache.has(base.sha256)) return [{ offset: 0, length: base.size, object: base.sha256, objectOffset: 0 }];
  const ranges: LocalRange[] = [];
  for (const { sha256, segments, body } of objects) {
    const number = body.bases.findIndex((candidate) => candidate.sha256 === base.sha256);
    let objectOffset = 0;
    for (const segment of segments) {
      if (segment.encoding === "copy" && segment.base === number) {
        ranges.push({ offset: segment.offset, length: segment.length, object: sha256, objectOffset });
      }
      objectOffset += segment.length;
    }
  }
  return ranges.sort((a, b) => a.offset - b.offset);
}

/**
 * Knows which stored bytes need not be fetched because a cached object has what they decode to: a frame by the blob and offset where it lies,
 * raw bytes by their blob.
 */
export class LocalFrames {
  readonly #ranges = new Map<string, LocalRange[]>();

  /** Adds everything that a cached object is made of, but for what it takes from a base. */
  add({ sha256, segments, body }: StoredObject): void {
    let objectOffset = 0;
    for (const segment of segments) {
      if (segment.encoding !== "copy") {
        const { name, offset } = placeOf(segment, body.blobs);
        const range = { offset, length: segment.length, object: sha256, objectOffset };
        const others = this.#ranges.get(name);
        if (others === undefined) this.#ranges.set(name, [range]);
        else others.push(range);
      }
      objectOffset += segment.length;
    }
  }

  /** Returns where the cache has exactly the bytes of a segment, or undefined. */
  find(segment: StoredSegment, blobs: readonly BodyBlob[]): LocalRange | undefined {
    if (this.#ranges.size === 0) return undefined;
    const { name, offset } = placeOf(segment, blobs);
    const end = offset + segment.length;
    const range = this.#ranges.get(name)?.find((candidate) => candidate.offset <= offset && candidate.offset + candidate.length >= end);
    if (range === undefined) return undefined;
    return { offset, length: segment.length, object: range.object, objectOffset: range.objectOffset + (offset - range.offset) };
  }
}

/** Is a segment whose bytes lie in a blob. */
export type StoredSegment = Exclude<Segment, { encoding: "copy" }>;

function placeOf(segment: StoredSegment, blobs: readonly BodyBlob[]): { readonly name: string; readonly offset: number } {
  const key = blobs[segment.blob]?.key ?? "";
  if (segment.encoding === "raw") return { name: key, offset: segment.offset };
  return { name: `${key} ${segment.offset}`, offset: segment.skip };
}

/** Cuts a range of a base into runs that are in the cache and runs that are not. `ranges` are sorted by offset. */
export function splitByLocal(ranges: readonly LocalRange[], offset: number, length: number): BaseRun[] {
  const runs: BaseRun[] = [];
  const end = offset + length;
  let at = offset;
  for (let index = firstReaching(ranges, offset); index < ranges.length && at < end; index++) {
    const range = ranges[index] as LocalRange;
    if (range.offset >= end) break;
    const rangeEnd = range.offset + range.length;
    if (rangeEnd <= at) continue;
    if (range.offset > at) runs.push({ offset: at, length: range.offset - at, local: undefined });
    const from = Math.max(at, range.offset);
    const to = Math.min(end, rangeEnd);
    const objectOffset = range.objectOffset + (from - range.offset);
    runs.push({ offset: from, length: to - from, local: { offset: from, length: to - from, object: range.object, objectOffset } });
    at = to;
  }
  if (at < end) runs.push({ offset: at, length: end - at, local: undefined });
  return runs;
}

/** Ranges may overlap where several versions took the same bytes, so the search starts a little before the first that could reach. */
function firstReaching(ranges: readonly LocalRange[], offset: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as LocalRange).offset <= offset) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 8);
}
