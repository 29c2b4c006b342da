/** Deltas: one zstd frame whose dictionary is a range of another object's bytes. Spec: docs/formats/pack.md. */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { MlvError } from "../base/errors.ts";

const compressOnPool = promisify(zlib.zstdCompress) as (data: Uint8Array, options: zlib.ZstdOptions) => Promise<Buffer>;

/** zstd takes a dictionary that begins with this for a trained one (RFC 8878, section 5) instead of raw content. */
const DICTIONARY_MAGIC = Buffer.from([0x37, 0xa4, 0x30, 0xec]);

/** Returns the bytes that serve as dictionary: all of them, without the first where they begin with zstd's dictionary magic. */
export function dictionaryBytes(bytes: Uint8Array): Uint8Array {
  return DICTIONARY_MAGIC.equals(bytes.subarray(0, 4)) ? bytes.subarray(1) : bytes;
}

/**
 * Returns a frame that decodes to `data` with the dictionary, or undefined when there is no gain or the codec fails.
 * The frame was decoded again and compared before it is returned.
 */
export async function encodeDelta(data: Uint8Array, dictionary: Uint8Array): Promise<Buffer | undefined> {
  const bytes = dictionaryBytes(dictionary);
  if (bytes.length < 8 || data.length === 0) return undefined;
  const windowLog = Math.min(23, Math.max(10, Math.ceil(Math.log2(bytes.length + data.length + 1))));
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag, ZSTD_c_windowLog, ZSTD_c_contentSizeFlag, ZSTD_c_dictIDFlag } = zlib.constants;
  const params = {
    [ZSTD_c_compressionLevel]: 6,
    [ZSTD_c_checksumFlag]: 0,
    [ZSTD_c_contentSizeFlag]: 1,
    [ZSTD_c_dictIDFlag]: 0,
    [ZSTD_c_windowLog]: windowLog,
  };
  try {
    const frame = await compressOnPool(data, { params, dictionary: Buffer.from(bytes), pledgedSrcSize: data.length } as zlib.ZstdOptions);
    if (frame.length >= data.length * 0.9) return undefined;
    return Buffer.compare(decodeDelta(frame, dictionary, data.length), data) === 0 ? frame : undefined;
  } catch {
    return undefined;
  }
}

/** Returns what a delta decodes to: exactly `length` bytes. Throws `content-mismatch`. */
export function decodeDelta(frame: Uint8Array, dictionary: Uint8Array, length: number): Buffer {
  let data: Buffer;
  try {
    const options = { dictionary: Buffer.from(dictionaryBytes(dictionary)), maxOutputLength: Math.max(1, length) };
    data = zlib.zstdDecompressSync(frame, options as zlib.ZstdOptions);
  } catch (error) {
    throw new MlvError("content-mismatch", "a delta cannot be decoded", { cause: error });
  }
  if (data.length !== length) throw new MlvError("content-mismatch", `a delta decodes to ${data.length} bytes instead of ${length}`);
  return data;
}
