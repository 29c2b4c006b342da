import * as fs from "node:fs";
import path from "node:path";
import { isMlvError } from "../base/errors.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import { LOOSE_MIN_BYTES } from "../store/cache.ts";
import { hashFileNow, readSmallFile } from "../store/small-files.ts";
import { AnchoredFolders, parentOf } from "../workspace/anchored.ts";
import { readUmask } from "../workspace/materialise.ts";
import { materialise } from "../workspace/materialise.ts";
import { isWantedFile, scanFile, scanTree, type ScannedFile } from "../workspace/scan.ts";
import { hashAt } from "../workspace/index-file.ts";
import { unpackFolder, type IndexedFile } from "../workspace/workspace-index.ts";
import { ensureContent } from "./open-content.ts";
import type { Workspace } from "./open-workspace.ts";
import type { Selection } from "./targets.ts";
import type { DamagedItem, VerifyCounts } from "./verify.ts";

/** Is what looking at the workspace found. */
export interface WorkspaceFindings {
  readonly counts: VerifyCounts;
  readonly items: readonly DamagedItem[];
  /** Files that somebody edited, which is no damage. */
  readonly edited: number;
}

/**
 * Re-hashes what mlv once wrote or recorded. A file whose stat data are as recorded and whose bytes are not was damaged by the disk or by a
 * program that hides its writes; one whose stat data changed was edited, and is nobody's to mend.
 */
export async function verifyWorkspace(
  workspace: Workspace,
  selections: readonly Selection[],
  options: { readonly repair: boolean; readonly remote: string | undefined },
): Promise<WorkspaceFindings> {
  const counts = { items: 0, bytes: 0 };
  const items: DamagedItem[] = [];
  let edited = 0;
  for (const { target, only } of selections) {
    const info = workspace.index.target(target);
    if (info === undefined) continue;
    const place = { root: workspace.root, target, index: workspace.index };
    const isFile = info.pointer.kind === "file";
    for (const scanned of isFile ? [scanFile(place)] : scanTree(place, only)) {
      for (const file of scanned.files()) {
        workspace.context.signal?.throwIfAborted();
        const inner = scanned.folder === "" ? file.name : `${scanned.folder}/${file.name}`;
        if (file.known === undefined || (!isFile && !isWantedFile(inner, only))) continue;
        const shown = isFile ? target : `${target}/${inner}`;
        const absolute = path.join(workspace.root, shown);
        const actual = file.stat.size < LOOSE_MIN_BYTES ? readSmallFile(absolute, file.stat).sha256 : hashFileNow(absolute, file.stat);
        counts.items += 1;
        counts.bytes += file.stat.size;
        workspace.context.onEvent({ type: "progress", phase: "verify", files: counts.items, bytes: counts.bytes, subject: target });
        if (file.known.isEdited || (actual !== file.known.sha256 && !file.isUnchanged)) edited += 1;
        if (actual === file.known.sha256 || !file.isUnchanged) continue;
        const damage = { target, folder: scanned.folder, inner: isFile ? "" : inner, shown, file, hash: file.known.sha256 };
        items.push(
          options.repair && !file.known.isEdited
            ? await mendFile(workspace, damage, options.remote)
            : toItem(damage, options.repair ? "unmended" : "found"),
        );
      }
    }
  }
  if (options.repair) workspace.index.save();
  return { counts, items, edited };
}

interface FileDamage {
  readonly target: RepoPath;
  readonly folder: string;
  readonly inner: string;
  readonly shown: string;
  readonly file: ScannedFile;
  readonly hash: Sha256;
}

function toItem({ shown, hash }: FileDamage, status: DamagedItem["status"], detail?: string): DamagedItem {
  const item = { place: "workspace", problem: "damaged", path: shown, sha256: hash, names: [shown], nameCount: 1, status } as const;
  return detail === undefined ? item : { ...item, detail };
}

async function mendFile(workspace: Workspace, damage: FileDamage, remote: string | undefined): Promise<DamagedItem> {
  const { target, inner, shown, file, hash } = damage;
  const pointer = workspace.index.target(target)?.pointer;
  if (pointer === undefined) return toItem(damage, "unmended", "it is not known which version it was made from");
  const folders = new AnchoredFolders(workspace.root);
  try {
    const content = { path: shown as RepoPath, sha256: hash, size: file.stat.size, isExecutable: file.isExecutable };
    await ensureContent(workspace, { commit: undefined, target, pointer, inner }, content, remote);
    const { link = "auto" } = (await workspace.configuration()).local;
    const { cache, stagingFolder, context } = workspace;
    const stat = await materialise(
      { cache, folders, stagingFolder, link, umask: readUmask(), signal: context.signal },
      { folder: parentOf(shown), name: path.posix.basename(shown), sha256: hash, isExecutable: file.isExecutable, isNew: false },
    );
    recordMended(workspace, damage, stat);
    return toItem(damage, "mended", "from the cache or the remote");
  } catch (error) {
    if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
    return toItem(damage, "unmended", error.message);
  } finally {
    folders.close();
  }
}

/** Files recorded in the same tick as they were written are hashed once more by the next status; the others keep what is known of them. */
function recordMended(workspace: Workspace, { target, folder, file }: FileDamage, stat: fs.Stats): void {
  const known = workspace.index.folder(target, folder);
  if (known === undefined) return;
  const { size, mtimeMs, ctimeMs, ino } = stat;
  const files = unpackFolder(known).map((record, position): IndexedFile =>
    record.name === file.name ? { ...record, sha256: hashAt(known, position), stat: { size, mtimeMs, ctimeMs, ino } } : record,
  );
  workspace.index.setFolder(target, folder, files, false);
}
