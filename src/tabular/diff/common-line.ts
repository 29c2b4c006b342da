/** Finds where two texts that differ meet again. */
import type { LineCursor } from "./line-cursor.ts";

const FIRST_WINDOW = 1024;
const LAST_WINDOW = 4 * 1024 * 1024;
const GROWTH = 8;
/** How many bytes must be the same from a line on, so that an empty line or a bracket is not taken for where the texts meet. */
const ENOUGH_BYTES = 16;
/** A line that a window has more often than this says little about where it belongs. */
const MAX_PLACES = 4;

/** Says after how many bytes, on each side, both texts have the same line. */
export interface CommonLine {
  readonly before: number;
  readonly after: number;
}

/** Returns the nearest line that both texts have, at their ends if need be; undefined when there is none in the largest window. */
export async function findCommonLine(before: LineCursor, after: LineCursor, signal?: AbortSignal): Promise<CommonLine | undefined> {
  for (let window = FIRST_WINDOW; window <= LAST_WINDOW; window *= GROWTH) {
    signal?.throwIfAborted();
    await before.fill(window);
    await after.fill(window);
    const found = findIn(before, after, window);
    if (found !== undefined) return found;
    const ends = { before: before.bytes.length, after: after.bytes.length };
    const areBothAtEnd = before.reachesEnd && after.reachesEnd && ends.before <= window && ends.after <= window;
    if (areBothAtEnd) return ends;
  }
  return undefined;
}

function findIn(before: LineCursor, after: LineCursor, window: number): CommonLine | undefined {
  const [mine, theirs] = [before.bytes, after.bytes];
  const places = new Map<string, number[]>();
  for (const { start, text } of linesOf(mine, window)) {
    const known = places.get(text);
    if (known === undefined) places.set(text, [start]);
    else if (known.length < MAX_PLACES) known.push(start);
  }
  let best: CommonLine | undefined;
  for (const { start, text } of linesOf(theirs, window)) {
    if (best !== undefined && start >= best.before + best.after) break;
    for (const place of places.get(text) ?? []) {
      if (best !== undefined && place + start >= best.before + best.after) break;
      if (isEnough(mine.subarray(place), theirs.subarray(start), before.reachesEnd && after.reachesEnd))
        best = { before: place, after: start };
    }
  }
  return best;
}

function isEnough(mine: Buffer, theirs: Buffer, reachEnds: boolean): boolean {
  if (reachEnds && mine.length < ENOUGH_BYTES && mine.equals(theirs)) return true;
  return mine.length >= ENOUGH_BYTES && mine.subarray(0, ENOUGH_BYTES).equals(theirs.subarray(0, ENOUGH_BYTES));
}

/** Yields the lines that end within a window, newline included; the last one of a file may have none and is left out. */
function* linesOf(bytes: Buffer, window: number): Generator<{ readonly start: number; readonly text: string }> {
  let start = 0;
  for (let end = bytes.indexOf(10); end >= 0 && end < window; end = bytes.indexOf(10, start)) {
    yield { start, text: bytes.toString("latin1", start, end + 1) };
    start = end + 1;
  }
}
