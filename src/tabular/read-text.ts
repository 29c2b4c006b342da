/** A text file's bytes as UTF-8 without a byte order mark. */
import { readPieces, readRanges, type ByteRange, type RandomAccessFile } from "./source.ts";
import { createUtf8Converter, type TextEncoding } from "./text/encoding.ts";

/** Yields a file's text. */
export async function* readText(file: RandomAccessFile, encoding: TextEncoding, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const converter = createUtf8Converter(encoding);
  for await (const piece of readPieces(file, signal)) yield converter.convert(piece);
  yield converter.finish();
}

/** Says how a text's lines are written; two texts of one family write the same line with the same bytes. */
export interface LineEncoding {
  readonly family: "utf-8" | "latin-1";
  /** Bytes of the byte order mark. */
  readonly start: number;
  /** Yields the text of some ranges of bytes, each of whole lines. */
  read(file: RandomAccessFile, ranges: readonly ByteRange[], signal?: AbortSignal): AsyncGenerator<Uint8Array>;
}

/** Returns how lines are written in an encoding; undefined for UTF-16, whose newline is more than a byte. */
export function lineEncodingOf(encoding: TextEncoding): LineEncoding | undefined {
  if (encoding === "utf-16le" || encoding === "utf-16be") return undefined;
  if (encoding !== "latin-1") return { family: "utf-8", start: encoding === "utf-8-bom" ? 3 : 0, read: readRanges };
  const { convert } = createUtf8Converter("latin-1");
  return {
    family: "latin-1",
    start: 0,
    async *read(file, ranges, signal) {
      for await (const piece of readRanges(file, ranges, signal)) yield convert(piece);
    },
  };
}
