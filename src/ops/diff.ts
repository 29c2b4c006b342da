import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says what to compare. */
export interface DiffOptions {
  /** A revision, or `A...B` or `A..B`; HEAD against the work tree when absent. */
  readonly a?: string | undefined;
  /** A second revision; the work tree when absent. */
  readonly b?: string | undefined;
  /** Targets or paths inside them; everything when empty. */
  readonly paths: readonly string[];
  readonly remote?: string | undefined;
}

/** Is one side of a comparison. */
export interface DiffSide {
  /** As the caller named it; `work tree` for the pointers and data on disk. */
  readonly name: string;
  readonly commit: string | undefined;
}

/** Is one file inside a folder that differs; paths are relative to the target. */
export interface FileDiff {
  readonly path: string;
  readonly status: "added" | "deleted" | "modified" | "renamed";
  readonly from?: string;
  readonly sizeBefore?: number;
  readonly sizeAfter?: number;
  /** True when only the executable bit differs. */
  readonly modeOnly?: boolean;
}

/** Is how one target differs. */
export interface TargetDiff {
  readonly target: RepoPath;
  readonly status: "added" | "deleted" | "modified" | "renamed";
  readonly from?: RepoPath;
  readonly before: Pointer | undefined;
  /** The pointer; the workspace itself may differ from it, which `isWorkspace` says. */
  readonly after: Pointer | undefined;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  /** Files that differ inside a folder, by path. */
  readonly files: readonly FileDiff[];
  /** True when edits of the workspace, not recorded in any pointer, are part of the difference. */
  readonly isWorkspace: boolean;
  /** Why what differs inside cannot be said. */
  readonly omitted?: string;
}

/** Counts a comparison. */
export interface DiffSummary {
  readonly added: number;
  readonly deleted: number;
  readonly modified: number;
  readonly renamed: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Is how two revisions, or a revision and the work tree, differ. */
export interface DiffResult {
  readonly a: DiffSide;
  readonly b: DiffSide;
  readonly targets: readonly TargetDiff[];
  /** Pointers that cannot be read, with why. */
  readonly unreadable: readonly { readonly target: RepoPath; readonly message: string }[];
  readonly summary: DiffSummary;
}

/**
 * Compares targets, and folders file by file, opening only the leaves of their lists that differ; fetches lists, never content.
 * Throws `revision-not-found`, `target-not-found`; a list that cannot be had is said in `omitted`.
 */
export async function diff(context: OperationContext, options: DiffOptions): Promise<DiffResult> {
  return unbuilt(context, options);
}
