/** A place in a text, always at the start of a line or at the end, with some bytes that follow it. */
import type { RandomAccessFile } from "../source.ts";

const PIECE_BYTES = 512 * 1024;
const LOW_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** A difference is looked for in steps of this many bytes. */
const STEP_BYTES = 4 * 1024;

/** Goes through a file's lines in order; it reads ahead by one piece. */
export class LineCursor {
  /** Where in the file the next byte lies. */
  position: number;
  readonly #file: RandomAccessFile;
  #buffer = Buffer.alloc(0);
  #at = 0;
  #next: Promise<ArrayBuffer> | undefined;
  #readTo: number;

  constructor(file: RandomAccessFile, start: number) {
    this.#file = file;
    this.position = start;
    this.#readTo = start;
  }

  /** Whether there is no byte left. */
  get isAtEnd(): boolean {
    return this.position === this.#file.byteLength;
  }

  /** Whether the bytes at hand reach the end of the file. */
  get reachesEnd(): boolean {
    return this.#readTo === this.#file.byteLength;
  }

  /** The bytes at hand; valid until the next call that changes the cursor. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#at);
  }

  /** Has at least so many bytes at hand, or all that are left. */
  async fill(wanted: number = LOW_BYTES): Promise<void> {
    while (this.#buffer.length - this.#at < wanted && !this.reachesEnd) {
      const piece = Buffer.from(await (this.#next ?? this.#read()));
      this.#readTo += piece.length;
      const rest = this.bytes;
      this.#buffer = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      this.#at = 0;
      this.#next = this.reachesEnd ? undefined : this.#read();
    }
  }

  /** Goes on by some bytes, which must be at hand and end a line or the file, and returns them. */
  take(length: number): Buffer {
    const taken = this.#buffer.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.position += length;
    return taken;
  }

  async #read(): Promise<ArrayBuffer> {
    const reading = Promise.resolve(this.#file.slice(this.#readTo, Math.min(this.#readTo + PIECE_BYTES, this.#file.byteLength)));
    // Awaited by the next fill, which may never come.
    reading.catch(() => undefined);
    return reading;
  }
}

/** Returns for how many bytes two texts go on with the same whole lines; all of these are at hand. At the end of both no newline is needed. */
export async function sameLength(mine: LineCursor, theirs: LineCursor, newline: number): Promise<number> {
  for (let wanted = LOW_BYTES; wanted <= MAX_LINE_BYTES; wanted *= 4) {
    await mine.fill(wanted);
    await theirs.fill(wanted);
    const [left, right] = [mine.bytes, theirs.bytes];
    const same = sameBytes(left, right);
    const endsLeft = same === left.length && mine.reachesEnd;
    const endsRight = same === right.length && theirs.reachesEnd;
    if (same === 0 || (endsLeft && endsRight)) return same;
    const lines = left.lastIndexOf(newline, same - 1) + 1;
    const mayGoOn = same === Math.min(left.length, right.length) && !endsLeft && !endsRight;
    if (lines > 0 || !mayGoOn) return lines;
  }
  return 0;
}

/** Returns how many bytes at the start of both are the same. */
function sameBytes(mine: Buffer, theirs: Buffer): number {
  const length = Math.min(mine.length, theirs.length);
  if (mine.compare(theirs, 0, length, 0, length) === 0) return length;
  let at = 0;
  while (mine.compare(theirs, at, Math.min(at + STEP_BYTES, length), at, Math.min(at + STEP_BYTES, length)) === 0) at += STEP_BYTES;
  while (mine[at] === theirs[at]) at++;
  return at;
}
