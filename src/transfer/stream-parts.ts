import type { BlobKey } from "../base/ids.ts";
import type { BodyBuilder } from "./body-builder.ts";
import type { StreamPart } from "./push-context.ts";

/** Is bytes of a blob as they are. */
export interface BlobRun {
  readonly key: BlobKey;
  readonly blobSize: number;
  readonly offset: number;
  readonly length: number;
}

/** Collects the parts of a stream in order; what adjoins in one blob is one part, however many files it holds. */
export class StreamParts {
  readonly #parts: StreamPart[] = [];
  #run: { key: BlobKey; blobSize: number; offset: number; length: number } | undefined;

  /** Appends parts. */
  add(parts: readonly StreamPart[]): void {
    this.#run = undefined;
    for (const part of parts) this.#parts.push(part);
  }

  /** Appends a run of a blob. */
  addRun(run: BlobRun): void {
    const last = this.#run;
    if (last !== undefined && last.key === run.key && last.offset + last.length === run.offset) {
      last.length += run.length;
      return;
    }
    const { ...added } = run;
    this.#run = added;
    this.#parts.push((builder) =>
      builder.append({ encoding: "raw", blob: builder.blob(added.key, added.blobSize), offset: added.offset, length: added.length }),
    );
  }

  /** Appends everything to a body; everything must have its place by now. */
  appendTo(builder: BodyBuilder): void {
    for (const part of this.#parts) part(builder);
  }
}
