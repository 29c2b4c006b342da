/** Gives the same numbers and bytes for the same seed: xorshift, 32 bits. */
export interface Random {
  /** Returns a number from 0 to just under 1. */
  (): number;
  /** Returns a whole number from 0 to just under `end`. */
  below(end: number): number;
  bytes(length: number): Buffer;
}

/** Creates a random source from any seed. */
export function createRandom(seed: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let round = 0; round < 8; round++) next();
  return Object.assign(() => next() / 2 ** 32, {
    below: (end: number) => Math.floor((next() / 2 ** 32) * end),
    bytes: (length: number) => {
      const bytes = Buffer.alloc(Math.ceil(length / 4) * 4);
      for (let at = 0; at < length; at += 4) bytes.writeUInt32LE(next(), at);
      return bytes.subarray(0, length);
    },
  });
}

/** Returns lines like those of a table of measurements: a number, an id, two floats and a label. */
export function createCsv(random: Random, sizeBytes: number, firstId = 1_000_000): Buffer {
  const hex = (): string =>
    random
      .below(2 ** 32)
      .toString(16)
      .padStart(8, "0");
  const rows: string[] = ["id,key,value,share,label\n"];
  for (let size = 0, id = firstId; size < sizeBytes; id++) {
    const [a, b] = [hex(), hex()];
    const key = `${hex()}-${a.slice(0, 4)}-${a.slice(4)}-${b.slice(0, 4)}-${b.slice(4)}${hex()}`;
    const row = `${id},${key},${(random() * 1000).toFixed(4)},${random().toFixed(6)},label_${random.below(20)}\n`;
    rows.push(row);
    size += row.length;
  }
  return Buffer.from(rows.join(""), "latin1").subarray(0, sizeBytes);
}
