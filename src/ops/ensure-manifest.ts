import { MlvError } from "../base/errors.ts";
import { fetchVersions, isComplete, isOfTheWholeRemote, type VersionToFetch } from "../transfer/fetch.ts";
import { prepareCache, type Workspace } from "./open-workspace.ts";
import { openRemoteSession, partialFolder, type RemoteSession } from "./remote-session.ts";

/** Is a folder's version whose list is wanted; only the part for `only`, or the given leaves, when that is said. */
export type WantedManifest = Pick<VersionToFetch, "target" | "pointer" | "only" | "leaves">;

/** Makes sure that folders' lists of files are in the cache. */
export interface ManifestSource {
  /** Does so for several at once; the same of each where two are of one version. Throws what `ensureManifest` throws. */
  ensure(wanted: readonly WantedManifest[]): Promise<void>;
}

/**
 * Makes sure that a folder's list of files is in the cache, fetching it, and no file's content, from a remote when it is not.
 * Throws `content-missing` when the remote lacks it or there is none, `content-mismatch`, `remote-…`.
 */
export function ensureManifest(workspace: Workspace, wanted: WantedManifest, remote?: string): Promise<void> {
  return withManifests(workspace, remote, (source) => source.ensure([wanted]));
}

/** Runs `work` with a source of lists that opens the remote when it first needs it, once for all that is asked. */
export async function withManifests<Result>(
  workspace: Workspace,
  remote: string | undefined,
  work: (source: ManifestSource) => Promise<Result>,
): Promise<Result> {
  let session: RemoteSession | undefined;
  try {
    return await work({
      async ensure(wanted) {
        const missing = wanted.map(listOf).filter((version) => !isComplete(workspace.cache, version));
        // Two fetches of one version would share its partial folder.
        const versions = [...new Map(missing.map((version) => [version.pointer.sha256, version])).values()];
        const [first] = versions;
        if (first === undefined) return;
        const failures = failuresOf(workspace);
        const known = failures.get(remote);
        if (known !== undefined) throw known;
        try {
          session ??= await openFor(workspace, first, remote);
          await fetchLists(workspace, session, versions);
        } catch (error) {
          if (isOfTheWholeRemote(error)) failures.set(remote, error);
          throw error;
        }
      },
    });
  } finally {
    await session?.remote.close();
  }
}

const failedRemotes = new WeakMap<Workspace, Map<string | undefined, MlvError>>();

/** Returns the remotes that did not answer, by name: a command that looks at many commits waits for each but once. */
function failuresOf(workspace: Workspace): Map<string | undefined, MlvError> {
  const known = failedRemotes.get(workspace) ?? new Map<string | undefined, MlvError>();
  failedRemotes.set(workspace, known);
  return known;
}

function listOf(wanted: WantedManifest): VersionToFetch {
  return { ...wanted, listOnly: true, relatives: () => Promise.resolve([]) };
}

async function openFor(workspace: Workspace, wanted: WantedManifest, remote: string | undefined): Promise<RemoteSession> {
  const { defaultRemote } = await workspace.configuration();
  if (remote === undefined && defaultRemote === undefined) throw notToBeHad(wanted, "there is no default remote to fetch it from");
  await prepareCache(workspace);
  return openRemoteSession(workspace, remote);
}

async function fetchLists(workspace: Workspace, { config, store }: RemoteSession, versions: readonly VersionToFetch[]): Promise<void> {
  const { onEvent, signal } = workspace.context;
  const context = { cache: workspace.cache, store, partialFolder: partialFolder(workspace), jobs: workspace.jobs, onEvent, signal };
  for (const fetched of await fetchVersions(context, versions))
    if (fetched.status === "not-on-remote") throw notToBeHad(fetched, `\`${config.name}\` does not have it`);
}

function notToBeHad({ target, pointer }: WantedManifest, why: string): MlvError {
  return new MlvError("content-missing", `the list of files of \`${target}\` is not in the cache, and ${why}`, {
    hint: "push it from a clone that has it: `mlv push`",
    details: { target, sha256: pointer.sha256 },
  });
}
