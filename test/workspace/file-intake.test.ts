import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import type { Cache } from "../../src/store/cache.ts";
import { CacheWriter } from "../../src/store/cache-writer.ts";
import { FileIntake, INTAKE_BYTES, INTAKE_FILES, type IntakeFile, type TakenFile } from "../../src/workspace/file-intake.ts";
import { listFiles, noise } from "../cli/tree.ts";
import { freshFolder, openCache } from "../store/cache.ts";

const FILES = 4000;
let folder: string;
let contents: Buffer[];

beforeAll(() => {
  folder = freshFolder();
  contents = Array.from({ length: FILES }, (_, index) => contentOf(index));
  for (const [index, content] of contents.entries()) fs.writeFileSync(fileOf(index), content);
});

/** Most files are small and differ; some are empty, equal to another, just too large for a pack, or just small enough. */
function contentOf(index: number): Buffer {
  if (index % 500 === 3) return Buffer.alloc(0);
  if (index % 7 === 5) return noise("again", 300);
  if (index % 1000 === 4) return noise(index, 128 * 1024);
  if (index % 100 === 6) return noise(index, 128 * 1024 - 1);
  return noise(index, 20 + (index % 1500));
}

function fileOf(index: number): string {
  return path.join(folder, `file ${index}`);
}

function lookAt(file: string): IntakeFile {
  const { size, mtimeMs, ctimeMs, ino } = fs.lstatSync(file);
  return { file, stat: { size, mtimeMs, ctimeMs, ino }, takeByLink: false };
}

/** Cuts files into calls of the size that is allowed. */
function* cut(files: readonly IntakeFile[]): Generator<IntakeFile[]> {
  let call: IntakeFile[] = [];
  let bytes = 0;
  for (const file of files) {
    call.push(file);
    if (file.stat.size < 128 * 1024) bytes += file.stat.size;
    if (call.length < INTAKE_FILES && bytes < INTAKE_BYTES) continue;
    yield call;
    call = [];
    bytes = 0;
  }
  yield call;
}

interface Outcome {
  readonly taken: TakenFile[];
  /** How many calls were let run at once in the end. */
  readonly width: number;
}

async function takeAll(cache: Cache, files: readonly IntakeFile[], jobs = 4): Promise<Outcome> {
  const writer = new CacheWriter(cache);
  const intake = new FileIntake({ writer, jobs, signal: undefined });
  try {
    const results = await Promise.allSettled([...cut(files)].map((call) => intake.take(call)));
    const taken = results.flatMap((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
    await writer.finishBeside();
    return { taken, width: intake.width };
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    await intake.close();
  }
}

function expectAll(cacheFolder: string, { taken }: Outcome): void {
  expect(taken.map((file) => file.sha256)).toEqual(contents.map((content) => sha256(content)));
  const cache = openCache(cacheFolder);
  const isWrong = contents.map((content) => (content.length < 128 * 1024 ? !cache.readSmall(sha256(content))?.equals(content) : false));
  expect(isWrong.filter(Boolean)).toEqual([]);
  for (const content of contents) expect(cache.has(sha256(content))).toBe(true);
  cache.close();
}

describe("many files", () => {
  test("are all in the cache under their hashes, read by threads", async () => {
    const cacheFolder = freshFolder();
    const cache = openCache(cacheFolder);
    const outcome = await takeAll(
      cache,
      contents.map((_, index) => lookAt(fileOf(index))),
    );
    cache.close();
    expect(outcome.width).toBeGreaterThan(1);
    expectAll(cacheFolder, outcome);
  });

  test("give the same packs whether threads read them or not", async () => {
    const files = contents.map((_, index) => lookAt(fileOf(index)));
    const [alone, together] = [freshFolder(), freshFolder()];
    const { width } = await takeAll(openCache(alone), files, 1);
    expect(width).toBe(1);
    await takeAll(openCache(together), files);
    expect(totalBytes(path.join(together, "packs"))).toBe(totalBytes(path.join(alone, "packs")));
  });

  test("that the cache has already add no pack", async () => {
    const cacheFolder = freshFolder();
    const files = contents.map((_, index) => lookAt(fileOf(index)));
    await takeAll(openCache(cacheFolder), files);
    const packs = listFiles(path.join(cacheFolder, "packs"));
    await takeAll(openCache(cacheFolder), files);
    expect(listFiles(path.join(cacheFolder, "packs"))).toEqual(packs);
  });
});

function totalBytes(where: string): number {
  return listFiles(where).reduce((sum, name) => sum + fs.statSync(path.join(where, name)).size, 0);
}

describe("one file of many", () => {
  const cases: [string, string, (file: string) => void][] = [
    ["changed since it was looked at", "file-changed", (file) => fs.appendFileSync(file, "more")],
    ["is gone", "path-not-found", (file) => fs.rmSync(file)],
    ["became shorter", "file-changed", (file) => fs.truncateSync(file, 1)],
    ["became a symlink", "unsupported-file-type", (file) => replace(file, () => fs.symlinkSync("elsewhere", file))],
    ["became a folder", "unsupported-file-type", (file) => replace(file, () => fs.mkdirSync(file))],
    ["became a FIFO", "unsupported-file-type", (file) => replace(file, () => void execFileSync("mkfifo", [file]))],
  ];

  test.each(cases)("that %s is named, and no temp file stays", async (_, code, spoil) => {
    const cacheFolder = freshFolder();
    const file = path.join(freshFolder(), "spoilt");
    fs.writeFileSync(file, noise("spoilt", 900));
    const files = contents.map((__, index) => lookAt(fileOf(index)));
    files[FILES - 700] = lookAt(file);
    spoil(file);
    await expect(takeAll(openCache(cacheFolder), files)).rejects.toMatchObject({ code, details: { path: file } });
    expect(listFiles(path.join(cacheFolder, "tmp"))).toEqual([]);
  });
});

function replace(file: string, make: () => void): void {
  fs.rmSync(file);
  make();
}
