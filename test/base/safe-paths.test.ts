import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collisionKey, compareUtf8, unportableReason, unsafePathReason } from "../../src/base/safe-paths.ts";

/** Paths that a pointer, manifest or recipe must never make mlv write to, by class. */
const HOSTILE: Readonly<Record<string, readonly string[]>> = {
  absolute: [
    "/",
    "/etc/passwd",
    "//server/share/x",
    "/.",
    "/a/../b",
    "\\",
    "\\x",
    "\\\\server\\share\\x",
    "C:\\x",
    "C:/x",
    "c:/Windows/x",
    "Z:\\",
  ],
  "parent segments": [
    "..",
    "../x",
    "../../x",
    "a/..",
    "a/../b",
    "a/b/../../../x",
    "a/../../x",
    "../.git/config",
    "..\\x",
    "a\\..\\x",
    "a\\..\\..\\x",
    "a/..\\x",
    "a/b\\..",
    "..\\..\\x",
  ],
  "empty and dot segments": ["", ".", "./x", "a/.", "a/./b", "a//b", "a/", "a/b/", "./", "a/b//", "././x"],
  "control characters": [
    "a\u0000b",
    "\u0000",
    "a/b\u0000.txt",
    "a\nb",
    "a\rb",
    "a\tb",
    "\u001b[31mred",
    "a\u0007b",
    "a\u007fb",
    "a\u0001",
    "a/\u001f/b",
    "a\u000bb",
  ],
  "Git's folder": [".git", ".git/config", ".git/hooks/pre-commit", "a/.git", "a/.git/config", "a/b/.git/hooks/post-checkout"],
  "Git's folder where case folds": [".GIT", ".Git/config", ".gIt/hooks/x", "a/.GIT/config", ".giT", "a/.GiT/config"],
  "Git's folder on NTFS": [
    ".git ",
    ".git.",
    ".git...",
    ".git. .",
    ".git . ",
    ".git /config",
    ".git./config",
    "git~1",
    "GIT~1",
    "GIT~1/config",
    "a/git~1/hooks/x",
    "git~1 ",
    "git~1.",
    ".git::$INDEX_ALLOCATION",
    ".git::$INDEX_ALLOCATION/config",
    ".git:stream",
    ".GIT:x/config",
    ".git\\config",
    "a\\.git\\config",
    ".GIT\\hooks",
    "a/b\\.git",
    "a\\git~1",
  ],
  "Git's folder on HFS+": [
    ".g\u200cit",
    ".gi\u200dt/config",
    "\u200e.git",
    ".git\u200f",
    ".g\u202ait",
    ".g\u202bit",
    ".gi\u202ct",
    ".g\u202dit/hooks",
    ".git\u202e",
    ".g\u206ait",
    ".g\u206bit",
    ".g\u206cit",
    ".gi\u206dt",
    ".gi\u206et",
    ".\u206fgit",
    ".g\ufeffit",
    "\ufeff.git/config",
    "a/.G\u200cIT/config",
  ],
  "Git's folder where Unicode is normalised": [".ｇｉｔ", "．git", ".ｇit/config", "．ｇｉｔ/hooks", ".ℊit", ".𝐠𝐢𝐭"],
  "Git's own files": [
    ".gitmodules",
    ".GITMODULES",
    "a/.gitmodules",
    ".gitattributes",
    ".GitAttributes",
    "a/b/.gitattributes",
    ".gitignore",
    ".GITIGNORE",
    "a/.gitignore",
    ".gitignore ",
    ".gitmodules.",
    ".gitattributes::$DATA",
    ".mailmap",
    ".g\u200citmodules",
  ],
  "mlv's own files": [".mlv", ".mlv/config", ".MLV", "a/.mlv", ".mlv ", ".mlvignore", "a/.mlvignore", ".MLVIGNORE", ".m\u200clv"],
  "names that no file system holds": [
    "x".repeat(256),
    `a/${"x".repeat(300)}`,
    "ü".repeat(128),
    "€".repeat(86),
    `${"a/".repeat(2000)}b`,
    "a\ud800b",
    "\udc00",
    "a/\ud83d",
  ],
};

/** Paths that people have and that must not be refused. */
const BENIGN: readonly string[] = [
  "a",
  "train.csv",
  "data/train.csv",
  "a/b/c/d/e/f/g",
  "name with spaces.txt",
  " leading",
  "trailing ",
  "dots...",
  "a.b.c",
  "...",
  "..a",
  "a..b",
  "a..",
  ".hidden",
  ".github/workflows/ci.yml",
  ".gitkeep",
  ".git-blame-ignore-revs",
  "git",
  "git/config",
  "x.git",
  "repo.git/HEAD",
  "digit~1",
  "git~2",
  "mlv",
  "data.mlv",
  ".mlv-old",
  "mlv.yaml",
  "CON",
  "aux.txt",
  "a:b",
  "2026-11-21T07:00:00.json",
  "what?.txt",
  "star*.txt",
  'quo"te.txt',
  "it's.txt",
  "back\\slash.txt",
  "-rf",
  "--help",
  "$(reboot)",
  "`id`",
  "größe.csv",
  "gro\u0308ße.csv",
  "データ/画像.png",
  "данные.csv",
  "😀.png",
  "\u200cname",
  "x".repeat(255),
  "ü".repeat(127),
  "%2e%2e/x",
  "..%2fx",
];

describe("a path from outside", () => {
  for (const [kind, paths] of Object.entries(HOSTILE)) {
    test(`is refused when it is of the class: ${kind}`, () => {
      const missed = paths.filter((path) => unsafePathReason(path) === undefined);
      expect(missed).toEqual([]);
    });
  }

  test("is let through when people have such names", () => {
    const refused = BENIGN.filter((path) => unsafePathReason(path) !== undefined);
    expect(refused).toEqual([]);
  });

  test("has a corpus of at least 100 hostile and 40 benign ones, each once", () => {
    const hostile = Object.values(HOSTILE).flat();
    expect(new Set(hostile).size).toBe(hostile.length);
    expect(hostile.length).toBeGreaterThanOrEqual(100);
    expect(new Set(BENIGN).size).toBeGreaterThanOrEqual(40);
  });

  test("is refused with a hostile part at any depth", () => {
    const inner = Object.entries(HOSTILE)
      .filter(([kind]) => kind !== "absolute" && kind !== "names that no file system holds")
      .flatMap(([, paths]) => paths);
    fc.assert(
      fc.property(fc.constantFrom(...inner), fc.constantFrom("a", "b c", "größe"), (path, folder) => {
        expect(unsafePathReason(`${folder}/${path}`)).toBeDefined();
      }),
    );
  });

  test("never leaves its folder once it is let through, whatever it is", () => {
    const part = fc.oneof(fc.constantFrom("..", ".", "", "/", "\\", ".git", "~", "C:"), fc.string({ unit: "binary", maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const path = parts.join("/");
        if (unsafePathReason(path) !== undefined) return;
        expect(new URL(`file:///root/folder/${path.split("/").map(encodeURIComponent).join("/")}`).pathname).toMatch(/^\/root\/folder\/./);
        expect(path.split("/")).not.toContain("..");
      }),
      { numRuns: 2000 },
    );
  });
});

test("names that only another platform cannot hold are told apart", () => {
  for (const path of ["CON", "con.txt", "a/NUL", "com1", "LPT¹.log", "a:b", "a?", "x ", "x.", "a/b\\c", 'q"', "<", "|"])
    expect([path, unportableReason(path)]).toEqual([path, expect.any(String)]);
  for (const path of ["console", "a/nulls", "com", "x.y", " x", ".x", "größe"])
    expect([path, unportableReason(path)]).toEqual([path, undefined]);
});

test("names that collide where case folds or Unicode is normalised have one key", () => {
  const pairs = [
    ["a", "A"],
    ["größe", "GRÖSSE"],
    ["größe", "gro\u0308ße"],
    ["straße", "STRASSE"],
    ["σίσυφος", "ΣΊΣΥΦΟΣ"],
    ["é", "e\u0301"],
    ["Å", "\u212b"],
    ["ﬁle", "FILE"],
    ["data/X", "DATA/x"],
  ] as const;
  for (const [left, right] of pairs) expect([left, collisionKey(left)]).toEqual([left, collisionKey(right)]);
  for (const [left, right] of [
    ["a", "b"],
    ["a/b", "a b"],
    ["e", "é"],
  ] as const)
    expect(collisionKey(left)).not.toBe(collisionKey(right));
});

test("paths are compared as their UTF-8 bytes are", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: fc.constantFrom("a", "/", "\u{e000}", "\u{ffff}", "\u{10000}", "\u{10ffff}", "\u{d7ff}") }),
  );
  fc.assert(
    fc.property(text, text, (left, right) => {
      expect(Math.sign(compareUtf8(left, right))).toBe(Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right))));
    }),
    { numRuns: 3000 },
  );
});
