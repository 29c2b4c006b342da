import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { crypto } from "../../src/base/hashing.ts";
import { createChunker } from "../../src/store/chunker.ts";
import { createGearTable } from "../../src/store/gear-table.ts";

const FOLDER = path.resolve(import.meta.dirname, "../../fixtures/formats/chunk-list/valid");

/** Makes the bytes of the golden files: the digests of the texts `0` to `16383`. */
function counterBytes(): Buffer {
  return Buffer.concat(Array.from({ length: 16_384 }, (_, index) => crypto().createHash("sha256").update(String(index)).digest()));
}

function cutLengths(data: Uint8Array, averageBytes: number): number[] {
  const lengths: number[] = [];
  const chunker = createChunker(averageBytes);
  chunker.push(data, (length) => lengths.push(length));
  chunker.finish((length) => lengths.push(length));
  return lengths;
}

test("the cuts of a known stream are those of the golden files, for every average there", () => {
  const data = counterBytes();
  const names = fs.readdirSync(FOLDER).sort();
  expect(names).toEqual(["counter.4096.cuts", "counter.65536.cuts"]);
  for (const name of names) {
    const lengths = cutLengths(data, Number(name.split(".")[1]));
    expect([name, `${lengths.join("\n")}\n`]).toEqual([name, fs.readFileSync(path.join(FOLDER, name), "utf8")]);
  }
});

test("the page's example is the golden file", () => {
  const page = fs.readFileSync(path.resolve(import.meta.dirname, "../../docs/formats/chunk-list.md"), "utf8");
  expect(page).toContain(`\`\`\`\n${fs.readFileSync(path.join(FOLDER, "counter.65536.cuts"), "utf8")}\`\`\``);
});

test("the gear table has the words of the page", () => {
  const table = createGearTable();
  const words = [0, 1, 2, 255].map((index) => (table[index] ?? 0).toString(16).padStart(8, "0"));
  expect(words).toEqual(["42313256", "72521422", "ca9667b5", "77757f29"]);
});

test("a run of one byte is cut at four times the average alone", () => {
  expect(cutLengths(Buffer.alloc(1000), 256)).toEqual([1000]);
  expect(cutLengths(Buffer.alloc(2500), 256)).toEqual([1024, 1024, 452]);
});
