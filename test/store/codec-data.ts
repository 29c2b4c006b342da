const [ZERO, LETTER_A, COMMA, DASH, POINT, NEWLINE] = [48, 97, 44, 45, 46, 10];

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

/**
 * Returns lines like those of a table of measurements: a number, an id of 36 characters, two decimal numbers of 8 and a label.
 * With ids of seven digits, the first decimal number of a line is at its byte 45.
 */
export function createCsv(random: Random, sizeBytes: number, firstId = 1_000_000): Buffer {
  const text = Buffer.allocUnsafe(sizeBytes + 256);
  let at = text.write("id,key,value,share,label\n", "latin1");
  const decimal = (value: number, digits: number, last: number): void => {
    let rest = value;
    for (let digit = at + digits - 1; digit >= at; digit--) {
      const tenth = Math.trunc(rest / 10);
      text[digit] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    at += digits + 1;
    text[at - 1] = last;
  };
  const hex = (value: number, digits: number, last: number): void => {
    let rest = value;
    for (let digit = at + digits - 1; digit >= at; digit--) {
      const one = rest & 15;
      text[digit] = one < 10 ? ZERO + one : LETTER_A + one - 10;
      rest >>>= 4;
    }
    at += digits + 1;
    text[at - 1] = last;
  };
  for (let id = firstId; at < sizeBytes; id++) {
    decimal(id, Math.floor(Math.log10(id)) + 1, COMMA);
    hex(random.below(2 ** 32), 8, DASH);
    for (let part = 0; part < 3; part++) hex(random.below(2 ** 16), 4, DASH);
    hex(random.below(2 ** 32), 8, DASH);
    at--;
    hex(random.below(2 ** 16), 4, COMMA);
    decimal(100 + random.below(900), 3, POINT);
    decimal(random.below(10_000), 4, COMMA);
    decimal(0, 1, POINT);
    decimal(random.below(1_000_000), 6, COMMA);
    at += text.write("label_", at, "latin1");
    decimal(random.below(20), 2, NEWLINE);
  }
  return text.subarray(0, sizeBytes);
}
