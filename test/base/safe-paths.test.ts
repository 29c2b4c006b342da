import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collisionKey, compareUtf8, unportableReason, unsafePathReason } from "../../src/base/safe-paths.ts";

const LONG = "n".repeat(256);

const HOSTILE: Readonly<Record<string, readonly string[]>> = {
  "it is empty or has an empty segment": ["", "/", "a//b", "a/", "//a", "a/b//"],
  "it is absolute": ["/etc/passwd", "/", "//server/share", "\\\\server\\share\\x", "\\x", "C:\\x", "C:/x", "c:/windows/x", "z:\\"],
  "it leaves its folder": [
    "..",
    "../x",
    "a/../../x",
    "a/..",
    ".",
    "./x",
    "a/./b",
    "a/.",
    "../",
    "a/../b",
    "..\\x",
    "a\\..\\b",
    "a/..\\..\\x",
  ],
  "it hides the way out": [".. /x".replace(" /", "\\"), "a\\..", "..\\", "a/b\\..\\..\\..\\x"],
  "it holds a control character": ["a\0b", "a\nb", "a\rb", "\u001b[2J", "a\tb", "a\u007fb", "\u0001", "x/\u0008/y", "a\0", "a\u001f"],
  "it is Git's folder": [".git", ".git/config", ".git/hooks/post-checkout", "a/.git", "a/.git/config", "sub/.git/hooks/pre-push"],
  "it is Git's folder after case folding": [".GIT", ".Git/config", ".gIT/hooks/x", "a/.giT", "a/.GIT/config", ".Gİt".replace("İ", "I")],
  "it is Git's folder on NTFS": [
    "git~1",
    "GIT~1/config",
    "a/Git~1",
    ".git ",
    ".git.",
    ".git. .",
    ".git...",
    ".git::$INDEX_ALLOCATION",
    ".git::$INDEX_ALLOCATION/config",
    ".git:x",
    ".GIT ::$INDEX_ALLOCATION",
    ".git:\u2028",
    ".git. :x/config",
    "a\\.git\\config",
    ".git\\config",
    "a/b\\.GIT",
    ".git./config",
    ".git /hooks/x",
    "git~1.",
    "git~4",
  ],
  "it is a short name of Git's or mlv's own files on NTFS": [
    "MLV~1",
    "a/mlv~2/x",
    "GITMOD~1",
    "gitmod~4 .",
    "GITATT~1",
    "GITIGN~3:x",
    "gitign~1",
    "MLVIGN~1",
    "MAILMA~2",
    "gi7eba~1",
    "GI7EB~10",
    "gi7d29~9",
    "gi250a~1/x",
    "GI25~123",
    "maba30~1...",
    "a\\GITMOD~1",
  ],
  "it is Git's folder on HFS+": [
    ".g\u200cit",
    ".gi\u200dt/config",
    "\u200e.git",
    ".git\u200f",
    ".\u202agit",
    ".g\u202bit",
    ".g\u202cit",
    ".gi\u202dt",
    ".git\u202e",
    ".\u206agit",
    ".g\u206bit",
    ".g\u206cit",
    ".gi\u206dt",
    ".git\u206e",
    ".git\u206f/config",
    "\ufeff.git",
    ".g\u200c\u200dit/hooks",
  ],
  "it is Git's folder after normalisation": ["．git", ".ｇｉｔ", ".gⅰt", "․git", ".ＧＩＴ/config", ".𝐠it"],
  "it is one of Git's or mlv's own files": [
    ".gitmodules",
    ".gitattributes",
    ".gitignore",
    ".mailmap",
    "a/.gitattributes",
    ".GitModules",
    ".gitignore.",
    ".git\u200cignore",
    ".mlv",
    ".mlv/config",
    ".MLV",
    "a/.mlv ",
    ".mlvignore",
    ".MlvIgnore",
    "a\\.gitmodules",
    ".gitattributes:$DATA",
  ],
  "it is too long": [LONG, `a/${LONG}`, "ü".repeat(128), `${"d/".repeat(2000)}x`, "😀".repeat(64)],
  "it is no Unicode": ["\ud800", "a\udc00", "x/\ud83d", "\udfff\ud800"],
};

const BENIGN = [
  "a",
  "data/train.csv",
  "a b.txt",
  " a",
  "-rf",
  "--help",
  "...",
  "..a",
  "a..",
  "a..b/c",
  ".hidden",
  ".github/workflows/x.yml",
  ".gitlab-ci.yml",
  "git",
  "git/config",
  "git~",
  "git~10",
  "gitmod~5",
  "gitmod~0",
  "gi7eba~0",
  "gi7eba",
  "gi7ebb~1",
  "gi7eba~12",
  "readme~1.txt",
  "x~1",
  "notes.txt~",
  "mlv",
  "mlv.yaml",
  "a.git",
  "repo.git/HEAD",
  ".gitx",
  ".gi",
  "x.mlv",
  "größe/äöü.txt",
  "日本語/データ.csv",
  "emoji-😀.png",
  "e\u0301.txt",
  "\u00e9.txt",
  "~/x",
  "$HOME/x",
  "a;b",
  "a|b",
  "a'b\"c",
  "CON",
  "aux.txt",
  "a:b",
  "trailing.",
  "trailing ",
  "a\\b",
  "a\u2028b",
  "a\u200cb",
  "n".repeat(255),
  "ü".repeat(127),
  `${"d/".repeat(1990)}x`,
  "%2e%2e/x",
  "*",
  "[a]",
];

describe("a path from outside", () => {
  for (const [reason, paths] of Object.entries(HOSTILE)) {
    test.each(paths.map((path) => [path]))(`is refused, since ${reason}: %j`, (path) => {
      expect(unsafePathReason(path)).toBeTypeOf("string");
    });
  }

  test.each(BENIGN.map((path) => [path]))("is taken when it is harmless: %j", (path) => {
    expect(unsafePathReason(path)).toBeUndefined();
  });

  test("was tried with at least 100 hostile and 40 harmless ones", () => {
    expect(new Set(Object.values(HOSTILE).flat()).size).toBeGreaterThanOrEqual(100);
    expect(new Set(BENIGN).size).toBeGreaterThanOrEqual(40);
  });

  test("is refused wherever in it a hostile segment stands", () => {
    const hostile = fc.constantFrom("..", ".", "", ".git", ".GIT", ".mlv", ".gitmodules", ".g\u200cit", "git~1", "a\0");
    const plain = fc.array(fc.constantFrom("a", "data", "ü", "x.csv"), { maxLength: 3 });
    fc.assert(
      fc.property(plain, hostile, plain, (before, segment, after) => {
        expect(unsafePathReason([...before, segment, ...after].join("/"))).toBeTypeOf("string");
      }),
    );
  });

  test("that is taken stays inside its folder, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (path) => {
        if (unsafePathReason(path) !== undefined) return;
        const { pathname } = new URL(path.split("/").map(encodeURIComponent).join("/"), "file:///root/folder/");
        expect(pathname.startsWith("/root/folder/")).toBe(true);
        expect(path.toLowerCase().split(/[\\/]/)).not.toContain(".git");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a name that another platform cannot hold", () => {
  test.each([
    "a:b",
    "a<b",
    "x/a>b",
    'a"b',
    "a|b",
    "a?",
    "*",
    "a\\b",
    "a.",
    "a ",
    "d./x",
    "CON",
    "con.txt",
    "x/NUL",
    "aux",
    "COM1",
    "lpt9.csv",
    "COM¹",
  ])("is named: %j", (path) => {
    expect(unportableReason(path)).toBeTypeOf("string");
  });

  test.each(["a", "console", "com10", "nul-values.csv", "a.b", ".hidden", "ü", "lpt"])("is not seen in %j", (path) => {
    expect(unportableReason(path)).toBeUndefined();
  });
});

test.each([
  ["A", "a"],
  ["Data/X.csv", "data/x.CSV"],
  ["\u00e9", "e\u0301"],
  ["\u00c9", "e\u0301"],
  ["straße", "STRASSE"],
  ["Σ", "ς"],
  ["ά", "Ά"],
  ["Å", "\u212b"],
])("%j and %j collide where case is folded or Unicode normalised", (left, right) => {
  expect(collisionKey(left)).toBe(collisionKey(right));
});

test.each([
  ["a", "b"],
  ["a", "a "],
  ["o", "ö"],
  ["i", "l"],
])("%j and %j do not collide", (left, right) => {
  expect(collisionKey(left)).not.toBe(collisionKey(right));
});

test("strings are compared as their UTF-8 bytes are", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (left, right) => {
      expect(Math.sign(compareUtf8(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)));
    }),
    {
      numRuns: 1000,
      examples: [
        ["\u{10000}", "\uff5e"],
        ["a\u{10ffff}", "a\ue000"],
        ["", "a"],
      ],
    },
  );
});
