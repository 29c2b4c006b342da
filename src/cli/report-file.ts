import * as fs from "node:fs";
import path from "node:path";
import { writeFileDurably } from "../base/durable.ts";
import { MlvError, systemErrorCode } from "../base/errors.ts";
import { POINTER_SUFFIX } from "../formats/pointer.ts";
import { isReportPage } from "./report-html.ts";

const BEGINNING_BYTES = 2048;

/**
 * Makes sure that a report may be written there: an earlier report is replaced, anything else only with `isForced`, and data that mlv tracks never.
 * Throws `target-exists`, `usage`.
 */
export function assertReportPlace(file: string, { isForced }: { readonly isForced: boolean }): void {
  const place = path.join(realFolder(path.dirname(file)), path.basename(file));
  const target = place.endsWith(POINTER_SUFFIX) ? place : enclosingTarget(place);
  if (target !== undefined) {
    throw new MlvError("usage", `\`${file}\` is tracked data: a report is not written over it or into it`, {
      hint: "name another place with `-o`",
      details: { path: file },
    });
  }
  const stat = fs.lstatSync(place, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isFile() && (isForced || isReportPage(readBeginning(place)))) return;
  throw new MlvError("target-exists", `\`${file}\` exists and is no report`, {
    hint: stat.isFile() ? "name another place with `-o`, or replace it with `--force`" : "name another place with `-o`",
    details: { path: file },
  });
}

/** Writes a page where `assertReportPlace` let it; a crash leaves the old file or the new one. Throws `io-failed` and its kin. */
export function writeReportPage(file: string, page: string): void {
  writeFileDurably(file, page, { tempFolder: path.dirname(file) });
}

/** A link in the way must not hide that the place is inside a target. */
function realFolder(folder: string): string {
  try {
    return fs.realpathSync(folder);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    const parent = path.dirname(folder);
    return parent === folder ? folder : path.join(realFolder(parent), path.basename(folder));
  }
}

function enclosingTarget(place: string): string | undefined {
  for (let current = place; path.dirname(current) !== current; current = path.dirname(current))
    if (fs.existsSync(`${current}${POINTER_SUFFIX}`)) return current;
  return undefined;
}

function readBeginning(file: string): string {
  const descriptor = fs.openSync(file, "r");
  try {
    const bytes = Buffer.alloc(BEGINNING_BYTES);
    return bytes.toString("utf8", 0, fs.readSync(descriptor, bytes, 0, BEGINNING_BYTES, 0));
  } finally {
    fs.closeSync(descriptor);
  }
}
