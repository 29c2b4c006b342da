import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { averageFor, chunkStream, createChunker, type Chunk, type GearEngine } from "../../src/store/chunker.ts";
import { createGearTable } from "../../src/store/gear-table.ts";
import { createRandom } from "./codec-data.ts";

const KIB = 1024;
const GIB = 2 ** 30;

function cut(pieces: readonly Uint8Array[], averageBytes: number, engine?: GearEngine): number[] {
  const lengths: number[] = [];
  const chunker = createChunker(averageBytes, engine);
  for (const piece of pieces) chunker.push(piece, (length) => lengths.push(length));
  chunker.finish((length) => lengths.push(length));
  return lengths;
}

/** Cuts by the rule as the format's text has it, one window at a time. */
function cutByRule(data: Uint8Array, averageBytes: number): number[] {
  const table = createGearTable();
  const bits = Math.log2(averageBytes);
  const lengths: number[] = [];
  let start = 0;
  for (let end = 1; end <= data.length; end++) {
    const length = end - start;
    let isCut = length === averageBytes * 4 || end === data.length;
    if (length >= averageBytes / 4 && !isCut) {
      let hash = 0;
      for (let at = end - 32; at < end; at++) hash = (hash * 2 + (table[data[at] ?? 0] ?? 0)) % 2 ** 32;
      isCut = hash < 2 ** (32 - bits + (length < averageBytes ? -2 : 2));
    }
    if (isCut) {
      lengths.push(length);
      start = end;
    }
  }
  return lengths;
}

/** Slices data at pseudo-random places. */
function slice(data: Uint8Array, seed: number, largest: number): Uint8Array[] {
  const random = createRandom(seed);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < data.length;) {
    const length = Math.floor(random() * largest);
    pieces.push(data.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

describe("createChunker", () => {
  test("cuts by the rule of the format, in both engines", () => {
    for (const [seed, average] of [
      [1, 256],
      [2, 512],
      [3, 1024],
    ] as const) {
      const data = createRandom(seed).bytes(60_000);
      const expected = cutByRule(data, average);
      expect(cut([data], average)).toEqual(expected);
      expect(cut([data], average, "portable")).toEqual(expected);
    }
  });

  test("cuts are the same however the input is sliced, and in both engines", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 40_000 }),
        fc.constantFrom(256, 1024, 4096),
        fc.record({
          largest: fc.constantFrom(3, 100, 5000, 200_000),
          alphabet: fc.constantFrom(2, 16, 256),
        }),
        (seed, length, average, { largest, alphabet }) => {
          const data = createRandom(seed)
            .bytes(length)
            .map((byte) => byte % alphabet);
          const whole = cut([data], average);
          expect(cut(slice(data, seed + 1, largest), average)).toEqual(whole);
          expect(cut(slice(data, seed + 2, largest), average, "portable")).toEqual(whole);
          expect(whole.reduce((sum, one) => sum + one, 0)).toBe(length);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("chunks of random content have the lengths that were promised", () => {
    const data = createRandom(7).bytes(32 << 20);
    const lengths = cut([data], 64 * KIB);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(256 * KIB);
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThanOrEqual(16 * KIB);
    const mean = data.length / lengths.length;
    expect(mean).toBeGreaterThan(60 * KIB);
    expect(mean).toBeLessThan(85 * KIB);
    expect(cut([data], 64 * KIB, "portable")).toEqual(lengths);
  });

  test("content that never cuts is cut at four times the average", () => {
    expect(cut([new Uint8Array(10_000)], 1024)).toEqual([4096, 4096, 1808]);
  });

  test("an edit changes the cuts near it only", () => {
    const data = createRandom(9).bytes(8 << 20);
    const edited = Buffer.concat([data.subarray(0, 3 << 20), Buffer.from("inserted"), data.subarray(3 << 20)]);
    const before = cut([data], 16 * KIB);
    const after = cut([edited], 16 * KIB);
    let same = 0;
    while (before[same] === after[same]) same++;
    let sameAtEnd = 0;
    while (before.at(-1 - sameAtEnd) === after.at(-1 - sameAtEnd)) sameAtEnd++;
    expect(before.length - same - sameAtEnd).toBeLessThan(6);
  });

  test("a finished chunker begins anew", () => {
    const data = createRandom(11).bytes(20_000);
    const chunker = createChunker(512);
    const runs = [0, 1].map(() => {
      const lengths: number[] = [];
      chunker.push(data, (length) => lengths.push(length));
      chunker.finish((length) => lengths.push(length));
      chunker.finish((length) => lengths.push(length));
      return lengths;
    });
    expect(runs[1]).toEqual(runs[0]);
  });

  test("cuts do not change between releases", () => {
    const data = createRandom(42).bytes(1 << 20);
    expect(createHash("sha256").update(data).digest("hex")).toBe("6ba4de1040a0b9b35d050bd35f299652832dee76ecc0f89cbf0088879e5fafe9");
    expect(cut([data], 64 * KIB)).toEqual([
      85521, 60890, 96426, 27753, 45867, 93792, 67199, 85337, 72288, 72593, 66565, 78508, 89720, 106117,
    ]);
    expect([...createGearTable().subarray(0, 3)]).toEqual([1110520406, 1917981730, 3398854581]);
  });

  test("an average that is no power of two between 256 bytes and 4 MiB is refused", () => {
    for (const average of [0, 128, 1000, 65_537, 8 << 20, Number.NaN]) expect(() => createChunker(average)).toThrow(RangeError);
  });

  test("the embedded module is what its script assembles", () => {
    execFileSync(process.execPath, ["scripts/build-gear-wasm.js", "--check"]);
  });
});

test("averageFor doubles the average over 16 GiB", () => {
  expect([0, 1, 16 * GIB].map(averageFor)).toEqual([64 * KIB, 64 * KIB, 64 * KIB]);
  expect([16 * GIB + 1, 32 * GIB, 33 * GIB, 2 ** 50].map(averageFor)).toEqual([128 * KIB, 128 * KIB, 256 * KIB, 4096 * KIB]);
});

describe("chunkStream", () => {
  async function collect(pieces: readonly Uint8Array[], average: number): Promise<Chunk[]> {
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const piece of pieces) yield piece;
    }
    const chunks: Chunk[] = [];
    for await (const chunk of chunkStream(source(), average)) chunks.push(chunk);
    return chunks;
  }

  test("gives each chunk's place and hash, however the source is sliced", async () => {
    for (const [seed, largest] of [
      [1, 7],
      [2, 900],
      [3, 50_000],
      [4, 400_000],
    ] as const) {
      const data = createRandom(5).bytes(largest < 10 ? 20_000 : 300_000);
      let offset = 0;
      const expected = cut([data], 4096).map((length) => {
        const sha256 = createHash("sha256")
          .update(data.subarray(offset, offset + length))
          .digest("hex");
        const chunk = { offset, length, sha256 };
        offset += length;
        return chunk;
      });
      expect(await collect(slice(data, seed, largest), 4096)).toEqual(expected);
    }
  });

  test("gives nothing for an empty stream", async () => {
    expect(await collect([], 4096)).toEqual([]);
    expect(await collect([new Uint8Array()], 4096)).toEqual([]);
  });

  test("holds no more than the source's buffers while a large stream passes", async () => {
    const data = createRandom(6).bytes(4 << 20);
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 100; index++) yield data;
    }
    const before = process.memoryUsage().arrayBuffers;
    let count = 0;
    let most = 0;
    for await (const chunk of chunkStream(source(), 64 * KIB)) {
      count += chunk.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(count).toBe(400 << 20);
    expect(most).toBeLessThan(32 << 20);
  });
});
