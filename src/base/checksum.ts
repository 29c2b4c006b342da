import type * as Zlib from "node:zlib";

let loaded: typeof Zlib | undefined;

/** Returns `node:zlib`, loaded when it is first needed: a no-op `status` of a small repository starts 2 ms sooner without it. */
export function zlib(): typeof Zlib {
  return (loaded ??= process.getBuiltinModule("node:zlib"));
}

/** Up to this many bytes a table in JavaScript is faster than loading zlib for it. */
const SMALL_BYTES = 16 * 1024;
let table: Uint32Array | undefined;

/** Returns the CRC-32 (polynomial 0xEDB88320, as in zlib and gzip, RFC 1952) of bytes or of a string's UTF-8 bytes. */
export function crc32(data: Uint8Array | string): number {
  if (loaded !== undefined || data.length > SMALL_BYTES) return zlib().crc32(data);
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const steps = (table ??= createTable());
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (steps[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffff_ffff) >>> 0;
}

function createTable(): Uint32Array {
  const steps = new Uint32Array(256);
  for (let index = 0; index < 256; index++) {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
    steps[index] = value;
  }
  return steps;
}
