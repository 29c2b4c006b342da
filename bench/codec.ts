/**
 * Measures the store's codecs on a CSV of about 500 MB made from a seed: 1,000 rows are inserted in the middle and 1,000 cells changed at
 * random. Prints the chunking speed, how many chunks are new, the bytes of the deltas and the seconds each step took.
 *
 *   node bench/codec.ts [MEBIBYTES] [SEED] [EDITS]
 */
import { createHash } from "node:crypto";
import { mapConcurrent } from "../src/base/concurrency.ts";
import { averageFor, chunkStream, createChunker, type Chunk } from "../src/store/chunker.ts";
import { compressAsync } from "../src/store/compression.ts";
import { decodeDeltaAsync, encodeDeltaAsync } from "../src/store/delta-codec.ts";
import { planDelta, type NewRun } from "../src/store/delta-plan.ts";
import { createCsv, createRandom, type Random } from "../test/store/codec-data.ts";

const READ_BYTES = 1024 * 1024;
const KEY_BYTES = 45;
const LANES = 8;

const sizeBytes = Number(process.argv[2] ?? 478) * 1024 * 1024;
const seed = Number(process.argv[3] ?? 1);
const edits = Number(process.argv[4] ?? 1000);

function print(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(36)}${value}\n`);
}

async function timed<Result>(name: string, bytes: number, work: () => Promise<Result> | Result): Promise<Result> {
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  print(name, `${seconds.toFixed(2)} s${bytes === 0 ? "" : `, ${(bytes / seconds / 1e9).toFixed(2)} GB/s`}`);
  return result;
}

function makeVersion(base: Buffer, random: Random): Buffer {
  const middle = base.indexOf("\n", base.length / 2) + 1;
  const rows = createCsv(random, 200 * edits, 1)
    .toString("latin1")
    .split("\n")
    .slice(1, edits + 1);
  const version = Buffer.concat([base.subarray(0, middle), Buffer.from(`${rows.join("\n")}\n`, "latin1"), base.subarray(middle)]);
  for (let edit = 0; edit < edits; edit++) {
    const row = version.indexOf("\n", random.below(version.length - 1000)) + 1;
    version.write((100 + random() * 800).toFixed(4), row + KEY_BYTES, "latin1");
  }
  return version;
}

async function* read(data: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += READ_BYTES) yield data.subarray(at, at + READ_BYTES);
}

function countCuts(data: Buffer): number {
  const chunker = createChunker(averageFor(data.length));
  let count = 0;
  const onCut = (): void => void count++;
  for (let at = 0; at < data.length; at += READ_BYTES) chunker.push(data.subarray(at, at + READ_BYTES), onCut);
  chunker.finish(onCut);
  return count;
}

async function collectChunks(data: Buffer): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of chunkStream(read(data), averageFor(data.length))) chunks.push(chunk);
  return chunks;
}

const random = createRandom(seed);
const base = await timed("make the base", 0, () => createCsv(random, sizeBytes));
const version = await timed("make the version", 0, () => makeVersion(base, random));
const sha256 = createHash("sha256").update(version).digest("hex");

await timed("cut", version.length, () => countCuts(version));
const baseChunks = await timed("cut and hash the base", base.length, () => collectChunks(base));
const chunks = await timed("cut and hash the version", version.length, () => collectChunks(version));

const places = new Map(baseChunks.map(({ sha256: hash, offset }) => [hash, { basePlace: { position: offset } }]));
const runs = await timed("plan", 0, () => planDelta(chunks, base.length, ({ sha256: hash }) => places.get(hash)));
const pieces = runs.filter((run): run is NewRun => run.kind === "new");
const newBytes = pieces.reduce((sum, { length }) => sum + length, 0);
const newChunks = chunks.filter(({ sha256: hash }) => !places.has(hash)).length;
print("new chunks", `${newChunks} of ${chunks.length}, ${newBytes.toLocaleString("en")} bytes in ${pieces.length} pieces`);

const rangeOf = ({ baseRange }: NewRun): Buffer =>
  baseRange === undefined ? Buffer.alloc(0) : base.subarray(baseRange.offset, baseRange.offset + baseRange.length);
const dataOf = ({ offset, length }: NewRun): Buffer => version.subarray(offset, offset + length);
const frames = await timed("encode and check deltas", newBytes, () =>
  mapConcurrent(pieces, LANES, (piece) => encodeDeltaAsync(dataOf(piece), rangeOf(piece))),
);
const plain = await mapConcurrent(pieces, LANES, async (piece, index) =>
  frames[index] === undefined ? compressAsync(dataOf(piece)) : undefined,
);
const bytesOf = (all: readonly (Buffer | undefined)[]): number => all.reduce((sum, frame) => sum + (frame?.length ?? 0), 0);
print("delta bytes", `${bytesOf(frames).toLocaleString("en")} in ${frames.filter((frame) => frame !== undefined).length} frames`);
print("plain bytes", `${bytesOf(plain).toLocaleString("en")} in ${plain.filter((frame) => frame !== undefined).length} frames`);
const dictionaries = pieces.reduce((sum, { baseRange }) => sum + (baseRange?.length ?? 0), 0);
print("dictionary bytes", dictionaries.toLocaleString("en"));

const decoded = await timed("decode", newBytes, () =>
  mapConcurrent(pieces, LANES, async (piece, index) => {
    const frame = frames[index];
    return frame === undefined ? dataOf(piece) : decodeDeltaAsync(frame, rangeOf(piece), piece.length);
  }),
);
const rebuilt = createHash("sha256");
let piece = 0;
for (const run of runs) {
  if (run.kind === "new") rebuilt.update(decoded[piece++] ?? Buffer.alloc(0));
  else {
    for (const { known, length } of run.chunks) rebuilt.update(base.subarray(known.basePlace.position, known.basePlace.position + length));
  }
}
const isSame = rebuilt.digest("hex") === sha256;
print("rebuilt", isSame ? "same bytes" : "OTHER BYTES");
if (!isSame) process.exitCode = 1;
