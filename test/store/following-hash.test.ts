import fc from "fast-check";
import * as fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import { FollowingHash } from "../../src/store/following-hash.ts";
import { freshFolder } from "./cache.ts";

const PART = 100_000;

function makeFile(bytes: Uint8Array): string {
  const file = path.join(freshFolder(), "file");
  fs.writeFileSync(file, bytes);
  return file;
}

describe("a hash that follows a file that is being written", () => {
  it("is that of the whole, in whatever order its parts come", async () => {
    const content = Buffer.from(Array.from({ length: 1_234_567 }, (_, index) => (index * 7919) >>> 5));
    const starts = Array.from({ length: Math.ceil(content.length / PART) }, (_, index) => index * PART);
    const order = fc.shuffledSubarray(starts, { minLength: starts.length });
    await fc.assert(
      fc.asyncProperty(order, async (offsets) => {
        const file = makeFile(new Uint8Array());
        const descriptor = fs.openSync(file, "r+");
        const hash = new FollowingHash(file);
        for (const offset of offsets) {
          const part = content.subarray(offset, offset + PART);
          fs.writeSync(descriptor, part, 0, part.length, offset);
          hash.written(offset, part.length);
        }
        expect(await hash.finish(content.length)).toBe(sha256(content));
        await hash.close();
        fs.closeSync(descriptor);
      }),
      { numRuns: 10 },
    );
  });

  it("is not there when a part is missing, or the file is shorter than it was said to be", async () => {
    const hash = new FollowingHash(makeFile(Buffer.alloc(PART)));
    hash.written(PART, PART);
    expect(await hash.finish(2 * PART)).toBeUndefined();
    hash.written(0, PART);
    expect(await hash.finish(2 * PART)).toBeUndefined();
    await hash.close();
  });

  it("does not follow a link", async () => {
    const file = makeFile(Buffer.from("content"));
    fs.symlinkSync(file, `${file}.link`);
    const hash = new FollowingHash(`${file}.link`);
    hash.written(0, 7);
    expect(await hash.finish(7)).toBeUndefined();
    await hash.close();
  });
});
