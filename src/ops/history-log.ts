import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { openCatFile, type CatFile } from "../git/cat-file.ts";
import { headCommit } from "../git/head.ts";
import { logFile, resolveRevision, type FileCommit } from "../git/revisions.ts";
import { isComplete } from "../transfer/fetch.ts";
import { isPointerPath, pointerPath, targetOf } from "../workspace/target.ts";
import { withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { readPushedVersions, type PushedVersions } from "./pushed-versions.ts";
import { enclosingTarget, toRepoPath } from "./targets.ts";

/** Says whose history to list. */
export interface LogOptions {
  /** A target, or its pointer. */
  readonly target: string;
  /** Where to start; HEAD when absent. */
  readonly rev?: string | undefined;
  /** At most so many versions. */
  readonly limit?: number | undefined;
}

/** Is one version of a target in Git's history. */
export interface LoggedVersion {
  readonly commit: string;
  readonly author: string;
  readonly email: string;
  /** ISO 8601 with the author's offset. */
  readonly date: string;
  readonly subject: string;
  readonly target: RepoPath;
  /** The name before, when this commit renamed it. */
  readonly from?: RepoPath;
  readonly action: "added" | "changed" | "renamed" | "deleted";
  /** Absent when the commit deleted it, or when it cannot be read. */
  readonly pointer?: Pointer;
  /** Why the pointer cannot be read. */
  readonly problem?: string;
  readonly isCached: boolean;
  /** False when the default remote is not known to have it; undefined without a remote. */
  readonly isPushed: boolean | undefined;
}

/** Is a target's history. */
export interface LogResult {
  readonly target: RepoPath;
  /** The youngest first. */
  readonly versions: readonly LoggedVersion[];
  /** True when `limit` cut it short. */
  readonly isCut: boolean;
  readonly remote: string | undefined;
}

/** Lists the versions of one target through renames. Throws `target-not-found`, `revision-not-found`. */
export async function log(context: OperationContext, options: LogOptions): Promise<LogResult> {
  return withWorkspace(context, async (workspace) => {
    const { repository } = workspace;
    const { signal } = context;
    const target = findTarget(workspace, options.target);
    const pushed = await readPushedVersions(workspace);
    const start = options.rev === undefined ? await headCommit(repository) : await resolveRevision(repository, options.rev, { signal });
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    const versions: LoggedVersion[] = [];
    let isCut = false;
    if (start !== undefined) {
      const catFile = openCatFile(repository, { signal });
      try {
        for await (const commit of logFile(repository, pointerPath(target), { signal, revision: start })) {
          isCut = versions.length >= limit;
          if (isCut) break;
          versions.push(await describe(workspace, commit, { catFile, pushed }));
        }
      } finally {
        await catFile.close();
      }
    }
    if (versions.length === 0 && !existsHere(workspace, target)) throw neverTracked(options.target);
    return { target, versions: markFirst(versions, isCut), isCut, remote: pushed?.remote };
  });
}

function findTarget(workspace: Workspace, given: string): RepoPath {
  const repoPath = toRepoPath(workspace, given);
  return isPointerPath(repoPath) ? targetOf(repoPath) : repoPath;
}

function existsHere(workspace: Workspace, target: RepoPath): boolean {
  return enclosingTarget(workspace, target) === target;
}

interface Sources {
  readonly catFile: CatFile;
  readonly pushed: PushedVersions | undefined;
}

async function describe(workspace: Workspace, commit: FileCommit, { catFile, pushed }: Sources): Promise<LoggedVersion> {
  const { commit: id, author, email, date, subject, oid, oldPath } = commit;
  const shared = {
    commit: id,
    author,
    email,
    date,
    subject,
    target: targetOf(commit.path),
    ...(oldPath === undefined ? {} : { from: targetOf(oldPath) }),
  };
  if (oid === undefined) return { ...shared, action: "deleted", isCached: false, isPushed: undefined };
  const action = oldPath === undefined ? "changed" : "renamed";
  try {
    const object = await catFile.read(oid);
    if (object === undefined) return { ...shared, action, problem: "Git lacks its object", isCached: false, isPushed: undefined };
    const pointer = parsePointer(object.content.toString("utf8"), commit.path);
    return {
      ...shared,
      action,
      pointer,
      isCached: isComplete(workspace.cache, { target: shared.target, pointer }),
      isPushed: pushed?.has(pointer),
    };
  } catch (error) {
    if (!isMlvError(error)) throw error;
    return { ...shared, action, problem: error.message, isCached: false, isPushed: undefined };
  }
}

/** The oldest version, and the one after a deletion, came to be where they stand. */
function markFirst(versions: readonly LoggedVersion[], isCut: boolean): LoggedVersion[] {
  return versions.map((version, index) => {
    const before = versions[index + 1];
    const isFirst = before === undefined ? !isCut : before.action === "deleted";
    return isFirst && version.action === "changed" ? { ...version, action: "added" } : version;
  });
}

function neverTracked(given: string): MlvError {
  return new MlvError("target-not-found", `\`${given}\` is no tracked target, and Git's history has none of that name`, {
    hint: "`mlv ls` lists what is tracked; a path inside a folder has no history of its own",
    details: { path: given },
  });
}
