import { randomBytes } from "node:crypto";
import * as zlib from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compress,
  compressAsync,
  decompress,
  decompressAsync,
  MAX_DECODED_BYTES,
  MAX_WINDOW_BYTES,
  samplePaysToCompress,
} from "../../src/store/compression.ts";

const text = Buffer.from("id,label\n".repeat(30_000));
const mismatch = expect.objectContaining({ code: "content-mismatch" });
const malformed = expect.objectContaining({ code: "recipe-malformed" });

describe("compress and decompress", () => {
  test("any bytes come back, at once and on the thread pool", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 5000 }),
        fc.integer({ min: 1, max: 19 }),
        fc.boolean(),
        async (data, level, contentSize) => {
          const frame = compress(data, level, { contentSize, checksum: !contentSize });
          expect(await compressAsync(data, level, { contentSize, checksum: !contentSize })).toEqual(frame);
          expect(decompress(frame, data.length).equals(data)).toBe(true);
          expect((await decompressAsync(frame, data.length)).equals(data)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("large content comes back, compressible or not", () => {
    for (const data of [Buffer.alloc(20 << 20, "abcdefg"), randomBytes(3 << 20)]) {
      for (const contentSize of [true, false]) expect(decompress(compress(data, 9, { contentSize }), data.length).equals(data)).toBe(true);
    }
  });

  test("a frame carries a checksum or a content size only when asked", () => {
    const plain = compress(text, 3, { contentSize: false });
    expect(compress(text, 3, { contentSize: false, checksum: true }).length).toBe(plain.length + 4);
    expect(compress(text).length).toBe(plain.length + 3);
  });

  test("the zstd of other programs is read", () => {
    expect(decompress(zlib.zstdCompressSync(text), text.length).equals(text)).toBe(true);
  });
});

describe("decoding is bounded", () => {
  test("a wrong length is refused, whether or not the frame tells its own", async () => {
    for (const contentSize of [true, false]) {
      const frame = compress(text, 3, { contentSize });
      for (const length of [0, 1, text.length - 1, text.length + 1]) {
        expect(() => decompress(frame, length)).toThrow(mismatch);
        await expect(decompressAsync(frame, length)).rejects.toEqual(mismatch);
      }
    }
  });

  test("a bound allows less and refuses more", () => {
    for (const contentSize of [true, false]) {
      const frame = compress(text, 3, { contentSize });
      expect(decompress(frame, text.length, { isBound: true }).equals(text)).toBe(true);
      expect(decompress(frame, text.length * 2, { isBound: true }).equals(text)).toBe(true);
      expect(() => decompress(frame, text.length - 1, { isBound: true })).toThrow(mismatch);
    }
  });

  test("a bomb stops at the bound", () => {
    const bomb = compress(Buffer.alloc(64 << 20), 3, { contentSize: false });
    expect(bomb.length).toBeLessThan(10_000);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => decompress(bomb, 1000)).toThrow(mismatch);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  });

  test("lengths that no recipe may hold are the recipe's fault", () => {
    const frame = compress(text);
    for (const length of [-1, 0.5, Number.NaN, MAX_DECODED_BYTES + 1]) expect(() => decompress(frame, length)).toThrow(malformed);
  });

  test("a window over the cap is refused before anything is decoded", () => {
    const { ZSTD_c_windowLog, ZSTD_c_contentSizeFlag } = zlib.constants;
    const wide = zlib.zstdCompressSync(text, {
      params: { [ZSTD_c_windowLog]: 27, [ZSTD_c_contentSizeFlag]: 0 },
    });
    wide[5] = 17 << 3;
    expect(() => decompress(wide, text.length)).toThrow(/window of 134217728 bytes/);
    wide[5] = 13 << 3;
    expect(2 ** 23).toBe(MAX_WINDOW_BYTES);
    expect(decompress(wide, text.length).equals(text)).toBe(true);
  });
});

describe("anything but one sound frame is refused", () => {
  const frame = compress(text);
  const cases: readonly (readonly [string, Buffer])[] = [
    ["nothing", Buffer.alloc(0)],
    ["plain text", text],
    ["two frames", Buffer.concat([compress(text.subarray(0, 100)), compress(text.subarray(100))])],
    ["a frame and an empty one", Buffer.concat([frame, compress(Buffer.alloc(0))])],
    ["a skippable frame in front", Buffer.concat([Buffer.from("502a4d1800000000", "hex"), frame])],
    ["a skippable frame behind", Buffer.concat([frame, Buffer.from("502a4d1800000000", "hex")])],
    ["trailing bytes", Buffer.concat([frame, Buffer.from([0])])],
    ["a frame without its last byte", frame.subarray(0, -1)],
    ["a header alone", frame.subarray(0, 7)],
  ];
  test.each(cases)("%s", (_, bytes) => {
    expect(() => decompress(bytes, text.length)).toThrow(mismatch);
    expect(() => decompress(bytes, text.length, { isBound: true })).toThrow(mismatch);
  });

  test("a frame cut anywhere, or with any byte changed, never throws anything else and never exceeds its length", () => {
    const small = compress(Buffer.from("abcabcabcabd,".repeat(40)), 3, { checksum: true });
    const length = 13 * 40;
    for (let at = 0; at < small.length; at++) {
      expect(() => decompress(small.subarray(0, at), length)).toThrow(mismatch);
      for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const changed = Buffer.from(small);
        changed[at] = (changed[at] ?? 0) ^ bit;
        try {
          expect(decompress(changed, length).length).toBe(length);
        } catch (error) {
          expect(error).toEqual(mismatch);
        }
      }
    }
  });
});

describe("samplePaysToCompress", () => {
  test("text pays, random bytes and nothing do not", () => {
    expect(samplePaysToCompress([text])).toBe(true);
    expect(samplePaysToCompress([text.subarray(0, 500)])).toBe(true);
    expect(samplePaysToCompress([randomBytes(300_000)])).toBe(false);
    expect(samplePaysToCompress([])).toBe(false);
    expect(samplePaysToCompress([Buffer.alloc(0)])).toBe(false);
  });

  test("all samples count together", () => {
    expect(samplePaysToCompress([text.subarray(0, 6000), randomBytes(60_000)])).toBe(false);
    expect(samplePaysToCompress([text.subarray(0, 12_000), randomBytes(60_000)])).toBe(true);
  });

  test("a long sample is looked at from its start to its end", () => {
    expect(samplePaysToCompress([Buffer.concat([randomBytes(150_000), text.subarray(0, 250_000)])])).toBe(true);
  });
});
