import { malformed, parseLines, type ManifestEntry } from "../formats/manifest-lines.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { EntryPair } from "./manifest-differences.ts";

const NEWLINE = 0x0a;
const BLOCK_BYTES = 1024;

/**
 * Yields the files that two lists do not have alike, sorted by path, from the bytes of their leaves, in order. Lines that are alike in both are
 * passed over as bytes: they are not checked, so a list that is malformed there is not noticed. What is yielded is well-formed and safe.
 * Throws `manifest-malformed`, `path-unsafe`.
 */
export function* differentLines(before: Iterable<Buffer>, after: Iterable<Buffer>, where: string): Generator<EntryPair> {
  const left = new LineCursor(before, where);
  const right = new LineCursor(after, where);
  for (;;) {
    const [hasLeft, hasRight] = [left.hasLine(), right.hasLine()];
    if (hasLeft && hasRight) {
      const length = commonLines(left, right);
      if (length > 0) {
        left.skip(length);
        right.skip(length);
        continue;
      }
    } else if (!hasLeft && !hasRight) {
      return;
    }
    const one = hasLeft ? left.entry() : undefined;
    const other = hasRight ? right.entry() : undefined;
    const order = one === undefined ? 1 : other === undefined ? -1 : compareUtf8(one.path, other.path);
    const pair: EntryPair = [order <= 0 ? one : undefined, order >= 0 ? other : undefined];
    if (pair[0] !== undefined) left.next();
    if (pair[1] !== undefined) right.next();
    yield pair;
  }
}

/** Is a place in the lines of a list, a leaf at a time. */
class LineCursor {
  readonly #leaves: Iterator<Buffer>;
  readonly #where: string;
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  #entry: ManifestEntry | undefined;
  #last: string | undefined;

  constructor(leaves: Iterable<Buffer>, where: string) {
    this.#leaves = leaves[Symbol.iterator]();
    this.#where = where;
  }

  /** Goes to the next leaf where this one ends; false at the end of the list. */
  hasLine(): boolean {
    while (this.at === this.bytes.length) {
      const next = this.#leaves.next();
      if (next.done === true) return false;
      if (next.value.at(-1) !== NEWLINE) throw malformed(this.#where, "a line has no end");
      this.bytes = next.value;
      this.at = 0;
    }
    return true;
  }

  /** Passes over whole lines. */
  skip(length: number): void {
    this.at += length;
    this.#entry = undefined;
  }

  /** Returns the entry of the line here. */
  entry(): ManifestEntry {
    if (this.#entry !== undefined) return this.#entry;
    const [entry] = parseLines(this.bytes.subarray(this.at, this.#lineEnd()), this.#where);
    if (entry === undefined || (this.#last !== undefined && compareUtf8(this.#last, entry.path) >= 0))
      throw malformed(this.#where, "its lines are out of order");
    this.#last = entry.path;
    return (this.#entry = entry);
  }

  /** Goes behind the line here. */
  next(): void {
    this.skip(this.#lineEnd() - this.at);
  }

  #lineEnd(): number {
    return this.bytes.indexOf(NEWLINE, this.at) + 1;
  }
}

/** Returns the bytes of the lines, as far as both leaves go, that are alike at two places. */
function commonLines(left: LineCursor, right: LineCursor): number {
  const [one, other, oneAt, otherAt] = [left.bytes, right.bytes, left.at, right.at];
  if (one[oneAt] !== other[otherAt]) return 0;
  const most = Math.min(one.length - oneAt, other.length - otherAt);
  let length = 0;
  const isBlockAlike = (): boolean =>
    one.compare(other, otherAt + length, otherAt + length + BLOCK_BYTES, oneAt + length, oneAt + length + BLOCK_BYTES) === 0;
  while (length + BLOCK_BYTES <= most && isBlockAlike()) length += BLOCK_BYTES;
  while (length < most && one[oneAt + length] === other[otherAt + length]) length++;
  while (length > 0 && one[oneAt + length - 1] !== NEWLINE) length--;
  return length;
}
