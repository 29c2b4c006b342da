import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import { READ_MEMORY_BYTES, ReaderThreads, type FileToRead } from "../../src/store/reader-threads.ts";
import { noise } from "../cli/tree.ts";
import { freshFolder } from "./cache.ts";

function write(folder: string, name: string, content: Buffer): FileToRead {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return { file, stat: fs.lstatSync(file) };
}

test("files are read into one piece of memory, one behind the other, and one that is gone leaves a hole", async () => {
  const folder = freshFolder();
  const contents = [noise("a", 1000), Buffer.alloc(0), noise("b", 5), noise("c", 100_000)];
  const files = contents.map((content, index) => write(folder, `ä ${index}`, content));
  fs.rmSync((files[2] as FileToRead).file);
  const threads = new ReaderThreads(1);
  try {
    const { hashes, bytes, release } = await threads.read(files);
    expect(hashes).toEqual(contents.map((content, index) => (index === 2 ? undefined : sha256(content))));
    expect(bytes).toHaveLength(101_005);
    expect(bytes.subarray(0, 1000)).toEqual(contents[0]);
    expect(bytes.subarray(1005)).toEqual(contents[3]);
    release();
  } finally {
    await threads.close();
  }
});

test("more is read than there is memory for, as it is given back", async () => {
  const folder = freshFolder();
  const content = noise("large", READ_MEMORY_BYTES);
  const file = write(folder, "large", content);
  const threads = new ReaderThreads(2);
  try {
    const hashes = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const read = await threads.read([file]);
        const isRight = read.bytes.equals(content);
        read.release();
        return isRight ? read.hashes[0] : "other bytes";
      }),
    );
    expect(new Set(hashes)).toEqual(new Set([sha256(content)]));
  } finally {
    await threads.close();
  }
});

test("threads that end while they are asked leave the files unread, and nobody waits for them", async () => {
  const folder = freshFolder();
  const files = Array.from({ length: 500 }, (_, index) => write(folder, String(index), noise(index, 1000)));
  const threads = new ReaderThreads(2);
  const reading = Array.from({ length: 6 }, () => threads.read(files));
  await threads.close();
  for (const { hashes } of await Promise.all(reading)) expect(hashes.every((hash) => hash === undefined || hash.length === 64)).toBe(true);
  for (const { release } of await Promise.all(reading)) release();
  expect((await threads.read(files)).hashes).toEqual(files.map(() => undefined));
});
