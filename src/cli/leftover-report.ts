import type { RemovedLeftover } from "../ops/leftovers.ts";
import { EXIT } from "./exit-status.ts";
import { formatCount, formatPlural } from "./format.ts";
import type { Session } from "./session.ts";
import { escapeName } from "./terminal.ts";

const SHOWN_FILES = 5;

const WHY = {
  edited: "edited here",
  unknown: "not of mlv's making",
  "not-cached": "the cache does not have it",
  "not-in-git": "no commit names this version",
} as const;

/** Prints what was done with data whose pointer is gone; returns 3 when some of it stays. */
export function printLeftovers(session: Session, leftovers: readonly RemovedLeftover[], isDryRun: boolean): number {
  const { style } = session;
  for (const { target, removed, kept } of leftovers) {
    const name = style.bold(escapeName(target));
    if (removed > 0)
      session.print(`${name}: ${isDryRun ? "would remove" : "removed"} ${formatPlural(removed, "file")}, for its pointer is gone`);
    for (const { path, why } of kept.slice(0, SHOWN_FILES))
      session.note(`    ${style.yellow("left alone")}: ${escapeName(path)} (the pointer is gone; ${WHY[why]})`);
    if (kept.length > SHOWN_FILES) session.note(`    ${style.yellow("left alone")}: … and ${formatCount(kept.length - SHOWN_FILES)} more`);
  }
  return leftovers.some(({ kept }) => kept.length > 0) ? EXIT.partly : EXIT.done;
}
