import * as fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { OperationEvent } from "../../src/base/events.ts";
import { sha256 } from "../../src/base/hashing.ts";
import { CacheWriter } from "../../src/store/cache-writer.ts";
import { flipByte, listFiles, noise } from "../cli/tree.ts";
import { freshFolder, openCache } from "./cache.ts";

function store(folder: string, contents: readonly Buffer[]): void {
  const cache = openCache(folder);
  const writer = new CacheWriter(cache);
  for (const content of contents) writer.addSmall(sha256(content), content);
  writer.finish();
  cache.close();
}

describe("small objects", () => {
  const contents = Array.from({ length: 300 }, (_, index) => noise(index, index * 7));

  test("are found by hash in a cache that is opened anew, read in any order", () => {
    const folder = freshFolder();
    store(folder, contents);
    const cache = openCache(folder);
    for (const content of [...contents, ...contents.toReversed()]) expect(cache.readSmall(sha256(content))).toEqual(content);
    expect(cache.has(sha256(noise("other", 3)))).toBe(false);
    expect(listFiles(path.join(folder, "packs"))).toHaveLength(1);
  });

  test("that are there already are not stored again", () => {
    const folder = freshFolder();
    store(folder, contents);
    store(folder, contents);
    expect(listFiles(path.join(folder, "packs"))).toHaveLength(1);
  });

  test("are in the cache only once they are finished, and an abort leaves nothing", () => {
    const folder = freshFolder();
    const cache = openCache(folder);
    const writer = new CacheWriter(cache);
    const content = noise("x", 100);
    writer.addSmall(sha256(content), content);
    expect(openCache(folder).has(sha256(content))).toBe(false);
    writer.abort();
    expect(listFiles(folder)).toEqual([]);
  });

  test("whose bytes changed are reported, never returned", () => {
    const folder = freshFolder();
    store(folder, contents);
    const [pack = ""] = listFiles(path.join(folder, "packs"));
    flipByte(path.join(folder, "packs", pack), { at: 20, keepTimes: true });
    const cache = openCache(folder);
    const outcomes = contents.map((content) => {
      try {
        expect(cache.readSmall(sha256(content))).toEqual(content);
        return "good";
      } catch (error) {
        return (error as { code?: string }).code;
      }
    });
    expect(outcomes.filter((outcome) => outcome !== "good")).toEqual(["content-mismatch"]);
  });

  test("of a pack whose footer is damaged are missing, with a warning that names the pack", () => {
    const folder = freshFolder();
    store(folder, contents);
    const [pack = ""] = listFiles(path.join(folder, "packs"));
    const file = path.join(folder, "packs", pack);
    flipByte(file, { at: fs.statSync(file).size - 3 });
    const events: OperationEvent[] = [];
    expect(openCache(folder, events).has(sha256(noise(5, 35)))).toBe(false);
    expect(events).toMatchObject([{ type: "notice", level: "warning", message: expect.stringContaining(path.basename(pack)) as string }]);
  });
});

describe("large objects", () => {
  test("are read-only, under their hash, and trusted until their stat data change", async () => {
    const folder = freshFolder();
    const file = path.join(freshFolder(), "large");
    const content = noise("large", 300_000);
    fs.writeFileSync(file, content);
    const cache = openCache(folder);
    const stored = await new CacheWriter(cache).storeFile(file);
    expect(stored.sha256).toBe(sha256(content));
    const object = cache.objectPath(stored.sha256);
    expect(fs.statSync(object).mode & 0o777).toBe(0o444);
    await expect(cache.assertSound(stored.sha256)).resolves.toBeUndefined();
    flipByte(object, { keepTimes: true });
    await expect(openCache(folder).assertSound(stored.sha256)).rejects.toMatchObject({ code: "content-mismatch" });
  });

  test("that somebody put there under a wrong name are replaced by good bytes when these are stored", async () => {
    const folder = freshFolder();
    const content = noise("large", 300_000);
    const cache = openCache(folder);
    const object = cache.objectPath(sha256(content));
    fs.mkdirSync(path.dirname(object), { recursive: true });
    fs.writeFileSync(object, noise("poison", 300_000));
    const file = path.join(freshFolder(), "large");
    fs.writeFileSync(file, content);
    await new CacheWriter(cache).storeFile(file);
    expect(fs.readFileSync(object)).toEqual(content);
  });

  test("are never made from a symlink or a folder", async () => {
    const folder = freshFolder();
    const cache = openCache(folder);
    const place = freshFolder();
    fs.symlinkSync("/etc/passwd", path.join(place, "link"));
    for (const file of [path.join(place, "link"), place]) {
      await expect(new CacheWriter(cache).storeFile(file)).rejects.toMatchObject({ code: "unsupported-file-type" });
    }
    expect(listFiles(folder)).toEqual([]);
  });
});
