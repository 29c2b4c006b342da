import * as fs from "node:fs";
import path from "node:path";
import { fromSystemError, MlvError, systemErrorCode } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { MAX_POINTER_BYTES, parsePointer, POINTER_SUFFIX, type Pointer } from "../formats/pointer.ts";

/** Returns the path of a target's pointer. */
export function pointerPath(target: string): RepoPath {
  return `${target}${POINTER_SUFFIX}` as RepoPath;
}

/** Returns the target that a pointer's path stands for. */
export function targetOf(pointer: string): RepoPath {
  return pointer.slice(0, -POINTER_SUFFIX.length) as RepoPath;
}

/** Tells whether a path is that of a pointer. */
export function isPointerPath(file: string): boolean {
  return file.endsWith(POINTER_SUFFIX) && path.basename(file) !== POINTER_SUFFIX;
}

/**
 * Returns the pointer of a target as it stands in the work tree, or undefined when there is none. Hints are to be typed in `cwd`.
 * Throws `pointer-malformed`, `pointer-conflicted`, `format-newer`; a pointer that is a symlink or a folder is malformed.
 */
export function readPointer(root: string, target: string, cwd: string = root): Pointer | undefined {
  const file = path.join(root, pointerPath(target));
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "ELOOP") throw new MlvError("pointer-malformed", `the pointer \`${pointerPath(target)}\` is a symlink`);
    throw fromSystemError(error, "read", file);
  }
  try {
    const stat = fs.fstatSync(descriptor);
    if (!stat.isFile()) throw new MlvError("pointer-malformed", `the pointer \`${pointerPath(target)}\` is not a regular file`);
    if (stat.size > MAX_POINTER_BYTES)
      throw new MlvError("pointer-malformed", `the pointer \`${pointerPath(target)}\` is larger than 64 KiB`);
    return parsePointer(fs.readFileSync(descriptor, "utf8"), { path: pointerPath(target), typed: path.relative(cwd, file) });
  } finally {
    fs.closeSync(descriptor);
  }
}
