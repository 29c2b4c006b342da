/** 64-bit hashes of cells and rows, as two 32-bit lanes. Seeded at random for each process, so that no file can be made to collide. */
import { getRandomValues } from "node:crypto";

const seeds = getRandomValues(new Int32Array(2));
const SEED_1 = seeds[0] ?? 0;
const SEED_2 = seeds[1] ?? 0;

/** Holds the hash that was computed last: the first lane is returned by each function, the second lies here. */
export const lane = { second: 0 };

/** Hashes bytes (the block step of MurmurHash3, with other constants for the second lane). */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let a = SEED_1;
  let b = SEED_2;
  let at = start;
  for (const last = end - 4; at <= last; at += 4) {
    const block = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    let mixed = Math.imul(block, 0xcc9e2d51);
    a ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    mixed = Math.imul(block, 0x9e3779b1);
    b ^= Math.imul((mixed << 16) | (mixed >>> 16), 0x85ebca77);
    b = (Math.imul((b << 11) | (b >>> 21), 9) + 0x27d4eb2f) | 0;
  }
  let tail = 0;
  for (let shift = 0; at < end; at++, shift += 8) tail |= (bytes[at] ?? 0) << shift;
  const length = end - start;
  a ^= Math.imul(tail, 0xcc9e2d51) ^ length;
  b ^= Math.imul(tail, 0x9e3779b1) ^ Math.imul(length, 0x165667b1);
  lane.second = finish(b);
  return finish(a);
}

/** Spreads a lane's bits. */
export function finish(value: number): number {
  let hash = value;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Is the seed of a sequence of hashes, by lane. */
export const SEQUENCE_SEED_1 = finish(SEED_1 ^ 0x5bd1e995);
export const SEQUENCE_SEED_2 = finish(SEED_2 ^ 0x27d4eb2d);

/** Adds a hash to a sequence; order matters. */
export function extendFirst(sequence: number, hash: number): number {
  const mixed = sequence ^ hash;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 0x9e3779b1) + 0x7f4a7c15) | 0;
}

/** Does the same for the second lane. */
export function extendSecond(sequence: number, hash: number): number {
  const mixed = sequence ^ hash;
  return (Math.imul((mixed << 17) | (mixed >>> 15), 0xc2b2ae3d) + 0x165667b1) | 0;
}
