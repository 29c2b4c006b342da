import * as fs from "node:fs";
import path from "node:path";
import { writeFileDurably } from "../base/durable.ts";
import { addGitignoreLine, removeGitignoreLine } from "../git/ignore.ts";
import { AnchoredFolders, parentOf } from "../workspace/anchored.ts";
import { pointerPath } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";

/** Writes a target's pointer durably. A crash leaves the old pointer or the new one. Throws `disk-full`, `permission-denied`. */
export function writePointer(workspace: Workspace, target: string, text: string): void {
  writeInWorkspace(workspace, pointerPath(target), text);
}

/** Adds the line for a target to the `.gitignore` beside it; returns whether the file changed. */
export function ignoreTarget(workspace: Workspace, target: string): boolean {
  const file = path.posix.join(parentOf(target), ".gitignore");
  const content = addGitignoreLine(readFile(path.join(workspace.root, file)), path.posix.basename(target));
  if (content === undefined) return false;
  writeInWorkspace(workspace, file, content);
  return true;
}

/** Takes the line for a target out of the `.gitignore` beside it, and the file too when nothing is left; returns whether it changed. */
export function unignoreTarget(workspace: Workspace, target: string): boolean {
  const file = path.posix.join(parentOf(target), ".gitignore");
  const content = removeGitignoreLine(readFile(path.join(workspace.root, file)), path.posix.basename(target));
  if (content === undefined) return false;
  if (content.length === 0) fs.rmSync(path.join(workspace.root, file));
  else writeInWorkspace(workspace, file, content);
  return true;
}

/** Writes a small file of the work tree through its anchored folder, so never through a symlink. */
export function writeInWorkspace(workspace: Workspace, file: string, content: string | Uint8Array): void {
  const folders = new AnchoredFolders(workspace.root);
  try {
    const place = folders.locate(parentOf(file), path.posix.basename(file), { create: true }) as string;
    const old = fs.lstatSync(place, { throwIfNoEntry: false });
    writeFileDurably(place, content, { tempFolder: workspace.stagingFolder, ...(old === undefined ? {} : { mode: old.mode & 0o777 }) });
  } finally {
    folders.close();
  }
}

function readFile(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}
