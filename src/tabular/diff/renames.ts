/**
 * Finds renamed columns: a dropped and an added one whose cells are the same in nearly all rows that both versions have. Each cell is
 * hashed with its row's context (the key, else the cells of the common columns), and the smallest hashes are kept: the share of those
 * that two columns have in common estimates how similar they are (Broder's bottom-k sketch).
 */
import { extendFirst, finish } from "./hash.ts";
import type { TableSide } from "./side.ts";

const SKETCH_SIZE = 256;
const SIMILAR_ENOUGH = 0.7;
const MAX_COLUMNS = 64;

/** Is a pair of places of one column under two names. */
export interface Rename {
  readonly before: number;
  readonly after: number;
}

/** Returns which dropped column became which added one. Reads both versions once; `context` says what identifies a row. */
export async function findRenames(
  before: { readonly side: TableSide; readonly dropped: readonly number[] },
  after: { readonly side: TableSide; readonly added: readonly number[] },
  context: "key" | "row" | "position",
  signal?: AbortSignal,
): Promise<Rename[]> {
  if (before.dropped.length === 0 || after.added.length === 0) return [];
  const dropped = await sketchColumns(before.side, before.dropped.slice(0, MAX_COLUMNS), context, signal);
  const added = await sketchColumns(after.side, after.added.slice(0, MAX_COLUMNS), context, signal);
  const pairs = dropped.flatMap((from) =>
    added.map((to) => ({
      before: from.place,
      after: to.place,
      similarity: from.sketch.similarity(to.sketch),
      shift: Math.abs(from.place - to.place),
    })),
  );
  pairs.sort((left, right) => right.similarity - left.similarity || left.shift - right.shift);
  const renames: Rename[] = [];
  for (const pair of pairs) {
    if (pair.similarity < SIMILAR_ENOUGH) break;
    if (!renames.some((rename) => rename.before === pair.before || rename.after === pair.after))
      renames.push({ before: pair.before, after: pair.after });
  }
  return renames.sort((left, right) => left.before - right.before);
}

interface SketchedColumn {
  readonly place: number;
  readonly sketch: BottomSketch;
}

async function sketchColumns(
  side: TableSide,
  places: readonly number[],
  context: "key" | "row" | "position",
  signal?: AbortSignal,
): Promise<SketchedColumn[]> {
  const columns = places.map((place) => ({ place, sketch: new BottomSketch() }));
  await side.read(() => {
    const seed = context === "key" ? side.keyFirst : context === "row" ? side.rowFirst : side.rows;
    for (const { place, sketch } of columns) sketch.add(finish(extendFirst(seed, side.cellFirsts[place] ?? 0)) >>> 0);
    return true;
  }, signal);
  return columns;
}

/** Keeps the smallest different hashes that it was given. */
class BottomSketch {
  #values: number[] = [];
  #limit = 2 ** 32;

  add(hash: number): void {
    if (hash >= this.#limit) return;
    this.#values.push(hash);
    if (this.#values.length >= 4 * SKETCH_SIZE) this.#settle();
  }

  similarity(other: BottomSketch): number {
    this.#settle();
    other.#settle();
    const mine = new Set(this.#values);
    const theirs = new Set(other.#values);
    const union = [...new Set([...mine, ...theirs])].sort((left, right) => left - right).slice(0, SKETCH_SIZE);
    if (union.length === 0) return 0;
    return union.filter((hash) => mine.has(hash) && theirs.has(hash)).length / union.length;
  }

  #settle(): void {
    this.#values = [...new Set(this.#values)].sort((left, right) => left - right).slice(0, SKETCH_SIZE);
    if (this.#values.length === SKETCH_SIZE) this.#limit = this.#values.at(-1) ?? this.#limit;
  }
}
