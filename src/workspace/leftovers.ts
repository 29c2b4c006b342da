import * as fs from "node:fs";
import path from "node:path";
import type { RepoPath } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import type { Pointer } from "../formats/pointer.ts";
import { findTracked, type GitIndex } from "../git/git-index.ts";
import type { Cache } from "../store/cache.ts";
import { scanFile, scanTree, type ScannedFolder, type ScanPlace } from "./scan.ts";
import { pointerPath } from "./target.ts";
import type { WorkspaceIndex } from "./workspace-index.ts";

/** Is data that mlv once wrote and whose pointer is gone: a branch without the target was checked out. */
export interface Leftover {
  readonly target: RepoPath;
  /** The version that the workspace was made from. */
  readonly pointer: Pointer;
  /** Files on disk that the index knows, and their bytes. */
  readonly files: number;
  readonly sizeBytes: number;
}

/** Says where leftovers are looked for. */
export interface LeftoverPlace {
  readonly root: string;
  readonly index: WorkspaceIndex;
  readonly cache: Cache;
  /** Git's index, with the pointers in it at least. */
  readonly gitIndex: GitIndex | undefined;
}

/**
 * Returns the targets, sorted, that the index knows, whose pointer is neither on disk nor in Git's index, and of which files are still on disk.
 * Nothing is hashed. What lies inside another target that is here belongs to that one.
 */
export function findLeftovers(place: LeftoverPlace): Leftover[] {
  const { root, index, gitIndex } = place;
  const isPointerGone = (target: string): boolean =>
    fs.lstatSync(path.join(root, pointerPath(target)), { throwIfNoEntry: false }) === undefined &&
    findTracked(gitIndex, pointerPath(target)) === undefined;
  const gone = index.targets().filter(isPointerGone);
  if (gone.length === 0) return [];
  const present = new Set(index.targets());
  for (const target of gone) present.delete(target);
  return gone
    .filter((target) => !isInsideAny(target, present))
    .flatMap((target): Leftover[] => {
      const pointer = index.target(target)?.pointer;
      if (pointer === undefined) return [];
      const known = [...scanLeftover(place, target, pointer)].flatMap((scanned) =>
        scanned.files().filter((file) => file.known !== undefined),
      );
      if (known.length === 0) return [];
      return [{ target: target as RepoPath, pointer, files: known.length, sizeBytes: known.reduce((sum, { stat }) => sum + stat.size, 0) }];
    })
    .sort((a, b) => compareUtf8(a.target, b.target));
}

/** Scans what is on disk under a target whose pointer is gone. */
export function scanLeftover({ root, index, cache }: LeftoverPlace, target: string, pointer: Pointer): Iterable<ScannedFolder> {
  const place: ScanPlace = { root, target, index, cache };
  if (pointer.kind === "file") return [scanFile(place)];
  return fs.lstatSync(path.join(root, target), { throwIfNoEntry: false })?.isDirectory() === true ? scanTree(place) : [];
}

/** Tells whether a path is one of the targets or lies inside one. */
export function isInsideAny(file: string, targets: ReadonlySet<string>): boolean {
  for (let slash = file.length; slash > 0; slash = file.lastIndexOf("/", slash - 1)) if (targets.has(file.slice(0, slash))) return true;
  return false;
}
