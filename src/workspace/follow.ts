import * as fs from "node:fs";
import path from "node:path";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import { hashFileNow } from "../store/small-files.ts";
import type { FileStat } from "./workspace-index.ts";

/** Is a file that a symlink inside a folder points to. */
export interface FollowedFile {
  /** The symlink's own name. */
  readonly name: string;
  readonly source: FollowedFile | undefined;
  /** The file behind it, with every symlink resolved. */
  readonly file: string;
  readonly stat: FileStat;
  readonly isExecutable: boolean;
}

/**
 * Finds the regular file behind a symlink in a target, for `add --follow`. The workspace is left alone.
 * Throws `symlink-in-folder` when it dangles or leads to anything but a regular file.
 */
export function followSymlink(place: { readonly root: string; readonly target: string }, relative: string, name: string): FollowedFile {
  const link = path.join(place.root, place.target, relative);
  let file: string;
  let stat: fs.Stats;
  try {
    file = fs.realpathSync(link);
    stat = fs.lstatSync(file);
  } catch (error) {
    throw new MlvError("symlink-in-folder", `the symlink \`${place.target}/${relative}\` points nowhere`, {
      hint: "remove it, or list it in .mlvignore to leave it out",
      cause: error,
    });
  }
  if (!stat.isFile()) {
    throw new MlvError("symlink-in-folder", `the symlink \`${place.target}/${relative}\` points to something that is no regular file`, {
      hint: "replace it by a copy, or list it in .mlvignore to leave it out",
    });
  }
  const { size, mtimeMs, ctimeMs, ino } = stat;
  const followed = { name, file, stat: { size, mtimeMs, ctimeMs, ino }, isExecutable: (stat.mode & 0o100) !== 0 };
  return { ...followed, source: { ...followed, source: undefined } };
}

/** Returns the hash of what a symlink inside a target leads to, or undefined when that is no regular file. */
export function hashFollowed(place: { readonly root: string; readonly target: string }, relative: string): Sha256 | undefined {
  try {
    const { file, stat } = followSymlink(place, relative, path.posix.basename(relative));
    return hashFileNow(file, stat);
  } catch (error) {
    if (isMlvError(error)) return undefined;
    throw error;
  }
}
