import * as fs from "node:fs";
import os from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import type { RepoPath } from "../../src/base/ids.ts";
import { compareUtf8 } from "../../src/base/safe-paths.ts";
import { ManifestBuilder, parseLeaf, type ManifestLeaf } from "../../src/formats/manifest.ts";
import { PathSequence } from "../../src/formats/path-sequence.ts";
import { Cache } from "../../src/store/cache.ts";
import { CacheWriter } from "../../src/store/cache-writer.ts";
import { BackgroundUploads } from "../../src/transfer/background-uploads.ts";
import { CompleteLeaves, visitObjects } from "../../src/transfer/leaf-objects.ts";

function visited(bytes: Buffer, leaf: ManifestLeaf): unknown[] {
  const objects: unknown[] = [];
  visitObjects(bytes, leaf, (hash, size) => void objects.push({ sha256: hash, size }));
  return objects;
}

test("the objects that are visited in a leaf are those of its entries, whatever the names", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", " ", "-", "x", "0", "ä", "/", "\u{1f600}"), minLength: 1, maxLength: 12 });
  const paths = fc.uniqueArray(
    // A file's name ends unlike any folder's, so that none is both.
    name.map((text) => `n${text.replaceAll("/", "/n")}.f`),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(paths, fc.maxSafeNat(), (names, seed) => {
      const leaves: { readonly leaf: ManifestLeaf; readonly bytes: Buffer }[] = [];
      const builder = new ManifestBuilder((leaf, bytes) => void leaves.push({ leaf, bytes }));
      const sequence = new PathSequence();
      const files = names.sort(compareUtf8).filter((path) => sequence.add(path) === undefined);
      for (const [index, path] of files.entries()) {
        const size = (seed + index * 977) % 1_000_003;
        builder.add({ path: path as RepoPath, sha256: sha256(`${seed}${index % 5}`), size, isExecutable: index % 3 === 0 });
      }
      builder.finish();
      for (const { leaf, bytes } of leaves) {
        const entries = parseLeaf(bytes, leaf, "a test");
        expect(visited(bytes, leaf)).toEqual(entries.map(({ sha256: hash, size }) => ({ sha256: hash, size })));
        expect(() => visited(bytes.subarray(0, -1), leaf)).toThrow(expect.objectContaining({ code: "manifest-malformed" }) as Error);
        expect(() => visited(bytes, { ...leaf, size: leaf.size + 1 })).toThrow();
      }
    }),
  );
});

test("uploads in the background run a few at once, and what fails stops those that wait", async () => {
  const uploads = new BackgroundUploads(2);
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const upload =
    (number: number, fails = false) =>
    async (): Promise<void> => {
      begun.push(number);
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      if (fails) throw new Error(`upload ${number}`);
    };
  for (let number = 0; number < 5; number++) uploads.start(upload(number));
  expect(begun).toEqual([0, 1]);
  await uploads.finish();
  expect([begun.length, most]).toEqual([5, 2]);

  uploads.start(upload(5, true));
  for (let number = 6; number < 12; number++) uploads.start(upload(number));
  await expect(uploads.finish()).rejects.toThrow("upload 5");
  expect(begun.length).toBeLessThan(10);
  expect(() => uploads.start(upload(12))).toThrow("upload 5");
});

test("whether leaves are complete in the cache is found out once a leaf, and a missing file is noticed", () => {
  const folder = fs.mkdtempSync(join(os.tmpdir(), "mlv-leaves-"));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  const cache = new Cache({ folder, stateFolder: folder, onEvent: () => undefined });
  const writer = new CacheWriter(cache);
  const leaves: ManifestLeaf[] = [];
  const build = (lacking: number): void => {
    const builder = new ManifestBuilder((leaf, bytes) => {
      leaves.push(leaf);
      writer.addSmall(leaf.sha256, bytes);
    });
    for (let index = 0; index < 20; index++) {
      const data = Buffer.from(`file ${index}`);
      if (index !== lacking) writer.addSmall(sha256(data), data);
      const name = `${"name".repeat(20)}${String(index).padStart(2, "0")}-${lacking}` as RepoPath;
      builder.add({ path: name, sha256: index === lacking ? sha256("gone") : sha256(data), size: data.length, isExecutable: false });
    }
    builder.finish();
  };
  build(-1);
  const whole = leaves.length;
  build(7);
  writer.finish();
  let reads = 0;
  const read = cache.readSmall.bind(cache);
  cache.readSmall = (hash) => {
    reads += 1;
    return read(hash);
  };
  const complete = new CompleteLeaves(cache);
  for (let round = 0; round < 3; round++) {
    expect(leaves.slice(0, whole).every((leaf) => complete.has(leaf))).toBe(true);
    expect(leaves.slice(whole).every((leaf) => complete.has(leaf))).toBe(false);
  }
  expect(reads).toBeLessThanOrEqual(leaves.length);
  cache.close();
});
