import * as fs from "node:fs";
import path from "node:path";
import type { RepoPath } from "../base/ids.ts";
import { isMlvError } from "../base/errors.ts";
import type { Pointer } from "../formats/pointer.ts";
import { findManifestEntry } from "../store/manifests.ts";
import { likenessOf, type Content } from "./content-likeness.ts";
import type { FileDiff } from "./diff-versions.ts";
import type { Workspace } from "./open-workspace.ts";
import { pairEditedFiles } from "./pair-files.ts";

/** For more files it is not looked for what was renamed before it is recorded. */
const MAX_FILES = 500;

type NamedContent = Content & { readonly path: string };

/**
 * Returns what differs inside a folder with files that were renamed and edited on disk, and are not recorded yet, as one each; `before` is the version
 * that the workspace is compared with.
 */
export async function pairWorkspaceEdits(
  workspace: Workspace,
  { target, from, before }: { readonly target: RepoPath; readonly from: RepoPath; readonly before: Pointer },
  files: readonly FileDiff[],
): Promise<readonly FileDiff[]> {
  const deleted = files.filter(({ status, sizeBefore = 0 }) => status === "deleted" && sizeBefore > 0);
  const added = files.filter(({ status, sizeAfter = 0 }) => status === "added" && sizeAfter > 0);
  if (deleted.length === 0 || added.length === 0 || deleted.length > MAX_FILES || added.length > MAX_FILES) return files;
  const gone = deleted.flatMap((file) => recorded(workspace, { target: from, pointer: before, inner: file.path }));
  const fresh = added.flatMap((file) => onDisk(workspace, target, file.path));
  const renames = await pairEditedFiles<NamedContent>(likenessOf(workspace), gone, fresh);
  if (renames.size === 0) return files;
  const byPath = new Map([...renames].map(([now, was]) => [now.path, was]));
  const taken = new Set([...renames.values()].map((was) => was.path));
  return files.flatMap((file): FileDiff[] => {
    if (file.status === "deleted" && taken.has(file.path)) return [];
    const was = file.status === "added" ? byPath.get(file.path) : undefined;
    return was === undefined ? [file] : [{ ...file, status: "renamed", from: was.path, sizeBefore: was.size, isEdited: true }];
  });
}

function recorded(
  workspace: Workspace,
  { target, pointer, inner }: { readonly target: string; readonly pointer: Pointer; readonly inner: string },
): NamedContent[] {
  try {
    const entry = findManifestEntry(workspace.cache, pointer.sha256, `\`${target}\``, inner);
    return entry === undefined ? [] : [entry];
  } catch (error) {
    if (isMlvError(error, "content-missing")) return [];
    throw error;
  }
}

function onDisk({ root }: Workspace, target: string, inner: string): NamedContent[] {
  const file = path.join(root, target, inner);
  const found = fs.lstatSync(file, { throwIfNoEntry: false });
  return found?.isFile() === true ? [{ path: inner, size: found.size, file }] : [];
}
