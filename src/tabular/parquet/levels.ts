/**
 * Looks through runs of levels and dictionary indices (Parquet's hybrid of runs and packed bits) before they are decoded: a decoder that
 * believes a run's length writes past all that there is room for.
 */

/** Says what runs are expected. */
export interface RunsShape {
  /** Bits of a value. */
  readonly width: number;
  /** How many values there are. */
  readonly count: number;
  /** The value that is counted. */
  readonly counted?: number;
}

/** Walks runs from a place of some bytes, and returns how many values are the counted one. Throws RangeError for runs that do not fit. */
export function walkRuns(bytes: Uint8Array, start: number, { width, count, counted = -1 }: RunsShape): number {
  if (width < 0 || width > 32) throw new RangeError("a value has more than 32 bits");
  let at = start;
  let seen = 0;
  let found = 0;
  while (seen < count) {
    let header = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || weight > 2 ** 28) throw new RangeError("a run does not fit its page");
      header += (byte & 0x7f) * weight;
      if (byte < 0x80) break;
    }
    const length = Math.floor(header / 2);
    if (header % 2 === 0) {
      if (length > count - seen) throw new RangeError("a run is longer than its page");
      let value = 0;
      for (let byte = 0; byte < Math.ceil(width / 8); byte++) value += (bytes[at++] ?? 0) * 256 ** byte;
      if (value === counted) found += length;
      seen += length;
    } else {
      const values = Math.min(8 * length, count - seen);
      // The last group of eight may be cut short.
      if (at + Math.ceil((values * width) / 8) > bytes.length || 8 * length > count - seen + 504)
        throw new RangeError("a run is longer than its page");
      if (counted >= 0) found += countPacked(bytes, at, { width, count: values, counted });
      at += length * width;
      seen += values;
    }
  }
  return found;
}

function countPacked(bytes: Uint8Array, start: number, { width, count, counted }: Required<RunsShape>): number {
  let found = 0;
  let bits = 0;
  let available = 0;
  let at = start;
  const mask = 2 ** width - 1;
  for (let value = 0; value < count; value++) {
    while (available < width) {
      bits |= (bytes[at++] ?? 0) << available;
      available += 8;
    }
    if ((bits & mask) === counted) found++;
    bits >>>= width;
    available -= width;
  }
  return found;
}
