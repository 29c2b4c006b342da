import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import type { RepoPath, Sha256 } from "../../src/base/ids.ts";
import { compareUtf8 } from "../../src/base/safe-paths.ts";
import { formatRoot, ManifestBuilder, type ManifestEntry, type ManifestLeaf, type ManifestRoot } from "../../src/formats/manifest.ts";
import { CacheWriter } from "../../src/store/cache-writer.ts";
import { editManifest, leavesUnder, readManifestEntries, type EditedManifest, type ManifestChange } from "../../src/store/manifests.ts";
import type { Cache } from "../../src/store/cache.ts";
import { freshFolder, openCache } from "./cache.ts";

// Long names, so that some hundreds of files already make several leaves.
const PADDING = "p".repeat(220);

function pathOf(number: number): RepoPath {
  return `${sha256(String(number)).slice(0, 2)}/${PADDING}/${number}` as RepoPath;
}

function entryOf(number: number, content: number): ManifestEntry {
  return { path: pathOf(number), sha256: sha256(`${number} ${content}`), size: content, isExecutable: content % 2 === 1 };
}

type Files = ReadonlyMap<number, number>;

function sorted(files: Files): ManifestEntry[] {
  return [...files].map(([number, content]) => entryOf(number, content)).sort((left, right) => compareUtf8(left.path, right.path));
}

/** Returns what a folder's version is when it is made of nothing but its files. */
function buildAnew(files: Files): { readonly sha256: Sha256; readonly root: ManifestRoot } {
  const builder = new ManifestBuilder(() => undefined);
  for (const entry of sorted(files)) builder.add(entry);
  return builder.finish();
}

async function* inBatches(changes: readonly ManifestChange[], size: number): AsyncGenerator<readonly ManifestChange[]> {
  for (let start = 0; start < changes.length; start += size) yield changes.slice(start, start + size);
}

function changesBetween(before: Files, after: Files): ManifestChange[] {
  const changes: ManifestChange[] = [];
  for (const number of new Set([...before.keys(), ...after.keys()])) {
    const content = after.get(number);
    if (content === before.get(number)) continue;
    changes.push({ path: pathOf(number), entry: content === undefined ? undefined : entryOf(number, content) });
  }
  return changes.sort((left, right) => compareUtf8(left.path, right.path));
}

async function edit(cache: Cache, base: EditedManifest | undefined, changes: readonly ManifestChange[]): Promise<EditedManifest> {
  const writer = new CacheWriter(cache);
  const based = base === undefined ? undefined : { root: base.root, where: "d" };
  const edited = await editManifest(cache, writer, based, inBatches(changes, 7));
  writer.finish();
  return edited;
}

const range = (from: number, to: number): Files => new Map(Array.from({ length: to - from }, (_, index) => [from + index, 0]));

/** Is one step: a number picks files, a kind says what happens to them. */
const anyStep = fc.record({
  kind: fc.constantFrom("change" as const, "remove" as const, "add" as const, "remove-most" as const),
  numbers: fc.array(fc.nat(1500), { minLength: 1, maxLength: 12 }),
});

function applyStep(files: Files, step: { readonly kind: string; readonly numbers: readonly number[] }, content: number): Files {
  const next = new Map(files);
  if (step.kind === "remove-most") {
    for (const number of files.keys()) if (number % 50 !== 0) next.delete(number);
    return next;
  }
  for (const number of step.numbers) {
    if (step.kind === "remove") next.delete(number);
    else if (step.kind === "add" || next.has(number)) next.set(number, content);
  }
  return next;
}

describe("a manifest", () => {
  test("that was edited any number of times is the one that its files make, and reads back as they are", async () => {
    const cache = openCache(freshFolder());
    const start = range(0, 1200);
    const first = await edit(cache, undefined, changesBetween(new Map(), start));
    expect(first.root.leaves.length).toBeGreaterThan(3);
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 6 }), async (steps) => {
        let files: Files = start;
        let current = first;
        for (const [index, step] of steps.entries()) {
          const after = applyStep(files, step, index + 1);
          current = await edit(cache, current, changesBetween(files, after));
          files = after;
          const anew = buildAnew(files);
          expect(current.sha256).toBe(anew.sha256);
          expect(current.root).toEqual(anew.root);
        }
        expect([...readManifestEntries(cache, current.sha256, "d")]).toEqual(sorted(files));
      }),
      { numRuns: 25 },
    );
    cache.close();
  });

  test("is the one that its files make, too, when just the file goes that ends a leaf, or begins one", async () => {
    const cache = openCache(freshFolder());
    const files = range(0, 1200);
    const first = await edit(cache, undefined, changesBetween(new Map(), files));
    const inOrder = sorted(files).map((entry) => Number(entry.path.split("/").at(-1)));
    let start = 0;
    for (const leaf of first.root.leaves) {
      for (const number of [inOrder[start] as number, inOrder[start + leaf.files - 1] as number]) {
        const after = new Map(files);
        after.delete(number);
        const edited = await edit(cache, first, changesBetween(files, after));
        expect(edited.root).toEqual(buildAnew(after).root);
        // And back again: the leaf's end returns.
        expect((await edit(cache, edited, changesBetween(after, files))).sha256).toBe(first.sha256);
      }
      start += leaf.files;
    }
    cache.close();
  });

  test("takes a removal of what is not there as no change", async () => {
    const cache = openCache(freshFolder());
    const files = range(0, 600);
    const first = await edit(cache, undefined, changesBetween(new Map(), files));
    const same = await edit(cache, first, [{ path: "no/such" as RepoPath, entry: undefined }]);
    expect(same.sha256).toBe(first.sha256);
    cache.close();
  });

  test("gives each path under a prefix from the leaves that can hold it, at both ends of every leaf", async () => {
    const cache = openCache(freshFolder());
    const files = range(0, 900);
    const { sha256: hash, root } = await edit(cache, undefined, changesBetween(new Map(), files));
    const all = sorted(files);
    const ends = root.leaves.flatMap((leaf) => {
      const at = all.findIndex((entry) => entry.path === leaf.firstPath);
      return all.slice(Math.max(0, at - 1), at + 1);
    });
    expect(ends.length).toBeGreaterThan(5);
    for (const { path } of ends) {
      expect([...readManifestEntries(cache, hash, "d", path)].map((entry) => entry.path)).toEqual([path]);
      expect(leavesUnder(root, path).length).toBeLessThanOrEqual(2);
      const folder = path.slice(0, 2);
      const under = all.filter((entry) => entry.path.startsWith(`${folder}/`));
      expect([...readManifestEntries(cache, hash, "d", folder)]).toEqual(under);
    }
    cache.close();
  });

  test("whose leaves overlap is refused, though each leaf is sound", async () => {
    const cache = openCache(freshFolder());
    const writer = new CacheWriter(cache);
    const leafOf = (numbers: readonly string[]): ManifestLeaf => {
      const leaves: ManifestLeaf[] = [];
      const builder = new ManifestBuilder((leaf, bytes) => {
        leaves.push(leaf);
        writer.addSmall(leaf.sha256, bytes);
      });
      for (const path of numbers) builder.add({ path: path as RepoPath, sha256: sha256(path), size: 1, isExecutable: false });
      builder.finish();
      return leaves[0] as ManifestLeaf;
    };
    const bytes = Buffer.from(formatRoot({ files: 4, size: 4, leaves: [leafOf(["a", "c"]), leafOf(["b", "c"])] }));
    writer.addSmall(sha256(bytes), bytes);
    writer.finish();
    expect(() => [...readManifestEntries(cache, sha256(bytes), "d")]).toThrow(expect.objectContaining({ code: "manifest-malformed" }));
    cache.close();
  });
});
