import { isMlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { openCatFile } from "../git/cat-file.ts";
import { headCommit } from "../git/head.ts";
import { logFile } from "../git/revisions.ts";
import { pointerPath } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";

/** Returns earlier versions of a target from Git's history, the latest first, each once; at most `limit`. Broken ones are passed over. */
export async function ancestorsOf(workspace: Workspace, target: RepoPath, limit: number): Promise<Pointer[]> {
  const { repository } = workspace;
  const { signal } = workspace.context;
  const found = new Map<string, Pointer>();
  const materialised = workspace.index.target(target)?.pointer;
  if ((await headCommit(repository)) !== undefined) {
    const catFile = openCatFile(repository, { signal });
    try {
      for await (const commit of logFile(repository, pointerPath(target), { signal })) {
        if (found.size >= limit) break;
        if (commit.oid === undefined) continue;
        const object = await catFile.read(commit.oid);
        const pointer = object === undefined ? undefined : parsePointerQuietly(object.content, commit.path);
        if (pointer !== undefined) found.set(pointer.sha256, found.get(pointer.sha256) ?? pointer);
      }
    } finally {
      await catFile.close();
    }
  }
  if (materialised !== undefined && !found.has(materialised.sha256)) found.set(materialised.sha256, materialised);
  return [...found.values()];
}

/** Returns the pointer that Git's blob holds, or undefined for a broken one. */
export function parsePointerQuietly(content: Buffer, where: string): Pointer | undefined {
  try {
    return parsePointer(content.toString("utf8"), where);
  } catch (error) {
    if (isMlvError(error)) return undefined;
    throw error;
  }
}
