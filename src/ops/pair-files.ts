import type { ManifestEntry } from "../formats/manifest.ts";
import type { ContentLikeness } from "./content-likeness.ts";
import { MIN_LIKENESS } from "./folder-likeness.ts";

/** So many files that kept their name in another folder are compared. */
const MAX_NAMESAKES = 1000;
/** So many pairs of other names are compared. */
const MAX_PAIRS = 10_000;
/** So many pairs are tried by their sizes. */
const MAX_TRIED = 1_000_000;
/** Files of one template are all alike: where another one is nearly as much so, none is taken for the one renamed. */
const MARGIN = 0.1;

/** Is a file that is gone and a new one that may be the same, renamed and edited. */
export type LikelyPair = readonly [was: ManifestEntry, now: ManifestEntry];

/** Brings contents of likely pairs into the cache, those that are worth it. */
export type FetchPairs = (pairs: readonly LikelyPair[]) => Promise<void>;

/**
 * Returns, for new files of a folder, those that are gone of which half is in them: renamed and edited. First those whose name is in another folder now
 * and that no other has, then what has the same ending and is clearly the most alike. Only what is cached, and what `fetch` brings, is compared;
 * an empty file is like none.
 */
export async function pairEditedFiles(
  likeness: ContentLikeness,
  gone: readonly ManifestEntry[],
  fresh: readonly ManifestEntry[],
  fetch?: FetchPairs,
): Promise<Map<ManifestEntry, ManifestEntry>> {
  const renames = new Map<ManifestEntry, ManifestEntry>();
  if (gone.length === 0 || fresh.length === 0) return renames;
  const taken = new Set<ManifestEntry>();
  const take = (was: ManifestEntry, now: ManifestEntry): void => {
    renames.set(now, was);
    taken.add(was);
  };
  await fetch?.([...namesakes(gone, fresh), ...likelyPairs(gone, fresh)]);
  for (const [was, now] of namesakes(gone, fresh)) {
    if ((await likeness.between(was, now)) >= MIN_LIKENESS) take(was, now);
    likeness.forget();
  }
  const pairs = likelyPairs(
    gone.filter((was) => !taken.has(was)),
    fresh.filter((now) => !renames.has(now)),
  );
  if (pairs.length === 0) return renames;
  const scored: Scored[] = [];
  for (const [was, now] of pairs) scored.push({ was, now, score: await likeness.between(was, now) });
  for (const { was, now } of clearlyBest(scored)) take(was, now);
  return renames;
}

function namesakes(gone: readonly ManifestEntry[], fresh: readonly ManifestEntry[]): LikelyPair[] {
  const goneByName = Map.groupBy(gone, ({ path }) => baseName(path));
  const pairs = [...Map.groupBy(fresh, ({ path }) => baseName(path))].flatMap(([name, [now, another]]) => {
    const [was, other] = goneByName.get(name) ?? [];
    const isOne = now !== undefined && was !== undefined && another === undefined && other === undefined;
    return isOne && canBeAlike(was, now) ? [[was, now] as const] : [];
  });
  return pairs.slice(0, MAX_NAMESAKES);
}

/** As in Git, too many are not compared at all: a part of them would be paired by chance. */
function likelyPairs(gone: readonly ManifestEntry[], fresh: readonly ManifestEntry[]): LikelyPair[] {
  const goneByEnding = Map.groupBy(gone, ({ path }) => ending(path));
  const tried = fresh.reduce((sum, now) => sum + (goneByEnding.get(ending(now.path))?.length ?? 0), 0);
  if (tried > MAX_TRIED) return [];
  const pairs: LikelyPair[] = [];
  for (const now of fresh) {
    for (const was of goneByEnding.get(ending(now.path)) ?? []) {
      if (canBeAlike(was, now)) pairs.push([was, now]);
      if (pairs.length > MAX_PAIRS) return [];
    }
  }
  return pairs;
}

interface Scored {
  readonly was: ManifestEntry;
  readonly now: ManifestEntry;
  readonly score: number;
}

/** Returns the pairs in which each is the most alike to the other, and nothing else is nearly so. */
function clearlyBest(scored: readonly Scored[]): Scored[] {
  const alike = scored.filter(({ score }) => score >= MIN_LIKENESS - MARGIN);
  const byWas = Map.groupBy(alike, ({ was }) => was);
  const byNow = Map.groupBy(alike, ({ now }) => now);
  return alike.filter((each) => {
    if (each.score < MIN_LIKENESS) return false;
    const rivals = [...(byWas.get(each.was) ?? []), ...(byNow.get(each.now) ?? [])];
    return rivals.every((rival) => rival === each || rival.score < each.score - MARGIN);
  });
}

function canBeAlike(was: ManifestEntry, now: ManifestEntry): boolean {
  return was.size > 0 && now.size > 0 && Math.min(was.size, now.size) >= MIN_LIKENESS * Math.max(was.size, now.size);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function ending(path: string): string {
  const name = baseName(path);
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}
