import * as fs from "node:fs";
import path from "node:path";
import { MlvError } from "../base/errors.ts";
import { readManifestEntries } from "../store/manifests.ts";
import { ensureManifest } from "./ensure-manifest.ts";
import type { Workspace } from "./open-workspace.ts";
import { requirePointer, toShownPath, toTypedPath, type Selection } from "./targets.ts";

/**
 * Throws `target-not-found` for a path inside a target that neither its version nor the disk has, so that a slip of the pen is not taken for
 * something that is up to date; and what `ensureManifest` throws.
 */
export async function assertInside(workspace: Workspace, selections: readonly Selection[], remote?: string): Promise<void> {
  for (const { target, only = [] } of selections) {
    for (const inner of only) {
      const whole = path.posix.join(target, inner);
      if (fs.lstatSync(path.join(workspace.root, whole), { throwIfNoEntry: false }) !== undefined) continue;
      if (await isInVersion(workspace, { target, inner, remote })) continue;
      throw new MlvError("target-not-found", `nothing lies at or under \`${toShownPath(workspace, whole)}\` in \`${target}\``, {
        hint: `\`mlv ls ${toTypedPath(workspace, target)}\` lists what is in it`,
        details: { path: whole },
      });
    }
  }
}

interface Place {
  readonly target: Selection["target"];
  readonly inner: string;
  readonly remote: string | undefined;
}

async function isInVersion(workspace: Workspace, { target, inner, remote }: Place): Promise<boolean> {
  const pointer = requirePointer(workspace, target);
  if (pointer.kind === "file") return false;
  await ensureManifest(workspace, { target, pointer, only: [inner] }, remote);
  for (const _ of readManifestEntries(workspace.cache, pointer.sha256, target, inner)) return true;
  return false;
}
