import * as fs from "node:fs";
import path from "node:path";
import { crc32 } from "../base/checksum.ts";
import type { WorkspaceIndex } from "../workspace/workspace-index.ts";

/**
 * Returns a text that changes whenever anything comes to or goes from the cache: the modification times of its folders.
 * A target seen complete under one mark is complete as long as the mark stands, so that a no-op `status` need not look at its objects.
 */
export function cacheMark(cacheFolder: string): string {
  const times: number[] = [];
  for (const kind of ["objects", "packs"]) {
    const folder = path.join(cacheFolder, kind);
    for (const name of ["", ...readNames(folder)]) {
      const stat = fs.lstatSync(path.join(folder, name), { throwIfNoEntry: false });
      if (stat !== undefined) times.push(stat.mtimeMs);
    }
  }
  return `${times.length}:${crc32(times.join())}`;
}

/**
 * Carries marks over from before content was added: what was complete then is complete now, so that the next `status` need not look again.
 * Only for operations that take nothing away.
 */
export function restampMarks(index: WorkspaceIndex, before: string, after: string): void {
  if (before === after) return;
  for (const target of index.targets()) {
    const info = index.target(target);
    if (info?.cacheMark === before) index.setTarget(target, info.pointer, after);
  }
}

function readNames(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
