import { createHash } from "node:crypto";

/** Is the text whose hashes give the gear table; another text would be another format. */
const SEED = "mlv gear table 1";

/**
 * Returns the 256 words of the gear hash: word `n` is the first four bytes, little-endian, of SHA-256 of the UTF-8 text
 * `mlv gear table 1:<n>`, with `n` in decimal. Cut points follow from it, so it is part of the chunk lists' format.
 */
export function createGearTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => createHash("sha256").update(`${SEED}:${byte}`).digest().readUInt32LE(0));
}
