import { isMlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { isSameVersion, type Pointer } from "../formats/pointer.ts";
import { openCatFile } from "../git/cat-file.ts";
import { headCommit } from "../git/head.ts";
import { logFile, type FileCommit } from "../git/changes.ts";
import { shallowEdges } from "../git/shallow.ts";
import { readManifestEntries } from "../store/manifests.ts";
import { KnownHeads } from "../transfer/known-heads.ts";
import { pointerPath } from "../workspace/target.ts";
import { parsePointerQuietly } from "./history.ts";
import { withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { findVersionFile, type VersionFile } from "./open-content.ts";
import { resolveSpec, type SpecPlace } from "./revision-spec.ts";

/** Says which pointer to explain. */
export interface ShowOptions {
  /** `TARGET` or `REV:TARGET`, or a file inside one. */
  readonly spec: string;
}

/** Says how much of a version the cache holds. */
export interface CachedState {
  readonly state: "complete" | "partial" | "absent";
  /** Files whose content the cache lacks; of a folder whose list is not cached, all. */
  readonly missingFiles: number;
  /** Where the content lies, for a file that is cached. */
  readonly file?: string;
}

/** Says whether one remote is known to have a version, from earlier pushes and pulls; nobody is asked. */
export interface KnownOnRemote {
  readonly remote: string;
  readonly url: string;
  readonly isDefault: boolean;
  readonly isKnown: boolean;
}

/** Is a pointer explained. */
export interface ShowResult {
  readonly target: RepoPath;
  readonly commit: string | undefined;
  readonly pointer: Pointer;
  /** The file inside the target that was named. */
  readonly file?: VersionFile;
  readonly cached: CachedState;
  readonly remotes: readonly KnownOnRemote[];
  /** Commits that brought this version, youngest first; at most 20. */
  readonly commits: readonly ShownCommit[];
}

/** Is a commit that brought a version. */
export interface ShownCommit extends FileCommit {
  /** True when a shallow clone's history begins with it, so that an older one may have brought the version. */
  readonly isEdge?: true;
}

const MAX_COMMITS = 20;

/** Explains a pointer. Throws `target-not-found`, `revision-not-found`, `pointer-malformed`. */
export async function show(context: OperationContext, options: ShowOptions): Promise<ShowResult> {
  return withWorkspace(context, async (workspace) => {
    const place = await resolveSpec(workspace, options.spec);
    const { commit, target, pointer } = place;
    const file = place.inner === "" ? undefined : await findFile(workspace, place);
    return {
      target,
      commit,
      pointer,
      ...(file === undefined ? {} : { file }),
      cached: cachedState(workspace, target, pointer),
      remotes: await knownOnRemotes(workspace, pointer),
      commits: await commitsOf(workspace, { target, pointer, start: commit }),
    };
  });
}

/** A folder inside a target is explained by its target. */
async function findFile(workspace: Workspace, place: SpecPlace): Promise<VersionFile | undefined> {
  try {
    return await findVersionFile(workspace, place);
  } catch (error) {
    if (isMlvError(error, "usage")) return undefined;
    throw error;
  }
}

function cachedState(workspace: Workspace, target: RepoPath, pointer: Pointer): CachedState {
  const { cache } = workspace;
  if (pointer.kind === "file") {
    const found = cache.locate(pointer.sha256);
    if (found === undefined) return { state: "absent", missingFiles: 1 };
    return { state: "complete", missingFiles: 0, file: found.kind === "loose" ? found.file : found.place.pack.file };
  }
  const files = pointer.files ?? 0;
  let present = 0;
  try {
    for (const entry of readManifestEntries(cache, pointer.sha256, `\`${target}\``)) if (cache.has(entry.sha256)) present += 1;
  } catch (error) {
    if (!isMlvError(error, "content-missing", "content-mismatch")) throw error;
    return { state: present > 0 ? "partial" : "absent", missingFiles: files - present };
  }
  const missingFiles = files - present;
  return { state: missingFiles === 0 ? "complete" : present > 0 ? "partial" : "absent", missingFiles };
}

async function knownOnRemotes(workspace: Workspace, pointer: Pointer): Promise<KnownOnRemote[]> {
  const { remotes, defaultRemote } = await workspace.configuration();
  const { redactUrl } = await import("../remotes/remote-address.ts");
  return [...remotes.values()].map(({ name, url }) => ({
    remote: name,
    url: redactUrl(url),
    isDefault: name === defaultRemote,
    isKnown: new KnownHeads(workspace.stateFolder, name).get(pointer.sha256) !== undefined,
  }));
}

interface CommitQuestion {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly start: string | undefined;
}

async function commitsOf(workspace: Workspace, { target, pointer, start }: CommitQuestion): Promise<ShownCommit[]> {
  const { repository } = workspace;
  const { signal } = workspace.context;
  if (start === undefined && (await headCommit(repository)) === undefined) return [];
  const commits: ShownCommit[] = [];
  const edges = shallowEdges(repository);
  const catFile = openCatFile(repository, { signal });
  try {
    for await (const commit of logFile(repository, pointerPath(target), { signal, ...(start === undefined ? {} : { revision: start }) })) {
      const object = commit.oid === undefined ? undefined : await catFile.read(commit.oid);
      const version = object === undefined ? undefined : parsePointerQuietly(object.content, commit.path);
      if (version !== undefined && isSameVersion(version, pointer)) {
        commits.push({ ...commit, ...(edges.has(commit.commit) ? { isEdge: true } : {}) });
      }
      if (commits.length >= MAX_COMMITS) break;
    }
  } finally {
    await catFile.close();
  }
  return commits;
}
