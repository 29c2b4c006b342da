import * as fs from "node:fs";
import path from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { targetOf } from "../workspace/target.ts";
import type { ContentsResult } from "./content-diff.ts";
import { compareContents } from "./diff-rows.ts";
import { compareVersions, type TargetDiff } from "./diff-versions.ts";
import { withWorkspace, type OperationContext } from "./open-workspace.ts";

/** Is what Git hands to an external diff: the pointer's path and a file for each version, `/dev/null` for one that is not there. */
export interface DiffRequest {
  readonly path: string;
  /** The path after a rename. */
  readonly newPath?: string;
  readonly before: string;
  readonly after: string;
}

/** Is how two versions of one pointer differ; undefined when they name the same. */
export type PointerDiff = (ContentsResult & { readonly target: TargetDiff }) | undefined;

/** Compares two versions of a pointer for Git. Throws `pointer-malformed`, `pointer-conflicted`, `format-newer`, `not-a-repository`. */
export async function diffPointer(context: OperationContext, request: DiffRequest): Promise<PointerDiff> {
  return withWorkspace(context, async (workspace) => {
    const read = (file: string): Pointer | undefined => readPointerFile(path.resolve(context.cwd, file), request.path);
    const { path: oldPath, newPath = oldPath } = request;
    const question = {
      target: targetOf(newPath),
      ...(newPath === oldPath ? {} : { from: targetOf(oldPath) }),
      before: read(request.before),
      after: read(request.after),
      only: undefined,
      remote: undefined,
      isIgnored: undefined,
    };
    const target = await compareVersions(workspace, question, false);
    if (target === undefined) return undefined;
    return { target, ...(await compareContents(workspace, [target], { isWorkTree: false })) };
  });
}

function readPointerFile(file: string, where: string): Pointer | undefined {
  try {
    const text = fs.readFileSync(file, "utf8");
    return text === "" ? undefined : parsePointer(text, where);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
