import type { UnreadablePointer } from "../ops/targets.ts";
import { EXIT, exitStatusOf } from "./exit-status.ts";
import { formatPlural } from "./format.ts";
import { errorDocument } from "./report-error.ts";
import type { Session } from "./session.ts";
import { escapeName } from "./terminal.ts";

const SHOWN_PROBLEMS = 10;

/** Returns pointers that could not be read as `--json` has them. */
export function unreadableDocument(unreadable: readonly UnreadablePointer[]): readonly object[] {
  return unreadable.map(({ target, problem }) => ({ target, message: problem.message, problem: errorDocument(problem) }));
}

/** Prints what kept pointers from being read and returns the exit status: that of the problems, 0 when there is none. */
export function printUnreadable(session: Session, unreadable: readonly UnreadablePointer[]): number {
  for (const { target, problem } of unreadable.slice(0, SHOWN_PROBLEMS)) {
    session.problem(problem);
    session.note(`    left as it was: ${escapeName(target)}`);
  }
  const more = unreadable.length - SHOWN_PROBLEMS;
  if (more > 0) session.note(`    … and ${formatPlural(more, "more target")} whose pointer cannot be read; \`mlv status\` names them all`);
  return unreadable.reduce<number>((exit, { problem }) => Math.max(exit, exitStatusOf(problem.code)), EXIT.done);
}
