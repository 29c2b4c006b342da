import { isMlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { compareUtf8, unsafePathReason } from "../base/safe-paths.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { readPointersAtRevisions } from "../git/revisions.ts";
import { isPointerPath, pointerPath, readPointer, targetOf } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";
import { listTargets } from "./targets.ts";

/** Is a pointer that could not be read. */
export interface UnreadableTarget {
  readonly target: RepoPath;
  readonly message: string;
}

/** Is the pointers of a work tree or commit, sorted by target. */
export interface ReadPointers {
  readonly pointers: ReadonlyMap<RepoPath, Pointer>;
  readonly unreadable: readonly UnreadableTarget[];
}

/** Is a pointer whose name mlv does not take, with why; nothing but reports may use the name. */
export interface UnsafePointer {
  readonly target: string;
  readonly message: string;
}

/** Reads every pointer of the work tree; a broken one is named, not thrown. */
export async function readPointersHere(workspace: Workspace): Promise<ReadPointers> {
  return readAll(await listTargets(workspace), (target) => readPointer(workspace.root, target, workspace.context.cwd));
}

/** Reads every pointer of a commit; a broken one, and one with a name that mlv does not take, is named, not thrown. */
export async function readPointersAt(
  workspace: Workspace,
  commit: string,
): Promise<ReadPointers & { readonly unsafe: readonly UnsafePointer[] }> {
  const unsafe: UnsafePointer[] = [];
  const contents = new Map<RepoPath, Buffer>();
  for await (const { path, content } of readPointersAtRevisions(workspace.repository, [commit], { signal: workspace.context.signal })) {
    if (!isPointerPath(path)) continue;
    const reason = unsafePathReason(targetOf(path));
    if (reason === undefined) contents.set(targetOf(path), content);
    else unsafe.push({ target: targetOf(path), message: `mlv does not take its name: ${reason}` });
  }
  const targets = [...contents.keys()].sort(compareUtf8);
  const read = readAll(targets, (target) => parsePointer((contents.get(target) ?? Buffer.alloc(0)).toString("utf8"), pointerPath(target)));
  return { ...read, unsafe };
}

function readAll(targets: readonly RepoPath[], read: (target: RepoPath) => Pointer | undefined): ReadPointers {
  const pointers = new Map<RepoPath, Pointer>();
  const unreadable: UnreadableTarget[] = [];
  for (const target of targets) {
    try {
      const pointer = read(target);
      if (pointer !== undefined) pointers.set(target, pointer);
    } catch (error) {
      if (!isMlvError(error)) throw error;
      unreadable.push({ target, message: error.message });
    }
  }
  return { pointers, unreadable };
}
