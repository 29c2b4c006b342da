/**
 * Says how hard the fault tests try: a few seeded moments in the gate, twenty on a file of 2 GiB when `scripts/faults.js` runs them.
 * MLV_FAULTS_SEED repeats a run, MLV_FAULTS_MOMENTS and MLV_FAULTS_MIB set the number of kills and the file's size.
 */
export const isLong = process.env["MLV_FAULTS"] === "long";
export const seed = Number(process.env["MLV_FAULTS_SEED"] ?? (isLong ? Date.now() % 1_000_000 : 1));
export const moments = Number(process.env["MLV_FAULTS_MOMENTS"] ?? (isLong ? 20 : 1));
export const largeBytes = Number(process.env["MLV_FAULTS_MIB"] ?? (isLong ? 2048 : 256)) * 1024 * 1024;

/** Returns numbers from 0 to 1, the same for the same seed (mulberry32). */
export function createRandom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
