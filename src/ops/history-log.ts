import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says whose history to list. */
export interface LogOptions {
  /** A target, or its pointer. */
  readonly target: string;
  /** Where to start; HEAD when absent. */
  readonly rev?: string | undefined;
  /** At most so many versions. */
  readonly limit?: number | undefined;
}

/** Is one version of a target in Git's history. */
export interface LoggedVersion {
  readonly commit: string;
  readonly author: string;
  readonly email: string;
  /** ISO 8601 with the author's offset. */
  readonly date: string;
  readonly subject: string;
  readonly target: RepoPath;
  /** The name before, when this commit renamed it. */
  readonly from?: RepoPath;
  readonly action: "added" | "changed" | "renamed" | "deleted";
  /** Absent when the commit deleted it, or when it cannot be read. */
  readonly pointer?: Pointer;
  /** Why the pointer cannot be read. */
  readonly problem?: string;
  readonly isCached: boolean;
  /** False when the default remote is not known to have it; undefined without a remote. */
  readonly isPushed: boolean | undefined;
}

/** Is a target's history. */
export interface LogResult {
  readonly target: RepoPath;
  /** The youngest first. */
  readonly versions: readonly LoggedVersion[];
  /** True when `limit` cut it short. */
  readonly isCut: boolean;
  readonly remote: string | undefined;
}

/** Lists the versions of one target through renames. Throws `target-not-found`, `revision-not-found`. */
export async function log(context: OperationContext, options: LogOptions): Promise<LogResult> {
  return unbuilt(context, options);
}
