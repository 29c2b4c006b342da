import { isMlvError } from "../base/errors.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { ManifestEntry, ManifestLeaf, ManifestRoot } from "../formats/manifest.ts";
import type { Pointer } from "../formats/pointer.ts";
import { differentLines } from "../store/leaf-lines.ts";
import { differentLeaves, type EntryPair } from "../store/manifest-differences.ts";
import { findManifestEntry, isUnder, leavesUnder, readLeafBytes, readManifestRoot } from "../store/manifests.ts";
import { likenessOf } from "./content-likeness.ts";
import type { WantedPart } from "./diff-paths.ts";
import type { FileDiff } from "./diff-versions.ts";
import { withManifests, type ManifestSource } from "./ensure-manifest.ts";
import type { Workspace } from "./open-workspace.ts";
import { pairEditedFiles, type ContentComparison } from "./pair-files.ts";
import type { FetchBudget } from "./prefetch-contents.ts";

/** Says which two versions of a folder to compare. */
export interface FolderQuestion {
  readonly target: RepoPath;
  /** The folder's name before. */
  readonly from: RepoPath;
  readonly before: Pointer;
  readonly after: Pointer;
  readonly only: readonly string[] | undefined;
  /** Returns those of these paths that were asked for; all when absent. */
  readonly isWanted?: WantedPart["isWanted"];
  readonly remote: string | undefined;
  /** What may be fetched of tables' contents to find renames; nothing when absent. */
  readonly budget?: (() => Promise<FetchBudget>) | undefined;
}

/**
 * Compares two versions of a folder file by file, fetching and opening only those leaves of their lists that differ; what is gone and what is new of
 * the same content, or of cached content that is half the same, is a rename. Throws `content-missing` when a list cannot be had, `remote-…`.
 */
export function compareFolders(workspace: Workspace, question: FolderQuestion): Promise<FileDiff[]> {
  return withManifests(workspace, question.remote, async (source) => {
    const [pairs = []] = await changedEntries(workspace, source, { ...question, afters: [question.after] });
    return withRenames(workspace, question, pairs);
  });
}

/** Says which versions of a folder's list to compare with an earlier one; without `before` everything is new. */
export interface EntriesQuestion extends Omit<FolderQuestion, "before" | "after" | "remote" | "budget"> {
  readonly before: Pointer | undefined;
  readonly afters: readonly Pointer[];
}

/**
 * Returns, for each version, the files, sorted by path, that it and the earlier one do not have alike, fetching and opening only those leaves of their
 * lists that differ. Throws `content-missing` when a list cannot be had, `remote-…`.
 */
export async function changedEntries(workspace: Workspace, source: ManifestSource, question: EntriesQuestion): Promise<EntryPair[][]> {
  const { target, from, before, afters, only, isWanted } = question;
  const read = ({ sha256 }: Pointer, name: RepoPath): ManifestLeaf[] =>
    wantedLeaves(readManifestRoot(workspace.cache, sha256, `\`${name}\``), only);
  const ofBefore = before === undefined ? [] : [{ target: from, pointer: before }];
  await source.ensure([...ofBefore, ...afters.map((pointer) => ({ target, pointer }))].map((wanted) => ({ ...wanted, leaves: new Set() })));
  const leavesBefore = before === undefined ? [] : read(before, from);
  const different = afters.map((after) => differentLeaves(leavesBefore, read(after, target)));
  await source.ensure([
    ...ofBefore.map((wanted) => ({ ...wanted, leaves: hashesOf(different.flatMap(([gone]) => gone)) })),
    ...afters.map((pointer, place) => ({ target, pointer, leaves: hashesOf(different[place]?.[1] ?? []) })),
  ]);
  const where = `\`${target}\``;
  return different.map(([gone, here]) => {
    const pairs = [...differentLines(readAll(workspace, gone, where), readAll(workspace, here, where), where)];
    const wanted = isWanted?.(pairs.map(pathOf));
    return only === undefined && wanted === undefined
      ? pairs
      : pairs.filter((pair) => (only?.some((prefix) => isUnder(pathOf(pair), prefix)) ?? true) && (wanted?.has(pathOf(pair)) ?? true));
  });
}

function pathOf([before, after]: EntryPair): string {
  return (after ?? before)?.path ?? "";
}

function hashesOf(leaves: readonly ManifestLeaf[]): Set<Sha256> {
  return new Set(leaves.map(({ sha256 }) => sha256));
}

/** Returns the size that a version has a file with, or undefined when it has none, or when its list is not cached. */
export function findSize(
  workspace: Workspace,
  { target, pointer, inner }: { readonly target: string; readonly pointer: Pointer; readonly inner: string },
): number | undefined {
  try {
    return findManifestEntry(workspace.cache, pointer.sha256, `\`${target}\``, inner)?.size;
  } catch (error) {
    if (isMlvError(error, "content-missing")) return undefined;
    throw error;
  }
}

function wantedLeaves(root: ManifestRoot, only: readonly string[] | undefined): ManifestLeaf[] {
  return only === undefined
    ? [...root.leaves]
    : [...new Set(only.flatMap((prefix) => leavesUnder(root, prefix)))].sort((a, b) => compareUtf8(a.firstPath, b.firstPath));
}

function* readAll(workspace: Workspace, leaves: readonly ManifestLeaf[], where: string): Generator<Buffer> {
  for (const leaf of leaves) yield readLeafBytes(workspace.cache, leaf, where);
}

async function withRenames(workspace: Workspace, question: FolderQuestion, pairs: readonly EntryPair[]): Promise<FileDiff[]> {
  const lost = pairs.flatMap(([before, after]) => (before === undefined || after !== undefined ? [] : [before]));
  const found = pairs.flatMap(([before, after]) => (after === undefined || before !== undefined ? [] : [after]));
  const renames = pairSameFiles(lost, found);
  const taken = new Set(renames.values());
  const likeness = likenessOf(workspace);
  const comparison: ContentComparison<ManifestEntry> = {
    between: (was, now) => likeness.between(was, now),
    forget: () => likeness.forget(),
    fetch: async (likely) => {
      if (question.budget === undefined || likely.length === 0) return;
      const { fetchLikelyTables } = await import("./fetch-likely-tables.ts");
      await fetchLikelyTables(workspace, question, { pairs: likely, budget: await question.budget() });
    },
  };
  const edited = await pairEditedFiles(
    comparison,
    lost.filter((entry) => !taken.has(entry)),
    found.filter((entry) => !renames.has(entry)),
  );
  for (const was of edited.values()) taken.add(was);
  const files = pairs.flatMap(([before, after]): FileDiff[] => {
    if (after === undefined)
      return before === undefined || taken.has(before) ? [] : [{ path: before.path, status: "deleted", sizeBefore: before.size }];
    const { path, size: sizeAfter } = after;
    if (before !== undefined) {
      const modeOnly = before.sha256 === after.sha256;
      return [{ path, status: "modified", sizeBefore: before.size, sizeAfter, ...(modeOnly ? { modeOnly } : {}) }];
    }
    const from = renames.get(after) ?? edited.get(after);
    if (from === undefined) return [{ path, status: "added", sizeAfter }];
    const isEdited = edited.has(after);
    return [{ path, status: "renamed", from: from.path, sizeBefore: from.size, sizeAfter, ...(isEdited ? { isEdited } : {}) }];
  });
  return files.sort((a, b) => compareUtf8(a.path, b.path));
}

/** Returns for new files the gone ones of the same content. */
function pairSameFiles(gone: readonly ManifestEntry[], fresh: readonly ManifestEntry[]): Map<ManifestEntry, ManifestEntry> {
  const byContent = Map.groupBy(gone, ({ sha256 }) => sha256);
  // What is taken off the front again and again is kept the other way round: many files may be the same.
  for (const entries of byContent.values()) entries.reverse();
  const renames = new Map<ManifestEntry, ManifestEntry>();
  for (const entry of fresh) {
    const from = entry.size === 0 ? undefined : byContent.get(entry.sha256)?.pop();
    if (from !== undefined) renames.set(entry, from);
  }
  return renames;
}
