import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { FileCommit } from "../git/revisions.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says which pointer to explain. */
export interface ShowOptions {
  /** `TARGET` or `REV:TARGET`. */
  readonly spec: string;
}

/** Says how much of a version the cache holds. */
export interface CachedState {
  readonly state: "complete" | "partial" | "absent";
  /** Files whose content the cache lacks; of a folder whose list is not cached, all. */
  readonly missingFiles: number;
  /** Where the content lies, for a file that is cached. */
  readonly file?: string;
}

/** Says whether one remote is known to have a version, from earlier pushes and pulls; nobody is asked. */
export interface KnownOnRemote {
  readonly remote: string;
  readonly url: string;
  readonly isDefault: boolean;
  readonly isKnown: boolean;
}

/** Is a pointer explained. */
export interface ShowResult {
  readonly target: RepoPath;
  readonly commit: string | undefined;
  readonly pointer: Pointer;
  readonly cached: CachedState;
  readonly remotes: readonly KnownOnRemote[];
  /** Commits that brought this version, youngest first; at most 20. */
  readonly commits: readonly FileCommit[];
}

/** Explains a pointer. Throws `target-not-found`, `revision-not-found`, `pointer-malformed`. */
export async function show(context: OperationContext, options: ShowOptions): Promise<ShowResult> {
  return unbuilt(context, options);
}
