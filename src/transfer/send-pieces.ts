import { sha256 } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { compressAsync, samplePaysToCompress } from "../store/compression.ts";
import { appendPlace, type BuildContext, type StreamPart } from "./push-context.ts";
import { GROUP_BYTES } from "./remote-packer.ts";

const PIECES_AT_ONCE = 8;

/**
 * Sends a large object as compressed pieces of 256 KiB in packs, and returns the parts of its stream; undefined when compressing it does not
 * pay, so that it is best sent whole.
 */
export async function sendPieces(context: BuildContext, hash: Sha256, size: number): Promise<readonly StreamPart[] | undefined> {
  if (!(await paysToCompress(context, hash, size))) return undefined;
  const parts: StreamPart[] = [];
  let batch: Buffer[] = [];
  const flush = async (): Promise<void> => {
    const pieces = batch;
    batch = [];
    const frames = await Promise.all(pieces.map((piece) => compressAsync(piece)));
    for (const [index, piece] of pieces.entries()) {
      const frame = frames[index] as Buffer;
      const place = await context.piecePacker.addFrame({ encoding: "zstd", decoded: piece.length }, frame, sha256(piece));
      parts.push((builder) => appendPlace(builder, place));
      context.progress.covered(piece.length);
    }
  };
  for await (const piece of cutPieces(context.cache.read(hash))) {
    throwIfAborted(context.signal);
    batch.push(piece);
    if (batch.length >= PIECES_AT_ONCE) await flush();
  }
  await flush();
  return parts;
}

/** Cuts a stream into pieces of 256 KiB. */
async function* cutPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const data of source) {
    rest = rest.length === 0 ? Buffer.from(data.buffer, data.byteOffset, data.length) : Buffer.concat([rest, data]);
    while (rest.length >= GROUP_BYTES) {
      yield rest.subarray(0, GROUP_BYTES);
      rest = rest.subarray(GROUP_BYTES);
    }
  }
  if (rest.length > 0) yield rest;
}

/** Tells whether compressing an object pays, from a few samples over its length. */
async function paysToCompress(context: BuildContext, hash: Sha256, size: number): Promise<boolean> {
  const samples: Uint8Array[] = [];
  for (let index = 0; index < 4; index++) {
    const offset = Math.floor(((size - GROUP_BYTES / 4) * index) / 4);
    for await (const chunk of context.cache.read(hash, Math.max(0, offset), Math.min(GROUP_BYTES / 4, size))) samples.push(chunk);
  }
  return samplePaysToCompress(samples);
}
