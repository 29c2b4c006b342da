import { quoteForShell } from "../base/shell-words.ts";
import * as fs from "node:fs";
import path from "node:path";
import { MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { unportableReason, unsafePathReason } from "../base/safe-paths.ts";
import { formatPointer, isSameVersion, type Pointer } from "../formats/pointer.ts";
import { findTracked, readGitIndex, type GitIndex } from "../git/git-index.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { captureFile, captureFolder, otherEntry, type Capture, type CaptureContext, type CaptureCounts } from "../workspace/capture.ts";
import { isUntouched } from "../workspace/scan.ts";
import { scanFile } from "../workspace/scan.ts";
import { ScanNotes } from "../workspace/scan-notes.ts";
import { isPointerPath, pointerPath, readPointer, targetOf } from "../workspace/target.ts";
import { cacheMark, restampMarks } from "./cache-mark.ts";
import { ensureManifest } from "./ensure-manifest.ts";
import { expandGlobs } from "./expand-globs.ts";
import { ignoreTarget, writePointer } from "./pointer-files.ts";
import { prepareCache, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { describeTable } from "./table-summary.ts";
import { enclosingTarget, listTargets, toRepoPath, toTypedPath, type Selection } from "./targets.ts";

/** Says what to add and how. */
export interface AddOptions {
  /** Paths or globs, relative to the caller's folder. */
  readonly paths: readonly string[];
  /** Records edits of every tracked target instead of naming paths. */
  readonly update: boolean;
  /** Stores what symlinks inside folders point to. */
  readonly follow: boolean;
  /** Records the workspace even where the target is out of date. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Is what `add` did to one target. */
export interface AddedTarget {
  readonly target: RepoPath;
  readonly status: "added" | "updated" | "unchanged" | "out-of-date" | "missing";
  readonly pointer: Pointer;
  readonly previous: Pointer | undefined;
  readonly counts: CaptureCounts;
}

/** Is what `add` did. */
export interface AddResult {
  readonly targets: readonly AddedTarget[];
  /** Paths to stage, relative to the repository's root. */
  readonly toStage: readonly string[];
  readonly root: string;
}

const NO_COUNTS: CaptureCounts = { added: 0, modified: 0, deleted: 0, hashedBytes: 0 };

/**
 * Tracks paths, or records edits of tracked targets: content into the cache, then the pointer, then the `.gitignore` line. Never stages.
 * A target whose workspace is as it was made, while Git now has another pointer, is out of date and left alone.
 * Throws `path-not-found`, `tracked-by-git`, `target-overlap`, `pointer-as-target`, `unsupported-file-type`, `symlink-in-folder`,
 * `target-modified`, `file-changed`, `disk-full`, …; targets before the failing one stay recorded, the failing one is as it was.
 */
export async function add(context: OperationContext, options: AddOptions): Promise<AddResult> {
  return withWorkspace(context, async (workspace) => {
    if (!options.dryRun) await prepareCache(workspace);
    const gitIndex = await readGitIndex(workspace.repository);
    const selections = options.update ? await selectTracked(workspace, options.paths) : await selectPaths(workspace, gitIndex, options);
    const markBefore = cacheMark(workspace.cache.folder);
    const results: AddedTarget[] = [];
    const toStage = new Set<string>();
    try {
      for (const selection of selections) {
        const result = await addOne(workspace, selection, { ...options, markBefore });
        results.push(result);
        if (result.status === "missing" || result.status === "out-of-date") continue;
        const isTracked = findTracked(gitIndex, pointerPath(result.target)) !== undefined;
        // A pointer that Git does not know yet may be all that a killed `add` wrote: its ignore line is seen to as well.
        if (result.status === "unchanged" && isTracked) continue;
        const isIgnoredAnew = !options.dryRun && ignoreTarget(workspace, result.target);
        if (result.status === "unchanged" && !isIgnoredAnew) continue;
        toStage.add(pointerPath(result.target));
        if (isIgnoredAnew || (!options.dryRun && !isTracked)) toStage.add(pathOfIgnore(result.target));
      }
    } finally {
      if (!options.dryRun) restampMarks(workspace.index, markBefore, cacheMark(workspace.cache.folder));
      if (!options.dryRun) workspace.index.save();
    }
    return { targets: results, toStage: [...toStage].sort(), root: workspace.root };
  });
}

function pathOfIgnore(target: string): string {
  return path.posix.join(path.posix.dirname(target), ".gitignore");
}

async function selectTracked(workspace: Workspace, paths: readonly string[]): Promise<Selection[]> {
  const { selectTargets } = await import("./targets.ts");
  return selectTargets(workspace, paths);
}

async function selectPaths(workspace: Workspace, gitIndex: GitIndex | undefined, options: AddOptions): Promise<Selection[]> {
  const targets = await listTargets(workspace);
  const chosen = new Map<RepoPath, string[] | undefined>();
  for (const given of await expandGlobs(workspace.context.cwd, options.paths)) {
    const repoPath = checkPath(workspace, given);
    const around = enclosingTarget(workspace, path.posix.dirname(repoPath));
    if (around !== undefined) {
      const inside = repoPath.slice(around.length + 1);
      if (!chosen.has(around)) chosen.set(around, [inside]);
      else chosen.get(around)?.push(inside);
      continue;
    }
    if (!targets.includes(repoPath)) checkNewTarget(workspace, repoPath, { given, targets, gitIndex });
    chosen.set(repoPath, undefined);
  }
  assertApart(workspace, [...chosen.keys()]);
  return [...chosen].map(([target, only]) => (only === undefined ? { target } : { target, only }));
}

/** Throws `target-overlap` before anything is recorded when one of the paths that are to be targets lies inside another. */
function assertApart(workspace: Workspace, chosen: readonly RepoPath[]): void {
  const names = new Set<string>(chosen);
  for (const inner of chosen) {
    for (let outer = path.posix.dirname(inner); outer !== "."; outer = path.posix.dirname(outer)) {
      if (!names.has(outer)) continue;
      throw new MlvError("target-overlap", `\`${outer}\` and \`${inner}\` inside it cannot both be targets`, {
        hint: `\`mlv add ${toTypedPath(workspace, outer)}\` tracks the folder with all that is in it; or leave it out, and name only what is to be tracked by itself`,
        details: { path: outer, inner },
      });
    }
  }
}

function checkPath(workspace: Workspace, given: string): RepoPath {
  const repoPath = toRepoPath(workspace, given);
  if (repoPath === "") {
    throw new MlvError("path-unsafe", "the repository's root cannot be a target", {
      hint: "name the files or folders in it that hold data",
    });
  }
  if (isPointerPath(repoPath)) {
    throw new MlvError("pointer-as-target", `\`${given}\` is a pointer, which Git tracks`, {
      hint: `to record its data: \`mlv add ${quoteForShell(targetOf(given))}\``,
    });
  }
  const reason = unsafePathReason(repoPath);
  if (reason !== undefined)
    throw new MlvError("path-unsafe", `cannot track \`${given}\`: ${reason}`, {
      hint: "name the files or folders that hold data; data of such a name must be renamed first",
      details: { path: given },
    });
  return repoPath;
}

interface NewTarget {
  readonly given: string;
  readonly targets: readonly RepoPath[];
  readonly gitIndex: GitIndex | undefined;
}

function checkNewTarget(workspace: Workspace, repoPath: RepoPath, { given, targets, gitIndex }: NewTarget): void {
  if (fs.lstatSync(path.join(workspace.root, repoPath), { throwIfNoEntry: false }) === undefined) {
    throw new MlvError("path-not-found", `\`${given}\` does not exist`, { details: { path: given } });
  }
  const inner = targets.find((target) => target.startsWith(`${repoPath}/`));
  if (inner !== undefined) {
    throw new MlvError("target-overlap", `\`${given}\` holds the target \`${inner}\` already`, {
      hint: `stop tracking that first (\`mlv remove ${toTypedPath(workspace, inner)}\`), or add the other files one by one`,
      details: { path: given, inner },
    });
  }
  const tracked = findTracked(gitIndex, repoPath);
  if (tracked !== undefined) {
    throw new MlvError(
      "tracked-by-git",
      `Git tracks ${tracked.path === repoPath ? `\`${given}\`` : `\`${tracked.path}\` inside \`${given}\``} already`,
      {
        hint: `take it out of Git first: \`git rm -r --cached -- ${quoteForShell(given)}\``,
        details: { path: tracked.path },
      },
    );
  }
}

async function addOne(
  workspace: Workspace,
  selection: Selection,
  options: AddOptions & { readonly markBefore: string },
): Promise<AddedTarget> {
  const { target, only } = selection;
  const previous = readPointer(workspace.root, target, workspace.context.cwd);
  const info = workspace.index.target(target);
  const base = info?.pointer;
  const ignore = await workspace.ignore();
  const place = {
    root: workspace.root,
    target,
    index: workspace.index,
    cache: workspace.cache,
    isIgnored: ignore === undefined ? undefined : ignore.ignores.bind(ignore),
  };
  const notes = new ScanNotes(place);
  const isMissing = fs.lstatSync(path.join(workspace.root, target), { throwIfNoEntry: false }) === undefined;
  if (isMissing && only === undefined && previous !== undefined)
    return { target, status: "missing", pointer: previous, previous, counts: NO_COUNTS };
  if (previous !== undefined && base !== undefined && only === undefined && isUntouched(place, base, (scanned) => notes.note(scanned))) {
    if (isSameVersion(previous, base)) return { target, status: "unchanged", pointer: previous, previous, counts: NO_COUNTS };
    if (!options.force) return { target, status: "out-of-date", pointer: previous, previous, counts: NO_COUNTS };
  } else if (previous !== undefined && base !== undefined && !isSameVersion(previous, base) && !options.force) {
    const word = toTypedPath(workspace, target);
    throw new MlvError("target-modified", `\`${target}\` was edited here, and its pointer was changed by Git since it was checked out`, {
      hint: `\`mlv diff -- ${word}\` shows both; keep yours with \`mlv add --force ${word}\`, or take Git's with \`mlv checkout --force ${word}\``,
      details: { target },
    });
  }
  const captured = await capture(workspace, {
    target,
    place: { ...place, notes },
    options,
    previous,
    ...(only === undefined ? {} : { only }),
  });
  const isSame = previous !== undefined && isSameVersion(previous, captured.pointer);
  const pointer = isSame ? previous : captured.pointer;
  const status = previous === undefined ? "added" : isSame ? "unchanged" : "updated";
  if (!options.dryRun) {
    if (!isSame) writePointer(workspace, target, formatPointer(pointer));
    // Files of the version that never came here may be in no cache of this machine: complete is only what was complete before, or all new.
    const isComplete = previous === undefined || (info?.cacheMark === options.markBefore && isSameVersion(info.pointer, previous));
    captured.record(isComplete ? options.markBefore : "");
  }
  warnUnportable(workspace, target);
  return { target, status, pointer, previous, counts: captured.counts };
}

interface CaptureRequest {
  readonly target: RepoPath;
  readonly place: Pick<CaptureContext, "root" | "target" | "index" | "isIgnored" | "notes">;
  readonly options: AddOptions;
  readonly previous: Pointer | undefined;
  readonly only?: readonly string[];
}

async function capture(workspace: Workspace, request: CaptureRequest): Promise<Capture> {
  const { target, place, options, previous, only } = request;
  const { link } = (await workspace.configuration()).local;
  const writer = new CacheWriter(workspace.cache);
  const table = describeTable(path.join(workspace.root, target));
  const context: CaptureContext = {
    ...place,
    cache: workspace.cache,
    writer,
    takeByLink: link === "hardlink",
    jobs: workspace.jobs,
    onEvent: workspace.context.onEvent,
    signal: workspace.context.signal,
    follow: options.follow,
    onData: table?.onData,
  };
  try {
    const stat = fs.lstatSync(path.join(workspace.root, target), { throwIfNoEntry: false });
    if (stat?.isDirectory() === true || (stat === undefined && previous?.kind === "dir")) {
      const base = previous?.kind === "dir" ? previous : undefined;
      if (base !== undefined) await ensureManifest(workspace, { target, pointer: base });
      return await captureFolder(context, base, only);
    }
    const scanned = scanFile(place);
    const [file] = scanned.files();
    if (file === undefined) throw otherEntry(target, scanned.others[0] ?? { name: target, kind: "device" });
    const captured = await captureFile(context, file);
    const summary = await table?.finish();
    const pointer: Pointer = {
      ...captured.pointer,
      ...(summary === undefined ? {} : { table: summary }),
      ...(previous?.extensions === undefined ? {} : { extensions: previous.extensions }),
    };
    return { ...captured, pointer };
  } catch (error) {
    writer.abort();
    throw error;
  }
}

function warnUnportable(workspace: Workspace, target: string): void {
  const reason = unportableReason(target);
  if (reason === undefined) return;
  workspace.context.onEvent({ type: "notice", level: "warning", message: `other platforms cannot check out \`${target}\`: ${reason}` });
}
