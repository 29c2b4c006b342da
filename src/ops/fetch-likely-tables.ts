import type { ManifestEntry } from "../formats/manifest.ts";
import { tableFormatOf } from "../tabular/describe.ts";
import type { FolderQuestion } from "./diff-folder.ts";
import type { ContentsOptions } from "./diff-rows.ts";
import type { Workspace } from "./open-workspace.ts";
import type { LikelyPair } from "./pair-files.ts";
import { prefetchContents, readFetchLimit, type FetchBudget } from "./prefetch-contents.ts";

const MAX_PAIRS = 20;
const MAX_BYTES = 64 * 1024 * 1024;

/** Returns what may be fetched to find renamed tables: 64 MiB, or less when the options say so. Throws `usage`. */
export async function likelyTablesBudget({ fetchLimit }: ContentsOptions): Promise<FetchBudget> {
  return { bytes: Math.min(MAX_BYTES, await readFetchLimit(fetchLimit)) };
}

/** Fetches, of files that may be the same renamed and edited, the first 20 pairs of tables: their rows would be compared, and are needed for that anyway. */
export async function fetchLikelyTables(
  workspace: Workspace,
  { target, from, before, after, remote }: FolderQuestion,
  { pairs, budget }: { readonly pairs: readonly LikelyPair<ManifestEntry>[]; readonly budget: FetchBudget },
): Promise<void> {
  const isMissing = (pair: LikelyPair<ManifestEntry>): boolean => pair.some(({ sha256 }) => !workspace.cache.has(sha256));
  const missing = pairs.filter((pair) => tableFormatOf(pair[1].path) !== undefined && isMissing(pair));
  const groups = missing.slice(0, MAX_PAIRS).map(([was, now]) => [
    { target: from, pointer: before, inner: was.path },
    { target, pointer: after, inner: now.path },
  ]);
  if (groups.length > 0) await prefetchContents(workspace, groups, { budget, remote });
}
