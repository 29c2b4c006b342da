import type { RepoPath } from "../base/ids.ts";
import { isMlvError } from "../base/errors.ts";
import type { Pointer } from "../formats/pointer.ts";
import { shallowEdges } from "../git/shallow.ts";
import { pointerPath } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";

/** Says who is likely to have a version that the remote lacks. */
export interface VersionOrigin {
  /** True when this clone recorded it, so that `mlv push` here sends it. */
  readonly isRecordedHere: boolean;
  /** The last commit that changed the pointer, where Git tracks it and a shallow clone's history goes back to it. */
  readonly commit?: string;
  readonly author?: string;
}

/** Returns where a version comes from that the remote lacks and this cache has not whole. A history that cannot be read names nobody. */
export async function originOf(workspace: Workspace, target: RepoPath, pointer: Pointer): Promise<VersionOrigin> {
  const isRecordedHere = pointer.kind === "dir" && workspace.cache.has(pointer.sha256);
  try {
    const { logFile } = await import("../git/changes.ts");
    for await (const { commit, author } of logFile(workspace.repository, pointerPath(target), { signal: workspace.context.signal })) {
      // Where a shallow clone's history begins, Git names its first commit for everything.
      return shallowEdges(workspace.repository).has(commit) ? { isRecordedHere } : { isRecordedHere, commit, author };
    }
  } catch (error) {
    if (!isMlvError(error, "git-failed", "revision-not-found")) throw error;
  }
  return { isRecordedHere };
}
