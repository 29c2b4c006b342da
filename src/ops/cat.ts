import type { RepoPath, Sha256 } from "../base/ids.ts";
import { ensureContent, findVersionFile } from "./open-content.ts";
import { openWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { assertRemote } from "./remote-session.ts";
import { resolveSpec } from "./revision-spec.ts";

/** Says whose bytes to give. */
export interface CatOptions {
  /** `PATH` or `REV:PATH`: a target that is a file, or a file inside a folder target. */
  readonly spec: string;
  readonly remote?: string | undefined;
}

/** Is a file's content. */
export interface CatResult {
  readonly path: RepoPath;
  readonly target: RepoPath;
  /** The commit that was read; undefined for the work tree's pointer. */
  readonly commit: string | undefined;
  readonly sha256: Sha256;
  readonly size: number;
  readonly isExecutable: boolean;
  /** Yields the bytes, checked before the first is given; must be consumed to its end or `return()`ed. */
  readonly stream: AsyncIterable<Uint8Array>;
}

/**
 * Gives the bytes of a file as a pointer names them, from the cache, fetching only what is needed when it is not there.
 * Throws `usage` for a folder, `target-not-found`, `revision-not-found`, `content-missing`, `content-mismatch`, `remote-…`.
 */
export async function cat(context: OperationContext, options: CatOptions): Promise<CatResult> {
  const workspace = await openWorkspace(context);
  try {
    await assertRemote(workspace, options.remote);
    const place = await resolveSpec(workspace, options.spec);
    const file = await findVersionFile(workspace, place, options.remote);
    await ensureContent(workspace, place, file, options.remote);
    const { path, sha256, size, isExecutable } = file;
    return { path, target: place.target, commit: place.commit, sha256, size, isExecutable, stream: readAndClose(workspace, sha256) };
  } catch (error) {
    workspace.close();
    throw error;
  }
}

async function* readAndClose(workspace: Workspace, hash: Sha256): AsyncGenerator<Uint8Array> {
  try {
    yield* workspace.cache.read(hash);
  } finally {
    workspace.close();
  }
}
