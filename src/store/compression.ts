/**
 * Compresses with zstd through Node's own zlib, and decodes with every size bounded before a byte is written.
 *
 * mlv stores one frame, never several in a row: RFC 8878 frames with a content size, no checksum (SHA-256 stands above) and no
 * dictionary id. A decoder walks the frame's blocks first, so that a second frame, a skippable one, trailing bytes or a window larger
 * than `MAX_WINDOW_BYTES` never reach the codec.
 */
import type { ZstdOptions } from "node:zlib";
import { zlib } from "../base/checksum.ts";
import { MlvError } from "../base/errors.ts";

/** Is the largest window that a frame may ask for: what RFC 8878 wants every decoder to support. */
export const MAX_WINDOW_BYTES = 8 * 1024 * 1024;
/** Is the most that one frame may decode to. */
export const MAX_DECODED_BYTES = 1024 * 1024 * 1024;

const DEFAULT_LEVEL = 3;
const MAGIC = 0xfd2fb528;
const SAMPLE_BYTES = 64 * 1024;
const SAMPLE_SLICES = 4;

function compressOnPool(data: Uint8Array, options: ZstdOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zlib().zstdCompress(data, options, (error, frame) => (error === null ? resolve(frame) : reject(error)));
  });
}

function decompressOnPool(frame: Uint8Array, options: ZstdOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zlib().zstdDecompress(frame, options, (error, data) => (error === null ? resolve(data) : reject(error)));
  });
}

/** Says what a frame's header may carry; both cost bytes and are needless where a recipe knows length and hash. */
export interface FrameFlags {
  /** Stores a 32-bit checksum of the content; false unless set. */
  readonly checksum?: boolean;
  /** Stores the content's size; true unless set. */
  readonly contentSize?: boolean;
}

/** Says how the length given to a decoder is meant. */
export interface DecodeOptions {
  /** Takes the length as the most that is allowed, not as the exact one. */
  readonly isBound?: boolean;
}

/** Returns one zstd frame; levels are 1 to 19. */
export function compress(data: Uint8Array, level: number = DEFAULT_LEVEL, flags: FrameFlags = {}): Buffer {
  return zlib().zstdCompressSync(data, compressOptions(data.length, level, flags));
}

/** Returns the same frame as `compress`, made on the thread pool. */
export function compressAsync(data: Uint8Array, level: number = DEFAULT_LEVEL, flags: FrameFlags = {}): Promise<Buffer> {
  return compressOnPool(data, compressOptions(data.length, level, flags));
}

/**
 * Returns what a frame decodes to: exactly `length` bytes, or at most that many with `isBound`.
 * Throws `content-mismatch` for bytes that are not one sound frame of that length, `recipe-malformed` for a length that cannot be.
 */
export function decompress(frame: Uint8Array, length: number, options: DecodeOptions = {}): Buffer {
  const decoded = assertFrame(frame, length, options);
  try {
    return checkLength(zlib().zstdDecompressSync(frame, decodeOptions(decoded)), length, options);
  } catch (error) {
    throw asMismatch(error);
  }
}

/** Does what `decompress` does on the thread pool. */
export async function decompressAsync(frame: Uint8Array, length: number, options: DecodeOptions = {}): Promise<Buffer> {
  const decoded = assertFrame(frame, length, options);
  try {
    return checkLength(await decompressOnPool(frame, decodeOptions(decoded)), length, options);
  } catch (error) {
    throw asMismatch(error);
  }
}

/**
 * Tells whether compressing content like the samples saves at least a tenth.
 * A sample over 64 KiB is judged by four slices spread over it.
 */
export function samplePaysToCompress(samples: readonly Uint8Array[]): boolean {
  let size = 0;
  let compressed = 0;
  for (const sample of samples) {
    for (const slice of sliceSample(sample)) {
      size += slice.length;
      compressed += compress(slice, 1).length;
    }
  }
  return compressed < size * 0.9;
}

function sliceSample(sample: Uint8Array): Uint8Array[] {
  if (sample.length <= SAMPLE_BYTES) return sample.length === 0 ? [] : [sample];
  const length = SAMPLE_BYTES / SAMPLE_SLICES;
  return Array.from({ length: SAMPLE_SLICES }, (_, index) => {
    const at = Math.floor(((sample.length - length) * index) / (SAMPLE_SLICES - 1));
    return sample.subarray(at, at + length);
  });
}

function compressOptions(sizeBytes: number, level: number, flags: FrameFlags): ZstdOptions {
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag, ZSTD_c_contentSizeFlag } = zlib().constants;
  return {
    params: {
      [ZSTD_c_compressionLevel]: level,
      [ZSTD_c_checksumFlag]: flags.checksum === true ? 1 : 0,
      [ZSTD_c_contentSizeFlag]: flags.contentSize === false ? 0 : 1,
    },
    pledgedSrcSize: sizeBytes,
  };
}

/** Returns zlib's options for a frame of at most `length` decoded bytes: no output past it, no window past the cap, one allocation if it is small. */
export function decodeOptions(length: number): ZstdOptions {
  return {
    maxOutputLength: Math.max(1, length),
    chunkSize: Math.min(Math.max(length + 1, 1024), MAX_WINDOW_BYTES),
    params: { [zlib().constants.ZSTD_d_windowLogMax]: Math.log2(MAX_WINDOW_BYTES) },
  };
}

function checkLength(data: Buffer, length: number, options: DecodeOptions): Buffer {
  if (options.isBound === true || data.length === length) return data;
  throw damaged(`decodes to ${data.length} bytes instead of ${length}`);
}

/** Turns whatever a codec threw into `content-mismatch`. */
export function asMismatch(error: unknown): MlvError {
  return error instanceof MlvError ? error : damaged("cannot be decoded", error);
}

/**
 * Checks that bytes are exactly one zstd frame whose header agrees with `length`, and returns what the header says that it decodes to, `length` where
 * it does not say. Throws as `decompress` does.
 */
export function assertFrame(frame: Uint8Array, length: number, options: DecodeOptions = {}): number {
  if (!Number.isSafeInteger(length) || length < 0 || length > MAX_DECODED_BYTES) {
    throw new MlvError("recipe-malformed", `a recipe says that one frame decodes to ${length} bytes`);
  }
  const header = readHeader(frame);
  if (header.windowBytes > MAX_WINDOW_BYTES) throw damaged(`asks for a window of ${header.windowBytes} bytes`);
  const { contentBytes } = header;
  if (contentBytes !== undefined && (options.isBound === true ? contentBytes > length : contentBytes !== length)) {
    throw damaged(`says that it decodes to ${contentBytes} bytes instead of ${length}`);
  }
  if (findFrameEnd(frame, header) !== frame.length) throw damaged("is followed by other bytes, or cut short");
  return contentBytes ?? length;
}

interface FrameHeader {
  /** Bytes of the header, magic included. */
  readonly length: number;
  readonly windowBytes: number;
  readonly contentBytes: number | undefined;
  readonly hasChecksum: boolean;
}

/** Reads a frame header; RFC 8878, section 3.1.1.1. */
function readHeader(frame: Uint8Array): FrameHeader {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 6 || view.getUint32(0, true) !== MAGIC) throw damaged("does not begin as one");
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag;
  const sizeAt = isSingleSegment ? 5 : 6;
  if ((descriptor & 0x08) !== 0) throw damaged("sets a reserved bit");
  if ((descriptor & 0x03) !== 0) throw damaged("names a dictionary");
  if (frame.length < sizeAt + sizeBytes) throw damaged("is cut short");
  const contentBytes = readContentSize(view, sizeAt, sizeBytes);
  const windowBytes = isSingleSegment ? (contentBytes ?? 0) : windowOf(view.getUint8(5));
  return {
    length: sizeAt + sizeBytes,
    windowBytes,
    contentBytes,
    hasChecksum: (descriptor & 0x04) !== 0,
  };
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

function readContentSize(view: DataView, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 0:
      return undefined;
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

/** Returns where the frame ends, by its blocks' headers; past the end of the bytes when it is cut short. */
function findFrameEnd(frame: Uint8Array, header: FrameHeader): number {
  let at = header.length;
  for (;;) {
    if (at + 3 > frame.length) return at + 3;
    const block = (frame[at] ?? 0) | ((frame[at + 1] ?? 0) << 8) | ((frame[at + 2] ?? 0) << 16);
    const kind = (block >>> 1) & 3;
    if (kind === 3) throw damaged("has a block of a reserved kind");
    at += 3 + (kind === 1 ? 1 : block >>> 3);
    if ((block & 1) === 1) return at + (header.hasChecksum ? 4 : 0);
  }
}

function damaged(why: string, cause?: unknown): MlvError {
  return new MlvError("content-mismatch", `a compressed frame ${why}`, cause === undefined ? {} : { cause });
}
