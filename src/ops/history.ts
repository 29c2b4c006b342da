import { isMlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { openCatFile, type CatFile } from "../git/cat-file.ts";
import { headCommit } from "../git/head.ts";
import { readPointerLog } from "../git/pointer-log.ts";
import { logFile, type FileCommit } from "../git/changes.ts";
import { pointerPath, targetOf } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";

/** So many targets are asked of Git one by one; for more, one walk through the history answers for all. */
const FEW_TARGETS = 6;
const MAX_ANCESTORS = 8;
const MAX_RENAMES = 8;
const MAX_FOLLOWED = 100;
/** A little more than the ancestors that are wanted, as some blobs name the same version. */
const MAX_BLOBS = 12;

interface Histories {
  asked: number;
  /** How many were asked for one by one because they may have been renamed and edited. */
  followed: number;
  all: Promise<AllHistories> | undefined;
  /** The workspace as it is without its remotes. */
  readonly offline: Workspace;
}

interface AllHistories {
  readonly versions: ReadonlyMap<string, readonly Pointer[]>;
  readonly replacing: ReadonlySet<string>;
}

const histories = new WeakMap<Workspace, Histories>();

/** Returns up to 8 earlier versions of a target from Git's history, the latest first, each once. Broken ones are passed over. */
export async function ancestorsOf(workspace: Workspace, target: RepoPath): Promise<Pointer[]> {
  const found = new Map<string, Pointer>();
  const materialised = workspace.index.target(target)?.pointer;
  if ((await headCommit(workspace.repository)) !== undefined) {
    for (const pointer of await historyOf(workspace, target)) found.set(pointer.sha256, found.get(pointer.sha256) ?? pointer);
  }
  if (materialised !== undefined && !found.has(materialised.sha256)) found.set(materialised.sha256, materialised);
  return [...found.values()];
}

async function historyOf(workspace: Workspace, target: RepoPath): Promise<readonly Pointer[]> {
  const known = histories.get(workspace) ?? {
    asked: 0,
    followed: 0,
    all: undefined,
    offline: { ...workspace, context: { ...workspace.context, isOffline: true } },
  };
  histories.set(workspace, known);
  known.asked += 1;
  if (known.asked <= FEW_TARGETS) return readHistory(known.offline, target);
  known.all ??= readHistories(workspace);
  const { versions, replacing } = await known.all;
  const path = pointerPath(target);
  if (replacing.has(path) && (known.followed += 1) <= MAX_FOLLOWED) return readHistory(known.offline, target);
  return versions.get(path) ?? [];
}

/** Nothing is fetched to find what a target was: the workspace is offline. */
async function readHistory(workspace: Workspace, target: RepoPath): Promise<Pointer[]> {
  const { repository, context } = workspace;
  const { signal } = context;
  const found = new Map<string, Pointer>();
  const catFile = openCatFile(repository, { signal });
  try {
    let from: { readonly name: RepoPath; readonly revision?: string } | undefined = { name: target };
    for (let hops = 0; from !== undefined && hops <= MAX_RENAMES && found.size < MAX_ANCESTORS; hops++) {
      const { name, ...start }: { readonly name: RepoPath; readonly revision?: string } = from;
      let oldest: FileCommit | undefined;
      for await (const commit of logFile(repository, pointerPath(name), { signal, ...start })) {
        if (found.size >= MAX_ANCESTORS) break;
        const pointer = commit.oid === undefined ? undefined : await readBlob(catFile, commit.oid, commit.path);
        if (pointer !== undefined) found.set(pointer.sha256, found.get(pointer.sha256) ?? pointer);
        oldest = commit;
      }
      from = oldest === undefined ? undefined : await beforeRename(workspace, catFile, oldest);
    }
  } finally {
    await catFile.close();
  }
  return [...found.values()];
}

/** Git takes a pointer renamed and edited in one commit for another one; its bytes are in what it was all the same. */
async function beforeRename(
  workspace: Workspace,
  catFile: CatFile,
  { commit, path, oldPath, oid }: FileCommit,
): Promise<{ readonly name: RepoPath; readonly revision: string } | undefined> {
  if (oldPath !== undefined || oid === undefined) return undefined;
  const { findEarlierName } = await import("./pair-changes.ts");
  const earlier = await findEarlierName(workspace, catFile, { commit, target: targetOf(path) });
  return earlier === undefined ? undefined : { name: earlier.from, revision: earlier.parent };
}

async function readHistories({ repository, context }: Workspace): Promise<AllHistories> {
  const { signal } = context;
  const { oids: blobs, replacing } = await readPointerLog(repository, { limit: MAX_BLOBS, signal });
  const versions = new Map<string, Pointer[]>();
  const catFile = openCatFile(repository, { signal });
  try {
    for (const [path, oids] of blobs) {
      const pointers = await Promise.all(oids.map((oid) => readBlob(catFile, oid, path)));
      const distinct = new Map<string, Pointer>();
      for (const pointer of pointers)
        if (pointer !== undefined && distinct.size < MAX_ANCESTORS) distinct.set(pointer.sha256, distinct.get(pointer.sha256) ?? pointer);
      versions.set(path, [...distinct.values()]);
    }
  } finally {
    await catFile.close();
  }
  return { versions, replacing };
}

async function readBlob(catFile: CatFile, oid: string, path: string): Promise<Pointer | undefined> {
  const object = await catFile.read(oid);
  return object === undefined ? undefined : parsePointerQuietly(object.content, path);
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
