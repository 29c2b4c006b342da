import type { Pointer } from "../formats/pointer.ts";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import { findManifestEntry, readManifestEntries } from "../store/manifests.ts";
import { fetchVersions } from "../transfer/fetch.ts";
import { ensureManifest } from "./ensure-manifest.ts";
import { ancestorsOf } from "./history.ts";
import { prepareCache, type Workspace } from "./open-workspace.ts";
import { partialFolder, withRemote } from "./remote-session.ts";
import type { SpecPlace } from "./revision-spec.ts";

/** Is one file of a version. */
export interface VersionFile {
  readonly path: RepoPath;
  readonly sha256: Sha256;
  readonly size: number;
  readonly isExecutable: boolean;
}

/** Returns the one file that a place is. Throws `usage` for a folder, `target-not-found` for a path that the version lacks. */
export async function findVersionFile(workspace: Workspace, place: SpecPlace, remote?: string): Promise<VersionFile> {
  const { target, pointer, inner } = place;
  if (pointer.kind === "file") {
    if (inner === "") return { path: target, sha256: pointer.sha256, size: pointer.size, isExecutable: pointer.mode === "x" };
    throw notInside(target, inner, `\`${target}\` is a file`);
  }
  if (inner === "") throw isFolder(target);
  await ensureManifest(workspace, { target, pointer, only: [inner] }, remote);
  const where = `\`${target}\``;
  const entry = findManifestEntry(workspace.cache, pointer.sha256, where, inner);
  if (entry !== undefined) return { ...entry, path: joinTarget(target, entry.path) };
  if (hasFolder(workspace, place)) throw isFolder(`${target}/${inner}`);
  throw notInside(target, inner, `\`${target}\` has no such file`);
}

/** Makes sure that a file's content is in the cache and sound, fetching that one file when it is not. Throws `content-missing`, `content-mismatch`. */
export async function ensureContent(workspace: Workspace, place: SpecPlace, file: VersionFile, remote?: string): Promise<void> {
  const { cache } = workspace;
  if (cache.has(file.sha256)) {
    if (await isSound(workspace, file)) return;
    const { discardDamaged } = await import("./mend.ts");
    workspace.context.onEvent({
      type: "notice",
      level: "warning",
      message: `the cached copy of \`${file.path}\` was damaged; fetching it again`,
    });
    await discardDamaged(workspace, file.sha256);
  }
  await prepareCache(workspace);
  const { target, pointer, inner } = place;
  const relatives = (): Promise<readonly Pointer[]> => ancestorsOf(workspace, target);
  await withRemote(workspace, remote, async ({ config, store }) => {
    const { onEvent, signal } = workspace.context;
    const context = { cache, store, partialFolder: partialFolder(workspace), jobs: workspace.jobs, onEvent, signal };
    const [fetched] = await fetchVersions(context, [{ target, pointer, relatives, ...(inner === "" ? {} : { only: [inner] }) }]);
    if (fetched?.status !== "not-on-remote") return;
    throw new MlvError("content-missing", `neither the cache nor \`${config.name}\` has this version of \`${file.path}\``, {
      hint: "push it from a clone that has it: `mlv push`",
      details: { target, sha256: file.sha256 },
    });
  });
  await cache.assertSound(file.sha256, workspace.context.signal);
}

async function isSound(workspace: Workspace, file: VersionFile): Promise<boolean> {
  const { cache } = workspace;
  try {
    const found = cache.locate(file.sha256);
    if (found?.kind === "packed") cache.readPacked(file.sha256, found.place);
    else await cache.assertSound(file.sha256, workspace.context.signal);
    return true;
  } catch (error) {
    if (isMlvError(error, "content-mismatch", "content-missing")) return false;
    throw error;
  }
}

function hasFolder(workspace: Workspace, { target, pointer, inner }: SpecPlace): boolean {
  for (const _ of readManifestEntries(workspace.cache, pointer.sha256, `\`${target}\``, inner)) return _ !== undefined;
  return false;
}

function joinTarget(target: string, inner: string): RepoPath {
  return `${target}/${inner}` as RepoPath;
}

function isFolder(shown: string): MlvError {
  return new MlvError("usage", `\`${shown}\` is a folder`, {
    hint: `\`mlv ls\` lists its files; \`mlv pull\` brings all of it`,
    details: { path: shown },
  });
}

function notInside(target: string, inner: string, why: string): MlvError {
  return new MlvError("target-not-found", `there is no \`${target}/${inner}\`: ${why}`, {
    hint: "`mlv ls` lists what is there",
    details: { path: `${target}/${inner}` },
  });
}
