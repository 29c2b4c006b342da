import { MlvError } from "../base/errors.ts";
import { fetchVersions, isComplete, type VersionToFetch } from "../transfer/fetch.ts";
import { prepareCache, type Workspace } from "./open-workspace.ts";
import { partialFolder, withRemote } from "./remote-session.ts";

/** Is a folder's version whose list is wanted; only the part for `only`, or the given leaves, when that is said. */
export type WantedManifest = Pick<VersionToFetch, "target" | "pointer" | "only" | "leaves">;

/**
 * Makes sure that a folder's list of files is in the cache, fetching it, and no file's content, from a remote when it is not.
 * Throws `content-missing` when the remote lacks it or there is none, `content-mismatch`, `remote-…`.
 */
export async function ensureManifest(workspace: Workspace, wanted: WantedManifest, remote?: string): Promise<void> {
  const version: VersionToFetch = { ...wanted, listOnly: true, relatives: () => Promise.resolve([]) };
  if (isComplete(workspace.cache, version)) return;
  const { defaultRemote } = await workspace.configuration();
  if (remote === undefined && defaultRemote === undefined) throw notToBeHad(wanted, "there is no default remote to fetch it from");
  await prepareCache(workspace);
  const { onEvent, signal } = workspace.context;
  await withRemote(workspace, remote, async ({ config, store }) => {
    const context = { cache: workspace.cache, store, partialFolder: partialFolder(workspace), jobs: workspace.jobs, onEvent, signal };
    const [fetched] = await fetchVersions(context, [version]);
    if (fetched?.status === "not-on-remote") throw notToBeHad(wanted, `\`${config.name}\` does not have it`);
  });
}

function notToBeHad({ target, pointer }: WantedManifest, why: string): MlvError {
  return new MlvError("content-missing", `the list of files of \`${target}\` is not in the cache, and ${why}`, {
    hint: "push it from a clone that has it: `mlv push`",
    details: { target, sha256: pointer.sha256 },
  });
}
