import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import { maxDecodedBytes } from "../../src/formats/body-bounds.ts";
import type { PlainSegment, Segment } from "../../src/formats/body.ts";
import { blobKey } from "../../src/formats/layout.ts";
import { MemoryRemote } from "../../src/remotes/memory/memory-remote.ts";
import { PackWriter } from "../../src/store/pack-writer.ts";
import { isCheapToRead } from "../../src/transfer/frame-memory.ts";
import { GcMarks } from "../../src/transfer/gc-marks.ts";
import { fileSource } from "../../src/transfer/remote-packer.ts";
import { putBlob, RemoteStore } from "../../src/transfer/remote-store.ts";
import { noise } from "../cli/tree.ts";
import { freshFolder, hashesOf, makeMachine } from "./versions.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Makes text that compresses to about half. */
function text(seed: string, length: number): Buffer {
  return Buffer.from(
    noise(seed, Math.ceil(length / 2))
      .toString("hex")
      .slice(0, length),
    "latin1",
  );
}

async function expectWhole(
  remote: MemoryRemote,
  pointer: Parameters<ReturnType<typeof makeMachine>["fetch"]>[1][0],
  files: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const other = makeMachine();
  expect(await other.fetch(remote, [pointer])).toMatchObject([{ status: "fetched" }]);
  expect(await other.read(pointer)).toEqual(hashesOf(files));
}

describe("what is pushed can be pulled:", () => {
  test("a file just too small to go alone, behind one that waits for its frame", async () => {
    const files = new Map([
      ["a.txt", text("a", 250 * KIB)],
      ["b.txt", text("b", 8 * MIB - 1)],
    ]);
    const machine = makeMachine();
    const pointer = await machine.store(files);
    const remote = new MemoryRemote();
    await machine.push(remote, [pointer]);
    await expectWhole(remote, pointer, files);
  });

  test("a folder of which a little of every frame was kept", async () => {
    const files = new Map<string, Buffer>();
    for (let index = 0; index < 280; index++) {
      files.set(`${index}/kept.txt`, text(`kept ${index}`, 100));
      files.set(`${index}/removed.txt`, text("removed", 256 * KIB - 200).fill(`${index}`, 0, 90 * KIB));
    }
    const machine = makeMachine();
    const remote = new MemoryRemote();
    const first = await machine.store(files);
    await machine.push(remote, [first]);
    const kept = new Map([...files].filter(([name]) => name.endsWith("kept.txt")));
    const second = await machine.store(kept);
    await machine.push(remote, [second], [first]);
    await expectWhole(remote, second, kept);
  });
});

describe("a version is built from what is there", () => {
  const length = 100 * MIB;
  const frames: PlainSegment[] = Array.from({ length: 400 }, (_, index) => {
    const decoded = 256 * KIB;
    return { encoding: "zstd", blob: 0, offset: index * 100 * KIB, stored: 100 * KIB, decoded, skip: 0, length: decoded };
  });
  const base = { sha256: sha256(Buffer.from("base")), size: length, segments: frames };
  const chunk = 64 * KIB;
  const copies = (order: (index: number) => number): Segment[] =>
    Array.from({ length: length / chunk }, (_, index) => ({ encoding: "copy", base: 0, offset: order(index) * chunk, length: chunk }));

  test("where it is taken in order, each frame once", () => {
    expect(isCheapToRead({ segments: copies((index) => index), bases: [base], length })).toBe(true);
  });

  test("but not where a reader would go to and fro and decode each frame many times", () => {
    const shuffled = copies((index) => (index * 1021) % (length / chunk));
    expect(isCheapToRead({ segments: shuffled, bases: [base], length })).toBe(false);
  });

  test("but not from a base that is far larger than it is", () => {
    const segments: Segment[] = [{ encoding: "copy", base: 0, offset: 0, length: 4 * MIB }];
    expect(isCheapToRead({ segments, bases: [base], length: 4 * MIB })).toBe(false);
  });

  test("but not with dictionaries that are far longer than it is", () => {
    const frame = { encoding: "delta", blob: 0, offset: 0, stored: 30, decoded: 16 * KIB, skip: 0, length: 16 * KIB } as const;
    const delta: Segment = { ...frame, base: 0, dictionaryOffset: 0, dictionaryLength: MIB };
    const segments = Array.from({ length: 2000 }, (_, index) => ({ ...delta, offset: index * 30 }));
    const plain = { ...base, segments: [{ encoding: "raw", blob: 0, offset: 0, length } as const] };
    expect(isCheapToRead({ segments, bases: [plain], length: 2000 * 16 * KIB })).toBe(false);
  });

  test("with the same bounds for a version and for all its parts together", () => {
    expect(maxDecodedBytes(length)).toBeGreaterThan(maxDecodedBytes(length, 0));
  });
});

test("a fetched pack whose footer lists an object that it does not hold does not become the cache's own", async () => {
  const data = noise("wanted", 100_000);
  const claimed = sha256(Buffer.from("an object that somebody may add one day"));
  const writer = new PackWriter(freshFolder());
  writer.addRaw(sha256(data), data);
  writer.addRaw(claimed, Buffer.from("something else"));
  const pack = writer.finish();
  const remote = new MemoryRemote();
  const key = blobKey("packs", pack.sha256);
  await putBlob(remote, key, fileSource(pack.file, pack.size));
  const store = new RemoteStore({ remote, name: "origin", stateFolder: freshFolder() });
  await store.checkMarker(true);
  const pointer = { kind: "file", sha256: sha256(data), size: data.length } as const;
  const segments = [{ encoding: "raw", blob: 0, offset: 0, length: data.length }] as const;
  const blobs = [{ key, size: pack.size }];
  const body = {
    kind: "file",
    sha256: pointer.sha256,
    length: data.length,
    rootLength: 0,
    blobs,
    chunks: [],
    bases: [],
    segments,
  } as const;
  const head = await store.writeBody(body, new GcMarks(new Set()));
  await store.writeHead(pointer.sha256, head, undefined);
  const machine = makeMachine();
  await machine.fetch(remote, [pointer]);
  expect(machine.cache.readSmall(pointer.sha256)).toEqual(data);
  expect(machine.cache.has(claimed)).toBe(false);
});
