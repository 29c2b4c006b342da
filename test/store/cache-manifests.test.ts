import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RepoPath } from "../../src/base/ids.ts";
import { sha256 } from "../../src/base/hashing.ts";
import { compareUtf8 } from "../../src/base/safe-paths.ts";
import type { ManifestEntry } from "../../src/formats/manifest.ts";
import { CacheWriter } from "../../src/store/cache-writer.ts";
import type { Cache } from "../../src/store/cache.ts";
import {
  editManifest,
  findManifestEntry,
  readManifestEntries,
  readManifestRoot,
  type EditedManifest,
  type ManifestChange,
} from "../../src/store/manifests.ts";
import { freshFolder, openCache } from "./cache.ts";

function entryOf(path: string, content: string): ManifestEntry {
  return { path: path as RepoPath, sha256: sha256(content), size: content.length, isExecutable: content.endsWith("!") };
}

/** Stores a version as an edit of another one, in batches of a few changes. */
async function edit(cache: Cache, base: EditedManifest | undefined, changes: readonly ManifestChange[]): Promise<EditedManifest> {
  const writer = new CacheWriter(cache);
  async function* batches(): AsyncGenerator<readonly ManifestChange[]> {
    for (let at = 0; at < changes.length; at += 7) yield changes.slice(at, at + 7);
  }
  const from = base === undefined ? undefined : { root: readManifestRoot(cache, base.sha256, "base"), where: "base" };
  const edited = await editManifest(cache, writer, from, batches());
  writer.finish();
  return edited;
}

function changesBetween(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): ManifestChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
  return paths.sort(compareUtf8).map((path) => {
    const content = after.get(path);
    return { path: path as RepoPath, entry: content === undefined ? undefined : entryOf(path, content) };
  });
}

const anyFiles = fc
  .uniqueArray(fc.tuple(fc.constantFrom("", "a/", "b/", "b/c/", "b.c/", "ü/"), fc.nat(4000)), {
    maxLength: 2500,
    minLength: 0,
    size: "max",
    selector: ([folder, number]) => `${folder}${number}`,
  })
  .map(
    (names) =>
      new Map(names.map(([folder, number]) => [`${folder}file-${number}`, `content ${number % 97}${number % 5 === 0 ? "!" : ""}`])),
  );

describe("a folder's list", () => {
  test("is the same whether it was written anew or by editing another list, and holds exactly its files", async () => {
    await fc.assert(
      fc.asyncProperty(anyFiles, anyFiles, async (before, after) => {
        const cache = openCache(freshFolder());
        const fresh = await edit(openCache(freshFolder()), undefined, changesBetween(new Map(), after));
        const first = await edit(cache, undefined, changesBetween(new Map(), before));
        const edited = await edit(cache, first, changesBetween(before, after));
        expect(edited.sha256).toBe(fresh.sha256);
        expect(edited.root).toMatchObject({ files: after.size });
        const entries = [...readManifestEntries(cache, edited.sha256, "test")];
        expect(entries).toEqual([...after].sort(([a], [b]) => compareUtf8(a, b)).map(([path, content]) => entryOf(path, content)));
      }),
      { numRuns: 15, seed: 11 },
    );
  });

  test("is edited in one place by opening one leaf and writing two small objects", async () => {
    const files = new Map(Array.from({ length: 20_000 }, (_, index) => [`folder ${index % 50}/${index}`, `content ${index}`]));
    const cache = openCache(freshFolder());
    const first = await edit(cache, undefined, changesBetween(new Map(), files));
    expect(first.root.leaves.length).toBeGreaterThan(10);
    const second = await edit(cache, first, [{ path: "folder 7/7" as RepoPath, entry: entryOf("folder 7/7", "changed") }]);
    const old = new Set(first.root.leaves.map((leaf) => leaf.sha256));
    expect(second.root.leaves.filter((leaf) => !old.has(leaf.sha256)).length).toBeLessThanOrEqual(2);
    const [newest] = cache.packs.packs();
    expect(newest?.size).toBeLessThan(400_000);
  });

  test("finds one file by its path, and everything under a prefix, and nothing else", async () => {
    const files = new Map(Array.from({ length: 5000 }, (_, index) => [`${index % 3 === 0 ? "a" : "a.b"}/${index}`, `content ${index}`]));
    const cache = openCache(freshFolder());
    const { sha256: hash } = await edit(cache, undefined, changesBetween(new Map(), files));
    for (const index of [0, 1, 2, 2499, 4998, 4999]) {
      const path = `${index % 3 === 0 ? "a" : "a.b"}/${index}`;
      expect(findManifestEntry(cache, hash, "test", path)).toEqual(entryOf(path, `content ${index}`));
    }
    expect(findManifestEntry(cache, hash, "test", "a/1")).toBeUndefined();
    expect(findManifestEntry(cache, hash, "test", "a")).toBeUndefined();
    expect([...readManifestEntries(cache, hash, "test", "a")].every((entry) => entry.path.startsWith("a/"))).toBe(true);
    expect([...readManifestEntries(cache, hash, "test", "a")]).toHaveLength(1667);
  });
});
