import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32 } from "../../src/base/checksum.ts";
import { sha256 } from "../../src/base/hashing.ts";
import {
  formatPackFooter,
  PACK_TRAILER_BYTES,
  PackFooter,
  parsePackTrailer,
  type PackEntry,
  type PackFrame,
} from "../../src/formats/pack-footer.ts";
import { decompress } from "../../src/store/compression.ts";
import { decodeDelta } from "../../src/store/delta-codec.ts";
import { anySha256, codeOf, readGolden, survivesFlips } from "./golden.ts";

const u32 = fc.nat(2 ** 31 - 1);
const frameBytes = fc.nat(8 * 1024 * 1024);
const anyFrame: fc.Arbitrary<PackFrame> = fc.oneof(
  fc.record({ offset: u32, stored: u32 }).map((run) => ({ encoding: "raw" as const, ...run, decoded: run.stored })),
  fc.record({ encoding: fc.constant("zstd" as const), offset: u32, stored: u32, decoded: frameBytes }),
  fc.record({
    encoding: fc.constant("delta" as const),
    offset: u32,
    stored: u32,
    decoded: frameBytes,
    dictionary: fc.record({ base: anySha256, offset: fc.maxSafeNat(), length: u32 }),
  }),
);
const anyPack = fc
  .tuple(
    fc.array(anyFrame, { minLength: 1, maxLength: 6 }),
    fc.uniqueArray(anySha256, { maxLength: 40 }),
    fc.array(fc.nat(), { minLength: 80, maxLength: 80 }),
  )
  .map(([frames, hashes, numbers]) => {
    const entries = hashes.map((hash, index): PackEntry => {
      const frame = (numbers[index] ?? 0) % frames.length;
      const decoded = frames[frame]?.decoded ?? 0;
      const skip = (numbers[index + 40] ?? 0) % (decoded + 1);
      return { sha256: hash, frame, skip, size: decoded - skip };
    });
    return { frames, entries };
  });

/** Reads a whole pack as the cache does: trailer, footer, every frame and entry. */
function readPack(pack: Buffer): { frames: PackFrame[]; entries: PackEntry[] } {
  const length = parsePackTrailer(pack.subarray(-PACK_TRAILER_BYTES), "p") + PACK_TRAILER_BYTES;
  const bytes = pack.subarray(Math.max(0, pack.length - length));
  const footer = new PackFooter(bytes, pack.length - bytes.length, "p");
  const frames = Array.from({ length: footer.frameCount }, (_, index) => footer.frame(index));
  const entries = Array.from({ length: footer.entryCount }, (_, index) => footer.entry(index));
  for (const entry of entries) {
    footer.frame(entry.frame);
    footer.find(Buffer.from(entry.sha256, "hex"));
  }
  return { frames, entries };
}

function sortByHash(entries: readonly PackEntry[]): PackEntry[] {
  return [...entries].sort((left, right) => (left.sha256 < right.sha256 ? -1 : 1));
}

describe("a pack", () => {
  test("gives back the frames and entries that its footer was made of", () => {
    fc.assert(
      fc.property(anyPack, ({ frames, entries }) => {
        const bytes = formatPackFooter(frames, entries);
        const footer = new PackFooter(bytes, 2 ** 32, "p");
        expect(Array.from({ length: footer.frameCount }, (_, index) => footer.frame(index))).toEqual(frames);
        expect(Array.from({ length: footer.entryCount }, (_, index) => footer.entry(index))).toEqual(sortByHash(entries));
        for (const { sha256: hash, frame, skip, size } of entries) {
          expect(footer.find(Buffer.from(hash, "hex"))).toEqual({ frame: frames[frame], skip, size });
        }
      }),
    );
  });

  test("finds every object among thousands, and none that it lacks", () => {
    const frame: PackFrame = { encoding: "raw", offset: 0, stored: 5000, decoded: 5000 };
    const entries = Array.from({ length: 5000 }, (_, index) => ({ sha256: sha256(String(index)), frame: 0, skip: index, size: 1 }));
    const footer = new PackFooter(formatPackFooter([frame], entries), 5000, "p");
    for (const { sha256: hash, skip } of entries) expect(footer.find(Buffer.from(hash, "hex"))?.skip).toBe(skip);
    for (let index = 0; index < 1000; index++) expect(footer.find(Buffer.from(sha256(`other ${index}`), "hex"))).toBeUndefined();
  });

  test("that is a valid golden file formats to the same bytes", () => {
    for (const { name, bytes } of readGolden("pack", "valid")) {
      const { frames, entries } = readPack(bytes);
      const footer = formatPackFooter(frames, entries);
      expect(bytes.subarray(bytes.length - footer.length).equals(footer), name).toBe(true);
    }
  });

  test("that is a golden file holds objects that match their hashes, in every encoding", () => {
    const pack = readGolden("pack", "valid").find(({ name }) => name === "three-encodings.pack")?.bytes ?? Buffer.alloc(0);
    const { frames, entries } = readPack(pack);
    const stored = (frame: PackFrame): Buffer => pack.subarray(frame.offset, frame.offset + frame.stored);
    const decode = (frame: PackFrame): Buffer => {
      if (frame.encoding === "raw") return stored(frame);
      if (frame.encoding === "zstd") return decompress(stored(frame), frame.decoded);
      const base = entries.find((entry) => entry.sha256 === frame.dictionary?.base);
      const { offset, length } = frame.dictionary ?? { offset: 0, length: 0 };
      const plain = decode(frames[base?.frame ?? -1] as PackFrame);
      return decodeDelta(stored(frame), plain.subarray(offset, offset + length), frame.decoded);
    };
    expect(frames.map(({ encoding }) => encoding)).toEqual(["raw", "zstd", "delta"]);
    for (const entry of entries) {
      const bytes = decode(frames[entry.frame] as PackFrame).subarray(entry.skip, entry.skip + entry.size);
      expect(sha256(bytes)).toBe(entry.sha256);
    }
  });

  test("that is malformed is refused with the documented code", () => {
    for (const { name, bytes, code } of readGolden("pack", "malformed")) {
      expect(
        codeOf(() => readPack(bytes)),
        name,
      ).toBe(code);
    }
  });

  test("with flipped bits never throws anything but an MlvError", () => {
    survivesFlips(
      readGolden("pack", "valid").map(({ bytes }) => bytes),
      readPack,
    );
  });

  test("with flipped bits and a CRC made to fit never throws anything but an MlvError, and never names a range outside it", () => {
    const packs = readGolden("pack", "valid").map(({ bytes }) => bytes);
    survivesFlips(packs, (bytes) => {
      const at = bytes.length - PACK_TRAILER_BYTES;
      const length = at < 0 ? 0 : bytes.readUInt32LE(at);
      if (at >= length) bytes.writeUInt32LE(crc32(bytes.subarray(at - length, at)), at + 4);
      for (const frame of readPack(bytes).frames) expect(frame.offset + frame.stored).toBeLessThanOrEqual(at - length);
    });
  });
});
