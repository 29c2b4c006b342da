import type { EventSink } from "../base/events.ts";

/** Nobody sees a smaller step, and a folder has many small files. */
const STEP_BYTES = 256 * 1024;

/**
 * Tells how far a push is. Compressed and known bytes are never sent, so what a person waits for is counted in bytes of the versions
 * themselves: `covered` those that need nothing more, `sent` what the remote got for them.
 */
export class PushProgress {
  readonly #onEvent: EventSink;
  readonly #totalBytes: number;
  #coveredBytes = 0;
  #sentBytes = 0;
  #shownBytes = 0;

  constructor(onEvent: EventSink, totalBytes: number) {
    this.#onEvent = onEvent;
    this.#totalBytes = totalBytes;
  }

  /** Notes bytes of the versions that were packed, or are on the remote already. */
  covered(bytes: number): void {
    this.#coveredBytes += bytes;
    this.#show();
  }

  /** Notes bytes that the remote got. */
  sent(bytes: number): void {
    this.#sentBytes += bytes;
    this.#show();
  }

  /** Returns the listener of one whole upload, told how much of it is there; an attempt that begins anew takes nothing back. */
  ofUpload(): (sentBytes: number) => void {
    let most = 0;
    return (sentBytes) => {
      const more = Math.max(0, sentBytes - most);
      most += more;
      this.#coveredBytes += more;
      this.sent(more);
    };
  }

  #show(): void {
    const passed = this.#coveredBytes + this.#sentBytes;
    if (passed - this.#shownBytes < STEP_BYTES) return;
    this.#shownBytes = passed;
    const bytes = Math.min(this.#coveredBytes, this.#totalBytes);
    this.#onEvent({ type: "progress", phase: "upload", files: 0, bytes, totalBytes: this.#totalBytes, sentBytes: this.#sentBytes });
  }
}
