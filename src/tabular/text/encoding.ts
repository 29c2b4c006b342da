/** Encodings of text: UTF-8 with and without a byte order mark, UTF-16, and Latin-1 for what is none of them. */
import { isUtf8 } from "node:buffer";

/** Names how a text's characters are written as bytes. */
export type TextEncoding = "utf-8" | "utf-8-bom" | "utf-16le" | "utf-16be" | "latin-1";

/** Returns the encoding that a text's first bytes announce by a byte order mark, or undefined. */
export function encodingFromMark(head: Uint8Array): TextEncoding | undefined {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return "utf-8-bom";
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  return undefined;
}

/** Returns how many bytes at the end of `bytes` are the start of a UTF-8 character that goes on. */
export function incompleteUtf8Tail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}

/** Returns a text's encoding; reads all of it unless a byte order mark is found, for Latin-1 may show at the very end. */
export async function detectEncoding(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<TextEncoding> {
  let isFirst = true;
  let tail: Uint8Array = new Uint8Array(0);
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    const bytes = tail.length === 0 ? piece : Buffer.concat([tail, piece]);
    if (isFirst && bytes.length >= 3) {
      const marked = encodingFromMark(bytes);
      if (marked !== undefined) return marked;
      isFirst = false;
    }
    const keep = isFirst ? bytes.length : incompleteUtf8Tail(bytes);
    if (!isUtf8(bytes.subarray(0, bytes.length - keep))) return "latin-1";
    tail = new Uint8Array(bytes.subarray(bytes.length - keep));
  }
  return encodingFromMark(tail) ?? (isUtf8(tail) ? "utf-8" : "latin-1");
}

/** Turns pieces of a text into UTF-8 without a byte order mark. */
export interface Utf8Converter {
  convert(bytes: Uint8Array): Uint8Array;
  finish(): Uint8Array;
}

/** Creates a converter from `encoding`, for a text that starts at its byte order mark if it has one. */
export function createUtf8Converter(encoding: TextEncoding): Utf8Converter {
  if (encoding === "utf-8") return { convert: (bytes) => bytes, finish: noBytes };
  if (encoding === "latin-1")
    return {
      convert: (bytes) => Buffer.from(asBuffer(bytes).toString("latin1"), "utf8"),
      finish: noBytes,
    };
  if (encoding === "utf-8-bom") {
    let skip = 3;
    const convert = (bytes: Uint8Array): Uint8Array => {
      const rest = bytes.subarray(Math.min(skip, bytes.length));
      skip -= bytes.length - rest.length;
      return rest;
    };
    return { convert, finish: noBytes };
  }
  const decoder = new TextDecoder(encoding);
  return {
    convert: (bytes) => Buffer.from(decoder.decode(bytes, { stream: true }), "utf8"),
    finish: () => Buffer.from(decoder.decode(), "utf8"),
  };
}

function noBytes(): Uint8Array {
  return new Uint8Array(0);
}

/** Returns a Buffer over the same bytes. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
