import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { openCatFile, type CatFile } from "../git/cat-file.ts";
import { headCommit } from "../git/head.ts";
import { logFile, type FileCommit } from "../git/changes.ts";
import { resolveRevision } from "../git/revisions.ts";
import { shallowEdges, UNSHALLOW } from "../git/shallow.ts";
import { isComplete } from "../transfer/fetch.ts";
import { CompleteLeaves } from "../transfer/leaf-objects.ts";
import { isPointerPath, pointerPath, targetOf } from "../workspace/target.ts";
import type { LeftOut } from "./content-diff.ts";
import { RETRIES_TO_LOOK, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { findVersionFile, type VersionFile } from "./open-content.ts";
import { findEarlierName, type EarlierName } from "./pair-changes.ts";
import { readPushedVersions, type PushedVersions } from "./pushed-versions.ts";
import { enclosingTarget, toRepoPath } from "./targets.ts";

/** Says whose history to list. */
export interface LogOptions {
  /** A target, its pointer, or a file inside a folder target. */
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
  /** `present`: a shallow clone's history begins with this commit, so what it did is not known. */
  readonly action: "added" | "changed" | "renamed" | "deleted" | "present";
  /** Absent when the commit deleted it, or when it cannot be read. */
  readonly pointer?: Pointer;
  /** The file inside the target that was asked for, as this version has it. */
  readonly file?: VersionFile;
  /** Why the pointer, or its list of files, cannot be read. */
  readonly problem?: string;
  readonly isCached: boolean;
  /** False when the default remote is not known to have it; undefined without a remote. */
  readonly isPushed: boolean | undefined;
}

/** Is a target's history. */
export interface LogResult {
  readonly target: RepoPath;
  /** The path inside the target that was asked for. */
  readonly inner?: string;
  /** The youngest first. */
  readonly versions: readonly LoggedVersion[];
  /** True when `limit` cut it short. */
  readonly isCut: boolean;
  /** True when it goes back to where a shallow clone's history begins, so that there may be older versions. */
  readonly isShallow: boolean;
  readonly remote: string | undefined;
}

/**
 * Lists the versions of one target through renames; of a file inside a folder those that changed it, fetching lists that are not cached.
 * Throws `target-not-found`, `revision-not-found`.
 */
export async function log(context: OperationContext, options: LogOptions): Promise<LogResult> {
  return withWorkspace({ ...context, retries: RETRIES_TO_LOOK }, async (workspace) => {
    const { repository } = workspace;
    const { signal } = context;
    const named = findTarget(workspace, options.target);
    const pushed = await readPushedVersions(workspace);
    const start = options.rev === undefined ? await headCommit(repository) : await resolveRevision(repository, options.rev, { signal });
    const question = { start, pushed, limit: options.limit ?? Number.POSITIVE_INFINITY };
    const found = await listVersions(workspace, named, question);
    if (found.versions.length > 0 || existsHere(workspace, named)) return describeLog({ target: named, ...found, remote: pushed?.remote });
    const outer = enclosingTarget(workspace, named);
    if (outer === undefined) throw neverTracked(workspace, options.target);
    const inner = named.slice(outer.length + 1);
    const around = await listVersions(workspace, outer, { ...question, limit: Number.POSITIVE_INFINITY });
    const changes = await versionsOfFile(workspace, around.versions, inner);
    if (changes.length === 0) throw neverTracked(workspace, options.target);
    const isCut = changes.length > question.limit;
    const versions = isCut ? changes.slice(0, question.limit) : changes;
    return describeLog({ target: outer, inner, versions, isCut, remote: pushed?.remote });
  });
}

function describeLog(found: Omit<LogResult, "isShallow">): LogResult {
  return { ...found, isShallow: found.versions.some(({ action }) => action === "present") };
}

interface VersionsQuestion {
  readonly start: string | undefined;
  readonly pushed: PushedVersions | undefined;
  readonly limit: number;
}

async function listVersions(
  workspace: Workspace,
  target: RepoPath,
  { start, pushed, limit }: VersionsQuestion,
): Promise<Pick<LogResult, "versions" | "isCut">> {
  const { repository, context } = workspace;
  const versions: LoggedVersion[] = [];
  const complete = new CompleteLeaves(workspace.cache);
  const edges = shallowEdges(repository);
  let isCut = false;
  if (start === undefined) return { versions, isCut };
  const catFile = openCatFile(repository, { signal: context.signal });
  const onLeftOut = ({ reason }: LeftOut): void =>
    context.onEvent({ type: "notice", level: "warning", message: `the history of \`${target}\` may be longer: ${reason}` });
  try {
    let earlier: EarlierName | undefined = { from: target, parent: start };
    while (earlier !== undefined) {
      const path = pointerPath(earlier.from);
      for await (const commit of logFile(repository, path, { signal: context.signal, revision: earlier.parent })) {
        isCut = versions.length >= limit;
        if (isCut) break;
        versions.push(await describe(workspace, commit, { catFile, pushed, complete, edges }));
      }
      const oldest = versions.at(-1);
      // A name that did not come to be in the oldest commit was followed by Git.
      earlier = isCut || oldest?.action !== "changed" ? undefined : await findEarlierName(workspace, catFile, { ...oldest, onLeftOut });
      if (earlier !== undefined && oldest !== undefined)
        versions[versions.length - 1] = { ...oldest, from: earlier.from, action: "renamed" };
    }
  } finally {
    await catFile.close();
  }
  return { versions: markFirst(versions, isCut), isCut };
}

/** Keeps those versions of a folder in which one of its files came, changed or went. */
async function versionsOfFile(workspace: Workspace, versions: readonly LoggedVersion[], inner: string): Promise<LoggedVersion[]> {
  const kept: LoggedVersion[] = [];
  let older: VersionFile | undefined;
  for (const version of versions.toReversed()) {
    let file: VersionFile | undefined;
    try {
      if (version.pointer?.kind === "dir") {
        const place = { commit: version.commit, target: version.target, pointer: version.pointer, inner };
        file = await findVersionFile(workspace, place);
      }
    } catch (error) {
      if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
      // The version has no such file, or a folder of that name.
      const isAbsent = error.code === "target-not-found" || error.code === "usage";
      if (!isAbsent) kept.push({ ...version, problem: error.message });
      if (!isAbsent) continue;
    }
    if (file?.sha256 === older?.sha256 && file?.isExecutable === older?.isExecutable) continue;
    const first = version.action === "present" ? "present" : "added";
    const action = file === undefined ? "deleted" : older === undefined ? first : "changed";
    const isCached = file !== undefined && workspace.cache.has(file.sha256);
    const { from: _, ...rest } = version;
    const isPushed = file === undefined ? undefined : version.isPushed;
    kept.push({ ...rest, action, isCached, isPushed, ...(file === undefined ? {} : { file }) });
    older = file;
  }
  return kept.reverse();
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
  readonly complete: CompleteLeaves;
  readonly edges: ReadonlySet<string>;
}

async function describe(workspace: Workspace, commit: FileCommit, { catFile, pushed, complete, edges }: Sources): Promise<LoggedVersion> {
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
  const action = edges.has(id) ? "present" : oldPath === undefined ? "changed" : "renamed";
  try {
    const object = await catFile.read(oid);
    if (object === undefined) return { ...shared, action, problem: "Git lacks its object", isCached: false, isPushed: undefined };
    const pointer = parsePointer(object.content.toString("utf8"), commit.path);
    return {
      ...shared,
      action,
      pointer,
      isCached: isComplete(workspace.cache, { target: shared.target, pointer }, complete),
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

function neverTracked({ repository }: Workspace, given: string): MlvError {
  const isShallow = shallowEdges(repository).size > 0;
  return new MlvError("target-not-found", `\`${given}\` is no tracked target, and Git's history has none of that name`, {
    hint: `\`mlv ls\` lists what is tracked${isShallow ? `; this clone is shallow, and \`${UNSHALLOW}\` brings older history` : ""}`,
    details: { path: given },
  });
}
