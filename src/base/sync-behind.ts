import * as fs from "node:fs";

const SYNC_EVERY_BYTES = 64 * 1024 * 1024;

/**
 * Asks for written bytes to be made durable while more of them come, on Node's I/O pool and once at a time, so that the last fsync of a
 * large file finds little to do. It does not stand in for that fsync.
 */
export class SyncBehind {
  readonly #descriptor: number;
  #bytes = 0;
  #syncing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Says that so many bytes more were written. */
  wrote(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < SYNC_EVERY_BYTES || this.#syncing !== undefined) return;
    this.#bytes = 0;
    this.#syncing = this.#sync();
  }

  /**
   * Waits for what was asked for; to be called before the descriptor is closed, also after an error. Rejects with the system's error when
   * a sync failed: the kernel tells it once and may have dropped the bytes, so that a later fsync would succeed.
   */
  async settle(): Promise<void> {
    await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #sync(): Promise<void> {
    await new Promise<void>((resolve) => {
      fs.fdatasync(this.#descriptor, (error) => {
        if (error !== null) this.#failure ??= { error };
        resolve();
      });
    });
    this.#syncing = undefined;
  }
}
