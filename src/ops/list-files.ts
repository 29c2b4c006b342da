import type { RepoPath, Sha256 } from "../base/ids.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

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

/** Is a pointer that could not be read. */
export interface UnreadableTarget {
  readonly target: RepoPath;
  readonly message: string;
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
  return unbuilt(context, options);
}
