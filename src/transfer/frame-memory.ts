import { malformedBody, maxBaseBytes, maxDecodedBytes, maxDictionaryBytes } from "../formats/body-bounds.ts";
import type { BodyBase, PlainSegment, Segment } from "../formats/body.ts";
import { SegmentMap } from "./segments.ts";

/** Frames that were decoded last are kept, up to this many bytes: neighbouring segments and dictionaries share them. */
const KEPT_BYTES = 32 * 1024 * 1024;

type FramePlace = Pick<PlainSegment & { encoding: "zstd" }, "blob" | "offset" | "decoded">;

/** Keeps the frames of one body that were used last, and counts what all of them decode to. */
export class FrameMemory<Frame> {
  readonly #limit: number;
  readonly #frames = new Map<string, { readonly frame: Frame; readonly decoded: number }>();
  #keptBytes = 0;
  #decodedBytes = 0;

  /** Takes the bytes of the body's stream. */
  constructor(length: number) {
    this.#limit = maxDecodedBytes(length);
  }

  /** Bytes that were decoded so far, those that were decoded twice counted twice. */
  get decodedBytes(): number {
    return this.#decodedBytes;
  }

  /** Returns a frame, decoding it unless it is kept. Throws `recipe-malformed` when that makes more than a version of this size may need. */
  get(place: FramePlace, decode: () => Frame): Frame {
    const key = `${place.blob}:${place.offset}:${place.decoded}`;
    const known = this.#frames.get(key);
    if (known !== undefined) {
      this.#frames.delete(key);
      this.#frames.set(key, known);
      return known.frame;
    }
    this.count(place.decoded);
    const frame = decode();
    this.#frames.set(key, { frame, decoded: place.decoded });
    this.#keptBytes += place.decoded;
    for (const [oldest, { decoded }] of this.#frames) {
      if (this.#keptBytes <= KEPT_BYTES) break;
      this.#frames.delete(oldest);
      this.#keptBytes -= decoded;
    }
    return frame;
  }

  /** Counts bytes that are about to be decoded. Throws `recipe-malformed` when they are too many. */
  count(decoded: number): void {
    this.#decodedBytes += decoded;
    if (this.#decodedBytes > this.#limit) throw malformedBody("its frames decode to more than four times the version's size");
  }
}

/** Is a body that is about to be built, as far as reading it costs. */
export interface PlannedBody {
  readonly segments: Iterable<Segment>;
  readonly bases: readonly BodyBase[];
  /** Bytes of the version, or of the part of it. */
  readonly length: number;
  /** True for one of many files: what a version may cost besides is then left to the others. */
  readonly isPart?: boolean;
}

/**
 * Tells whether a version may be built so: reading it in order decodes no more than half of what a reader allows, its bases, which a reader
 * may decode whole to keep them, are no more than half of what it takes, and its dictionaries no more than that. Otherwise its bytes are to be sent anew.
 */
export function isCheapToRead({ segments, bases, length, isPart }: PlannedBody): boolean {
  const memory = new FrameMemory<undefined>(Number.POSITIVE_INFINITY);
  const maps = bases.map((base) => new SegmentMap(base.segments));
  const decode = (): undefined => undefined;
  const readBase = (number: number, offset: number, taken: number): void => {
    for (const part of maps[number]?.slice(offset, taken) ?? []) if (part.encoding === "zstd") memory.get(part, decode);
  };
  let dictionaryBytes = 0;
  for (const segment of segments) {
    if (segment.encoding === "zstd") memory.get(segment, decode);
    else if (segment.encoding === "copy") readBase(segment.base, segment.offset, segment.length);
    else if (segment.encoding === "delta") {
      memory.count(segment.decoded);
      readBase(segment.base, segment.dictionaryOffset, segment.dictionaryLength);
      dictionaryBytes += segment.dictionaryLength;
    }
  }
  const baseBytes = bases.reduce((sum, base) => sum + base.size, 0);
  const spare = isPart === true ? 0 : undefined;
  return (
    memory.decodedBytes <= maxDecodedBytes(length, spare) / 2 &&
    dictionaryBytes <= maxDictionaryBytes(length, spare) &&
    baseBytes <= maxBaseBytes(length, spare) / 2
  );
}
