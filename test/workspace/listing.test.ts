import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { listFolder } from "../../src/workspace/listing.ts";
import { AnchoredFolders } from "../../src/workspace/anchored.ts";

const base = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-workspace-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = path.join(base, String((count += 1)));
  fs.mkdirSync(folder);
});

describe("a listing", () => {
  test("sorts files by their UTF-8 bytes and tells kinds apart", () => {
    for (const name of ["b", "a", "ä", "\u{10000}", "\uffee", "Z"]) fs.writeFileSync(path.join(folder, name), name);
    fs.mkdirSync(path.join(folder, "sub"));
    fs.symlinkSync("a", path.join(folder, "link"));
    fs.chmodSync(path.join(folder, "b"), 0o755);
    const listing = listFolder(folder);
    expect(listing.names).toEqual(["Z", "a", "b", "ä", "\uffee", "\u{10000}"]);
    expect([...listing.executable].slice(0, 6)).toEqual([0, 0, 1, 0, 0, 0]);
    expect(listing.folders).toEqual(["sub"]);
    expect(listing.others).toEqual([{ name: "link", kind: "symlink" }]);
  });

  test("takes a symlink into the cache for the file it stands for, and no other symlink", () => {
    const cache = path.join(folder, "cache");
    const object = path.join(cache, "objects", "ab", "abcdef");
    fs.mkdirSync(path.dirname(object), { recursive: true });
    fs.writeFileSync(object, "content");
    fs.writeFileSync(path.join(cache, "local.yaml"), "secret");
    const work = path.join(folder, "work");
    fs.mkdirSync(work);
    fs.symlinkSync(object, path.join(work, "mine"));
    fs.symlinkSync(path.join(cache, "objects", "ab", "gone"), path.join(work, "gone"));
    fs.symlinkSync(path.join(cache, "local.yaml"), path.join(work, "other"));
    fs.symlinkSync(path.join(cache, "objects", "..", "local.yaml"), path.join(work, "sly"));
    fs.symlinkSync(path.join(cache, "objects", "ab"), path.join(work, "folder"));
    const listing = listFolder(work, { cacheFolder: cache });
    expect(listing.names).toEqual(["mine"]);
    expect(listing.stats[0]).toBe(7);
    expect(listing.others.map((other) => other.name)).toEqual(["folder", "other", "sly"]);
    expect(listFolder(work).names).toEqual([]);
  });
});

describe("anchored folders", () => {
  test("make what is missing, and never lead through a symlink, even one that appears later", () => {
    const outside = path.join(folder, "outside");
    const root = path.join(folder, "root");
    fs.mkdirSync(outside);
    fs.mkdirSync(root);
    const folders = new AnchoredFolders(root);
    try {
      fs.writeFileSync(folders.locate("a/b", "file", { create: true }) as string, "x");
      expect(fs.readFileSync(path.join(root, "a/b/file"), "utf8")).toBe("x");
      expect(folders.locate("nowhere", "file", { create: false })).toBeUndefined();
      fs.symlinkSync(outside, path.join(root, "link"));
      expect(() => folders.locate("link", "file", { create: true })).toThrow(expect.objectContaining({ code: "path-unsafe" }) as Error);
      expect(() => folders.locate("link/deeper", "file", { create: true })).toThrow(
        expect.objectContaining({ code: "path-unsafe" }) as Error,
      );
      // The folder that was opened is what is written to, whatever its name leads to now.
      fs.renameSync(path.join(root, "a"), path.join(root, "moved"));
      fs.symlinkSync(outside, path.join(root, "a"));
      fs.writeFileSync(folders.locate("a/b", "second", { create: true }) as string, "y");
      expect(fs.readdirSync(outside)).toEqual([]);
      expect(fs.readFileSync(path.join(root, "moved/b/second"), "utf8")).toBe("y");
    } finally {
      folders.close();
    }
  });
});
