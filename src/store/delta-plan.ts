/**
 * Plans how a new version of a large object is sent: which chunks are known, and which ranges of the base serve as dictionaries for the rest.
 *
 * Chunks that are known and have a place in the base are *anchors*: they say that a position of the object lies at a position of the base.
 * Bytes between two anchors lie where the left one says if nothing was inserted or deleted before them, where the right one says if nothing
 * was behind them, and between the two otherwise; so the dictionary spans both, and a margin. Where the two are too far apart for one
 * dictionary, their distances decide: alike, and the place is interpolated; else (a large deletion, a moved region) there is a seam, and
 * what is before it follows the left anchor, the rest the right one. As chunks before the seam are those of the base, and cuts take a while
 * to agree again behind it, the seam is in the run's first chunk: its middle is taken.
 */
import type { Chunk } from "./chunker.ts";

/** Is the most that one piece, hence one delta frame, holds. */
export const MAX_PIECE_BYTES = 256 * 1024;
/** Is the longest range of the base that serves as one dictionary. */
export const MAX_DICTIONARY_BYTES = 1024 * 1024;
/** Is how much a dictionary reaches past where its piece should lie, on each side. */
export const DICTIONARY_MARGIN_BYTES = 8 * 1024;

/** Is a range of the base object's bytes. */
export interface BaseRange {
  readonly offset: number;
  readonly length: number;
}

/** Says where content sits, or once sat, in the base. */
export interface BasePlace {
  readonly position: number;
  /** Is how many of the base's bytes it stands for; its own length unless given. */
  readonly length?: number;
  /** Is by how many bytes `position` may be off; 0 unless given. */
  readonly uncertainty?: number;
}

/** Is what a lookup knows of a chunk; callers add what they need to refer to it. */
export interface KnownChunk {
  readonly basePlace: BasePlace | undefined;
}

/** Finds a chunk by hash and length. `near` is where in the base it would lie if it followed the one before it: content may be there many times. */
export type KnownLookup<Known extends KnownChunk> = (chunk: Chunk, near: number) => Known | undefined;

/** Is a run of consecutive chunks that are all known. */
export interface KnownRun<Known extends KnownChunk> {
  readonly kind: "known";
  readonly offset: number;
  readonly length: number;
  readonly chunks: readonly (Chunk & { readonly known: Known })[];
}

/** Is a piece of bytes that are nowhere yet, and the range of the base to encode it against, if there is one. */
export interface NewRun {
  readonly kind: "new";
  readonly offset: number;
  readonly length: number;
  readonly baseRange: BaseRange | undefined;
}

export type PlannedRun<Known extends KnownChunk> = KnownRun<Known> | NewRun;

/**
 * Returns runs that cover the object's bytes once, in order.
 * `chunks` are all the object's chunks, in order; `baseLength` is the base's length in bytes, 0 where there is no base.
 */
export function planDelta<Known extends KnownChunk>(
  chunks: readonly Chunk[],
  baseLength: number,
  lookup: KnownLookup<Known>,
): PlannedRun<Known>[] {
  const found = findKnown(chunks, lookup);
  const last = chunks.at(-1);
  const end: Anchor = { ...EDGE, at: last === undefined ? 0 : last.offset + last.length, base: baseLength };
  const anchors = new AnchorLine(chunks, found, end);
  const runs: PlannedRun<Known>[] = [];
  for (let first = 0; first < chunks.length;) {
    let next = first + 1;
    const isKnown = found[first] !== undefined;
    while (next < chunks.length && (found[next] !== undefined) === isKnown) next++;
    if (isKnown) runs.push(knownRun(chunks, found, first, next));
    else runs.push(...planNew(chunks.slice(first, next), anchors.between(first, next), baseLength));
    first = next;
  }
  return runs;
}

/**
 * Returns the place in the base of bytes that an earlier plan encoded as a delta: `skip` and `length` are what is taken of the frame's
 * `decoded` bytes, `range` is its dictionary. The dictionary lies evenly around the piece, and as much wider as the piece's place was unsure.
 */
export function placeOfDelta(range: BaseRange, decoded: number, skip: number): Required<Pick<BasePlace, "position" | "uncertainty">> {
  const slack = (range.length - decoded) / 2;
  return {
    position: Math.max(0, Math.round(range.offset + slack + skip)),
    uncertainty: Math.max(0, Math.ceil(Math.abs(slack) - DICTIONARY_MARGIN_BYTES)),
  };
}

/** Says that byte `at` of the object lies at byte `base` of the base. */
interface Anchor {
  readonly at: number;
  readonly base: number;
  readonly uncertainty: number;
  /** Tells a chunk's place from the mere start or end of both objects. */
  readonly isEdge: boolean;
}

const EDGE = { uncertainty: 0, isEdge: true } as const;
const START: Anchor = { ...EDGE, at: 0, base: 0 };

interface Anchors {
  readonly left: Anchor;
  readonly right: Anchor;
}

function findKnown<Known extends KnownChunk>(chunks: readonly Chunk[], lookup: KnownLookup<Known>): (Known | undefined)[] {
  let near = 0;
  return chunks.map((chunk) => {
    const known = lookup(chunk, near);
    const place = known?.basePlace;
    near = place === undefined ? near + chunk.length : place.position + (place.length ?? chunk.length);
    return known;
  });
}

function knownRun<Known extends KnownChunk>(
  chunks: readonly Chunk[],
  found: readonly (Known | undefined)[],
  first: number,
  next: number,
): KnownRun<Known> {
  const run: (Chunk & { readonly known: Known })[] = [];
  let length = 0;
  for (const [index, chunk] of chunks.slice(first, next).entries()) {
    const known = found[first + index];
    if (known === undefined) continue;
    run.push({ ...chunk, known });
    length += chunk.length;
  }
  return { kind: "known", offset: run[0]?.offset ?? 0, length, chunks: run };
}

/** Finds the anchors on both sides of a run, in time that does not depend on how far they are. */
class AnchorLine {
  /** Is, for each chunk, the anchor at the end of the nearest placed chunk before it. */
  readonly #before: Anchor[] = [];
  /** Is, for each chunk, the anchor at the start of the nearest placed chunk behind its start. */
  readonly #behind: Anchor[];
  readonly #end: Anchor;

  constructor(chunks: readonly Chunk[], found: readonly (KnownChunk | undefined)[], end: Anchor) {
    this.#end = end;
    this.#behind = Array.from(chunks, () => end);
    let before = START;
    for (const [index, chunk] of chunks.entries()) {
      this.#before.push(before);
      const place = found[index]?.basePlace;
      if (place === undefined) continue;
      const uncertainty = place.uncertainty ?? 0;
      before = { at: chunk.offset + chunk.length, base: place.position + (place.length ?? chunk.length), uncertainty, isEdge: false };
    }
    let behind = end;
    for (let index = chunks.length - 1; index >= 0; index--) {
      const place = found[index]?.basePlace;
      const chunk = chunks[index];
      if (place !== undefined && chunk !== undefined) {
        behind = { at: chunk.offset, base: place.position, uncertainty: place.uncertainty ?? 0, isEdge: false };
      }
      this.#behind[index] = behind;
    }
  }

  between(first: number, next: number): Anchors {
    return { left: this.#before[first] ?? START, right: this.#behind[next] ?? this.#end };
  }
}

function planNew(chunks: readonly Chunk[], anchors: Anchors, baseLength: number): NewRun[] {
  const offset = chunks[0]?.offset ?? 0;
  const end = chunks.reduce((sum, chunk) => sum + chunk.length, offset);
  const seam = placementOf(anchors) === "seam" ? seamOf(chunks, anchors) : undefined;
  const starts = cutPieces(chunks, seam);
  return starts.map((start, index) => {
    const piece = { offset: start, length: (starts[index + 1] ?? end) - start };
    const range = seam === undefined ? rangeBetween(piece, anchors) : rangeBeside(piece, start < seam, anchors, baseLength);
    return { kind: "new", ...piece, baseRange: clip(range, baseLength) };
  });
}

/** Returns where the left anchor's part ends: nowhere or everywhere when one of the two is but an end of the objects. */
function seamOf(chunks: readonly Chunk[], { left, right }: Anchors): number {
  if (left.isEdge !== right.isEdge) return left.isEdge ? left.at : right.at;
  const first = chunks[0];
  const isNextToFirst = !left.isEdge && first?.offset === left.at;
  return Math.floor(isNextToFirst ? first.offset + first.length / 2 : (left.at + right.at) / 2);
}

/** Returns where pieces begin: at chunks where they can, at `seam`, and within chunks that are too long. */
function cutPieces(chunks: readonly Chunk[], seam: number | undefined): number[] {
  const starts: number[] = [];
  let start = 0;
  for (const { offset, length } of chunks) {
    const end = offset + length;
    const isSplit = seam !== undefined && seam > offset && seam < end;
    const parts = isSplit ? [...evenly(offset, seam), ...evenly(seam, end)] : evenly(offset, end);
    for (const part of parts) {
      if (starts.length > 0 && part.from !== seam && part.to - start <= MAX_PIECE_BYTES) continue;
      start = part.from;
      starts.push(start);
    }
  }
  return starts;
}

/** Cuts a range into parts of one length, or nearly so, that are no longer than a piece may be. */
function evenly(from: number, to: number): { readonly from: number; readonly to: number }[] {
  const count = Math.ceil((to - from) / MAX_PIECE_BYTES);
  const cut = (index: number): number => from + Math.floor(((to - from) * index) / count);
  return Array.from({ length: count }, (_, index) => ({ from: cut(index), to: cut(index + 1) }));
}

type Placement = "span" | "interpolated" | "seam";

/** Says how pieces between two anchors are placed: by both, in proportion, or on each side of a seam by one. */
function placementOf({ left, right }: Anchors): Placement {
  const gap = right.base - left.base;
  const distance = right.at - left.at;
  const room = MAX_DICTIONARY_BYTES - 2 * marginOf({ left, right });
  if (Math.abs(gap - distance) <= room - MAX_PIECE_BYTES || (gap >= 0 && gap <= room)) return "span";
  return gap > 0 && gap <= distance * 2 && distance <= gap * 2 ? "interpolated" : "seam";
}

function marginOf({ left, right }: Anchors): number {
  const most = (MAX_DICTIONARY_BYTES - MAX_PIECE_BYTES) / 2;
  return Math.min(most, DICTIONARY_MARGIN_BYTES + Math.max(left.uncertainty, right.uncertainty));
}

/** Is a range that may still reach past the base. */
interface LooseRange {
  readonly from: number;
  readonly to: number;
}

/** Returns the range for a piece that may have moved by what either anchor says, or in proportion. */
function rangeBetween(piece: BaseRange, anchors: Anchors): LooseRange {
  const { left, right } = anchors;
  if (placementOf(anchors) === "interpolated") {
    const part = (piece.offset + piece.length / 2 - left.at) / (right.at - left.at);
    const centre = left.base + part * (right.base - left.base);
    return { from: centre - MAX_DICTIONARY_BYTES / 2, to: centre + MAX_DICTIONARY_BYTES / 2 };
  }
  const byLeft = left.base + (piece.offset - left.at);
  const byRight = right.base - (right.at - piece.offset);
  // Where the anchors are in order, what lies outside them belongs to others.
  const [least, most] = left.base <= right.base ? [left.base, right.base] : [-Infinity, Infinity];
  const from = clamp(Math.min(byLeft, byRight), least, most);
  const to = clamp(Math.max(byLeft, byRight) + piece.length, least, most);
  const margin = marginOf(anchors);
  return { from: from - margin, to: to + margin };
}

/** Returns the range for a piece on one side of a seam. */
function rangeBeside(piece: BaseRange, isLeft: boolean, anchors: Anchors, baseLength: number): LooseRange {
  const { left, right } = anchors;
  const place = isLeft ? left.base + (piece.offset - left.at) : right.base - (right.at - piece.offset);
  const from = clamp(place, 0, Math.max(0, baseLength - piece.length));
  const margin = marginOf(anchors);
  return { from: from - margin, to: from + piece.length + margin };
}

function clip({ from, to }: LooseRange, baseLength: number): BaseRange | undefined {
  const offset = Math.floor(clamp(from, 0, baseLength));
  const length = Math.min(Math.ceil(clamp(to, 0, baseLength)) - offset, MAX_DICTIONARY_BYTES);
  return length <= 0 ? undefined : { offset, length };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
