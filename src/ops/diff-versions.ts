import * as fs from "node:fs";
import path from "node:path";
import { isMlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { isSameVersion, type Pointer } from "../formats/pointer.ts";
import { compareTarget, type WorkspaceChange } from "../workspace/compare.ts";
import type { IgnoreRule } from "../workspace/scan.ts";
import type { WantedPart } from "./diff-paths.ts";
import { compareFolders, findSize } from "./diff-folder.ts";
import type { Workspace } from "./open-workspace.ts";
import { pairWorkspaceEdits } from "./pair-workspace.ts";
import type { FetchBudget } from "./prefetch-contents.ts";

/** Is one file inside a folder that differs; paths are relative to the target. */
export interface FileDiff {
  readonly path: string;
  readonly status: "added" | "deleted" | "modified" | "renamed";
  readonly from?: string;
  readonly sizeBefore?: number;
  readonly sizeAfter?: number;
  /** True when only the executable bit differs. */
  readonly modeOnly?: boolean;
  /** True when a renamed file has another content too. */
  readonly isEdited?: boolean;
}

/** Is how one target differs. */
export interface TargetDiff {
  readonly target: RepoPath;
  readonly status: "added" | "deleted" | "modified" | "renamed";
  readonly from?: RepoPath;
  readonly before: Pointer | undefined;
  /** The pointer; the workspace itself may differ from it, which `isWorkspace` says. */
  readonly after: Pointer | undefined;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  /** Files that differ inside a folder, by path. */
  readonly files: readonly FileDiff[];
  /** True when edits of the workspace, not recorded in any pointer, are part of the difference. */
  readonly isWorkspace: boolean;
  /** Why what differs inside cannot be said. */
  readonly omitted?: string;
}

/** Is a target of one side with its counterpart on the other. */
export interface TargetPair {
  readonly target: RepoPath;
  readonly from?: RepoPath;
  readonly before: Pointer | undefined;
  readonly after: Pointer | undefined;
}

/** Says which versions of a target to compare. */
export interface VersionsQuestion extends TargetPair, WantedPart {
  readonly remote: string | undefined;
  readonly isIgnored: IgnoreRule | undefined;
  /** What may be fetched of tables' contents to find renames inside folders; nothing when absent. */
  readonly budget?: (() => Promise<FetchBudget>) | undefined;
}

/** Returns how a target's versions, and with `withWorkspace` the data on disk, differ; undefined when they do not. */
export async function compareVersions(
  workspace: Workspace,
  question: VersionsQuestion,
  withWorkspace: boolean,
): Promise<TargetDiff | undefined> {
  const { target, from, before, after, remote, budget } = question;
  const part: WantedPart = question.isWanted === undefined ? { only: question.only } : { only: question.only, isWanted: question.isWanted };
  const changes = withWorkspace && after !== undefined ? workspaceChanges(workspace, question, after) : NO_CHANGES;
  const isSame = before !== undefined && after !== undefined && isSameVersion(before, after);
  if (isSame && from === undefined && changes.list.length === 0 && changes.note === undefined) return undefined;
  let files: FileDiff[] = [];
  let omitted = changes.note;
  if (before?.kind === "dir" && after?.kind === "dir" && !isSame) {
    try {
      files = await compareFolders(workspace, { target, from: from ?? target, before, after, ...part, remote, budget });
    } catch (error) {
      if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
      omitted = error.message;
    }
    const isPart = part.only !== undefined || part.isWanted !== undefined;
    if (isPart && files.length === 0 && omitted === undefined && changes.list.length === 0) return undefined;
  }
  const base = {
    target,
    ...(from === undefined ? {} : { from }),
    before,
    after,
    filesBefore: countFiles(before),
    sizeBefore: before?.size ?? 0,
    isWorkspace: changes.list.length > 0,
    ...(omitted === undefined ? {} : { omitted }),
  };
  const status = before === undefined ? "added" : after === undefined ? "deleted" : from === undefined ? "modified" : "renamed";
  const { isGone, result } = overlay(workspace, { target, after, files, changes: changes.list });
  const isPairable = before?.kind === "dir" && changes.list.length > 0;
  const paired = isPairable ? await pairWorkspaceEdits(workspace, { target, from: from ?? target, before }, result.files) : result.files;
  return { ...base, status: isGone && status === "modified" ? "deleted" : status, ...result, files: paired };
}

interface WorkspaceChanges {
  readonly list: readonly WorkspaceChange[];
  readonly note: string | undefined;
}

const NO_CHANGES: WorkspaceChanges = { list: [], note: undefined };

function workspaceChanges(workspace: Workspace, question: VersionsQuestion, after: Pointer): WorkspaceChanges {
  const { root, index, cache, context } = workspace;
  const { target, only, isWanted, isIgnored } = question;
  const info = index.target(target);
  const isOnDisk = fs.lstatSync(path.join(root, target), { throwIfNoEntry: false }) !== undefined;
  if (!isOnDisk && info === undefined) return NO_CHANGES;
  const { onEvent, signal } = context;
  const all = compareTarget({ root, target, index, cache, isIgnored, onEvent, signal }, info?.pointer ?? after, only).changes;
  const wanted = after.kind === "dir" ? isWanted?.(all.flatMap(namesOf)) : undefined;
  const list = wanted === undefined ? all : all.filter((change) => namesOf(change).some((name) => wanted.has(name)));
  if (info === undefined || isSameVersion(info.pointer, after)) return { list, note: undefined };
  // The workspace was made from another version: its edits are no edits of this one.
  return {
    list: [],
    note: list.length === 0 ? undefined : "the workspace was made from another version and was edited; `mlv status` says how",
  };
}

function namesOf({ path: name, from }: WorkspaceChange): string[] {
  return from === undefined ? [name] : [name, from];
}

interface Overlay {
  readonly target: string;
  readonly after: Pointer | undefined;
  readonly files: readonly FileDiff[];
  readonly changes: readonly WorkspaceChange[];
}

interface Overlaid {
  readonly isGone: boolean;
  readonly result: Pick<TargetDiff, "files" | "filesAfter" | "sizeAfter">;
}

/** Puts the workspace's edits on top of what differs between the pointers. */
function overlay(workspace: Workspace, { target, after, files, changes }: Overlay): Overlaid {
  let filesAfter = countFiles(after);
  let sizeAfter = after?.size ?? 0;
  const unchanged = { isGone: false, result: { files, filesAfter, sizeAfter } };
  if (after === undefined || changes.length === 0) return unchanged;
  if (after.kind === "file") {
    const isGone = changes.some((change) => change.kind === "deleted");
    const size = isGone ? 0 : (changes[0]?.size ?? sizeAfter);
    return { isGone, result: { files: [], filesAfter: isGone ? 0 : 1, sizeAfter: size } };
  }
  const byPath = new Map(files.map((file) => [file.path, file]));
  const sizeOf = (inner: string): number | undefined => findSize(workspace, { target, pointer: after, inner });
  const put = (inner: string, size: number | undefined, modeOnly: boolean | undefined): void => {
    const known = byPath.get(inner);
    const sizeBefore = known === undefined ? sizeOf(inner) : known.sizeBefore;
    const status = sizeBefore === undefined ? ("added" as const) : ("modified" as const);
    byPath.set(inner, {
      path: inner,
      status: known?.status === "renamed" ? "renamed" : status,
      ...(known?.from === undefined ? {} : { from: known.from, isEdited: known.isEdited === true || modeOnly !== true }),
      ...(sizeBefore === undefined ? {} : { sizeBefore }),
      ...(size === undefined ? {} : { sizeAfter: size }),
      ...(modeOnly === true && known === undefined ? { modeOnly } : {}),
    });
  };
  const drop = (inner: string): void => {
    const known = byPath.get(inner);
    const sizeBefore = known === undefined ? sizeOf(inner) : known.sizeBefore;
    if (sizeBefore === undefined) byPath.delete(inner);
    else byPath.set(inner, { path: inner, status: "deleted", sizeBefore });
  };
  for (const { path: inner, kind, from, size = 0, modeOnly } of changes) {
    if (kind === "unsupported") continue;
    if (kind === "deleted") {
      filesAfter -= 1;
      sizeAfter -= sizeOf(inner) ?? 0;
      drop(inner);
    } else if (kind === "renamed" && from !== undefined) {
      if (byPath.has(from)) {
        drop(from);
        put(inner, size, undefined);
      } else {
        byPath.set(inner, { path: inner, status: "renamed", from, sizeBefore: size, sizeAfter: size });
      }
    } else {
      filesAfter += kind === "new" ? 1 : 0;
      sizeAfter += size - (kind === "new" ? 0 : (sizeOf(inner) ?? 0));
      put(inner, size, modeOnly);
    }
  }
  return { isGone: false, result: { files: [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), filesAfter, sizeAfter } };
}

function countFiles(pointer: Pointer | undefined): number {
  return pointer === undefined ? 0 : (pointer.files ?? 1);
}
