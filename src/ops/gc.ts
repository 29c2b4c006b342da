import type { Sha256 } from "../base/ids.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says what a local gc may free. */
export interface GcOptions {
  /** More repositories that share this cache, besides those registered with it. */
  readonly repositories: readonly string[];
  /** Deletes; without it the result says what would be. */
  readonly isConfirmed: boolean;
  /** Frees the last known copies of data that was never pushed, too. */
  readonly force: boolean;
}

/** Is one cached thing that nothing needs. */
export interface GcItem {
  readonly sha256: Sha256;
  readonly kind: "file" | "dir" | "unknown";
  /** Bytes that freeing it gives back. */
  readonly size: number;
  /** How many files of a folder's version. */
  readonly files: number;
  /** When it came to the cache, milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** The target or file that had this content, where it is still known. */
  readonly names: readonly string[];
  readonly isPushed: boolean;
}

/** Is a repository that could not be read; nothing is deleted then. */
export interface UnreadableRepository {
  readonly repository: string;
  readonly message: string;
}

/** Is what a local gc did, or would do. */
export interface GcResult {
  readonly isDone: boolean;
  readonly freed: readonly GcItem[];
  readonly freedBytes: number;
  /** Not needed, but never pushed as far as is known, so kept without `force`. */
  readonly keptUnpushed: readonly GcItem[];
  readonly keptUnpushedBytes: number;
  readonly keptObjects: number;
  readonly keptBytes: number;
  readonly rewrittenPacks: number;
  readonly removedPacks: number;
  /** The repositories whose needs were counted. */
  readonly repositories: readonly string[];
  readonly blockedBy: readonly UnreadableRepository[];
}

/**
 * Frees cached content that no ref, reflog, stash, Git index, pointer or workspace of any repository that uses the cache names.
 * Throws `git-failed` when this repository cannot be read; other repositories that cannot are named in the result and block deletion.
 */
export async function gc(context: OperationContext, options: GcOptions): Promise<GcResult> {
  return unbuilt(context, options);
}
