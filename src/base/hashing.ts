import type * as Crypto from "node:crypto";
import type { Sha256 } from "./ids.ts";

let loaded: typeof Crypto | undefined;

/** Returns `node:crypto`, loaded when it is first needed: a no-op `status` hashes nothing and starts 4 ms sooner without it. */
export function crypto(): typeof Crypto {
  return (loaded ??= process.getBuiltinModule("node:crypto"));
}

/** Returns the SHA-256 of a whole buffer or of a string's UTF-8 bytes. */
export function sha256(data: Uint8Array | string): Sha256 {
  return crypto().hash("sha256", data, "hex") as Sha256;
}

/** Accumulates a SHA-256 over pieces. */
export interface Sha256Hasher {
  update(data: Uint8Array): void;
  /** Returns the hash of everything so far; the hasher cannot be used afterwards. */
  digest(): Sha256;
}

/** Creates an empty SHA-256 accumulator. */
export function createSha256(): Sha256Hasher {
  const state = crypto().createHash("sha256");
  return {
    update: (data) => void state.update(data),
    digest: () => state.digest("hex") as Sha256,
  };
}

/** Is the SHA-256 of no bytes at all. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" as Sha256;
