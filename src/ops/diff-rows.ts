import * as fs from "node:fs";
import path from "node:path";
import { throwIfAborted } from "../base/concurrency.ts";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { isSameVersion, type Pointer } from "../formats/pointer.ts";
import { openTableFile, tableFromBytes, type TableSource } from "../tabular/source.ts";
import { compareFiles, contentKindOf, isKindCertain, type CompareTablesOptions } from "./compare-contents.ts";
import type { ContentDiff, ContentsResult, LeftOut } from "./content-diff.ts";
import type { TargetDiff } from "./diff-versions.ts";
import { ensureContent, findVersionFile } from "./open-content.ts";
import type { Workspace } from "./open-workspace.ts";
import { prefetchContents, readFetchLimit, type FetchBudget } from "./prefetch-contents.ts";

/** Says how the insides of files are compared. */
export interface ContentsOptions {
  /** Columns that identify a row; else what mlv.yaml says, else what can be inferred. */
  readonly key?: readonly string[] | undefined;
  /** A column that is the key in place of `key` in tables that have it: what `key` was read from, as a whole. */
  readonly keyColumn?: string | undefined;
  readonly statistics?: boolean | undefined;
  /** Sample rows of each kind. */
  readonly samples?: number | undefined;
  /** How many tables are compared in full; 20 unless said otherwise. */
  readonly maxTables?: number | undefined;
  /** How much content may be fetched from a remote in all, e.g. `500MB`; 1 GiB unless said otherwise. */
  readonly fetchLimit?: string | undefined;
}

const MAX_TABLES = 20;
const MAX_MODELS = 20;
const MAX_IMAGES = 200;
const UNREADABLE = "it does not begin as what its name says";
const NEITHER_READABLE = "neither version begins as what its name says";
/** A model's header is not worth more than this: all of the file would be fetched. */
const MAX_MODEL_FETCH_BYTES = 64 * 1024 * 1024;

/** Is one side of a file that changed. */
interface FileSide {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly inner: string;
  readonly size: number;
  /** True when the file of the workspace is this version, or what is compared in its place. */
  readonly isHere: boolean;
}

interface ChangedFile {
  readonly path: string;
  readonly target: RepoPath;
  readonly kind: ContentDiff["kind"];
  readonly before: FileSide | undefined;
  readonly after: FileSide | undefined;
}

/**
 * Compares the insides of changed tables, models and images, within bounds; content comes from the workspace and the cache, and what is in
 * neither from a remote. What was not compared is said with the reason. Throws `usage` for a key that the only table does not have.
 */
export async function compareContents(
  workspace: Workspace,
  targets: readonly TargetDiff[],
  options: ContentsOptions & { readonly isWorkTree: boolean; readonly remote?: string | undefined },
): Promise<ContentsResult> {
  const inOrder = targets.map((target) => changedFiles(workspace, target, options.isWorkTree));
  const places = new Map(inOrder.flat().map((file, place) => [file, place]));
  const files = takeTurns(inOrder);
  const { keys } = (await workspace.configuration()).project;
  const isOnlyTable = files.filter(({ kind }) => kind === "table").length === 1;
  const limits = { table: options.maxTables ?? MAX_TABLES, model: MAX_MODELS, image: MAX_IMAGES };
  const counts = { table: 0, model: 0, image: 0 };
  const budget: FetchBudget = { bytes: await readFetchLimit(options.fetchLimit) };
  const { remote } = options;
  const { unreachable } = await prefetchContents(workspace, contentsToFetch(workspace, files, limits), { budget, remote });
  const contents: { readonly file: ChangedFile; readonly found: ContentDiff }[] = [];
  const left: { readonly file: ChangedFile; readonly reason: string }[] = [];
  const leave = (file: ChangedFile, reason: string): void => void left.push({ file, reason });
  for (const file of files) {
    throwIfAborted(workspace.context.signal);
    if (counts[file.kind] >= limits[file.kind]) {
      leave(file, `only ${limits[file.kind]} ${file.kind}s are looked into`);
      continue;
    }
    const tables: CompareTablesOptions = {
      key: options.key ?? keys[file.path] ?? keys[file.target],
      keyColumn: options.keyColumn,
      keyOrigin: options.key === undefined ? "mlv.yaml" : "--key",
      isKeyRequired: options.key !== undefined && isOnlyTable,
      statistics: options.statistics ?? true,
      samples: options.samples,
      signal: workspace.context.signal,
    };
    try {
      const found = await compareOne(workspace, file, { tables, budget, remote, unreachable });
      if (typeof found === "string") leave(file, found);
      else if (found !== undefined) {
        counts[file.kind] += 1;
        contents.push({ file, found });
      } else if (isKindCertain(file.path)) {
        counts[file.kind] += 1;
        leave(file, file.before === undefined ? UNREADABLE : NEITHER_READABLE);
      }
    } catch (error) {
      const isFatal = !isMlvError(error) || error.kind === "internal" || error.kind === "interrupted" || error.kind === "usage";
      if (isFatal && !(isMlvError(error, "usage") && !tables.isKeyRequired)) throw error;
      // What could not be had counts as well: each may have cost a round trip.
      counts[file.kind] += 1;
      leave(file, error.message);
    }
  }
  const byPlace = (a: { readonly file: ChangedFile }, b: { readonly file: ChangedFile }): number =>
    (places.get(a.file) ?? 0) - (places.get(b.file) ?? 0);
  return { contents: contents.sort(byPlace).map(({ found }) => found), leftOut: countLeftOut(left.sort(byPlace)) };
}

/** Returns the files of all targets by turns, so that one folder with many changes leaves room for what changed beside it. */
function takeTurns(targets: readonly (readonly ChangedFile[])[]): ChangedFile[] {
  const turns = targets.flatMap((files) => files.map((file, turn) => ({ file, turn })));
  return turns.sort((a, b) => a.turn - b.turn).map(({ file }) => file);
}

/** Counts what was left out for the same reason: of each folder on its own, and of targets that are files together. */
function countLeftOut(left: readonly { readonly file: ChangedFile; readonly reason: string }[]): LeftOut[] {
  const counted = new Map<string, LeftOut>();
  for (const { file, reason } of left) {
    const group = JSON.stringify([reason, file.path === file.target ? "" : file.target]);
    const known = counted.get(group);
    counted.set(group, known === undefined ? { path: file.path, count: 1, reason } : { ...known, count: known.count + 1 });
  }
  return [...counted.values()];
}

interface CompareOne {
  readonly tables: CompareTablesOptions;
  readonly budget: FetchBudget;
  readonly remote: string | undefined;
  /** Why nothing can be fetched. */
  readonly unreachable: MlvError | undefined;
}

/** Compares one file; returns why it was not when it is too much to fetch. */
async function compareOne(workspace: Workspace, file: ChangedFile, how: CompareOne): Promise<ContentDiff | string | undefined> {
  const opened: OpenSource[] = [];
  const open = async (side: FileSide | undefined): Promise<OpenSource | string | undefined> => {
    if (side === undefined) return undefined;
    const source = await openSide(workspace, side, { kind: file.kind, ...how });
    if (typeof source !== "string") opened.push(source);
    return source;
  };
  try {
    const before = await open(file.before);
    if (typeof before === "string") return before;
    const after = await open(file.after);
    if (typeof after === "string") return after;
    return await compareFiles(file.path, { before, after }, how.tables);
  } finally {
    for (const source of opened) await source.close?.();
  }
}

type OpenSource = TableSource & { close?(): Promise<void> };

function nameOf({ target, inner }: FileSide): string {
  return inner === "" ? target : `${target}/${inner}`;
}

function isOnDisk(workspace: Workspace, side: FileSide): boolean {
  if (!side.isHere) return false;
  return fs.lstatSync(path.join(workspace.root, nameOf(side)), { throwIfNoEntry: false })?.isFile() === true;
}

/** Lists, file by file, what may have to be fetched of the files that will be looked into. */
function contentsToFetch(workspace: Workspace, files: readonly ChangedFile[], limits: Record<ContentDiff["kind"], number>): FileSide[][] {
  const left = { ...limits };
  return files.flatMap(({ kind, before, after }) => {
    left[kind] -= 1;
    const sides = [before, after].filter((side) => side !== undefined).filter((side) => !isOnDisk(workspace, side));
    const isTooLarge = kind === "model" && sides.some((side) => side.size > MAX_MODEL_FETCH_BYTES);
    return kind === "image" || left[kind] < 0 || isTooLarge || sides.length === 0 ? [] : [sides];
  });
}

async function openSide(
  workspace: Workspace,
  side: FileSide,
  { kind, budget, remote, unreachable }: CompareOne & { readonly kind: ContentDiff["kind"] },
): Promise<OpenSource | string> {
  const name = nameOf(side);
  if (isOnDisk(workspace, side)) return openTableFile(path.join(workspace.root, name), name);
  const place = { commit: undefined, target: side.target, pointer: side.pointer, inner: side.inner };
  const found = await findVersionFile(workspace, place, remote);
  if (!workspace.cache.has(found.sha256)) {
    if (kind === "image") return "images that are not here are not fetched";
    if (kind === "model" && found.size > MAX_MODEL_FETCH_BYTES) return "large models that are not here are not fetched for their header";
    if (found.size > budget.bytes) return "fetching them would take more than may be fetched for a comparison (`--fetch-limit`)";
    if (unreachable !== undefined) throw unreachable;
    budget.bytes -= found.size;
  }
  await ensureContent(workspace, place, found, remote);
  const cached = workspace.cache.locate(found.sha256);
  if (cached?.kind === "loose") return openTableFile(cached.file, name);
  if (cached === undefined) throw workspace.cache.missing(found.sha256);
  return tableFromBytes(name, workspace.cache.readPacked(found.sha256, cached.place));
}

/** Lists the files of a target whose inside can be compared. */
function changedFiles(workspace: Workspace, diff: TargetDiff, isWorkTree: boolean): ChangedFile[] {
  const { target, from = target, before, after } = diff;
  const info = isWorkTree ? workspace.index.target(target) : undefined;
  const isHere = diff.isWorkspace || (info !== undefined && after !== undefined && isSameVersion(info.pointer, after));
  const side = (name: RepoPath, pointer: Pointer | undefined, size: number, inner = ""): FileSide | undefined =>
    pointer === undefined ? undefined : { target: name, pointer, inner, size, isHere: false };
  const later = (pointer: Pointer | undefined, size: number, inner = ""): FileSide | undefined => {
    const found = side(target, pointer, size, inner);
    return found === undefined ? undefined : { ...found, isHere };
  };
  if ((before ?? after)?.kind === "file" && (after ?? before)?.kind === "file") {
    const kind = contentKindOf(target);
    const isGone = after === undefined || diff.filesAfter === 0;
    if (kind === undefined || !isWorthALook(kind, before !== undefined, !isGone)) return [];
    if (before?.sha256 === after?.sha256 && !diff.isWorkspace) return [];
    const sides = { before: side(from, before, diff.sizeBefore), after: isGone ? undefined : later(after, diff.sizeAfter) };
    return [{ path: target, target, kind, ...sides }];
  }
  return diff.files.flatMap((file): ChangedFile[] => {
    const kind = contentKindOf(file.path);
    const has = { before: file.status !== "added", after: file.status !== "deleted" };
    const isSame = file.modeOnly === true || (file.status === "renamed" && file.isEdited !== true);
    if (kind === undefined || isSame || !isWorthALook(kind, has.before, has.after)) return [];
    return [
      {
        path: `${target}/${file.path}`,
        target,
        kind,
        before: has.before ? side(from, before, file.sizeBefore ?? 0, file.from ?? file.path) : undefined,
        after: has.after ? later(after, file.sizeAfter ?? 0, file.path) : undefined,
      },
    ];
  });
}

/** A table alone is told by its pointer; a model or an image alone has something to say, unless it is gone. */
function isWorthALook(kind: ContentDiff["kind"], hasBefore: boolean, hasAfter: boolean): boolean {
  return kind === "table" ? hasBefore && hasAfter : hasAfter;
}
