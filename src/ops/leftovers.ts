import { isSameVersion } from "../formats/pointer.ts";
import { readGitIndex } from "../git/git-index.ts";
import { reachablePointerBlobs } from "../git/reachable.ts";
import { AnchoredFolders } from "../workspace/anchored.ts";
import { removeLeftover, type RemovedLeftover } from "../workspace/leftover-removal.ts";
import { findLeftovers, type Leftover } from "../workspace/leftovers.ts";
import { isPointerPath } from "../workspace/target.ts";
import { parsePointerQuietly } from "./history.ts";
import type { Workspace } from "./open-workspace.ts";

export type { RemovedLeftover };

/**
 * Removes the data of targets whose pointer is gone, as far as the cache has it and Git still names it somewhere (what a `gc` keeps); returns
 * what was done, or with `dryRun` would be. Saves the index. Throws `git-failed`, `permission-denied`.
 */
export async function removeLeftovers(workspace: Workspace, { dryRun }: { readonly dryRun: boolean }): Promise<RemovedLeftover[]> {
  const { root, index, cache, repository } = workspace;
  if (index.targets().length === 0) return [];
  const pointers = { root, index, cache, gitIndex: await readGitIndex(repository, { suffixes: [".mlv"] }) };
  const found = findLeftovers(pointers);
  if (found.length === 0) return [];
  const named = await namedVersions(workspace, found);
  const folders = new AnchoredFolders(root);
  const place = {
    ...pointers,
    // All of it: Git may track by now what was a target.
    gitIndex: await readGitIndex(repository),
    folders,
    dryRun,
    isNamed: (target: string) => named.has(target),
  };
  try {
    return found.map((leftover) => removeLeftover(place, leftover));
  } finally {
    folders.close();
    if (!dryRun) index.save();
  }
}

/** Returns the targets whose leftover version a ref, a reflog entry or Git's index names, under whatever name. */
async function namedVersions(workspace: Workspace, leftovers: readonly Leftover[]): Promise<Set<string>> {
  const named = new Set<string>();
  for await (const { path, content } of reachablePointerBlobs(workspace.repository, { signal: workspace.context.signal })) {
    const pointer = isPointerPath(path) ? parsePointerQuietly(content, path) : undefined;
    if (pointer === undefined) continue;
    for (const leftover of leftovers) if (isSameVersion(leftover.pointer, pointer)) named.add(leftover.target);
    if (named.size === leftovers.length) break;
  }
  return named;
}
