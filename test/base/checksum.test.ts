import * as zlib from "node:zlib";
import fc from "fast-check";
import { expect, test, vi } from "vitest";

test("crc32 agrees with zlib's on either side of the size where it is taken over", async () => {
  vi.resetModules();
  const { crc32 } = await import("../../src/base/checksum.ts");
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => crc32(bytes) === zlib.crc32(bytes)));
  expect(crc32("größe")).toBe(zlib.crc32("größe"));
  const large = Buffer.alloc(20_000, 7);
  expect(crc32(large)).toBe(zlib.crc32(large));
  expect(crc32("größe")).toBe(zlib.crc32("größe"));
});
