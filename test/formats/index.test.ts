import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Sha256 } from "../../src/base/ids.ts";
import {
  formatIndexHeader,
  formatRecord,
  hashAt,
  readRecords,
  type IndexFolder,
  type IndexRecord,
} from "../../src/workspace/index-file.ts";
import { anySha256 } from "./golden.ts";

const FOLDER = path.resolve(import.meta.dirname, "../../fixtures/formats/index");
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-index-"));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

/** Returns the sound records of bytes as a file has them, without their sizes. */
function parse(bytes: Uint8Array): IndexRecord[] {
  const file = path.join(scratch, "index");
  fs.writeFileSync(file, bytes);
  return [...readRecords(file)].map(({ bytes: sizeBytes, ...record }) => {
    expect(sizeBytes % 8).toBe(0);
    return record;
  });
}

function format(records: readonly IndexRecord[]): Buffer {
  return Buffer.concat([formatIndexHeader(), ...records.map(formatRecord)]);
}

function readGolden(kind: "valid" | "malformed"): { readonly name: string; readonly bytes: Buffer }[] {
  const names = fs.readdirSync(path.join(FOLDER, kind)).sort();
  expect(names.length).toBeGreaterThan(0);
  return names.map((name) => ({ name, bytes: fs.readFileSync(path.join(FOLDER, kind, name)) }));
}

const name = fc.string({ unit: fc.constantFrom("a", " ", "ü", "\u{1f600}", "/", '"', "\n"), minLength: 1, maxLength: 8 });
const time = fc.double({ min: 0, max: 4e12, noNaN: true });
const anyFolder: fc.Arbitrary<IndexFolder> = fc
  .array(fc.tuple(name, fc.nat(), time, time, fc.maxSafeNat(), anySha256, fc.nat(3)), { minLength: 1, maxLength: 12 })
  .chain((files) => fc.record({ files: fc.constant(files), recordedAt: fc.maxSafeNat(), boot: fc.constantFrom("", "unknown", "9b1f0c2d") }))
  .map(({ files, recordedAt, boot }) => ({
    names: files.map(([file]) => file).join("\0"),
    count: files.length,
    stats: Float64Array.from(files.flatMap(([, size, mtime, ctime, inode]) => [size, mtime, ctime, inode])),
    hashes: Buffer.concat(files.map(([, , , , , hash]) => Buffer.from(hash, "hex"))),
    flags: Buffer.from(files.map((file) => file[6])),
    recordedAt,
    boot,
  }));
const anyRecord: fc.Arbitrary<IndexRecord> = fc.oneof(
  fc.record({
    type: fc.constant("folder" as const),
    target: name,
    folder: fc.oneof(name, fc.constant("")),
    value: fc.option(anyFolder, { nil: undefined }),
  }),
  fc.record({
    type: fc.constant("target" as const),
    target: name,
    value: fc.option(
      fc.record({
        pointer: fc.record({ kind: fc.constant("file" as const), sha256: anySha256, size: fc.maxSafeNat() }),
        cacheMark: name,
      }),
      { nil: undefined },
    ),
  }),
);

describe("an index file", () => {
  test("gives back the records that it was made of, aligned so that numbers are read in place", () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 6 }), (records) => {
        const bytes = format(records);
        expect(bytes.length % 8).toBe(0);
        expect(parse(bytes)).toEqual(records);
      }),
    );
  });

  test("that is a valid golden file formats to the same bytes", () => {
    for (const { name: file, bytes } of readGolden("valid")) {
      const records = parse(bytes);
      expect([file, records.length > 0]).toEqual([file, true]);
      expect([file, format(records).equals(bytes)]).toEqual([file, true]);
    }
  });

  test("that is damaged gives the records before the damage, whose number its name says, and throws nothing", () => {
    for (const { name: file, bytes } of readGolden("malformed"))
      expect([file, parse(bytes).length]).toEqual([file, Number.parseInt(file, 10)]);
  });

  test("with flipped bits never gives a record that was not written", () => {
    const [golden] = readGolden("valid");
    const bytes = golden?.bytes ?? Buffer.alloc(0);
    const written = parse(bytes).map((record) => formatRecord(record).toString("hex"));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), fc.nat(bytes.length), (at, bit, end) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        const seen = parse(damaged.subarray(0, Math.max(at + 1, end))).map((record) => formatRecord(record).toString("hex"));
        expect(seen).toEqual(written.slice(0, seen.length));
      }),
      { numRuns: 500 },
    );
  });

  test("that is not there is an empty one", () => {
    expect([...readRecords(path.join(scratch, "nowhere"))]).toEqual([]);
  });

  test("has each file's hash at its place", () => {
    const hashes = ["aa".repeat(32), "bb".repeat(32)];
    const folder: IndexFolder = {
      names: "a\0b",
      count: 2,
      stats: new Float64Array(8),
      hashes: Buffer.from(hashes.join(""), "hex"),
      flags: new Uint8Array(2),
      recordedAt: 0,
      boot: "",
    };
    const [record] = parse(format([{ type: "folder", target: "t", folder: "", value: folder }]));
    expect(record?.type === "folder" && record.value !== undefined && [0, 1].map((at) => hashAt(record.value as IndexFolder, at))).toEqual(
      hashes as Sha256[],
    );
  });
});
