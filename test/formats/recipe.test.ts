import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Sha256 } from "../../src/base/ids.ts";
import { formatBody, parseBody, type Body, type BodyBase, type BodyBlob, type PlainSegment, type Segment } from "../../src/formats/body.ts";
import { formatHead, MAX_BODY_BYTES, parseHead } from "../../src/formats/head.ts";
import { blobKey, parseBlobKey } from "../../src/formats/layout.ts";
import { anyHex, anySha256, codeOf, readGolden, survivesFlips } from "./golden.ts";

const ZERO = "0".repeat(64) as Sha256;
const nonce = fc.option(anyHex(8), { nil: undefined });
const kind = fc.constantFrom("file" as const, "dir" as const);
const anyBlob: fc.Arbitrary<BodyBlob> = fc
  .tuple(fc.constantFrom("objects" as const, "packs" as const), anySha256, nonce, fc.integer({ min: 1, max: 10 ** 12 }))
  .map(([blobKind, hash, suffix, size]) => ({ key: blobKey(blobKind, hash, suffix), size }));

/** Makes a range inside `size` bytes that often begins where the last one ended. */
function pickRange(seed: readonly [number, number, boolean], size: number, end: number): { offset: number; length: number } {
  const offset = seed[2] && end < size ? end : seed[0] % size;
  return { offset, length: 1 + (seed[1] % Math.min(size - offset, 1_000_000)) };
}

type Seed = readonly [number, number, number, boolean, number, number];
const seeds = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.boolean(), fc.nat(), fc.nat()), { maxLength: 20 });

function makeSegments(list: readonly Seed[], blobs: readonly BodyBlob[], bases: readonly BodyBase[]): Segment[] {
  let end = 0;
  return list.map(([which, at, length, isNext, part, choice]) => {
    const blob = which % blobs.length;
    const size = blobs[blob]?.size ?? 1;
    const range = pickRange([at, length, isNext], size, end);
    end = range.offset + range.length;
    const base = which % Math.max(1, bases.length);
    const baseSize = bases[base]?.size ?? 0;
    const encoding = (["raw", "zstd", "delta", "copy"] as const)[choice % (baseSize > 0 ? 4 : 2)] ?? "raw";
    if (encoding === "raw") return { encoding, blob, ...range };
    if (encoding === "copy") return { encoding, base, ...pickRange([at, length, isNext], baseSize, end) };
    const decoded = 1 + (part % 1_000_000);
    const skip = isNext ? 0 : at % decoded;
    const frame = { blob, offset: range.offset, stored: range.length, decoded, skip, length: decoded - skip };
    if (encoding === "zstd") return { encoding, ...frame };
    const dictionary = pickRange([length, at, false], baseSize, 0);
    return { encoding, ...frame, base, dictionaryOffset: dictionary.offset, dictionaryLength: dictionary.length };
  });
}

function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.length, 0);
}

const anyBody: fc.Arbitrary<Body> = fc
  .tuple(fc.array(anyBlob, { minLength: 1, maxLength: 4 }), fc.array(fc.tuple(anySha256, seeds), { maxLength: 3 }), seeds, kind, anySha256)
  .map(([blobs, baseSeeds, streamSeeds, bodyKind, hash]) => {
    const bases = baseSeeds.map(([base, list]) => {
      const segments = makeSegments(list, blobs, []) as PlainSegment[];
      return { sha256: base, size: lengthOf(segments), segments };
    });
    const segments = makeSegments(streamSeeds, blobs, bases);
    const length = lengthOf(segments);
    const isFolder = bodyKind === "dir" && length > 0;
    const chunks = streamSeeds.slice(0, 1).map(() => ({ object: hash, blob: 0 }));
    return { kind: isFolder ? "dir" : "file", sha256: hash, length, rootLength: isFolder ? 1 : 0, blobs, chunks, bases, segments };
  });

describe("a body", () => {
  test("is the same after formatting and parsing, whatever it lists", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        expect(parseBody(formatBody(body))).toEqual(body);
      }),
    );
  });

  test("that is a valid golden file formats to the same bytes", () => {
    for (const { name, bytes } of readGolden("body", "valid")) {
      expect(formatBody(parseBody(bytes.toString("latin1"))), name).toBe(bytes.toString("latin1"));
    }
  });

  test("that is malformed is refused with the documented code", () => {
    for (const { name, bytes, code } of readGolden("body", "malformed")) {
      expect(
        codeOf(() => parseBody(bytes.toString("utf8"))),
        name,
      ).toBe(code);
    }
  });

  test("with flipped bits never throws anything but an MlvError, and never gives a range outside its blob", () => {
    survivesFlips(
      readGolden("body", "valid").map(({ bytes }) => bytes),
      (bytes) => {
        const body = parseBody(bytes.toString("utf8"));
        for (const segment of [...body.segments, ...body.bases.flatMap((base) => base.segments)]) {
          if (segment.encoding === "copy") continue;
          const stored = segment.encoding === "raw" ? segment.length : segment.stored;
          expect(segment.offset + stored).toBeLessThanOrEqual(body.blobs[segment.blob]?.size ?? -1);
        }
      },
    );
  });

  test("may give an offset as a number where the short form would do", () => {
    const golden =
      readGolden("body", "valid")
        .find(({ name }) => name === "delta.body")
        ?.bytes.toString("latin1") ?? "";
    const spelled = golden.replace("d 0 + 40", "d 0 31 40").replace("c 0 + ", "c 0 400000 ");
    expect(spelled).not.toBe(golden);
    expect(parseBody(spelled)).toEqual(parseBody(golden));
  });
});

describe("a head", () => {
  test("is the same after formatting and parsing", () => {
    fc.assert(
      fc.property(kind, anySha256, nonce, fc.integer({ min: 1, max: MAX_BODY_BYTES }), (headKind, hash, suffix, bodySize) => {
        const head = { kind: headKind, body: blobKey("bodies", hash, suffix), bodySize };
        expect(parseHead(formatHead(head), hash)).toEqual(head);
      }),
    );
  });

  test("that is a valid golden file formats to the same bytes", () => {
    for (const { name, bytes } of readGolden("head", "valid")) {
      expect(formatHead(parseHead(bytes.toString("utf8"), ZERO)), name).toBe(bytes.toString("utf8"));
    }
  });

  test("that is malformed is refused with the documented code", () => {
    for (const { name, bytes, code } of readGolden("head", "malformed")) {
      expect(
        codeOf(() => parseHead(bytes.toString("utf8"), ZERO)),
        name,
      ).toBe(code);
    }
  });

  test("with flipped bits never throws anything but an MlvError", () => {
    survivesFlips(
      readGolden("head", "valid").map(({ bytes }) => bytes),
      (bytes) => parseHead(bytes.toString("utf8"), ZERO),
    );
  });
});

describe("a blob's key", () => {
  test("gives back the parts that it was made of", () => {
    fc.assert(
      fc.property(fc.constantFrom("objects" as const, "packs" as const, "recipes" as const), anySha256, nonce, (blobKind, hash, suffix) => {
        expect(parseBlobKey(blobKey(blobKind, hash, suffix))).toEqual({ kind: blobKind, hash, nonce: suffix });
      }),
    );
  });

  test.each([
    "",
    "packs",
    "../packs/KEY",
    "/packs/KEY",
    "packs/KEY\n",
    "packs/KEY-",
    "packs/KEY-0A1B2C3D",
    "packs//KEY",
    "gc/KEY",
    "packs/KEY/x",
  ])("is none when it is written %j", (pattern) => {
    expect(parseBlobKey(pattern.replace("KEY", `00/${ZERO}`))).toBeUndefined();
  });
});
