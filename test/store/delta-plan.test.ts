import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import { createChunker, type Chunk } from "../../src/store/chunker.ts";
import { decodeDelta, encodeDelta } from "../../src/store/delta-codec.ts";
import {
  DICTIONARY_MARGIN_BYTES,
  MAX_DICTIONARY_BYTES,
  MAX_PIECE_BYTES,
  placeOfDelta,
  planDelta,
  type BasePlace,
  type KnownChunk,
  type PlannedRun,
} from "../../src/store/delta-plan.ts";
import { createCsv, createRandom, type Random } from "./codec-data.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

interface Source extends KnownChunk {
  readonly from: Buffer;
  readonly offset: number;
}

function chunksOf(data: Uint8Array, averageBytes: number): Chunk[] {
  const chunks: Chunk[] = [];
  let offset = 0;
  const onCut = (length: number): void => {
    chunks.push({ offset, length, sha256: sha256(data.subarray(offset, offset + length)) });
    offset += length;
  };
  const chunker = createChunker(averageBytes);
  chunker.push(data, onCut);
  chunker.finish(onCut);
  return chunks;
}

/** Is what an uploader would hold: every stored chunk, and how the object is rebuilt. */
class Store {
  readonly #known = new Map<string, Source>();
  readonly #averageBytes: number;
  readonly base: Buffer;
  deltaBytes = 0;
  plainBytes = 0;

  constructor(base: Buffer, averageBytes: number) {
    this.base = base;
    this.#averageBytes = averageBytes;
    for (const chunk of chunksOf(base, averageBytes))
      this.#learn(chunk, { from: base, offset: chunk.offset, basePlace: { position: chunk.offset } });
  }

  /** Plans, encodes and rebuilds a version; returns what was rebuilt. */
  push(version: Buffer): Buffer {
    this.deltaBytes = 0;
    this.plainBytes = 0;
    const chunks = chunksOf(version, this.#averageBytes);
    const runs = planDelta(chunks, this.base.length, (chunk) => this.#known.get(chunk.sha256));
    assertCovers(runs, version.length);
    const rebuilt = Buffer.concat(runs.map((run) => (run.kind === "known" ? this.#copy(run.chunks) : this.#encode(run, version))));
    for (const run of runs) if (run.kind === "new") this.#learnPiece(run, chunks, version);
    return rebuilt;
  }

  #copy(chunks: readonly (Chunk & { readonly known: Source })[]): Buffer {
    return Buffer.concat(chunks.map(({ known, length }) => known.from.subarray(known.offset, known.offset + length)));
  }

  #encode(run: PlannedRun<Source> & { kind: "new" }, version: Buffer): Buffer {
    const data = version.subarray(run.offset, run.offset + run.length);
    const { baseRange } = run;
    const range = baseRange === undefined ? Buffer.alloc(0) : this.base.subarray(baseRange.offset, baseRange.offset + baseRange.length);
    const frame = encodeDelta(data, range);
    if (frame === undefined) {
      this.plainBytes += data.length;
      return data;
    }
    this.deltaBytes += frame.length;
    return decodeDelta(frame, range, data.length);
  }

  #learnPiece(run: PlannedRun<Source> & { kind: "new" }, chunks: readonly Chunk[], version: Buffer): void {
    for (const chunk of chunks) {
      const skip = chunk.offset - run.offset;
      if (skip < 0 || skip + chunk.length > run.length) continue;
      const basePlace = run.baseRange === undefined ? undefined : placeOfDelta(run.baseRange, run.length, skip);
      this.#learn(chunk, { from: version, offset: chunk.offset, basePlace });
    }
  }

  #learn(chunk: Chunk, source: Source): void {
    if (!this.#known.has(chunk.sha256)) this.#known.set(chunk.sha256, source);
  }
}

function assertCovers(runs: readonly PlannedRun<KnownChunk>[], length: number): void {
  let at = 0;
  for (const run of runs) {
    expect(run.offset).toBe(at);
    expect(run.length).toBeGreaterThan(0);
    at += run.length;
    if (run.kind === "known") expect(run.chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(run.length);
    else expect(run.length).toBeLessThanOrEqual(MAX_PIECE_BYTES);
  }
  expect(at).toBe(length);
}

type Edit = "insert" | "delete" | "replace" | "move" | "append" | "truncate";

function edit(data: Buffer, kind: Edit, random: Random): Buffer {
  const at = random.below(data.length);
  const end = Math.min(data.length, at + 1 + random.below(random.below(5) === 0 ? data.length : 3000));
  const other = random.bytes(end - at);
  switch (kind) {
    case "insert":
      return Buffer.concat([data.subarray(0, at), other, data.subarray(at)]);
    case "delete":
      return Buffer.concat([data.subarray(0, at), data.subarray(end)]);
    case "replace":
      return Buffer.concat([data.subarray(0, at), other, data.subarray(end)]);
    case "append":
      return Buffer.concat([data, other]);
    case "truncate":
      return data.subarray(0, at);
    case "move":
    default: {
      const rest = Buffer.concat([data.subarray(0, at), data.subarray(end)]);
      const to = random.below(rest.length + 1);
      return Buffer.concat([rest.subarray(0, to), data.subarray(at, end), rest.subarray(to)]);
    }
  }
}

/** Changes one cell of as many rows, spread over all of them. */
function changeCells(data: Buffer, count: number, random: Random): Buffer {
  const changed = Buffer.from(data);
  for (let index = 0; index < count; index++) {
    const row = changed.indexOf("\n", random.below(changed.length - 200)) + 1;
    changed.write((100 + random() * 800).toFixed(4), row + 45);
  }
  return changed;
}

describe("planDelta", () => {
  test("whatever was edited, in version after version, the plan covers it once and it comes back", () => {
    const kinds = fc.constantFrom<Edit[]>("insert", "delete", "replace", "move", "append", "truncate");
    fc.assert(
      fc.property(
        fc.integer(),
        fc.boolean(),
        fc.array(fc.array(kinds, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        (seed, isCsv, versions) => {
          const random = createRandom(seed);
          const length = random.below(300_000);
          let data = isCsv ? createCsv(random, length) : random.bytes(length);
          const store = new Store(data, 4096);
          for (const edits of versions) {
            for (const kind of edits) if (data.length > 0 && data.length < 2_000_000) data = edit(data, kind, random);
            expect(store.push(data).equals(data)).toBe(true);
          }
        },
      ),
      { numRuns: 80 },
    );
  });

  test("no base, no chunks and nothing known are planned too", () => {
    const chunks = chunksOf(createRandom(1).bytes(3 * MIB), 64 * KIB);
    expect(planDelta([], 0, () => undefined)).toEqual([]);
    expect(planDelta([], 1000, () => undefined)).toEqual([]);
    const runs = planDelta<Source>(chunks, 0, () => undefined);
    assertCovers(runs, 3 * MIB);
    expect(runs.every((run) => run.kind === "new" && run.baseRange === undefined)).toBe(true);
  });

  test("ranges stay in the base and hold at most 1 MiB, wherever chunks are said to lie", () => {
    const place = fc.record({
      position: fc.integer({ min: 0, max: 5_000_000 }),
      length: fc.integer({ min: 0, max: 400_000 }),
      uncertainty: fc.integer({ min: 0, max: 2_000_000 }),
    });
    const known = fc.option(fc.record({ basePlace: fc.option(place, { nil: undefined }) }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 1_500_000 }), known), { maxLength: 30 }),
        fc.integer({ min: 0, max: 5_000_000 }),
        (parts, baseLength) => {
          let offset = 0;
          const chunks = parts.map(([length], index) => ({ offset: (offset += length) - length, length, sha256: sha256(String(index)) }));
          const runs = planDelta<KnownChunk>(chunks, baseLength, (chunk) => parts[chunks.indexOf(chunk)]?.[1]);
          assertCovers(runs, offset);
          for (const run of runs) {
            if (run.kind !== "new" || run.baseRange === undefined) continue;
            expect(run.baseRange.length).toBeGreaterThan(0);
            expect(run.baseRange.length).toBeLessThanOrEqual(MAX_DICTIONARY_BYTES);
            expect(run.baseRange.offset).toBeGreaterThanOrEqual(0);
            expect(run.baseRange.offset + run.baseRange.length).toBeLessThanOrEqual(baseLength);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("known chunks and what the caller knows of them come back in one run", () => {
    const data = createRandom(2).bytes(MIB);
    const chunks = chunksOf(data, 64 * KIB);
    const runs = planDelta(chunks, 0, (chunk) => ({ basePlace: undefined, blob: `pack of ${chunk.offset}` }));
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ kind: "known", offset: 0, length: MIB });
    expect(runs[0]?.kind === "known" && runs[0].chunks.map(({ known }) => known.blob)).toEqual(
      chunks.map(({ offset }) => `pack of ${offset}`),
    );
  });

  test("the lookup is told where in the base a chunk would lie", () => {
    const chunks = chunksOf(createRandom(3).bytes(MIB), 64 * KIB);
    const told: number[] = [];
    const shift = 1000;
    planDelta<KnownChunk>(chunks, 2 * MIB, (chunk, near) => {
      told.push(near);
      return chunk.offset === 0 ? { basePlace: { position: shift } } : undefined;
    });
    expect(told).toEqual([0, ...chunks.slice(1).map(({ offset }) => offset + shift)]);
  });
});

describe("deltas stay small", () => {
  const random = createRandom(21);
  const base = createCsv(random, 12 * MIB);
  const bytesFor = (version: Buffer): { readonly delta: number; readonly plain: number } => {
    const store = new Store(base, 64 * KIB);
    expect(store.push(version).equals(version)).toBe(true);
    return { delta: store.deltaBytes, plain: store.plainBytes };
  };

  test("48 single cells scattered over 12 MiB cost at most 60 bytes each", () => {
    const { delta, plain } = bytesFor(changeCells(base, 48, random));
    expect(plain).toBe(0);
    expect(delta).toBeGreaterThan(48 * 8);
    expect(delta).toBeLessThan(48 * 60);
  });

  test.each([
    [",label_", ",a_label_"],
    [",label_", ",a_much_longer_label_"],
    [",label_", ","],
    [",0.", ",1234."],
  ])("every row changed from `%s` to `%s` costs a small part of the whole, though hardly a chunk is known", (from, to) => {
    const changed = Buffer.from(base.toString("latin1").replaceAll(from, to));
    const { delta, plain } = bytesFor(changed);
    expect(plain).toBe(0);
    expect(delta).toBeLessThan(changed.length / 9);
  });

  const part = (from: number, to: number): Buffer => base.subarray(from * MIB, to * MIB);
  const insert = createCsv(createRandom(5), 90 * KIB);
  test.each([
    ["90 KiB of rows are inserted in the middle", Buffer.concat([part(0, 5), insert, part(5, 12)]), 60 * KIB],
    ["90 KiB of rows are put in front", Buffer.concat([insert, base]), 60 * KIB],
    ["90 KiB of rows are appended", Buffer.concat([base, insert]), 60 * KIB],
    ["200 bytes are deleted", Buffer.concat([part(0, 4), base.subarray(4 * MIB + 200)]), 100],
    ["3 MiB are deleted", Buffer.concat([part(0, 4), part(7, 12)]), 50 * KIB],
    ["the first 3 MiB are deleted", part(3, 12), 100],
    ["the last 3 MiB are deleted", part(0, 9), 100],
    ["2 MiB are moved forward", Buffer.concat([part(0, 2), part(4, 9), part(2, 4), part(9, 12)]), 40 * KIB],
    ["2 MiB are moved to the front", Buffer.concat([part(6, 8), part(0, 6), part(8, 12)]), 40 * KIB],
    ["2 MiB are there twice", Buffer.concat([part(0, 8), part(6, 8), part(8, 12)]), 40 * KIB],
  ])("%s", (_, version, most) => {
    const { delta, plain } = bytesFor(version);
    expect(delta + plain).toBeLessThan(most);
  });

  test("the tenth version of scattered edits costs as much as the first", () => {
    const store = new Store(base, 64 * KIB);
    const costs: number[] = [];
    let version = base;
    for (let round = 0; round < 10; round++) {
      const next = changeCells(version, 12, random);
      const at = random.below(next.length);
      version = Buffer.concat([next.subarray(0, at), Buffer.from("1,some-row-that-is-inserted,2\n"), next.subarray(at)]);
      expect(store.push(version).equals(version)).toBe(true);
      expect(store.plainBytes).toBe(0);
      costs.push(store.deltaBytes);
    }
    // A chunk that is edited again is encoded against the base again, with its earlier edits: a few more bytes each time.
    expect(Math.max(...costs)).toBeLessThan((costs[0] ?? 0) * 3);
  });
});

test("placeOfDelta takes the margin for granted and reports the rest as uncertain", () => {
  const exact: BasePlace = placeOfDelta({ offset: 1000, length: 5000 + 2 * DICTIONARY_MARGIN_BYTES }, 5000, 700);
  expect(exact).toEqual({ position: 1000 + DICTIONARY_MARGIN_BYTES + 700, uncertainty: 0 });
  expect(placeOfDelta({ offset: 1000, length: 5600 + 2 * DICTIONARY_MARGIN_BYTES }, 5000, 0).uncertainty).toBe(300);
  expect(placeOfDelta({ offset: 0, length: 100 }, 5000, 0).position).toBe(0);
});
