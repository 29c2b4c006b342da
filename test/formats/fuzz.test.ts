import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/base/error-codes.ts";
import { sha256 } from "../../src/base/hashing.ts";
import type { RepoPath, Sha256 } from "../../src/base/ids.ts";
import { parseBody } from "../../src/formats/body.ts";
import { parseHead } from "../../src/formats/head.ts";
import { mergeLockFiles } from "../../src/formats/lock-merge.ts";
import { parseLeaf, parseRoot } from "../../src/formats/manifest.ts";
import { PACK_TRAILER_BYTES, PackFooter, parsePackTrailer } from "../../src/formats/pack-footer.ts";
import { parsePointer } from "../../src/formats/pointer.ts";
import { parseLocalConfig, parseProjectConfig } from "../../src/formats/project-config.ts";
import { compress, decompress } from "../../src/store/compression.ts";
import { decodeDelta } from "../../src/store/delta-codec.ts";
import { readRecords } from "../../src/workspace/index-file.ts";
import { codeOf, readGolden } from "./golden.ts";

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-fuzz-"));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const RUNS = 1500;
const ZERO = "0".repeat(64) as Sha256;

/** Is one parser of what others may have written, with the codes that it may refuse it with. */
interface Parser {
  readonly name: string;
  readonly parse: (bytes: Buffer) => unknown;
  readonly codes: readonly ErrorCode[];
  readonly samples: readonly Buffer[];
}

const golden = (format: string, extension?: string): Buffer[] =>
  (["valid", "malformed"] as const).flatMap((kind) => readGolden(format, kind, extension).map(({ bytes }) => bytes));
const text = (bytes: Buffer): string => bytes.toString("utf8");

/** What an honest root would say of bytes: everything that can be checked without it is then the parser's own work. */
function parseAnyLeaf(bytes: Buffer): unknown {
  const lines = text(bytes).split("\n").slice(0, -1);
  const sizes = lines.map((line) => Number(line.split(" ")[1]));
  const firstPath = (lines[0] ?? "").split(" ").slice(3).join(" ") as RepoPath;
  const size = sizes.reduce((sum, one) => sum + one, 0);
  return parseLeaf(bytes, { sha256: sha256(bytes), length: bytes.length, files: lines.length, size, firstPath }, "d");
}

function parsePack(bytes: Buffer): unknown {
  const length = parsePackTrailer(bytes.subarray(-PACK_TRAILER_BYTES), "p") + PACK_TRAILER_BYTES;
  const tail = bytes.subarray(Math.max(0, bytes.length - length));
  const footer = new PackFooter(tail, bytes.length - tail.length, "p");
  for (let index = 0; index < footer.entryCount; index++) footer.find(Buffer.from(footer.entry(index).sha256, "hex"));
  return footer;
}

function parseIndex(bytes: Buffer): unknown {
  const file = path.join(scratch, "index");
  fs.writeFileSync(file, bytes);
  return [...readRecords(file)];
}

const RECIPE = ["recipe-malformed", "format-newer"] as const;
const MANIFEST = ["manifest-malformed", "format-newer", "path-unsafe"] as const;
const CONFIG = ["config-malformed", "config-secret", "format-newer"] as const;
const indexFolder = path.resolve(import.meta.dirname, "../../fixtures/formats/index/valid");

const PARSERS: readonly Parser[] = [
  {
    name: "pointer",
    parse: (bytes) => parsePointer(text(bytes), "p.mlv"),
    codes: ["pointer-malformed", "pointer-conflicted", "format-newer"],
    samples: golden("pointer"),
  },
  { name: "head", parse: (bytes) => parseHead(text(bytes), ZERO), codes: RECIPE, samples: golden("head") },
  { name: "body", parse: (bytes) => parseBody(text(bytes)), codes: RECIPE, samples: golden("body") },
  { name: "manifest's root", parse: (bytes) => parseRoot(bytes, "d"), codes: MANIFEST, samples: golden("manifest", "root") },
  { name: "manifest's leaf", parse: parseAnyLeaf, codes: MANIFEST, samples: golden("manifest", "leaf") },
  { name: "pack", parse: parsePack, codes: ["pack-malformed", "format-newer"], samples: golden("pack") },
  {
    name: "mlv.yaml",
    parse: (bytes) => parseProjectConfig(text(bytes), "mlv.yaml"),
    codes: CONFIG,
    samples: golden("config", "project.yaml"),
  },
  {
    name: "local.yaml",
    parse: (bytes) => parseLocalConfig(text(bytes), "local.yaml"),
    codes: CONFIG,
    samples: golden("config", "local.yaml"),
  },
  // An index that cannot be read is made anew: it refuses nothing.
  {
    name: "index",
    parse: parseIndex,
    codes: [],
    samples: fs.readdirSync(indexFolder).map((name) => fs.readFileSync(path.join(indexFolder, name))),
  },
  { name: "zstd frame", parse: (bytes) => decompress(bytes, 1000, { isBound: true }), codes: ["content-mismatch"], samples: [frame()] },
  { name: "delta", parse: (bytes) => decodeDelta(bytes, Buffer.alloc(500, "ab"), 1000), codes: ["content-mismatch"], samples: [frame()] },
];

function frame(): Buffer {
  return compress(Buffer.from("some bytes that come again and again, ".repeat(20)));
}

/** Makes bytes out of nothing, and out of pieces of sound and malformed files: cut, repeated, exchanged, with other numbers. */
function anyBytes(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const sample = fc.constantFrom(...samples);
  const place = fc.nat({ max: 10_000 });
  const cut = (bytes: Buffer, at: number): number => at % (bytes.length + 1);
  const numbers = fc.constantFrom("-1", "0", "00", "1e9", "999999999999999", "9007199254740993", "99999999999999999999", "0x1", "NaN", "");
  return fc.oneof(
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: "binary", maxLength: 500 }).map((value) => Buffer.from(value)),
    fc.tuple(sample, sample, place, place).map(([a, b, from, to]) => Buffer.concat([a.subarray(0, cut(a, from)), b.subarray(cut(b, to))])),
    fc.tuple(sample, place, place, fc.integer({ min: 2, max: 400 })).map(([bytes, from, to, times]) => {
      const [start, end] = [cut(bytes, from), cut(bytes, to)].sort((a, b) => a - b) as [number, number];
      return Buffer.concat([
        bytes.subarray(0, end),
        ...Array.from({ length: times }, () => bytes.subarray(start, end)),
        bytes.subarray(end),
      ]);
    }),
    fc.tuple(sample, place, numbers).map(([bytes, at, number]) => {
      const found = [...bytes.toString("latin1").matchAll(/\d+/g)];
      const match = found[at % Math.max(1, found.length)];
      if (match === undefined) return bytes;
      return Buffer.concat([bytes.subarray(0, match.index), Buffer.from(number), bytes.subarray(match.index + match[0].length)]);
    }),
    fc.tuple(sample, place, fc.uint8Array({ maxLength: 8 })).map(([bytes, at, more]) => {
      return Buffer.concat([bytes.subarray(0, cut(bytes, at)), more, bytes.subarray(cut(bytes, at))]);
    }),
  );
}

describe.each(PARSERS)("whatever is given as $name", ({ name, parse, codes, samples }) => {
  test("is taken, or refused with one of its codes", () => {
    fc.assert(
      fc.property(anyBytes(samples), (bytes) => {
        expect(["nothing", ...codes]).toContain(codeOf(() => parse(bytes)));
      }),
      { numRuns: RUNS },
    );
  });

  test("takes no more memory than a small multiple of its own length", () => {
    const heap = (): number => process.memoryUsage().heapUsed + process.memoryUsage().external;
    for (const bytes of samples) {
      const long = Buffer.concat(Array.from({ length: Math.ceil(500_000 / Math.max(1, bytes.length)) }, () => bytes));
      const before = heap();
      codeOf(() => parse(long));
      expect(heap() - before).toBeLessThan((name.endsWith(".yaml") ? 250 : 60) * 1024 * 1024);
    }
  });
});

describe("nesting that is far too deep is refused, not run into:", () => {
  const depth = 30_000;
  const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`;

  test("in a pointer", () => {
    const pointer = `{\n  "mlv": 1,\n  "kind": "file",\n  "sha256": "${ZERO}",\n  "size": 1,\n  "x-deep": ${nested}\n}\n`;
    expect(codeOf(() => parsePointer(pointer, "p.mlv"))).toBe("pointer-malformed");
    expect(codeOf(() => parsePointer(nested, "p.mlv"))).toBe("pointer-malformed");
  });

  test("in a head", () => {
    expect(codeOf(() => parseHead(nested, ZERO))).toBe("recipe-malformed");
  });

  test.each(["flow", "block"])("in mlv.yaml (%s)", (style) => {
    const deep = style === "flow" ? `x-deep: ${nested}\n` : Array.from({ length: 3000 }, (_, index) => `${" ".repeat(index)}a:\n`).join("");
    expect(codeOf(() => parseProjectConfig(deep, "mlv.yaml"))).toBe("config-malformed");
  });

  test("in mlv.lock", () => {
    const lock = `{"mlv":1,"stages":{"a":${nested}}}`;
    expect(codeOf(() => mergeLockFiles({ base: "", ours: lock, theirs: lock.replace("[[", "[[1,"), where: "mlv.lock" }))).toMatch(
      /^(?:nothing|lock-malformed)$/,
    );
  });
});

test("aliases that grow to billions are refused", () => {
  const lines = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (const [before, name] of ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"].map(([left = "", right = ""]) => [left, right] as const)) {
    lines.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(",")}]`);
  }
  expect(codeOf(() => parseProjectConfig(`${lines.join("\n")}\nremotes: *i\n`, "mlv.yaml"))).toBe("config-malformed");
});
