import { createHash, hash, type Hash } from "node:crypto";
import type { Sha256 } from "./ids.ts";

/** Returns the SHA-256 of a whole buffer or of a string's UTF-8 bytes. */
export function sha256(data: Uint8Array | string): Sha256 {
  return hash("sha256", data, "hex") as Sha256;
}

/** Accumulates a SHA-256 over pieces. */
export interface Sha256Hasher {
  update(data: Uint8Array): void;
  /** Returns the hash of everything so far; the hasher cannot be used afterwards. */
  digest(): Sha256;
}

/** Creates an empty SHA-256 accumulator. */
export function createSha256(): Sha256Hasher {
  const state: Hash = createHash("sha256");
  return {
    update: (data) => void state.update(data),
    digest: () => state.digest("hex") as Sha256,
  };
}

/** Is the SHA-256 of no bytes at all. */
export const EMPTY_SHA256 = sha256("");
