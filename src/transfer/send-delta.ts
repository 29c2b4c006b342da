import { mapConcurrent, throwIfAborted } from "../base/concurrency.ts";
import { sha256 } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import type { BodyBase, Segment } from "../formats/body.ts";
import type { Cache } from "../store/cache.ts";
import { averageFor, chunkStream, type Chunk } from "../store/chunker.ts";
import { compressAsync } from "../store/compression.ts";
import { encodeDeltaAsync } from "../store/delta-codec.ts";
import { placeOfDelta, planDelta, type BasePlace, type BaseRange, type NewRun, type PlannedRun } from "../store/delta-plan.ts";
import { isCheapToRead, type PlannedBody } from "./frame-memory.ts";
import { findLocalRanges, splitByLocal, type LocalRange } from "./local-ranges.ts";
import { appendPlace, reuseSegments, type BuildContext, type StreamPart } from "./push-context.ts";
import { SegmentMap } from "./segments.ts";
import type { StoredObject } from "./stored-objects.ts";

/** Past this many packs of deltas a fresh clone would make too many requests: what is new since the base is then packed together anew. */
const MAX_DELTA_PACKS = 24;
/** When more than this part of an object is new, a version of its own costs readers less than a base of which little is used. */
const MAX_NEW_PART = 0.5;
const PIECES_AT_ONCE = 16;

/** Is the earlier content that an object is sent as a delta against. */
interface Ancestor {
  readonly object: StoredObject;
  readonly stream: SegmentMap;
  readonly base: BodyBase;
  /** True when the ancestor is the base itself. */
  readonly isBase: boolean;
  readonly local: readonly LocalRange[];
}

interface KnownPlace {
  readonly basePlace: BasePlace | undefined;
  /** Where the chunk lies in the ancestor's stream. */
  readonly offset: number;
}

/**
 * Sends a large object as what differs from an earlier version of its file: known chunks are referenced, runs of new bytes are encoded
 * against the range of the base where they belong. Returns the parts of its stream; undefined when there is no ancestor whose bytes are
 * cached here and whole on the remote, or too little in common.
 */
export async function sendDelta(
  context: BuildContext,
  { sha256: hash, size }: Pick<StoredObject, "sha256" | "size">,
  earlier: readonly StoredObject[],
): Promise<readonly StreamPart[] | undefined> {
  const ancestor = findAncestor(context, { sha256: hash, size }, earlier);
  if (ancestor === undefined) return undefined;
  const { cache, signal } = context;
  // Both are cut with the base's average: cuts of another one agree nowhere.
  const average = averageFor(ancestor.base.size);
  const known = indexChunks(await chunkObject(cache, ancestor.object.sha256, average), ancestor);
  const chunks = await chunkObject(cache, hash, average);
  throwIfAborted(signal);
  const runs = planDelta(chunks, ancestor.base.size, (chunk, near) => nearest(known.get(chunk.sha256), near));
  const newBytes = runs.reduce((sum, run) => (run.kind === "new" && run.baseRange === undefined ? sum + run.length : sum), 0);
  if (newBytes > size * MAX_NEW_PART) return undefined;
  if (!isCheapToRead({ ...planReading(ancestor, runs), length: size, isPart: context.version.pointer.kind === "dir" })) return undefined;
  const parts: StreamPart[] = [];
  for (let first = 0; first < runs.length; first += PIECES_AT_ONCE) {
    throwIfAborted(signal);
    const batch = runs.slice(first, first + PIECES_AT_ONCE);
    parts.push(...(await sendRuns(context, { ancestor, hash, runs: batch })));
    context.progress.covered(batch.reduce((sum, run) => sum + run.length, 0));
  }
  return parts;
}

/** Says what the object will be in the body, as far as it tells how much a reader decodes: on its one base. */
function planReading(ancestor: Ancestor, runs: readonly PlannedRun<KnownPlace>[]): Pick<PlannedBody, "segments" | "bases"> {
  return { segments: planSegments(ancestor, runs), bases: [ancestor.base] };
}

function* planSegments({ isBase, stream }: Ancestor, runs: readonly PlannedRun<KnownPlace>[]): Generator<Segment> {
  for (const run of runs) {
    if (run.kind === "known") {
      for (const { known, length } of run.chunks) {
        if (isBase) yield { encoding: "copy", base: 0, offset: known.offset, length };
        // All of it stands on the one base, under whatever number the body there has for it.
        else for (const segment of stream.slice(known.offset, length)) yield "base" in segment ? { ...segment, base: 0 } : segment;
      }
    } else if (run.baseRange !== undefined) {
      const frame = { blob: -1, offset: run.offset, stored: 0, decoded: run.length, skip: 0, length: run.length };
      yield { encoding: "delta", ...frame, base: 0, dictionaryOffset: run.baseRange.offset, dictionaryLength: run.baseRange.length };
    }
  }
}

function findAncestor(
  context: BuildContext,
  { sha256: hash, size }: Pick<StoredObject, "sha256" | "size">,
  earlier: readonly StoredObject[],
): Ancestor | undefined {
  for (const object of earlier) {
    if (object.sha256 === hash || object.size * 4 < size || object.segments.length === 0) continue;
    const { body, segments } = object;
    if (reuseSegments(context, segments, body) === undefined) continue;
    const based = segments.find((segment) => segment.encoding === "copy" || segment.encoding === "delta");
    const plain = segments.flatMap((segment) => (segment.encoding === "raw" || segment.encoding === "zstd" ? [segment] : []));
    const base = based === undefined ? { sha256: object.sha256, size: object.size, segments: plain } : body.bases[based.base];
    if (base === undefined) continue;
    const isBase = based === undefined;
    return { object, stream: new SegmentMap(segments), base, isBase, local: findLocalRanges(context.cache, base, [object]) };
  }
  return undefined;
}

async function chunkObject(cache: Cache, hash: Sha256, average: number): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of chunkStream(cache.read(hash), average)) chunks.push(chunk);
  return chunks;
}

/** Says of each chunk of the ancestor where it lies, and where in the base its content sits or sat. */
function indexChunks(chunks: readonly Chunk[], ancestor: Ancestor): Map<Sha256, KnownPlace[]> {
  const packs = new Set(ancestor.object.segments.flatMap((segment) => (segment.encoding === "delta" ? [segment.blob] : [])));
  const mayRefer = packs.size < MAX_DELTA_PACKS;
  const places = new Map<Sha256, KnownPlace[]>();
  for (const chunk of chunks) {
    const segments = ancestor.isBase ? [] : ancestor.stream.slice(chunk.offset, chunk.length);
    if (!mayRefer && segments.some((segment) => segment.encoding !== "copy")) continue;
    const basePlace = ancestor.isBase ? { position: chunk.offset } : placeInBase(segments);
    const place = { basePlace, offset: chunk.offset };
    const before = places.get(chunk.sha256);
    if (before === undefined) places.set(chunk.sha256, [place]);
    else before.push(place);
  }
  return places;
}

function placeInBase(segments: readonly Segment[]): BasePlace | undefined {
  const [first] = segments;
  if (first?.encoding === "copy") return { position: first.offset };
  if (first?.encoding !== "delta") return undefined;
  return placeOfDelta({ offset: first.dictionaryOffset, length: first.dictionaryLength }, first.decoded, first.skip);
}

function nearest(places: readonly KnownPlace[] | undefined, near: number): KnownPlace | undefined {
  let best: KnownPlace | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const place of places ?? []) {
    const distance = Math.abs((place.basePlace?.position ?? place.offset) - near);
    if (distance >= bestDistance) continue;
    best = place;
    bestDistance = distance;
  }
  return best;
}

interface RunBatch {
  readonly ancestor: Ancestor;
  readonly hash: Sha256;
  readonly runs: readonly PlannedRun<KnownPlace>[];
}

/** Encodes the new runs of a batch in parallel, then packs them in order. */
async function sendRuns(context: BuildContext, { ancestor, hash, runs }: RunBatch): Promise<StreamPart[]> {
  const encoded = await mapConcurrent(runs, PIECES_AT_ONCE, async (run) =>
    run.kind === "new" ? encodeRun(context, { ancestor, hash, run }) : undefined,
  );
  const parts: StreamPart[] = [];
  for (const [index, run] of runs.entries()) {
    const piece = encoded[index];
    if (run.kind === "known") {
      parts.push((builder) => {
        for (const chunk of run.chunks) appendKnown(builder, ancestor, chunk.known.offset, chunk.length);
      });
    } else if (piece !== undefined) {
      parts.push(await sendPiece(context, ancestor, piece));
    }
  }
  return parts;
}

function appendKnown(builder: Parameters<StreamPart>[0], ancestor: Ancestor, offset: number, length: number): void {
  const { base, isBase, stream } = ancestor;
  const { body } = ancestor.object;
  if (isBase) builder.append({ encoding: "copy", base: builder.base(base, body.blobs), offset, length });
  else builder.appendFrom(stream.slice(offset, length), body);
}

interface EncodedPiece {
  readonly data: Buffer;
  readonly range: BaseRange | undefined;
  /** A delta where there is a range, else a zstd frame; absent when the bytes are best kept as they are. */
  readonly frame: Buffer | undefined;
}

async function encodeRun(
  context: BuildContext,
  request: { readonly ancestor: Ancestor; readonly hash: Sha256; readonly run: NewRun },
): Promise<EncodedPiece> {
  const { ancestor, hash, run } = request;
  const data = await readRange(context.cache, hash, run.offset, run.length);
  if (run.baseRange !== undefined) {
    const dictionary = await readBase(context.cache, ancestor, run.baseRange);
    const frame = dictionary === undefined ? undefined : await encodeDeltaAsync(data, dictionary);
    if (frame !== undefined) return { data, range: run.baseRange, frame };
  }
  const frame = await compressAsync(data);
  return { data, range: undefined, frame: frame.length < data.length * 0.95 ? frame : undefined };
}

async function sendPiece(context: BuildContext, ancestor: Ancestor, { data, range, frame }: EncodedPiece): Promise<StreamPart> {
  const { piecePacker } = context;
  const pieceHash = sha256(data);
  if (frame === undefined) {
    const place: { value?: Parameters<typeof appendPlace>[1] } = {};
    await piecePacker.addObject(pieceHash, data, (sent) => void (place.value = sent));
    return (builder) => appendPlace(builder, place.value);
  }
  if (range === undefined) {
    const place = await piecePacker.addFrame({ encoding: "zstd", decoded: data.length }, frame, pieceHash);
    return (builder) => appendPlace(builder, place);
  }
  const { base } = ancestor;
  const { body } = ancestor.object;
  const dictionary = { base: base.sha256, offset: range.offset, length: range.length };
  const place = await piecePacker.addFrame({ encoding: "delta", decoded: data.length, dictionary }, frame, pieceHash);
  return (builder) =>
    builder.append({
      encoding: "delta",
      blob: builder.blob(place.pack.key, place.pack.size),
      offset: place.frame.offset,
      stored: place.frame.stored,
      decoded: data.length,
      skip: 0,
      length: data.length,
      base: builder.base(base, body.blobs),
      dictionaryOffset: range.offset,
      dictionaryLength: range.length,
    });
}

async function readRange(cache: Cache, hash: Sha256, offset: number, length: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of cache.read(hash, offset, length)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Returns a range of the base from what is cached, or undefined when some of it is not. */
async function readBase(cache: Cache, ancestor: Ancestor, range: BaseRange): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  for (const run of splitByLocal(ancestor.local, range.offset, range.length)) {
    if (run.local === undefined) return undefined;
    pieces.push(await readRange(cache, run.local.object, run.local.objectOffset, run.length));
  }
  return Buffer.concat(pieces);
}
