import type { EventSink } from "../base/events.ts";
import { collisionKey, unportableReason } from "../base/safe-paths.ts";
import type { ScannedFile } from "./scan.ts";

const MAY_COLLIDE = /[A-Z]|[^\u0020-\u007e]/;

/** Warns of the first new file of a folder whose name other platforms refuse; `where` is the folder's path. Tells whether there was one. */
export function warnOfUnportable(files: readonly ScannedFile[], where: string, onEvent: EventSink): boolean {
  for (const { name, known } of files) {
    const reason = known === undefined ? unportableReason(name) : undefined;
    if (reason === undefined) continue;
    onEvent({ type: "notice", level: "warning", message: `other platforms cannot check out \`${where}/${name}\`: ${reason}` });
    return true;
  }
  return false;
}

/** Warns of new files of a folder whose names differ only in case or Unicode form: they are one name on other platforms. */
export function warnOfCollisions(files: readonly ScannedFile[], where: string, onEvent: EventSink): void {
  if (!files.some((file) => MAY_COLLIDE.test(file.name))) return;
  const seen = new Map<string, string>();
  for (const { name, known } of files) {
    const key = collisionKey(name);
    const other = seen.get(key);
    seen.set(key, name);
    if (other === undefined || known !== undefined) continue;
    onEvent({
      type: "notice",
      level: "warning",
      message: `\`${other}\` and \`${name}\` in \`${where}\` are one name where case or Unicode form is not told apart`,
      hint: "rename one of them if the data are to be checked out on macOS or Windows",
    });
  }
}
