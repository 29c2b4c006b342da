import path from "node:path";
import type { Sha256 } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { findTracked } from "../git/git-index.ts";
import { LOOSE_MIN_BYTES } from "../store/cache.ts";
import { hashFileNow, readSmallFile } from "../store/small-files.ts";
import { parentOf, type AnchoredFolders } from "./anchored.ts";
import { contentPath } from "./cache-links.ts";
import { isInsideAny, scanLeftover, type Leftover, type LeftoverPlace } from "./leftovers.ts";
import { removeFile } from "./materialise.ts";
import type { ScannedFile } from "./scan.ts";
import type { IndexedFile } from "./workspace-index.ts";

/** Is what was done with one leftover; paths are relative to the repository's root. */
export interface RemovedLeftover extends Leftover {
  readonly removed: number;
  /** Files that were left alone, with why. */
  readonly kept: readonly { readonly path: string; readonly why: "edited" | "unknown" | "not-cached" | "not-in-git" }[];
}

/** Says what to remove, and what must be so for that. */
export interface RemovalPlace extends LeftoverPlace {
  readonly folders: AnchoredFolders;
  readonly dryRun: boolean;
  /** Tells whether anything in Git still names a version, so that it can be had again. */
  readonly isNamed: (target: string) => boolean;
}

/**
 * Removes of a leftover what mlv wrote, is unedited and in the cache, when Git names its version somewhere; the rest stays as it is. What Git itself
 * tracks by now, and what another target has written, is forgotten, not removed. The index is changed and not saved.
 */
export function removeLeftover(place: RemovalPlace, leftover: Leftover): RemovedLeftover {
  const { index, gitIndex, folders, dryRun } = place;
  const { target, pointer } = leftover;
  const isNamed = place.isNamed(target);
  const others = new Set(index.targets().filter((other) => other !== target));
  const kept: { path: string; why: RemovedLeftover["kept"][number]["why"] }[] = [];
  const records = new Map<string, IndexedFile[]>();
  const removals: { readonly folder: string; readonly name: string }[] = [];
  for (const scanned of scanLeftover(place, target, pointer)) {
    for (const file of scanned.files()) {
      const relative = relativePath(target, pointer, { folder: scanned.folder, name: file.name });
      if (findTracked(gitIndex, relative) !== undefined || isInsideAny(relative, others)) continue;
      const why = isNamed ? reasonToKeep(place, relative, file) : "not-in-git";
      if (why === undefined) {
        removals.push({ folder: parentOf(relative), name: file.name });
        continue;
      }
      kept.push({ path: relative, why });
      if (file.known !== undefined) records.set(scanned.folder, [...(records.get(scanned.folder) ?? []), file.known]);
    }
  }
  if (!dryRun) {
    for (const { folder, name } of removals) removeFile(folders, folder, name, "");
    index.removeTarget(target);
    // What stays behind is still known, so that it is still told of.
    if (records.size > 0) index.setTarget(target, pointer, "");
    for (const [folder, files] of records) index.setFolder(target, folder, files, false);
  }
  return { ...leftover, removed: removals.length, kept };
}

function reasonToKeep({ cache, root }: RemovalPlace, relative: string, file: ScannedFile): "edited" | "unknown" | "not-cached" | undefined {
  const { known } = file;
  if (known === undefined) return "unknown";
  if (known.isEdited) return "edited";
  if (!file.isUnchanged && (hashOf(path.join(root, relative), file) !== known.sha256 || file.isExecutable !== known.isExecutable))
    return "edited";
  return cache.has(known.sha256) ? undefined : "not-cached";
}

function hashOf(absolute: string, file: ScannedFile): Sha256 {
  const content = contentPath(absolute, file.isCacheLink);
  return file.stat.size < LOOSE_MIN_BYTES ? readSmallFile(content, file.stat).sha256 : hashFileNow(content, file.stat);
}

function relativePath(target: string, pointer: Pointer, { folder, name }: { readonly folder: string; readonly name: string }): string {
  if (pointer.kind === "file") return target;
  return folder === "" ? `${target}/${name}` : `${target}/${folder}/${name}`;
}
