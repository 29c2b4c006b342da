import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import type { RepoPath } from "../../src/base/ids.ts";
import { compareUtf8, unsafePathReason } from "../../src/base/safe-paths.ts";
import { formatRoot, ManifestBuilder, parseLeaf, parseRoot, type ManifestEntry, type ManifestLeaf } from "../../src/formats/manifest.ts";
import { PathSequence } from "../../src/formats/path-sequence.ts";
import { anySha256, codeOf, readGolden, survivesFlips } from "./golden.ts";

const anyPath = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.string({ minLength: 1, maxLength: 30 }) },
      fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((segments) => segments.join("/") as RepoPath)
  .filter((path) => unsafePathReason(path) === undefined);
const anyEntry: fc.Arbitrary<ManifestEntry> = fc.record({
  path: anyPath,
  sha256: anySha256,
  size: fc.oneof(fc.nat(), fc.nat({ max: 2 ** 40 })),
  isExecutable: fc.boolean(),
});
const anyEntries = fc.uniqueArray(anyEntry, { selector: (entry) => entry.path, maxLength: 60 }).map((entries) => {
  const paths = new PathSequence();
  const sorted = entries.sort((left, right) => compareUtf8(left.path, right.path));
  return sorted.filter(({ path }) => paths.add(path) === undefined);
});

interface Built {
  readonly root: ReturnType<ManifestBuilder["finish"]>;
  readonly leaves: readonly { readonly leaf: ManifestLeaf; readonly bytes: Buffer }[];
}

function build(entries: readonly ManifestEntry[]): Built {
  const leaves: { leaf: ManifestLeaf; bytes: Buffer }[] = [];
  const builder = new ManifestBuilder((leaf, bytes) => leaves.push({ leaf, bytes }));
  for (const entry of entries) builder.add(entry);
  return { root: builder.finish(), leaves };
}

/** Returns what an honest root would say of a leaf's bytes, as far as they can be read. */
function referenceTo(bytes: Buffer): ManifestLeaf {
  const lines = bytes.toString("utf8").split("\n").slice(0, -1);
  const sizes = lines.map((line) => Number(line.split(" ")[1]));
  return {
    sha256: sha256(bytes),
    length: bytes.length,
    files: lines.length,
    size: sizes.reduce((sum, size) => sum + size, 0),
    firstPath: (lines[0] ?? "").split(" ").slice(3).join(" ") as RepoPath,
  };
}

function formatLeaf(entries: readonly ManifestEntry[]): string {
  return entries.map((entry) => `${entry.sha256} ${entry.size} ${entry.isExecutable ? "x" : "-"} ${entry.path}\n`).join("");
}

describe("a manifest", () => {
  test("gives back the files that it was built of, through root and leaves", () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const built = build(entries);
        const root = parseRoot(built.root.bytes, "d");
        expect(root).toEqual(built.root.root);
        expect(built.leaves.flatMap(({ leaf, bytes }) => parseLeaf(bytes, leaf, "d"))).toEqual(entries);
      }),
    );
  });

  test("root that is a valid golden file formats to the same bytes", () => {
    for (const { name, bytes } of readGolden("manifest", "valid", "root")) {
      expect(formatRoot(parseRoot(bytes, name)), name).toBe(bytes.toString("utf8"));
    }
  });

  test("leaf that is a valid golden file formats to the same bytes", () => {
    for (const { name, bytes } of readGolden("manifest", "valid", "leaf")) {
      expect(formatLeaf(parseLeaf(bytes, referenceTo(bytes), name)), name).toBe(bytes.toString("utf8"));
    }
  });

  test("root that is malformed is refused with the documented code", () => {
    for (const { name, bytes, code } of readGolden("manifest", "malformed", "root")) {
      expect(
        codeOf(() => parseRoot(bytes, name)),
        name,
      ).toBe(code);
    }
  });

  test("leaf that is malformed is refused with the documented code, though its hash is right", () => {
    for (const { name, bytes, code } of readGolden("manifest", "malformed", "leaf")) {
      expect(
        codeOf(() => parseLeaf(bytes, referenceTo(bytes), name)),
        name,
      ).toBe(code);
    }
  });

  test("leaf that is not what the root says is refused", () => {
    const bytes = readGolden("manifest", "valid", "leaf").find(({ name }) => name === "two-files.leaf")?.bytes ?? Buffer.alloc(0);
    const leaf = referenceTo(bytes);
    expect(codeOf(() => parseLeaf(bytes, leaf, "d"))).toBe("nothing");
    expect(codeOf(() => parseLeaf(bytes, { ...leaf, files: 3 }, "d"))).toBe("manifest-malformed");
    expect(codeOf(() => parseLeaf(bytes, { ...leaf, size: 4 }, "d"))).toBe("manifest-malformed");
    expect(codeOf(() => parseLeaf(bytes, { ...leaf, firstPath: "a" as RepoPath }, "d"))).toBe("manifest-malformed");
    expect(codeOf(() => parseLeaf(bytes, { ...leaf, length: 149 }, "d"))).toBe("content-mismatch");
    expect(codeOf(() => parseLeaf(bytes, { ...leaf, sha256: sha256("") }, "d"))).toBe("content-mismatch");
  });

  test("with flipped bits never throws anything but an MlvError", () => {
    survivesFlips(
      readGolden("manifest", "valid", "root").map(({ bytes }) => bytes),
      (bytes) => parseRoot(bytes, "d"),
    );
    survivesFlips(
      readGolden("manifest", "valid", "leaf").map(({ bytes }) => bytes),
      (bytes) => parseLeaf(bytes, referenceTo(bytes), "d"),
    );
  });

  test("line is judged alike in a leaf of ASCII and beside a name beyond it, whatever byte of it is wrong", () => {
    const other = { path: "\u{10ffff}" as RepoPath, sha256: sha256("other"), size: 1, isExecutable: false };
    const line = fc
      .tuple(anySha256, fc.nat(), fc.constantFrom("a", "d/x.png", "d/a b", "%2e", "x~1", "a."))
      .map((parts) => parts.join(" - "));
    const bytes = fc.oneof(
      fc.string({ unit: "binary-ascii", maxLength: 2 }),
      fc.constantFrom(" ", "0", "/", "//", "/.", "x", "\n", ":", "\\"),
    );
    fc.assert(
      fc.property(line, fc.nat(), fc.nat({ max: 2 }), bytes, (text, at, removed, added) => {
        const place = at % text.length;
        const wrong = `${text.replace(" - ", " ").slice(0, place)}${added}${text.replace(" - ", " ").slice(place + removed)}\n`;
        const read = (leaf: Buffer): unknown => {
          let entries: readonly ManifestEntry[] = [];
          const code = codeOf(() => (entries = parseLeaf(leaf, referenceTo(leaf), "d")));
          return code === "nothing" ? entries.filter(({ path }) => path !== other.path) : code;
        };
        expect(read(Buffer.from(wrong))).toEqual(read(Buffer.from(wrong + formatLeaf([other]))));
      }),
      { numRuns: 3000 },
    );
  });

  test("takes no files out of order and none twice", () => {
    const entry = (path: string): ManifestEntry => ({ path: path as RepoPath, sha256: sha256(path), size: 1, isExecutable: false });
    expect(() => build([entry("b"), entry("a")])).toThrow(RangeError);
    expect(() => build([entry("a"), entry("a")])).toThrow(RangeError);
  });

  test("of one root has known bytes and a known hash", () => {
    const golden = readGolden("manifest", "valid", "root").find(({ name }) => name === "several-leaves.root")?.bytes;
    const entries = Array.from({ length: 1500 }, (_, index) => ({
      path: `d/${String(index).padStart(4, "0")}` as RepoPath,
      sha256: sha256(String(index)),
      size: index,
      isExecutable: false,
    }));
    expect(build(entries).root.bytes.equals(golden ?? Buffer.alloc(0))).toBe(true);
  });

  test("has leaves of 64 KiB on average and none beyond 256 KiB and a line", () => {
    const entries = Array.from({ length: 40_000 }, (_, index) => ({
      path: `images/${sha256(String(index)).slice(0, 12)}.png` as RepoPath,
      sha256: sha256(String(index)),
      size: 10,
      isExecutable: false,
    })).sort((left, right) => compareUtf8(left.path, right.path));
    const { leaves } = build(entries);
    const bytes = leaves.reduce((sum, { leaf }) => sum + leaf.length, 0);
    expect(bytes / leaves.length).toBeGreaterThan(40 * 1024);
    expect(bytes / leaves.length).toBeLessThan(100 * 1024);
    expect(Math.max(...leaves.map(({ leaf }) => leaf.length))).toBeLessThan(256 * 1024 + 5000);
  });
});

describe("a file that is also a folder", () => {
  const entry = (path: string): ManifestEntry => ({
    path: path as RepoPath,
    sha256: sha256(Buffer.from(path)),
    size: 1,
    isExecutable: false,
  });
  const read = (...paths: readonly string[]): string => {
    const bytes = Buffer.from(formatLeaf(paths.map(entry)));
    return codeOf(() => parseLeaf(bytes, referenceTo(bytes), "d"));
  };

  test.each([[["a", "a/b"]], [["a", "a!", "a-b/c", "a/b/c"]], [["x/a", "x/a b", "x/a.txt", "x/a/b/c/d"]], [["a", "aa", "aa-", "aa/b"]]])(
    "makes a leaf malformed: %j",
    (paths) => {
      expect(read(...paths)).toBe("manifest-malformed");
    },
  );

  test.each([[["a", "a-b", "ab/c"]], [["a-", "a/b", "a/c", "ab"]], [["a.b", "a/b", "a/b.c", "a0"]]])(
    "is not what names are that merely begin alike: %j",
    (paths) => {
      expect(read(...paths)).toBe("nothing");
    },
  );

  test("makes a list malformed that has the two in different leaves", () => {
    const [left, right] = [["a", "a!"], ["a/b"]].map((paths) => Buffer.from(formatLeaf(paths.map(entry)))) as [Buffer, Buffer];
    const paths = new PathSequence();
    expect(parseLeaf(left, referenceTo(left), "d", paths)).toHaveLength(2);
    expect(codeOf(() => parseLeaf(right, referenceTo(right), "d", paths))).toBe("manifest-malformed");
    const root = { files: 3, size: 3, leaves: [referenceTo(Buffer.from(formatLeaf([entry("a")]))), referenceTo(right)] };
    expect(codeOf(() => parseRoot(Buffer.from(formatRoot({ ...root, files: 2, size: 2 })), "d"))).toBe("manifest-malformed");
  });

  test("is never written", () => {
    expect(codeOf(() => build([entry("a"), entry("a-b"), entry("a/b")]))).toBe("target-exists");
  });

  test("is found wherever it is, and nothing else is taken for it", () => {
    const names = fc.array(fc.constantFrom("a", "b", "a-", "a.b", "0"), { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
    fc.assert(
      fc.property(fc.uniqueArray(names, { maxLength: 12 }), (paths) => {
        const isMixed = paths.some((path) => paths.some((other) => other.startsWith(`${path}/`)));
        expect(read(...paths.sort(compareUtf8))).toBe(
          paths.length === 0 ? "manifest-malformed" : isMixed ? "manifest-malformed" : "nothing",
        );
      }),
    );
  });
});
