import * as fs from "node:fs";
import path from "node:path";
import * as zlib from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import { formatHead } from "../../src/formats/head.ts";
import { blobKey } from "../../src/formats/layout.ts";
import { formatPointer, type Pointer } from "../../src/formats/pointer.ts";
import { makeSandbox, type Sandbox } from "../cli/sealed.ts";

const MIB = 1024 * 1024;
/** Node, the program and honest work are some 70 MiB, reading a body to its bounds 130. */
const MAX_RSS_MIB = 200;
const VERSION = sha256(Buffer.from("what no body gives"));
const HASH = "ab".repeat(32);

/** Keeps what the process needed at its peak, in KiB. Linux counts a parent's peak to `maxRSS`, so its own word is taken there. */
const MEASURE = `process.on("exit", () => {
  const fs = require("node:fs");
  const own = process.platform === "linux" ? /VmHWM:\\s*(\\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))?.[1] : undefined;
  fs.writeFileSync(process.env.RSS_FILE, own ?? String(process.resourceUsage().maxRSS));
});
`;

let box: Sandbox;
beforeAll(() => {
  box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { "honest.txt": "something to make the store with\n" } });
  box.mlv("project", ["add", "honest.txt"]);
  box.mlv("project", ["push"]);
  fs.writeFileSync(box.at("measure.cjs"), MEASURE);
});

function store(key: string, bytes: Uint8Array): void {
  fs.mkdirSync(path.dirname(box.at("storage", key)), { recursive: true });
  fs.writeFileSync(box.at("storage", key), bytes);
}

/** Stores a pack's bytes under their hash; returns its line in a body. */
function storePack(bytes: Buffer): string {
  const key = blobKey("packs", sha256(bytes));
  store(key, bytes);
  return `blob ${key} ${bytes.length}`;
}

/** Makes a body the recipe of `data.bin`, and pulls it; returns what came of it. */
function pullBody(
  text: string | Buffer,
  pointer: Pointer,
): { status: number | undefined; stderr: string; rssMib: number; bodySize: number } {
  const body = zlib.zstdCompressSync(text, { pledgedSrcSize: Buffer.byteLength(text) });
  const key = blobKey("bodies", sha256(body));
  store(key, body);
  store(blobKey("recipes", pointer.sha256), Buffer.from(formatHead({ kind: pointer.kind, body: key, bodySize: body.length })));
  fs.writeFileSync(box.at("project", "data.bin.mlv"), formatPointer(pointer));
  const env = { NODE_OPTIONS: `--require=${box.at("measure.cjs")}`, RSS_FILE: box.at("rss") };
  const { status, stderr } = box.run(["pull", "data.bin"], { cwd: "project", env });
  return { status, stderr, rssMib: Number(fs.readFileSync(box.at("rss"), "utf8")) / 1024, bodySize: body.length };
}

const file = (size: number): Pointer => ({ kind: "file", sha256: VERSION, size });

function bodyOf(pointer: Pointer, lines: readonly string[], length = pointer.size): string {
  return [
    "mlv-body 1",
    `version ${pointer.kind} ${pointer.sha256} ${length} ${pointer.kind === "dir" ? 100 : 0}`,
    ...lines,
    "end",
    "",
  ].join("\n");
}

function expectRefused(result: ReturnType<typeof pullBody>, status: 14 | 15, why: RegExp): void {
  expect(result.stderr).toMatch(why);
  expect(result.stderr).toContain("data.bin");
  expect(result.status).toBe(status);
  expect(result.rssMib).toBeLessThan(MAX_RSS_MIB);
  expect(fs.existsSync(box.at("project", "data.bin"))).toBe(false);
}

describe("a body that was made to fill memory is refused in little of it:", () => {
  const blob = `blob packs/ab/${HASH} 1000000000000`;

  test("one of a few kilobytes that decompresses to 250 MB", () => {
    const result = pullBody(Buffer.alloc(250 * MIB, "\n"), file(5 * MIB));
    expect(result.bodySize).toBeLessThan(64 * 1024);
    expectRefused(result, 14, /decodes to/);
  });

  test("one with millions of empty segments", () => {
    const text = bodyOf(file(5 * MIB), [blob, "stream", ...Array.from({ length: 900_000 }, () => "r 0 0 0"), `r 0 0 ${5 * MIB}`]);
    expectRefused(pullBody(text, file(5 * MIB)), 15, /a segment is empty/);
  });

  test("one with millions of segments of a byte", () => {
    const lines = Array.from({ length: 850_000 }, () => "r 0 0 1");
    expectRefused(pullBody(bodyOf(file(850_000), [blob, "stream", ...lines]), file(850_000)), 15, /too many segments/);
  });

  test("one whose text is longer than any body of a version of this size", () => {
    const lines = Array.from({ length: 5 * MIB }, () => "r 0 0 1");
    expectRefused(pullBody(bodyOf(file(5 * MIB), [blob, "stream", ...lines]), file(5 * MIB)), 14, /decodes to/);
  });

  test("one that claims another length than the pointer", () => {
    const lines = Array.from({ length: 700_000 }, () => "r 0 0 4096");
    const text = bodyOf(file(5 * MIB), [blob, "stream", ...lines], 700_000 * 4096);
    expectRefused(pullBody(text, file(5 * MIB)), 15, /gives 2867200000 bytes, the pointer says 5242880/);
  });

  test("one with a base that is far larger than the version", () => {
    const lines = Array.from({ length: 600_000 }, () => "r 0 0 4096");
    const text = bodyOf(file(MIB), [blob, `base ${HASH} ${600_000 * 4096}`, ...lines, "stream", `c 0 0 ${MIB}`]);
    expectRefused(pullBody(text, file(MIB)), 15, /bases are too large/);
  });

  test("one with a base in pieces of a byte", () => {
    const lines = Array.from({ length: 900_000 }, () => "r 0 0 1");
    const text = bodyOf(file(MIB), [blob, `base ${HASH} 900000`, ...lines, "stream", `r 0 0 ${MIB}`]);
    expectRefused(pullBody(text, file(MIB)), 15, /base has too many segments/);
  });

  test("one with more blobs than segments could name", () => {
    const lines = Array.from({ length: 80_000 }, () => blob);
    expectRefused(pullBody(bodyOf(file(MIB), [...lines, "stream", `r 0 0 ${MIB}`]), file(MIB)), 15, /too many blobs/);
  });

  test("one of a folder with more segments than its files could have", () => {
    const pointer: Pointer = { kind: "dir", sha256: VERSION, size: 600_000, files: 10 };
    const lines = Array.from({ length: 600_200 }, () => "r 0 0 1");
    expectRefused(pullBody(bodyOf(pointer, [blob, "stream", ...lines], 600_200), pointer), 15, /too many segments/);
  });

  test("one of a folder whose root would not fit", () => {
    const pointer: Pointer = { kind: "dir", sha256: VERSION, size: 600_000, files: 10 };
    const length = 900_000_000 + 600_000;
    const text = ["mlv-body 1", `version dir ${VERSION} ${length} 900000000`, blob, "stream", `r 0 0 ${length}`, "end", ""].join("\n");
    expectRefused(pullBody(text, pointer), 15, /root/);
  });
});

describe("a body that was made to keep a reader busy is refused:", () => {
  /** Eight frames of 8 MiB of zeros, a few hundred bytes each: more than a reader keeps. */
  const frame = zlib.zstdCompressSync(Buffer.alloc(8 * MIB), { pledgedSrcSize: 8 * MIB });
  const frames = Array.from({ length: 8 }, (_, index) => index * frame.length);

  test("one that goes to and fro between long frames, taking little of each", () => {
    const blob = storePack(Buffer.concat(frames.map(() => frame)));
    const lines = Array.from({ length: 400 }, (_, index) => `z 0 ${frames[index % 8]} ${frame.length} ${8 * MIB} 0 4096`);
    const pointer = file(400 * 4096);
    expectRefused(pullBody(bodyOf(pointer, [blob, "stream", ...lines]), pointer), 15, /more than four times/);
  });

  test("one whose dictionaries are far longer than the version", () => {
    const lines = Array.from({ length: 200 }, () => `d 0 0 40 4096 0 0 ${8 * MIB}`);
    const pointer = file(200 * 4096);
    const blob = `blob packs/ab/${HASH} ${8 * MIB}`;
    const text = bodyOf(pointer, [blob, `base ${HASH} ${8 * MIB}`, `r 0 0 ${8 * MIB}`, "stream", ...lines]);
    expectRefused(pullBody(text, pointer), 15, /dictionaries are too long/);
  });

  test("one with a frame that asks for a window of 128 MiB", () => {
    const bytes = zlib.zstdCompressSync(Buffer.alloc(1000, "x"), { params: { [zlib.constants.ZSTD_c_windowLog]: 27 } });
    // A frame of unknown length keeps the window that was asked for.
    const wide = Buffer.concat([bytes.subarray(0, 4), Buffer.from([0x00, 0x88, 0x01, 0x00, 0x00])]);
    const blob = storePack(wide);
    const pointer = file(1000);
    expectRefused(pullBody(bodyOf(pointer, [blob, "stream", `z 0 0 ${wide.length} 1000`]), pointer), 14, /window/);
  });

  test("one with a frame that decodes to more than it says", () => {
    const bomb = zlib.zstdCompressSync(Buffer.alloc(64 * MIB), { params: { [zlib.constants.ZSTD_c_contentSizeFlag]: 0 } });
    const blob = storePack(bomb);
    const pointer = file(100_000);
    expectRefused(pullBody(bodyOf(pointer, [blob, "stream", `z 0 0 ${bomb.length} 100000`]), pointer), 14, /frame|decode/);
  });
});

test("a version that the disk has no room for is refused before a byte is fetched", () => {
  const size = 900_000_000_000_000;
  const result = pullBody(bodyOf(file(size), [`blob objects/ab/${HASH} ${size}`, "stream", `r 0 0 ${size}`]), file(size));
  expect(result.stderr).toMatch(/data\.bin.*free/s);
  expect(result.status).toBe(1);
});
