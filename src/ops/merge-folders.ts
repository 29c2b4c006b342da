import type { RepoPath } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { ManifestEntry } from "../formats/manifest.ts";
import type { Pointer } from "../formats/pointer.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { editManifest, readManifestRoot, type ManifestChange } from "../store/manifests.ts";
import type { EntryPair } from "../store/manifest-differences.ts";
import { changedEntries } from "./diff-folder.ts";
import { withManifests, type ManifestSource } from "./ensure-manifest.ts";
import { prepareCache, type Workspace } from "./open-workspace.ts";

/** Is the three versions that a merge of a folder starts from. */
export interface FolderVersions {
  readonly target: RepoPath;
  readonly base: Pointer | undefined;
  readonly ours: Pointer;
  readonly theirs: Pointer;
}

/** Is one file that both sides changed in ways that do not go together. */
export interface FileConflict {
  readonly path: string;
  readonly kind: "both-changed" | "both-added" | "deleted-by-us" | "deleted-by-them" | "file-and-folder";
  readonly ours: ManifestEntry | undefined;
  readonly theirs: ManifestEntry | undefined;
}

/** Is what a merge of a folder gave: `pointer` is there when nothing conflicts, or when conflicts were settled by preference. */
export interface FolderMerge {
  readonly conflicts: readonly FileConflict[];
  readonly pointer: Pointer | undefined;
  /** Files that came from their side. */
  readonly taken: number;
}

/**
 * Merges two versions of a folder file by file from their common ancestor, on the lists alone: no content is fetched. With `prefer` a
 * conflict is settled by that side, and a file that one side deleted and the other changed is kept; `base` leaves such a file as it was before
 * both. The new list is durable in the cache.
 * Throws `content-missing` when a list cannot be had, `remote-…`.
 */
export function mergeFolders(workspace: Workspace, versions: FolderVersions, prefer?: "ours" | "theirs" | "base"): Promise<FolderMerge> {
  return withManifests(workspace, undefined, (source) => mergeLists({ workspace, source }, versions, prefer));
}

interface Lists {
  readonly workspace: Workspace;
  readonly source: ManifestSource;
}

async function mergeLists(lists: Lists, versions: FolderVersions, prefer: "ours" | "theirs" | "base" | undefined): Promise<FolderMerge> {
  const { target, base, ours, theirs } = versions;
  const question = { target, from: target, before: base, afters: [ours, theirs], only: undefined };
  const [ourPairs = [], theirPairs = []] = await changedEntries(lists.workspace, lists.source, question);
  const byPath = new Map(ourPairs.map((pair) => [pathOf(pair), pair]));
  const names = new AddedNames(ourPairs);
  const theirNames = new AddedNames(theirPairs);
  const conflicts: FileConflict[] = [];
  const changes: ManifestChange[] = [];
  for (const pair of theirPairs) {
    const path = pathOf(pair);
    const [before, after] = pair;
    const own = byPath.get(path);
    const merged = own === undefined ? { entry: after } : mergeEntries(before, own[1], after);
    const isInTheWay = before === undefined && after !== undefined && own === undefined && names.collide(path);
    if (!isInTheWay && merged !== undefined) {
      if (!isSameEntry(merged.entry, own === undefined ? before : own[1])) changes.push({ path, entry: merged.entry });
      continue;
    }
    const kind =
      isInTheWay || names.hasFolder(path) || theirNames.hasFolder(path) ? "file-and-folder" : conflictKind(before, own?.[1], after);
    conflicts.push({ path, kind, ours: own?.[1], theirs: after });
    if (prefer === undefined || kind === "file-and-folder") continue;
    const entry = prefer === "base" ? before : ((prefer === "theirs" ? after : own?.[1]) ?? own?.[1] ?? after);
    if (!isSameEntry(entry, own?.[1])) changes.push({ path, entry });
  }
  const isUnsettled = conflicts.some(({ kind }) => prefer === undefined || kind === "file-and-folder");
  if (isUnsettled) return { conflicts, pointer: undefined, taken: 0 };
  return { conflicts, pointer: await applyChanges(lists, versions, changes), taken: changes.length };
}

async function applyChanges(
  { workspace, source }: Lists,
  { target, ours }: FolderVersions,
  changes: readonly ManifestChange[],
): Promise<Pointer> {
  if (changes.length === 0) return ours;
  await prepareCache(workspace);
  await source.ensure([{ target, pointer: ours }]);
  const where = `\`${target}\``;
  const writer = new CacheWriter(workspace.cache);
  try {
    const base = { root: readManifestRoot(workspace.cache, ours.sha256, where), where };
    const { sha256, root } = await editManifest(workspace.cache, writer, base, oneBatch(changes));
    writer.finish();
    return { ...ours, sha256, size: root.size, files: root.files };
  } catch (error) {
    writer.abort();
    throw error;
  }
}

async function* oneBatch(changes: readonly ManifestChange[]): AsyncGenerator<readonly ManifestChange[]> {
  yield [...changes].sort((left, right) => compareUtf8(left.path, right.path));
}

function pathOf([before, after]: EntryPair): RepoPath {
  return (after?.path ?? before?.path ?? "") as RepoPath;
}

/** Merges content and executable bit each on its own; undefined when they do not go together. */
function mergeEntries(
  base: ManifestEntry | undefined,
  ours: ManifestEntry | undefined,
  theirs: ManifestEntry | undefined,
): { readonly entry: ManifestEntry | undefined } | undefined {
  if (isSameEntry(ours, theirs)) return { entry: ours };
  if (isSameEntry(base, ours)) return { entry: theirs };
  if (isSameEntry(base, theirs)) return { entry: ours };
  if (base === undefined || ours === undefined || theirs === undefined) return undefined;
  const isContentOurs = theirs.sha256 === base.sha256 || theirs.sha256 === ours.sha256;
  if (!isContentOurs && ours.sha256 !== base.sha256) return undefined;
  // A bit has two values: where both sides differ from the base, they agree.
  const isExecutable = ours.isExecutable === base.isExecutable ? theirs.isExecutable : ours.isExecutable;
  return { entry: { ...(isContentOurs ? ours : theirs), isExecutable } };
}

function conflictKind(
  base: ManifestEntry | undefined,
  ours: ManifestEntry | undefined,
  theirs: ManifestEntry | undefined,
): FileConflict["kind"] {
  if (base === undefined) return "both-added";
  if (ours === undefined) return "deleted-by-us";
  return theirs === undefined ? "deleted-by-them" : "both-changed";
}

function isSameEntry(left: ManifestEntry | undefined, right: ManifestEntry | undefined): boolean {
  return left?.sha256 === right?.sha256 && left?.isExecutable === right?.isExecutable;
}

/** Knows the files and folders that one side added, so that a file of the other side's is not put where a folder is. */
class AddedNames {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  constructor(pairs: readonly EntryPair[]) {
    for (const [before, after] of pairs) {
      if (before !== undefined || after === undefined) continue;
      this.#files.add(after.path);
      for (const folder of foldersOf(after.path)) this.#folders.add(folder);
    }
  }

  /** Tells whether something was added under that path. */
  hasFolder(path: string): boolean {
    return this.#folders.has(path);
  }

  /** Tells whether a file of that path could not lie beside what was added. */
  collide(path: string): boolean {
    return this.#folders.has(path) || foldersOf(path).some((folder) => this.#files.has(folder));
  }
}

function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) folders.push(path.slice(0, slash));
  return folders;
}
