import type { Sha256 } from "../base/ids.ts";
import type { Body } from "../formats/body.ts";
import type { Cache } from "../store/cache.ts";

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
 * Finds which bytes of a base object this machine already holds: all of them when the base is cached, else those that a cached version of the
 * same file took from it.
 */
export function findLocalRanges(
  cache: Cache,
  base: { readonly sha256: Sha256; readonly size: number },
  versions: readonly Body[],
): LocalRange[] {
  if (cache.has(base.sha256)) return [{ offset: 0, length: base.size, object: base.sha256, objectOffset: 0 }];
  const ranges: LocalRange[] = [];
  for (const body of versions) {
    if (body.kind !== "file" || !cache.has(body.sha256)) continue;
    const number = body.bases.findIndex((candidate) => candidate.sha256 === base.sha256);
    let objectOffset = 0;
    for (const segment of body.segments) {
      if (segment.encoding === "copy" && segment.base === number) {
        ranges.push({ offset: segment.offset, length: segment.length, object: body.sha256, objectOffset });
      }
      objectOffset += segment.length;
    }
  }
  return ranges.sort((a, b) => a.offset - b.offset);
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
