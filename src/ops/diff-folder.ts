import { isMlvError } from "../base/errors.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { ManifestEntry, ManifestLeaf, ManifestRoot } from "../formats/manifest.ts";
import type { Pointer } from "../formats/pointer.ts";
import { differentLines } from "../store/leaf-lines.ts";
import { differentLeaves, type EntryPair } from "../store/manifest-differences.ts";
import { findManifestEntry, isUnder, leavesUnder, readLeafBytes, readManifestRoot } from "../store/manifests.ts";
import type { FileDiff } from "./diff-versions.ts";
import { withManifests, type ManifestSource } from "./ensure-manifest.ts";
import type { Workspace } from "./open-workspace.ts";

/** Says which two versions of a folder to compare. */
export interface FolderQuestion {
  readonly target: RepoPath;
  /** The folder's name before. */
  readonly from: RepoPath;
  readonly before: Pointer;
  readonly after: Pointer;
  readonly only: readonly string[] | undefined;
  readonly remote: string | undefined;
}

/**
 * Compares two versions of a folder file by file, fetching and opening only those leaves of their lists that differ; what is gone and what is new of
 * the same content is a rename. Throws `content-missing` when a list cannot be had, `remote-…`.
 */
export function compareFolders(workspace: Workspace, question: FolderQuestion): Promise<FileDiff[]> {
  return withManifests(workspace, question.remote, async (source) => {
    const [pairs = []] = await changedEntries(workspace, source, { ...question, afters: [question.after] });
    return withRenames(pairs);
  });
}

/** Says which versions of a folder's list to compare with an earlier one; without `before` everything is new. */
export interface EntriesQuestion extends Omit<FolderQuestion, "before" | "after" | "remote"> {
  readonly before: Pointer | undefined;
  readonly afters: readonly Pointer[];
}

/**
 * Returns, for each version, the files, sorted by path, that it and the earlier one do not have alike, fetching and opening only those leaves of their
 * lists that differ. Throws `content-missing` when a list cannot be had, `remote-…`.
 */
export async function changedEntries(workspace: Workspace, source: ManifestSource, question: EntriesQuestion): Promise<EntryPair[][]> {
  const { target, from, before, afters, only } = question;
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
    return only === undefined
      ? pairs
      : pairs.filter(([left, right]) => only.some((prefix) => isUnder((right ?? left)?.path ?? "", prefix)));
  });
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

function withRenames(pairs: readonly EntryPair[]): FileDiff[] {
  const gone = new Map<Sha256, ManifestEntry[]>();
  for (const [before, after] of pairs) {
    if (before === undefined || after !== undefined || before.size === 0) continue;
    const same = gone.get(before.sha256);
    if (same === undefined) gone.set(before.sha256, [before]);
    else same.push(before);
  }
  const renamed = new Set<ManifestEntry>();
  const files = pairs.flatMap(([before, after]): FileDiff[] => {
    if (after === undefined) return [];
    if (before !== undefined) {
      const modeOnly = before.sha256 === after.sha256;
      return [{ path: after.path, status: "modified", sizeBefore: before.size, sizeAfter: after.size, ...(modeOnly ? { modeOnly } : {}) }];
    }
    const from = gone.get(after.sha256)?.shift();
    if (from === undefined) return [{ path: after.path, status: "added", sizeAfter: after.size }];
    renamed.add(from);
    return [{ path: after.path, status: "renamed", from: from.path, sizeBefore: from.size, sizeAfter: after.size }];
  });
  for (const [before, after] of pairs) {
    if (before !== undefined && after === undefined && !renamed.has(before))
      files.push({ path: before.path, status: "deleted", sizeBefore: before.size });
  }
  return files.sort((a, b) => compareUtf8(a.path, b.path));
}
