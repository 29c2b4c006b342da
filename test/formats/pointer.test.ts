import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatPointer, isSameVersion, MAX_POINTER_BYTES, parsePointer, type Pointer } from "../../src/formats/pointer.ts";
import { anySha256, codeOf, readGolden, survivesFlips } from "./golden.ts";

const count = fc.maxSafeNat();
const text = fc.string({ unit: "grapheme" });
const table = fc.record(
  { format: text, rows: count, columns: fc.array(text, { maxLength: 200, size: "small" }), delimiter: text },
  { requiredKeys: ["format", "rows", "columns"] },
);
const source = fc.record({ url: text, path: text, rev: text, commit: text, etag: text }, { requiredKeys: [] });
// What JSON itself gives back unchanged: minus zero and integer-like keys have other spellings.
const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const extensions = fc
  .array(fc.tuple(fc.string({ unit: "grapheme" }), json), { minLength: 1, maxLength: 3 })
  .map((pairs) => Object.fromEntries(pairs.map(([key, value]) => [`x-${key}`, value])));
const described = { table, source, extensions };
const options = { requiredKeys: ["kind", "sha256", "size"] as ["kind", "sha256", "size"] };
const anyPointer: fc.Arbitrary<Pointer> = fc.oneof(
  fc.record({ kind: fc.constant("file" as const), sha256: anySha256, size: count, mode: fc.constant("x" as const), ...described }, options),
  fc
    .tuple(fc.record({ kind: fc.constant("dir" as const), sha256: anySha256, size: count, ...described }, options), count)
    .map(([value, files]) => ({ ...value, files })),
);

describe("a pointer", () => {
  test("is the same after formatting and parsing, whatever it holds", () => {
    fc.assert(
      fc.property(anyPointer, (pointer) => {
        expect(parsePointer(formatPointer(pointer), "t.mlv")).toEqual(pointer);
      }),
    );
  });

  test("that is a valid golden file formats to the same bytes", () => {
    for (const { name, bytes } of readGolden("pointer", "valid")) {
      expect(formatPointer(parsePointer(bytes.toString("utf8"), name)), name).toBe(bytes.toString("utf8"));
    }
  });

  test("that is malformed is refused with the documented code", () => {
    for (const { name, bytes, code } of readGolden("pointer", "malformed")) {
      expect(
        codeOf(() => parsePointer(bytes.toString("utf8"), name)),
        name,
      ).toBe(code);
    }
  });

  test("with flipped bits never throws anything but an MlvError", () => {
    survivesFlips(
      readGolden("pointer", "valid").map(({ bytes }) => bytes),
      (bytes) => parsePointer(bytes.toString("utf8"), "t.mlv"),
    );
  });

  test("longer than 64 KiB is refused, one of exactly 64 KiB is not", () => {
    const base: Pointer = { kind: "file", sha256: "0".repeat(64) as Pointer["sha256"], size: 1, extensions: { "x-a": "" } };
    const room = MAX_POINTER_BYTES - formatPointer(base).length;
    const padded = (length: number): string => formatPointer({ ...base, extensions: { "x-a": "a".repeat(length) } });
    expect(parsePointer(padded(room), "t.mlv").size).toBe(1);
    expect(codeOf(() => parsePointer(padded(room + 1), "t.mlv"))).toBe("pointer-malformed");
  });

  test("names the same version whatever describes it, and another when hash, size, kind or mode differ", () => {
    const pointer: Pointer = { kind: "file", sha256: "0".repeat(64) as Pointer["sha256"], size: 1 };
    expect(isSameVersion(pointer, { ...pointer, table: { format: "csv", rows: 1, columns: [] } })).toBe(true);
    expect(isSameVersion(pointer, { ...pointer, mode: "x" })).toBe(false);
    expect(isSameVersion(pointer, { ...pointer, size: 2 })).toBe(false);
    expect(isSameVersion(pointer, { ...pointer, sha256: "1".repeat(64) as Pointer["sha256"] })).toBe(false);
    expect(isSameVersion(pointer, { ...pointer, kind: "dir", files: 1 })).toBe(false);
  });
});
