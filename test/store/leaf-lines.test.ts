import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isMlvError } from "../../src/base/errors.ts";
import { sha256 } from "../../src/base/hashing.ts";
import type { RepoPath } from "../../src/base/ids.ts";
import { compareUtf8 } from "../../src/base/safe-paths.ts";
import { formatLine, type ManifestEntry } from "../../src/formats/manifest-lines.ts";
import { differentLines } from "../../src/store/leaf-lines.ts";

const anyEntry: fc.Arbitrary<ManifestEntry> = fc.record({
  path: fc.constantFrom("a", "aa", "ab/c", "b.png", "c/é", "c/\u{10ffff}", "d", "d0", "e".repeat(200), "\uffee") as fc.Arbitrary<RepoPath>,
  sha256: fc.constantFrom("1", "2").map(sha256),
  size: fc.constantFrom(1, 10),
  isExecutable: fc.boolean(),
});
const anyList = fc
  .uniqueArray(anyEntry, { selector: ({ path }) => path })
  .map((entries) => entries.sort((left, right) => compareUtf8(left.path, right.path)));

/** Cuts a list into leaves behind the files whose places are given. */
function cut(entries: readonly ManifestEntry[], cuts: readonly number[]): Buffer[] {
  const leaves: string[] = [""];
  entries.forEach((entry, place) => {
    leaves[leaves.length - 1] += formatLine(entry);
    if (cuts.includes(place)) leaves.push("");
  });
  return leaves.filter((leaf) => leaf !== "").map((leaf) => Buffer.from(leaf));
}

test("lists have different exactly the files that one lacks or has otherwise, however they are cut into leaves", () => {
  const cuts = fc.array(fc.nat({ max: 9 }));
  fc.assert(
    fc.property(anyList, anyList, cuts, cuts, (before, after, leftCuts, rightCuts) => {
      const paths = [...new Set([...before, ...after].map(({ path }) => path))].sort(compareUtf8);
      const pairs = paths.map((path) => [before, after].map((list) => list.find((entry) => entry.path === path)));
      const different = pairs.filter(([left, right]) => JSON.stringify(left) !== JSON.stringify(right));
      expect([...differentLines(cut(before, leftCuts), cut(after, rightCuts), "d")]).toEqual(different);
    }),
    { numRuns: 2000 },
  );
});

test("of long lists only what differs is read, wherever it stands", () => {
  const entry = (path: string): ManifestEntry => ({ path: path as RepoPath, sha256: sha256(path), size: 1, isExecutable: false });
  const list = Array.from({ length: 5000 }, (_, place) => entry(`f${String(place).padStart(5, "0")}`));
  for (const place of [0, 1, 2499, 4998, 4999]) {
    const changed = list.with(place, { ...(list[place] as ManifestEntry), isExecutable: true });
    const extra = [...list.slice(0, place), entry(`f${String(place).padStart(5, "0")}-`), ...list.slice(place)].sort((left, right) =>
      compareUtf8(left.path, right.path),
    );
    expect([...differentLines(cut(list, [700, 2499]), cut(changed, [700, 1500]), "d")]).toHaveLength(1);
    expect([...differentLines(cut(list, [700]), cut(extra, [701]), "d")]).toHaveLength(1);
    expect([...differentLines(cut(extra, [700]), cut(list, []), "d")]).toHaveLength(1);
  }
});

test("what is malformed or unsafe among the different lines is refused", () => {
  const line = (path: string): string => formatLine({ path: path as RepoPath, sha256: sha256(path), size: 1, isExecutable: false });
  const read = (text: string): string => {
    try {
      return `nothing, ${[...differentLines([Buffer.from(line("a"))], [Buffer.from(text)], "d")].length}`;
    } catch (error) {
      return isMlvError(error) ? error.code : String(error);
    }
  };
  expect(read(line("a") + line("b"))).toBe("nothing, 1");
  expect(read(line("a") + line("../b"))).toBe("path-unsafe");
  expect(read(line("a") + line("c") + line("b"))).toBe("manifest-malformed");
  expect(read(line("a") + line("b").slice(0, -1))).toBe("manifest-malformed");
  expect(read(`${line("a")}\n`)).toBe("manifest-malformed");
});
