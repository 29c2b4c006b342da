import type { BlobKey, Sha256 } from "../base/ids.ts";
import type { Body, BodyBase, BodyBlob, BodyChunks, PlainSegment, Segment } from "../formats/body.ts";
import { appendSegment } from "./segments.ts";

/** Builds a body's stream segment by segment, giving blobs and bases their numbers as they come. */
export class BodyBuilder {
  readonly #blobs: BodyBlob[] = [];
  readonly #blobNumbers = new Map<BlobKey, number>();
  readonly #bases: BodyBase[] = [];
  readonly #baseNumbers = new Map<Sha256, number>();
  readonly #chunks: BodyChunks[] = [];
  readonly #segments: Segment[] = [];
  #length = 0;

  /** Bytes of the stream so far. */
  get length(): number {
    return this.#length;
  }

  /** Returns the number of a blob in this body. */
  blob(key: BlobKey, size: number): number {
    let number = this.#blobNumbers.get(key);
    if (number === undefined) {
      number = this.#blobs.push({ key, size }) - 1;
      this.#blobNumbers.set(key, number);
    }
    return number;
  }

  /** Returns the number of a base whose segments are those of another body. */
  base(base: BodyBase, from: readonly BodyBlob[]): number {
    let number = this.#baseNumbers.get(base.sha256);
    if (number === undefined) {
      const segments = base.segments.map((segment) => this.#renumber(segment, from));
      number = this.#bases.push({ ...base, segments }) - 1;
      this.#baseNumbers.set(base.sha256, number);
    }
    return number;
  }

  /** Appends a segment that already has this body's numbers. */
  append(segment: Segment): void {
    appendSegment(this.#segments, segment);
    this.#length += segment.length;
  }

  /** Appends segments of another body. */
  appendFrom(segments: readonly Segment[], body: Pick<Body, "blobs" | "bases">): void {
    for (const segment of segments) {
      if (segment.encoding === "raw" || segment.encoding === "zstd") {
        this.append(this.#renumber(segment, body.blobs));
        continue;
      }
      const base = this.base(body.bases[segment.base] as BodyBase, body.blobs);
      if (segment.encoding === "copy") this.append({ ...segment, base });
      else this.append({ ...segment, base, blob: this.#blobOf(segment.blob, body.blobs) });
    }
  }

  /** Says which blob holds the chunk list of an object of the stream. */
  chunks(object: Sha256, key: BlobKey, size: number): void {
    this.#chunks.push({ object, blob: this.blob(key, size) });
  }

  finish(kind: Body["kind"], sha256: Sha256, rootLength: number): Body {
    return {
      kind,
      sha256,
      length: this.#length,
      rootLength,
      blobs: this.#blobs,
      chunks: this.#chunks,
      bases: this.#bases,
      segments: this.#segments,
    };
  }

  #renumber<Plain extends PlainSegment>(segment: Plain, from: readonly BodyBlob[]): Plain {
    return { ...segment, blob: this.#blobOf(segment.blob, from) };
  }

  #blobOf(number: number, from: readonly BodyBlob[]): number {
    const blob = from[number] as BodyBlob;
    return this.blob(blob.key, blob.size);
  }
}
