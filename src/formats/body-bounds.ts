/**
 * Bounds of bodies: how much a body may list, and how much reading it may cost, for a version of its size. Spec: docs/formats/recipe.md.
 *
 * A writer keeps them, so a body that breaks one was made to fill a reader's memory or to keep it busy. All of them leave room: chunks
 * are at least 16 KiB long, and a folder's file has at least 71 bytes in its manifest.
 */
import { MlvError } from "../base/errors.ts";

/** Bounds one frame: pieces are at most 256 KiB, dictionaries 1 MiB; the rest is room for single files under 8 MiB and later writers. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024;
/** Bounds the stored bytes of one frame: zstd makes what it cannot compress a little longer. */
export const MAX_STORED_FRAME_BYTES = MAX_FRAME_BYTES + 64 * 1024;
/** Bounds all segments of one body, whatever the version's size: 1 TiB in pieces of 256 KiB. */
export const MAX_SEGMENTS = 2 ** 22;

const FILE_BYTES_PER_SEGMENT = 4096;
const FOLDER_BYTES_PER_SEGMENT = 64;
const SPARE_SEGMENTS = 256;
/** Is what a version may cost besides what its length allows. */
const SPARE_BYTES = 64 * 1024 * 1024;
/** A file's longest line in a leaf, and a leaf's in the root. */
const MAX_MANIFEST_BYTES_PER_FILE = 8300;
/** Bounds a body's text, whatever the version's size. */
export const MAX_BODY_TEXT_BYTES = 256 * 1024 * 1024;
/** Bounds one line of it. */
export const MAX_LINE_LENGTH = 256;

/** Says what a version's pointer knows of it. */
export interface ExpectedVersion {
  readonly kind: "file" | "dir";
  /** Bytes of the file, or of all files of the folder. */
  readonly size: number;
  /** How many files the folder has; absent for a file. */
  readonly files?: number;
}

/** Returns how many bytes the bases of a version of `length` bytes may have in all. */
export function maxBaseBytes(length: number, spare: number = SPARE_BYTES): number {
  return 4 * length + spare;
}

/** Returns how many bytes the dictionaries of a version's segments may have in all. */
export function maxDictionaryBytes(length: number, spare: number = SPARE_BYTES): number {
  return 8 * length + spare;
}

/** Returns how many bytes all frames may decode to while a version of `length` bytes is read, those that are decoded twice counted twice. */
export function maxDecodedBytes(length: number, spare: number = SPARE_BYTES): number {
  return 4 * length + spare;
}

/** Returns how many bytes the text of a version's body may have, from what its pointer says: known before it is decompressed. */
export function maxTextBytes(expected: ExpectedVersion): number {
  const length = maxLength(expected);
  const stream = maxStreamSegments(expected.kind, length);
  const base = Math.min(MAX_SEGMENTS, SPARE_SEGMENTS + maxBaseBytes(length) / FILE_BYTES_PER_SEGMENT);
  return Math.min(MAX_BODY_TEXT_BYTES, 1024 + 2 * MAX_LINE_LENGTH * (stream + base));
}

function maxLength({ kind, size, files }: ExpectedVersion): number {
  return kind === "file" ? size : size + 1024 + MAX_MANIFEST_BYTES_PER_FILE * (files ?? 0);
}

function maxStreamSegments(kind: "file" | "dir", length: number): number {
  const perSegment = kind === "file" ? FILE_BYTES_PER_SEGMENT : FOLDER_BYTES_PER_SEGMENT;
  return Math.min(MAX_SEGMENTS, SPARE_SEGMENTS + Math.floor(length / perSegment));
}

/** Throws `recipe-malformed` unless a body gives as many bytes as the version's pointer says; a folder's stream holds its manifest besides. */
export function assertExpected(
  body: { readonly kind: "file" | "dir"; readonly length: number; readonly rootLength: number },
  expected: ExpectedVersion,
): void {
  if (body.kind !== expected.kind) throw malformedBody(`it is a ${body.kind}'s, the pointer says ${expected.kind}`);
  const least = expected.size + body.rootLength;
  if (body.kind === "dir" && body.rootLength > 1024 + MAX_MANIFEST_BYTES_PER_FILE * (expected.files ?? 0)) {
    throw malformedBody(`its root has ${body.rootLength} bytes for ${expected.files ?? 0} files`);
  }
  if (body.length < least || body.length > Math.max(least, maxLength(expected))) {
    throw malformedBody(`it gives ${body.length} bytes, the pointer says ${expected.size}`);
  }
}

/** Counts what a body lists while it is read or before it is written. Each method throws `recipe-malformed` once it is too much. */
export class BodyCounter {
  readonly #length: number;
  readonly #maxStream: number;
  #stream = 0;
  #names = 0;
  #bases = 0;
  #baseBytes = 0;
  #baseSegments = 0;
  #dictionaryBytes = 0;

  constructor(kind: "file" | "dir", length: number) {
    this.#length = length;
    this.#maxStream = maxStreamSegments(kind, length);
  }

  /** Counts a blob or a chunk list: each is there for a segment or an object. */
  countName(): void {
    const maxBase = SPARE_SEGMENTS + maxBaseBytes(this.#length) / FILE_BYTES_PER_SEGMENT;
    if (++this.#names > 2 * (this.#maxStream + Math.min(MAX_SEGMENTS, maxBase))) throw malformedBody("it names too many blobs");
  }

  countBase(size: number): void {
    this.#baseBytes += size;
    if (++this.#bases > this.#maxStream) throw malformedBody("it has too many bases");
    if (this.#baseBytes > maxBaseBytes(this.#length)) throw malformedBody("its bases are too large for its length");
  }

  countBaseSegment(): void {
    const most = SPARE_SEGMENTS + this.#bases + this.#baseBytes / FILE_BYTES_PER_SEGMENT;
    if (++this.#baseSegments > Math.min(MAX_SEGMENTS, most)) throw malformedBody("a base has too many segments for its size");
  }

  /** Counts a segment of the stream and its dictionary's bytes, 0 where it has none. */
  countStream(dictionaryLength: number): void {
    if (++this.#stream > this.#maxStream) throw malformedBody("it has too many segments for its length");
    this.#dictionaryBytes += dictionaryLength;
    if (this.#dictionaryBytes > maxDictionaryBytes(this.#length)) throw malformedBody("its dictionaries are too long for its length");
  }
}

/** Makes the error that says a body is malformed. */
export function malformedBody(why: string): MlvError {
  return new MlvError("recipe-malformed", `a recipe's body is malformed: ${why}`, {
    hint: "run `mlv push` where the data is still cached, which writes the recipe anew",
  });
}
