import * as fs from "node:fs";
import { mapConcurrent, throwIfAborted } from "../base/concurrency.ts";
import { fromSystemError } from "../base/errors.ts";
import { createSha256, EMPTY_SHA256, sha256 } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import type { BodyBlob } from "../formats/body.ts";
import { parseBlobKey } from "../formats/layout.ts";
import { LOOSE_MIN_BYTES } from "../store/cache.ts";
import { isPackSound } from "../store/check-pack.ts";
import { PACK_TARGET_BYTES } from "../store/pack-writer.ts";
import { assertRoom, fetchBlobFile } from "./fetch-blob.ts";
import { isCached, mismatch, type FetchPartContext, type WantedObject } from "./fetch-context.ts";
import { assertPlan, Rebuilder, type FetchPlan } from "./rebuild.ts";
import { SegmentMap } from "./segments.ts";
import { EarlierFiles } from "./stored-objects.ts";

/** A pack of which at least this part is needed is fetched whole and kept as it is. */
const WHOLE_PACK_PART = 0.7;
/** A base of which at least this part would be fetched is fetched whole and kept. */
const KEPT_BASE_PART = 0.25;
/** A base is kept only where the disk has room for so many of its size. */
const ROOM_FACTOR = 4;
const MAX_PACK_BYTES = 2 * PACK_TARGET_BYTES;

/** Brings objects into the cache; returns how many. Small ones are durable after the writer's `finish`. */
export async function fetchObjects(context: FetchPartContext, objects: readonly WantedObject[]): Promise<number> {
  const { cache, body, writer, spool } = context;
  for (const { sha256: hash, size } of objects) {
    if (size !== 0) continue;
    if (hash !== EMPTY_SHA256) throw mismatch(hash);
    writer.addSmall(hash, new Uint8Array());
  }
  const missing = objects.reduce((sum, object) => (isCached(cache, object) ? sum : sum + object.size), 0);
  assertRoom(cache.folder, missing);
  await fetchWholeBlobs(context, objects);
  const rest = objects.filter((object) => object.size > 0 && !isCached(cache, object));
  if (rest.length === 0) return objects.length;
  const rebuilder = new Rebuilder({ body, cache, spool, isLocal: context.relatives !== undefined });
  const earlier = new EarlierFiles(cache, context.relatives ?? []);
  const plan: FetchPlan = new Map();
  for (const object of rest) {
    if (rebuilder.hasDeltas(object.offset, object.size)) rebuilder.useLocal(earlier.find(object.path));
  }
  if (context.keepsBases === true) await keepBases(context, rebuilder, rest);
  for (const object of rest) rebuilder.plan(plan, object.offset, object.size);
  assertPlan(plan, body.length);
  await spool.fetch(plan);
  for (const object of inStoredOrder(rebuilder, rest)) {
    throwIfAborted(context.signal);
    if (object.size >= LOOSE_MIN_BYTES) await publishLarge(context, rebuilder.read(object.offset, object.size), object);
    else await rebuildSmall(context, rebuilder, object);
  }
  return objects.length;
}

/** A folder's files may lie all over the frames of earlier pushes: in the order in which they are stored, each frame is decoded once. */
function inStoredOrder(rebuilder: Rebuilder, objects: readonly WantedObject[]): WantedObject[] {
  const placed = objects.map((object) => ({ object, place: rebuilder.placeAt(object.offset) }));
  placed.sort((a, b) => a.place.blob - b.place.blob || a.place.offset - b.place.offset);
  return placed.map(({ object }) => object);
}

/** Fetches objects that are one whole blob, and packs that are needed for the most part, as they are. */
async function fetchWholeBlobs(context: FetchPartContext, objects: readonly WantedObject[]): Promise<void> {
  const { body, cache } = context;
  const stream = new SegmentMap(body.segments);
  const packs = new Map<BodyBlob, number>();
  const blobs: { readonly blob: BodyBlob; readonly object: WantedObject }[] = [];
  for (const object of objects) {
    const [segment, ...more] = stream.slice(object.offset, object.size);
    if (segment === undefined || more.length > 0 || segment.encoding === "copy" || segment.encoding === "delta") {
      // A pack that holds pieces of this object is no use as it is.
      for (const part of [segment, ...more])
        if (part !== undefined && part.encoding !== "copy") packs.set(body.blobs[part.blob] as BodyBlob, Number.NEGATIVE_INFINITY);
      continue;
    }
    const blob = body.blobs[segment.blob] as BodyBlob;
    const key = parseBlobKey(blob.key);
    if (key?.kind === "objects" && key.hash === object.sha256 && blob.size === object.size) {
      blobs.push({ blob, object });
    } else if (key?.kind === "packs" && key.nonce === undefined && object.size < 8 * 1024 * 1024) {
      const bytes = segment.encoding === "raw" ? object.size : (object.size / segment.decoded) * segment.stored;
      packs.set(blob, (packs.get(blob) ?? 0) + bytes);
    }
  }
  for (const { blob, object } of blobs) {
    cache.publishObject(await fetchBlobFile(context, blob, object.sha256, object.path), object.sha256);
  }
  const wholePacks = [...packs].filter(([blob, bytes]) => blob.size <= MAX_PACK_BYTES && bytes >= blob.size * WHOLE_PACK_PART);
  await mapConcurrent(wholePacks, 2, async ([blob]) => {
    const hash = parseBlobKey(blob.key)?.hash as Sha256;
    const temp = await fetchBlobFile(context, blob, hash);
    if (isPackSound(temp, blob.size)) {
      cache.publishPack(temp, hash, blob.size);
      return;
    }
    fs.rmSync(temp, { force: true });
    context.onEvent({
      type: "notice",
      level: "warning",
      message: `${blob.key} does not hold what its footer lists; only what is needed of it is read`,
    });
  });
}

/**
 * Puts bases into the cache of which a good part has to be fetched anyway: the next version stands on the same base, and needs ranges
 * of it that this one does not, to be received as to be sent.
 */
async function keepBases(context: FetchPartContext, rebuilder: Rebuilder, objects: readonly WantedObject[]): Promise<void> {
  for (const { number, base, missingBytes } of rebuilder.basesOf(objects)) {
    if (missingBytes < base.size * KEPT_BASE_PART || !hasRoom(context.cache.folder, base.size)) continue;
    const plan: FetchPlan = new Map();
    rebuilder.planBase(plan, number);
    assertPlan(plan, context.body.length);
    await context.spool.fetch(plan);
    await publishLarge(context, rebuilder.readBase(number), { sha256: base.sha256 });
    rebuilder.useCachedBase(number);
  }
}

function hasRoom(folder: string, bytes: number): boolean {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize > bytes * ROOM_FACTOR;
}

async function rebuildSmall(context: FetchPartContext, rebuilder: Rebuilder, object: WantedObject): Promise<void> {
  const pieces: Uint8Array[] = [];
  for await (const piece of rebuilder.read(object.offset, object.size)) pieces.push(piece);
  const bytes = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
  if (sha256(bytes) !== object.sha256) throw mismatch(object.sha256, object.path);
  context.writer.addSmall(object.sha256, bytes);
}

async function publishLarge(
  context: FetchPartContext,
  bytes: AsyncIterable<Uint8Array>,
  object: { readonly sha256: Sha256; readonly path?: string },
): Promise<void> {
  const temp = context.cache.tempFile("rebuild");
  const hasher = createSha256();
  try {
    const descriptor = fs.openSync(temp, "wx", 0o444);
    try {
      for await (const piece of bytes) {
        throwIfAborted(context.signal);
        hasher.update(piece);
        fs.writeSync(descriptor, piece);
      }
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
    if (hasher.digest() !== object.sha256) throw mismatch(object.sha256, object.path);
    context.cache.publishObject(temp, object.sha256);
  } catch (error) {
    fs.rmSync(temp, { force: true });
    throw fromSystemError(error, "write", temp);
  }
}
