/** zstd through Node's own zlib, with every output bounded. Format: RFC 8878. */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { MlvError } from "../base/errors.ts";

const DEFAULT_LEVEL = 3;
const compressOnPool = promisify(zlib.zstdCompress) as (data: Uint8Array, options: zlib.ZstdOptions) => Promise<Buffer>;

function parameters(level: number, size: number): zlib.ZstdOptions {
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = zlib.constants;
  return { params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 0 }, pledgedSrcSize: size };
}

/** Returns one zstd frame. */
export function compress(data: Uint8Array, level: number = DEFAULT_LEVEL): Buffer {
  return zlib.zstdCompressSync(data, parameters(level, data.length));
}

/** Returns one zstd frame, made on the thread pool. */
export function compressAsync(data: Uint8Array, level: number = DEFAULT_LEVEL): Promise<Buffer> {
  return compressOnPool(data, parameters(level, data.length));
}

/**
 * Returns what a frame decodes to: exactly `length` bytes, or at most that many with `isBound`.
 * Throws `content-mismatch` for a damaged frame or any other length; never writes past the bound.
 */
export function decompress(frame: Uint8Array, length: number, options: { readonly isBound?: boolean } = {}): Buffer {
  let data: Buffer;
  try {
    data = zlib.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, length) });
  } catch (error) {
    throw new MlvError("content-mismatch", "a compressed frame cannot be decoded", { cause: error });
  }
  if (options.isBound !== true && data.length !== length) {
    throw new MlvError("content-mismatch", `a compressed frame decodes to ${data.length} bytes instead of ${length}`);
  }
  return data;
}

/** Tells whether compressing content like the samples saves at least a tenth. */
export function samplePaysToCompress(samples: readonly Uint8Array[]): boolean {
  let size = 0;
  let compressed = 0;
  for (const sample of samples) {
    const part = sample.subarray(0, 32 * 1024);
    size += part.length;
    compressed += compress(part, 1).length;
  }
  return compressed < size * 0.9;
}
