import * as fs from "node:fs";
import path from "node:path";

/**
 * Tells what a symlink of the workspace is to mlv: a checkout of link type `symlink` puts one in a large file's place.
 * Returns the stat data of the cached object that it points to, `dangling` when that is gone, or undefined for any other symlink.
 * An edit through the link shows in the object's stat data, so it is found as any other edit is.
 */
export function statCacheLink(file: string, cacheFolder: string): fs.Stats | "dangling" | undefined {
  const objects = path.join(cacheFolder, "objects");
  const points = path.resolve(path.dirname(file), fs.readlinkSync(file));
  if (!points.startsWith(objects + path.sep)) return undefined;
  const stat = fs.lstatSync(points, { throwIfNoEntry: false });
  if (stat === undefined) return "dangling";
  return stat.isFile() ? stat : undefined;
}

/** Returns where the bytes of a scanned file are: the cached object for one that is a symlink into the cache, the file itself otherwise. */
export function contentPath(file: string, isCacheLink: boolean | undefined): string {
  return isCacheLink === true ? path.resolve(path.dirname(file), fs.readlinkSync(file)) : file;
}
