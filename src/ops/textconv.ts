import * as fs from "node:fs";
import path from "node:path";
import { fromSystemError, isMlvError } from "../base/errors.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import type { OperationContext } from "./open-workspace.ts";

/** Is a file that Git wants to show as text: the pointer in it, or, when it is none that can be read, its bytes. */
export type TextconvResult = { readonly pointer: Pointer } | { readonly bytes: Buffer };

/** Reads a pointer that Git hands over, under whatever name; asks neither repository nor cache. Throws `path-not-found`, `permission-denied`. */
export function textconv(context: OperationContext, file: string): TextconvResult {
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(path.resolve(context.cwd, file));
  } catch (error) {
    throw fromSystemError(error, "read", file);
  }
  try {
    return { pointer: parsePointer(bytes.toString("utf8"), file) };
  } catch (error) {
    // A lock file, a conflict or damage is shown as it is: `git diff` must go on.
    if (isMlvError(error)) return { bytes };
    throw error;
  }
}
