import { posix } from "node:path";
import { areSizesNear, MIN_LIKENESS } from "./folder-likeness.ts";

/** So many files that kept their name in another folder are compared. */
const MAX_NAMESAKES = 1000;
/** So many pairs of other names are compared. */
const MAX_PAIRS = 10_000;
/** So many pairs are tried by their sizes. */
const MAX_TRIED = 1_000_000;
/** Files of one template are all alike: where another one is nearly as much so, none is taken for the one renamed. */
const MARGIN = 0.1;

/** Is a file by its path inside its folder. */
interface NamedFile {
  readonly path: string;
  readonly size: number;
}

/** Is a file that is gone and a new one that may be the same, renamed and edited. */
export type LikelyPair<File> = readonly [was: File, now: File];

/** Compares contents. */
export interface ContentComparison<File> {
  /** Returns the share, 0 to 1, of the larger one that both have; 0 where it cannot be said. */
  between(was: File, now: File): Promise<number>;
  /** Forgets what was read. */
  forget(): void;
  /** Brings contents of likely pairs here, those that are worth it. */
  fetch?(pairs: readonly LikelyPair<File>[]): Promise<void>;
}

/**
 * Returns, for new files of a folder, those that are gone of which half is in them: renamed and edited. First those whose name is in another folder now
 * and that no other has, then what has the same ending and is clearly the most alike. An empty file is like none.
 */
export async function pairEditedFiles<File extends NamedFile>(
  comparison: ContentComparison<File>,
  gone: readonly File[],
  fresh: readonly File[],
): Promise<Map<File, File>> {
  const renames = new Map<File, File>();
  if (gone.length === 0 || fresh.length === 0) return renames;
  const taken = new Set<File>();
  const take = (was: File, now: File): void => {
    renames.set(now, was);
    taken.add(was);
  };
  const likely = namesakes(gone, fresh);
  await comparison.fetch?.([...likely, ...likelyPairs(gone, fresh)]);
  for (const [was, now] of likely) {
    if ((await comparison.between(was, now)) >= MIN_LIKENESS) take(was, now);
    comparison.forget();
  }
  const pairs = likelyPairs(
    gone.filter((was) => !taken.has(was)),
    fresh.filter((now) => !renames.has(now)),
  );
  const scored: Scored<File>[] = [];
  for (const [was, now] of pairs) scored.push({ was, now, score: await comparison.between(was, now) });
  comparison.forget();
  for (const { was, now } of clearlyBest(scored)) take(was, now);
  return renames;
}

function namesakes<File extends NamedFile>(gone: readonly File[], fresh: readonly File[]): LikelyPair<File>[] {
  const goneByName = Map.groupBy(gone, ({ path }) => posix.basename(path));
  const pairs = [...Map.groupBy(fresh, ({ path }) => posix.basename(path))].flatMap(([name, [now, another]]) => {
    const [was, other] = goneByName.get(name) ?? [];
    const isOne = now !== undefined && was !== undefined && another === undefined && other === undefined;
    return isOne && areSizesNear(was, now) ? [[was, now] as const] : [];
  });
  return pairs.slice(0, MAX_NAMESAKES);
}

/** As in Git, too many are not compared at all: a part of them would be paired by chance. */
function likelyPairs<File extends NamedFile>(gone: readonly File[], fresh: readonly File[]): LikelyPair<File>[] {
  const goneByEnding = Map.groupBy(gone, ({ path }) => ending(path));
  const tried = fresh.reduce((sum, now) => sum + (goneByEnding.get(ending(now.path))?.length ?? 0), 0);
  if (tried > MAX_TRIED) return [];
  const pairs: LikelyPair<File>[] = [];
  for (const now of fresh) {
    for (const was of goneByEnding.get(ending(now.path)) ?? []) {
      if (areSizesNear(was, now)) pairs.push([was, now]);
      if (pairs.length > MAX_PAIRS) return [];
    }
  }
  return pairs;
}

interface Scored<File> {
  readonly was: File;
  readonly now: File;
  readonly score: number;
}

/** Returns the pairs in which each is the most alike to the other, and nothing else is nearly so. */
function clearlyBest<File>(scored: readonly Scored<File>[]): Scored<File>[] {
  const alike = scored.filter(({ score }) => score >= MIN_LIKENESS - MARGIN);
  const byWas = Map.groupBy(alike, ({ was }) => was);
  const byNow = Map.groupBy(alike, ({ now }) => now);
  return alike.filter((each) => {
    if (each.score < MIN_LIKENESS) return false;
    const rivals = [...(byWas.get(each.was) ?? []), ...(byNow.get(each.now) ?? [])];
    return rivals.every((rival) => rival === each || rival.score < each.score - MARGIN);
  });
}

function ending(path: string): string {
  const name = posix.basename(path);
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}
