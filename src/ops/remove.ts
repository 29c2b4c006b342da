import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says what to stop tracking. */
export interface RemoveOptions {
  /** Targets, relative to the caller's folder. */
  readonly targets: readonly string[];
  /** Deletes the data in the workspace too. */
  readonly delete: boolean;
  /** Deletes edits that the cache does not hold; they are kept in the cache first. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Is what `remove` did to one target. */
export interface RemovedTarget {
  readonly target: RepoPath;
  /** Undefined when the pointer could not be read. */
  readonly pointer: Pointer | undefined;
  /** Files of the workspace that were deleted, and their bytes. */
  readonly deletedFiles: number;
  readonly deletedBytes: number;
  /** True when data of the target stays on disk, no longer ignored by Git. */
  readonly isDataKept: boolean;
}

/** Is what `remove` did. */
export interface RemoveResult {
  readonly targets: readonly RemovedTarget[];
  /** Paths to stage, relative to the repository's root. */
  readonly toStage: readonly string[];
  readonly root: string;
}

/**
 * Stops tracking targets: pointer, ignore line and index entry go, the data stays unless `delete`.
 * Throws `target-not-found`, and `target-modified` when `delete` meets edits that the cache does not hold and `force` is not set.
 */
export async function remove(context: OperationContext, options: RemoveOptions): Promise<RemoveResult> {
  return unbuilt(context, options);
}
