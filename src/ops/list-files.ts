import { quoteForShell } from "../base/shell-words.ts";
import { MlvError } from "../base/errors.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { resolveRevision } from "../git/revisions.ts";
import { isUnder, readManifestEntries } from "../store/manifests.ts";
import { isPointerPath, targetOf } from "../workspace/target.ts";
import { ensureManifest } from "./ensure-manifest.ts";
import { withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { readPointersAt, readPointersHere, type UnreadableTarget } from "./read-pointers.ts";
import { toRepoPath } from "./targets.ts";

export type { UnreadableTarget };

/** Says what to list. */
export interface ListFilesOptions {
  /** A revision as Git understands it; the work tree when absent. */
  readonly rev?: string | undefined;
  /** A folder, a target, or a path inside one, relative to the caller's folder; everything when absent. */
  readonly path?: string | undefined;
  /** Lists every file inside the folders, not only their first level. */
  readonly recursive: boolean;
}

/** Is a target, or a file or folder inside one. */
export interface ListedEntry {
  /** Relative to the repository's root. */
  readonly path: RepoPath;
  readonly target: RepoPath;
  readonly isTarget: boolean;
  readonly kind: "file" | "dir";
  readonly size: number;
  /** How many files a folder holds; 1 for a file. */
  readonly files: number;
  readonly isExecutable: boolean;
  /** The content's hash; absent for a folder inside a target. */
  readonly sha256?: Sha256;
}

/** Is what `ls` lists. */
export interface ListFilesResult {
  /** The commit that was listed; undefined for the work tree. */
  readonly commit: string | undefined;
  readonly entries: readonly ListedEntry[];
  readonly unreadable: readonly UnreadableTarget[];
}

/**
 * Lists targets, and inside a folder target its files, fetching the list of files when it is not cached and no file's content.
 * Throws `revision-not-found`, `target-not-found`, `content-missing`, `remote-…`.
 */
export async function listFiles(context: OperationContext, options: ListFilesOptions): Promise<ListFilesResult> {
  return withWorkspace(context, async (workspace) => {
    const commit =
      options.rev === undefined ? undefined : await resolveRevision(workspace.repository, options.rev, { signal: context.signal });
    const { pointers, unreadable } = commit === undefined ? await readPointersHere(workspace) : await readPointersAt(workspace, commit);
    const wanted = options.path === undefined ? "" : stripPointer(toRepoPath(workspace, options.path), pointers);
    const entries: ListedEntry[] = [];
    for (const [target, pointer] of pointers) {
      if (!isUnder(target, wanted) && !isUnder(wanted, target)) continue;
      const isInside = wanted === target || !isUnder(target, wanted);
      if (!isInside) entries.push(targetEntry(target, pointer));
      if (isInside || (options.recursive && pointer.kind === "dir"))
        entries.push(...(await listInside(workspace, { target, pointer }, { wanted, options })));
    }
    const broken = unreadable.filter(({ target }) => isUnder(target, wanted));
    if (entries.length === 0 && broken.length === 0 && wanted !== "") throw nothingThere(options);
    return { commit, entries, unreadable: broken };
  });
}

function stripPointer(repoPath: RepoPath, pointers: ReadonlyMap<RepoPath, Pointer>): RepoPath {
  const target = isPointerPath(repoPath) ? targetOf(repoPath) : undefined;
  return target !== undefined && !pointers.has(repoPath) && pointers.has(target) ? target : repoPath;
}

interface Inside {
  readonly wanted: string;
  readonly options: ListFilesOptions;
}

/** Lists a target that was named itself, or what is inside it. */
async function listInside(
  workspace: Workspace,
  { target, pointer }: { target: RepoPath; pointer: Pointer },
  { wanted, options }: Inside,
): Promise<ListedEntry[]> {
  if (pointer.kind === "file") return wanted === target ? [targetEntry(target, pointer)] : [];
  const inner = isUnder(target, wanted) ? "" : wanted.slice(target.length + 1);
  await ensureManifest(workspace, { target, pointer, ...(inner === "" ? {} : { only: [inner] }) });
  const listed = new Map<string, ListedEntry>();
  for (const entry of readManifestEntries(workspace.cache, pointer.sha256, `\`${target}\``, inner)) {
    const skip = inner === "" || entry.path === inner ? 0 : inner.length + 1;
    const slash = options.recursive ? -1 : entry.path.indexOf("/", entry.path === inner ? inner.length : skip);
    if (slash === -1) {
      const { sha256, size, isExecutable } = entry;
      listed.set(entry.path, {
        path: join(target, entry.path),
        target,
        isTarget: false,
        kind: "file",
        size,
        files: 1,
        isExecutable,
        sha256,
      });
      continue;
    }
    const folder = entry.path.slice(0, slash);
    const before = listed.get(`${folder}/`);
    const size = (before?.size ?? 0) + entry.size;
    listed.set(`${folder}/`, {
      path: join(target, folder),
      target,
      isTarget: false,
      kind: "dir",
      size,
      files: (before?.files ?? 0) + 1,
      isExecutable: false,
    });
  }
  return [...listed.values()];
}

function targetEntry(target: RepoPath, { kind, size, files = 1, mode, sha256 }: Pointer): ListedEntry {
  return { path: target, target, isTarget: true, kind, size, files, isExecutable: mode === "x", sha256 };
}

function join(target: string, inner: string): RepoPath {
  return `${target}/${inner}` as RepoPath;
}

function nothingThere({ path, rev }: ListFilesOptions): MlvError {
  const where = rev === undefined ? "" : ` at \`${rev}\``;
  return new MlvError("target-not-found", `nothing that is tracked lies at or under \`${path ?? ""}\`${where}`, {
    hint: rev === undefined ? "`mlv ls` lists what is tracked" : `\`mlv ls ${quoteForShell(rev)}\` lists what is tracked there`,
    details: { path: path ?? "" },
  });
}
