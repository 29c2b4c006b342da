import type { Segment } from "../formats/body.ts";

/** Finds the segments that give a range of a stream, by binary search over where each begins. */
export class SegmentMap {
  readonly #segments: readonly Segment[];
  readonly #starts: Float64Array;
  /** Bytes of the whole stream. */
  readonly length: number;

  constructor(segments: readonly Segment[]) {
    this.#segments = segments;
    this.#starts = new Float64Array(segments.length);
    let at = 0;
    for (const [index, segment] of segments.entries()) {
      this.#starts[index] = at;
      at += segment.length;
    }
    this.length = at;
  }

  /** Returns segments whose bytes are exactly `offset` to `offset + length` of the stream. Throws a RangeError outside it. */
  slice(offset: number, length: number): Segment[] {
    if (offset < 0 || offset + length > this.length)
      throw new RangeError(`bytes ${offset} to ${offset + length} of a stream of ${this.length}`);
    const slices: Segment[] = [];
    const end = offset + length;
    for (let index = this.#indexAt(offset); index < this.#segments.length; index++) {
      const start = this.#starts[index] ?? 0;
      if (start >= end) break;
      const segment = this.#segments[index] as Segment;
      const from = Math.max(offset - start, 0);
      const to = Math.min(end - start, segment.length);
      if (to > from) slices.push(cutSegment(segment, from, to - from));
    }
    return slices;
  }

  #indexAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Returns the part of a segment that gives `length` bytes from `from` on. */
export function cutSegment(segment: Segment, from: number, length: number): Segment {
  if (from === 0 && length === segment.length) return segment;
  if (segment.encoding === "raw" || segment.encoding === "copy") return { ...segment, offset: segment.offset + from, length };
  return { ...segment, skip: segment.skip + from, length };
}

/** Appends a segment to a list, as part of the last one where the two adjoin. */
export function appendSegment(segments: Segment[], segment: Segment): void {
  if (segment.length === 0) return;
  const last = segments.at(-1);
  const joined = last === undefined ? undefined : joinSegments(last, segment);
  if (joined === undefined) segments.push(segment);
  else segments[segments.length - 1] = joined;
}

function joinSegments(left: Segment, right: Segment): Segment | undefined {
  if (left.encoding === "raw" && right.encoding === "raw") {
    const adjoins = left.blob === right.blob && left.offset + left.length === right.offset;
    return adjoins ? { ...left, length: left.length + right.length } : undefined;
  }
  if (left.encoding === "copy" && right.encoding === "copy") {
    const adjoins = left.base === right.base && left.offset + left.length === right.offset;
    return adjoins ? { ...left, length: left.length + right.length } : undefined;
  }
  if (left.encoding === "raw" || left.encoding === "copy" || right.encoding === "raw" || right.encoding === "copy") return undefined;
  const isSameFrame = left.encoding === right.encoding && left.blob === right.blob && left.offset === right.offset;
  return isSameFrame && left.skip + left.length === right.skip ? { ...left, length: left.length + right.length } : undefined;
}
