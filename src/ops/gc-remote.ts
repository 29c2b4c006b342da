import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says what a remote gc may free. */
export interface RemoteGcOptions {
  /** Which remote; the default one when absent. */
  readonly remote?: string | undefined;
  /** Every other repository that pushes to the remote: what they name is kept. */
  readonly repositories: readonly string[];
  /** How long a mark must stand before its blob may go, milliseconds; 14 days when absent. */
  readonly graceMs?: number | undefined;
  /** Marks and deletes; without it the result says what would be done. */
  readonly isConfirmed: boolean;
  /** What the clock says, milliseconds since the epoch; the machine's when absent. */
  readonly now?: number | undefined;
}

/** Is one blob of a remote that nothing needs. */
export interface RemoteGcItem {
  readonly key: string;
  readonly size: number;
  /** When it was written, milliseconds since the epoch. */
  readonly modifiedAt: number;
  readonly action: "mark" | "wait" | "delete" | "unmark";
  /** When it may be deleted, for `mark` and `wait`. */
  readonly deletableAt?: number;
}

/** Is what a remote gc did, or would do. */
export interface RemoteGcResult {
  readonly remote: string;
  readonly url: string;
  readonly isDone: boolean;
  readonly items: readonly RemoteGcItem[];
  readonly markedBlobs: number;
  readonly markedBytes: number;
  readonly waitingBlobs: number;
  readonly waitingBytes: number;
  readonly deletedBlobs: number;
  readonly deletedBytes: number;
  readonly unmarkedBlobs: number;
  readonly keptBlobs: number;
  readonly keptBytes: number;
  readonly pins: number;
  readonly abortedUploads: number;
}

/**
 * Frees what a remote holds and nothing needs, in two runs with a grace period between them: mark, then delete what is still free.
 * Throws `git-failed` when a repository cannot be read, `path-not-found`, `remote-…`; nothing more is deleted then.
 */
export async function gcRemote(context: OperationContext, options: RemoteGcOptions): Promise<RemoteGcResult> {
  return unbuilt(context, options);
}
