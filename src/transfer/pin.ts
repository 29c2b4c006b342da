import { crypto } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import type { Body } from "../formats/body.ts";
import type { Remote } from "../remotes/remote.ts";
import { bufferSource } from "./remote-store.ts";

/**
 * Is a note on a remote: this push needs these versions and blobs, leave them. Written before anything else of a push; a remote gc keeps what a
 * pin names for as long as its grace period, so the pin outlives the `git push` that follows. Spec: docs/formats/store.md.
 */
export class Pin {
  readonly #remote: Remote;
  readonly #key: string;

  private constructor(remote: Remote, key: string) {
    this.#remote = remote;
    this.#key = key;
  }

  /** Pins versions before their blobs are sent. */
  static async create(remote: Remote, versions: readonly Sha256[], signal?: AbortSignal): Promise<Pin> {
    const key = `pins/${new Date().toISOString().slice(0, 10)}-${crypto().randomBytes(8).toString("hex")}`;
    const pin = new Pin(remote, key);
    await remote.put(key, bufferSource(formatPin(versions, [])), { signal });
    return pin;
  }

  /** Adds the blobs that the pushed bodies name. */
  async keep(bodies: readonly Body[], signal?: AbortSignal): Promise<void> {
    const blobs = new Set(bodies.flatMap((body) => body.blobs.map((blob) => blob.key)));
    await this.#remote.put(
      `${this.#key}-blobs`,
      bufferSource(
        formatPin(
          bodies.map((body) => body.sha256),
          [...blobs],
        ),
      ),
      { signal },
    );
  }
}

function formatPin(versions: readonly Sha256[], blobs: readonly string[]): Buffer {
  return Buffer.from(`${JSON.stringify({ mlv: 1, versions, blobs })}\n`);
}
