import * as fs from "node:fs";
import path from "node:path";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { LOCK_FILE, mergeLockFiles } from "../formats/lock-merge.ts";
import { formatPointer, isSameVersion, parsePointer, type Pointer } from "../formats/pointer.ts";
import { isPointerPath, targetOf } from "../workspace/target.ts";
import { mergeFolders, type FileConflict } from "./merge-folders.ts";
import { withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";

/** Is what Git hands to a merge driver: three files and the path that they are of, relative to the repository's root. */
export interface MergeRequest {
  /** Empty when there is no common ancestor. */
  readonly base: string;
  /** The result goes here; left alone when there is a conflict. */
  readonly ours: string;
  readonly theirs: string;
  readonly path: string;
  /**
   * True when Git merges two common ancestors into one to start from: what both changed is then as it was before both, so that it conflicts in the
   * merge itself whichever side it stands on, and nothing is in conflict here.
   */
  readonly isAncestor?: boolean;
}

/**
 * Is how a merge ended. `taken` counts the files of a folder, or the stages of an `mlv.lock`, that came from their side. `kinds`: one side is a
 * file and the other a folder. `stages`: both sides ran the same stages, or changed the same other keys, differently; ours stay for these.
 */
export type MergeOutcome =
  | { readonly status: "merged"; readonly target: RepoPath; readonly pointer: Pointer | undefined; readonly taken: number }
  | {
      readonly status: "conflict";
      readonly target: RepoPath;
      readonly reason: "stages";
      readonly stages: readonly string[];
      readonly keys: readonly string[];
      readonly taken: number;
    }
  | {
      readonly status: "conflict";
      readonly target: RepoPath;
      readonly reason: "both-changed" | "both-added" | "kinds" | "files";
      readonly ours: Pointer;
      readonly theirs: Pointer;
      readonly files: readonly FileConflict[];
    }
  | { readonly status: "failed"; readonly target: RepoPath; readonly error: MlvError };

/**
 * Merges two versions of a pointer, or of an `mlv.lock`, for Git: what only one side changed is taken, folders are merged file by file on their
 * lists (fetched when they are not cached; no content is), run records stage by stage. With a conflict in a pointer, or when a version cannot be
 * read, the file stays what it was: ours. With one in run records it holds ours for those stages and the merge of the others.
 */
export async function mergePointer(context: OperationContext, request: MergeRequest): Promise<MergeOutcome> {
  return withWorkspace(context, async (workspace) => {
    const target = isPointerPath(request.path) ? targetOf(request.path) : (request.path as RepoPath);
    const [base, ours, theirs] = [request.base, request.ours, request.theirs].map((file) =>
      fs.readFileSync(path.resolve(context.cwd, file), "utf8"),
    ) as [string, string, string];
    const write = (text: string): void => fs.writeFileSync(path.resolve(context.cwd, request.ours), text);
    if (ours === theirs || theirs === base) return { status: "merged", target, pointer: undefined, taken: 0 };
    if (ours === base) {
      write(theirs);
      return { status: "merged", target, pointer: undefined, taken: 0 };
    }
    const asBefore = (): MergeOutcome => {
      write(base);
      return { status: "merged", target, pointer: undefined, taken: 0 };
    };
    const prefer = request.isAncestor === true ? "base" : undefined;
    try {
      if (isLockFile(request.path)) {
        const { text, stages, keys, taken } = mergeLockFiles({ base, ours, theirs, where: request.path }, prefer);
        write(text);
        if (stages.length + keys.length > 0 && request.isAncestor !== true)
          return { status: "conflict", target, reason: "stages", stages, keys, taken };
        return { status: "merged", target, pointer: undefined, taken };
      }
      const outcome = await mergeVersions(workspace, {
        target,
        base: base === "" ? undefined : parsePointer(base, { path: request.path, version: "common ancestor" }),
        ours: parsePointer(ours, { path: request.path, version: "ours" }),
        theirs: parsePointer(theirs, { path: request.path, version: "theirs" }),
        prefer,
      });
      if (outcome.status === "merged" && outcome.pointer !== undefined) write(formatPointer(outcome.pointer));
      if (outcome.status === "merged" || prefer === undefined) return outcome;
      return asBefore();
    } catch (error) {
      if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
      if (prefer !== undefined) return asBefore();
      return { status: "failed", target, error };
    }
  });
}

/** Tells whether a path is that of a file of run records. */
export function isLockFile(file: string): boolean {
  return path.posix.basename(file) === LOCK_FILE;
}

interface Versions {
  readonly target: RepoPath;
  readonly base: Pointer | undefined;
  readonly ours: Pointer;
  readonly theirs: Pointer;
  readonly prefer: "base" | undefined;
}

async function mergeVersions(workspace: Workspace, versions: Versions): Promise<MergeOutcome> {
  const { target, base, ours, theirs } = versions;
  const merged = (pointer: Pointer, taken = 0): MergeOutcome => ({ status: "merged", target, pointer, taken });
  if (isSameVersion(ours, theirs)) return merged(ours);
  if (base !== undefined && isSameVersion(base, theirs)) return merged(ours);
  if (base !== undefined && isSameVersion(base, ours)) return merged(theirs);
  const conflict = { status: "conflict", target, ours, theirs, files: [] } as const;
  if (ours.kind !== theirs.kind) return { ...conflict, reason: "kinds" };
  if (ours.kind === "file") {
    const mixed = base === undefined ? undefined : mergeFiles(base, ours, theirs);
    return mixed === undefined ? { ...conflict, reason: base === undefined ? "both-added" : "both-changed" } : merged(mixed);
  }
  const folders = await mergeFolders(workspace, { ...versions, base: base?.kind === "dir" ? base : undefined }, versions.prefer);
  if (folders.pointer === undefined) return { ...conflict, reason: "files", files: folders.conflicts };
  return merged(folders.pointer, folders.taken);
}

/** One side changed the content and the other the executable bit. */
function mergeFiles(base: Pointer, ours: Pointer, theirs: Pointer): Pointer | undefined {
  if (base.kind !== "file" || (ours.sha256 !== base.sha256 && theirs.sha256 !== base.sha256)) return undefined;
  const content = ours.sha256 === base.sha256 ? theirs : ours;
  const mode = ours.mode === base.mode ? theirs.mode : ours.mode;
  const { mode: _, ...rest } = content;
  return { ...rest, ...(mode === undefined ? {} : { mode }) };
}
