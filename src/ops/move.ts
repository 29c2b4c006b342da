import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says what to rename; both paths are relative to the caller's folder. */
export interface MoveOptions {
  readonly from: string;
  /** The new name, or an existing folder to move into. */
  readonly to: string;
  /** Replaces a file that stands at the destination, keeping it in the cache first; a target there is never replaced. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Is what `move` did. */
export interface MoveResult {
  readonly from: RepoPath;
  readonly to: RepoPath;
  readonly pointer: Pointer;
  /** False when the target's data was not in the workspace. */
  readonly isDataMoved: boolean;
  /** Paths to stage, relative to the repository's root. */
  readonly toStage: readonly string[];
  readonly root: string;
}

/**
 * Renames a target with its pointer and ignore line. What the index knows of its files is kept, so nothing is hashed again.
 * Throws `target-not-found`, `target-exists`, `target-overlap`, `tracked-by-git`, `path-unsafe`.
 */
export async function move(context: OperationContext, options: MoveOptions): Promise<MoveResult> {
  return unbuilt(context, options);
}
