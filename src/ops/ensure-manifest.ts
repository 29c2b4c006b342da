import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { readManifestRoot } from "../store/manifests.ts";
import type { Workspace } from "./open-workspace.ts";

/** Makes sure that a folder's list of files is in the cache, fetching it from the remote when it is not. Throws `content-missing`. */
export async function ensureManifest(workspace: Workspace, target: RepoPath, pointer: Pointer): Promise<void> {
  readManifestRoot(workspace.cache, pointer.sha256, `\`${target}\``);
}
