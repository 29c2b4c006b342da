/** Looks through blocks of deltas (DELTA_BINARY_PACKED) before they are decoded: a decoder that believes their sizes never comes to an end. */

const MAX_BLOCK_VALUES = 2 ** 20;

/** Walks the deltas of `count` values from a place of some bytes, and returns where they end. Throws RangeError for blocks that do not fit. */
export function walkDeltas(bytes: Uint8Array, start: number, count: number): number {
  const place = { at: start };
  const blockValues = varint(bytes, place);
  const miniblocks = varint(bytes, place);
  const isFit = blockValues > 0 && blockValues <= MAX_BLOCK_VALUES && miniblocks > 0 && blockValues % (8 * miniblocks) === 0;
  if (!isFit) throw new RangeError("a block of differences has no size that fits");
  varint(bytes, place);
  varint(bytes, place);
  const values = blockValues / miniblocks;
  let left = count - 1;
  while (left > 0) {
    varint(bytes, place);
    const widths = place.at;
    place.at += miniblocks;
    if (place.at > bytes.length) throw new RangeError("differences reach past their page");
    for (let miniblock = 0; miniblock < miniblocks && left > 0; miniblock++) {
      const width = bytes[widths + miniblock] ?? 0;
      if (width > 64) throw new RangeError("a difference has more than 64 bits");
      place.at += (values * width) / 8;
      left -= values;
    }
    // The last one may be cut short.
    if (left > 0 && place.at > bytes.length) throw new RangeError("differences reach past their page");
  }
  return place.at;
}

function varint(bytes: Uint8Array, place: { at: number }): number {
  let value = 0;
  for (let weight = 1; weight < 2 ** 70; weight *= 128) {
    const byte = bytes[place.at++];
    if (byte === undefined) throw new RangeError("a number reaches past its page");
    value += (byte & 0x7f) * weight;
    if (byte < 0x80) return value;
  }
  throw new RangeError("a number is too long");
}
