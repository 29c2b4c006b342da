import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compress, decompress } from "../../src/store/compression.ts";
import { decodeDelta, decodeDeltaAsync, dictionaryBytes, encodeDelta, encodeDeltaAsync } from "../../src/store/delta-codec.ts";
import { createCsv, createRandom } from "./codec-data.ts";

const KIB = 1024;
const MAGIC = Buffer.from([0x37, 0xa4, 0x30, 0xec]);
const mismatch = expect.objectContaining({ code: "content-mismatch" });
const random = createRandom(1);
const csv = createCsv(random, 2048 * KIB);

function changeCell(data: Uint8Array, at: number): Buffer {
  const changed = Buffer.from(data);
  changed.write("987.6543", at);
  return changed;
}

describe("encodeDelta and decodeDelta", () => {
  test("what is encoded comes back, at once and on the thread pool, with the same frame", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 6000 }), fc.integer({ min: 1, max: 6000 }), async (seed, from, length) => {
        const source = createRandom(seed);
        const range = source.bytes(6000).map((byte) => byte % (1 + (seed & 255)));
        const data = Buffer.concat([range.subarray(from, from + length), source.bytes(seed & 63)]);
        const frame = encodeDelta(data, range);
        expect(await encodeDeltaAsync(data, range)).toEqual(frame);
        if (frame === undefined) return;
        expect(frame.length).toBeLessThan(data.length);
        expect(decodeDelta(frame, range, data.length).equals(data)).toBe(true);
        expect((await decodeDeltaAsync(frame, range, data.length)).equals(data)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    ["64 KiB in a range of 64 KiB", 0, 64, 64],
    ["64 KiB at the start of 1 MiB", 0, 64, 1024],
    ["64 KiB at the end of 1 MiB", 960, 64, 1024],
    ["256 KiB at the start of 1 MiB", 0, 256, 1024],
    ["256 KiB in the middle of 1 MiB", 400, 256, 1024],
    ["256 KiB at the end of 1 MiB", 768, 256, 1024],
    ["1 MiB in 1 MiB", 0, 1024, 1024],
  ])("one changed cell costs at most 120 bytes: %s", (_, at, length, rangeLength) => {
    const range = csv.subarray(0, rangeLength * KIB);
    const data = changeCell(range.subarray(at * KIB, (at + length) * KIB), length * 500);
    const frame = encodeDelta(data, range);
    expect(frame?.length).toBeLessThanOrEqual(120);
    expect(decodeDelta(frame ?? Buffer.alloc(0), range, data.length).equals(data)).toBe(true);
  });

  test("changes of binary numbers in the midst of others are small too", () => {
    const range = random.bytes(256 * KIB);
    const data = Buffer.from(range);
    for (let index = 0; index < 40; index++) data.writeUInt32LE(random.below(2 ** 32), random.below(64 * KIB) * 4);
    expect(encodeDelta(data, range)?.length).toBeLessThan(600);
  });

  test("every second number changed still pays", () => {
    const range = random.bytes(64 * KIB);
    const data = Buffer.from(range);
    for (let at = 0; at < data.length; at += 8) data.writeUInt32LE(random.below(2 ** 32), at);
    expect(encodeDelta(data, range)?.length).toBeLessThan(data.length * 0.6);
  });

  test("a range that looks like a trained dictionary works, and loses its first byte on both sides", () => {
    const range = Buffer.concat([MAGIC, csv.subarray(0, 64 * KIB)]);
    expect(dictionaryBytes(range)).toEqual(range.subarray(1));
    expect(dictionaryBytes(range.subarray(1))).toEqual(range.subarray(1));
    expect(dictionaryBytes(MAGIC.subarray(0, 3))).toEqual(MAGIC.subarray(0, 3));
    const data = changeCell(range, 30_000);
    const frame = encodeDelta(data, range);
    expect(frame?.length).toBeLessThan(80);
    expect(decodeDelta(frame ?? Buffer.alloc(0), range, data.length).equals(data)).toBe(true);
  });

  test("a frame says nothing that the recipe knows", () => {
    const frame = encodeDelta(changeCell(csv.subarray(0, 64 * KIB), 1000), csv.subarray(0, 64 * KIB)) ?? Buffer.alloc(0);
    expect(frame[4]).toBe(0);
  });

  test("nothing is returned where a delta does not pay", async () => {
    const other = createCsv(createRandom(77), 64 * KIB);
    const cases: readonly (readonly [Buffer, Buffer])[] = [
      [random.bytes(64 * KIB), random.bytes(64 * KIB)],
      [other, random.bytes(64 * KIB)],
      [Buffer.alloc(0), csv],
      [csv.subarray(0, 1000), Buffer.alloc(0)],
      [csv.subarray(0, 1000), csv.subarray(0, 7)],
      [Buffer.alloc(9 << 20), csv],
    ];
    for (const [data, range] of cases) {
      expect(encodeDelta(data, range)).toBeUndefined();
      expect(await encodeDeltaAsync(data, range)).toBeUndefined();
    }
  });

  test("a delta is kept only when plain zstd needs a tenth more", () => {
    const data = Buffer.concat([csv.subarray(0, 60 * KIB), random.bytes(4 * KIB)]);
    const plain = compress(data).length;
    for (let shared = 0; shared <= 60; shared += 4) {
      const range = Buffer.concat([csv.subarray(0, shared * KIB), random.bytes(8 * KIB)]);
      const frame = encodeDelta(data, range);
      if (frame !== undefined) expect(frame.length).toBeLessThan(plain * 0.9);
      if (shared > 12) expect(frame).toBeDefined();
    }
  });
});

describe("damage", () => {
  const range = csv.subarray(0, 96 * KIB);
  const data = changeCell(csv.subarray(16 * KIB, 80 * KIB), 40_000);
  const frame = encodeDelta(data, range) ?? Buffer.alloc(0);

  test("a wrong length, a frame cut short, two frames and plain bytes are refused", async () => {
    const cases: readonly (readonly [Buffer, number])[] = [
      [frame, data.length - 1],
      [frame, data.length + 1],
      [frame, 0],
      [frame.subarray(0, -1), data.length],
      [Buffer.concat([frame, frame]), data.length],
      [Buffer.concat([frame, compress(Buffer.from("more"))]), data.length + 4],
      [data, data.length],
      [Buffer.alloc(0), data.length],
    ];
    for (const [bytes, length] of cases) {
      expect(() => decodeDelta(bytes, range, length)).toThrow(mismatch);
      await expect(decodeDeltaAsync(bytes, range, length)).rejects.toEqual(mismatch);
    }
    expect(() => decodeDelta(frame, range, -1)).toThrow(expect.objectContaining({ code: "recipe-malformed" }));
  });

  test("a shorter range, or none, is refused or gives other bytes, never those of the data", () => {
    for (const other of [Buffer.alloc(0), range.subarray(0, 20), range.subarray(0, -1), random.bytes(range.length)]) {
      try {
        expect(decodeDelta(frame, other, data.length).equals(data)).toBe(false);
      } catch (error) {
        expect(error).toEqual(mismatch);
      }
    }
  });

  test("a delta without its dictionary is no plain frame", () => {
    expect(() => decompress(frame, data.length)).toThrow(mismatch);
  });
});

test("many calls at once take their turns and all come back, failures among them", async () => {
  const range = csv.subarray(0, 64 * KIB);
  const pieces = Array.from({ length: 200 }, (_, index) => changeCell(range, 100 + index * 300));
  const frames = await Promise.all(pieces.map((piece) => encodeDeltaAsync(piece, range)));
  const results = await Promise.allSettled(
    frames.map((frame, index) => decodeDeltaAsync(frame ?? Buffer.alloc(0), range, index % 2 === 0 ? range.length : range.length + 1)),
  );
  for (const [index, result] of results.entries()) {
    if (result.status === "fulfilled") expect(result.value.equals(pieces[index] ?? range)).toBe(index % 2 === 0);
    else expect([index % 2, result.reason]).toEqual([1, mismatch]);
  }
});
