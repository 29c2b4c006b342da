import type { MlvError } from "../base/errors.ts";
import type { FetchedTarget, FetchResult } from "../ops/fetch.ts";
import { EXIT, exitStatusOf } from "./exit-status.ts";
import { formatBytes, formatDuration, formatPlural } from "./format.ts";
import { errorDocument } from "./report-error.ts";
import type { Session } from "./session.ts";
import { escapeName } from "./terminal.ts";

const SHOWN_PROBLEMS = 10;

/** Returns what a fetch did as `--json` has it: a problem as an error's own document has it, without the exit status. */
export function fetchDocument(result: FetchResult): object {
  const versions = result.versions.map(({ problem, ...version }) =>
    problem === undefined ? version : { ...version, problem: errorDocument(problem) },
  );
  return { ...result, versions };
}

/** Prints what a fetch received and returns the exit status: 3 when the remote lacks a version, that of the failure when one is not to be had whole. */
export function printFetch(session: Session, result: FetchResult, startedAt: number): number {
  const fetched = result.versions.filter((version) => version.status === "fetched");
  const lacking = result.versions.filter((version) => version.status === "not-on-remote");
  if (fetched.length > 0) {
    const bytes = fetched.reduce((sum, version) => sum + version.receivedBytes, 0);
    const size = fetched.reduce((sum, version) => sum + version.pointer.size, 0);
    const saved = size > bytes ? `, ${formatBytes(size - bytes)} saved` : "";
    session.print(
      `fetched ${formatPlural(fetched.length, "target")} from ${result.remote}: ${formatBytes(bytes)} received${saved}, ${formatPlural(result.requests ?? 0, "request")}, ${formatDuration(Date.now() - startedAt)}`,
    );
  }
  const failures = printFailures(session, result.versions);
  for (const version of lacking) session.note(`    ${session.style.red("not on the remote")}: ${escapeName(version.target)}`);
  if (lacking.length === 0) return failures;
  const hints = new Set(lacking.map(hintFor));
  for (const hint of hints) session.note(`${session.style.cyan("hint:")} ${hint}`);
  return Math.max(EXIT.partly, failures);
}

function printFailures(session: Session, versions: readonly FetchedTarget[]): number {
  let exit: number = EXIT.done;
  const failed = versions.flatMap((version) => (version.problem === undefined ? [] : [{ ...version, problem: version.problem }]));
  // What a remote that cannot be reached keeps back has one problem in common.
  const told = new Set<MlvError>();
  for (const [place, version] of failed.entries()) {
    exit = Math.max(exit, exitStatusOf(version.problem.code));
    if (place >= SHOWN_PROBLEMS) continue;
    if (!told.has(version.problem)) session.problem(version.problem);
    told.add(version.problem);
    session.note(`    left as it was: ${escapeName(version.target)} (version ${version.pointer.sha256}${madeBy(version)})`);
  }
  if (failed.length > SHOWN_PROBLEMS) session.note(`    … and ${formatPlural(failed.length - SHOWN_PROBLEMS, "more target")} like these`);
  return exit;
}

function madeBy({ origin }: FetchedTarget): string {
  return origin?.commit === undefined ? "" : `, committed by ${escapeName(origin.author ?? "")} in ${origin.commit.slice(0, 10)}`;
}

/** Says what to type, and where. */
function hintFor({ target, origin }: FetchedTarget): string {
  const name = escapeName(target);
  if (origin?.isRecordedHere === true) return `\`${name}\` was changed here and never pushed: run \`mlv push\`, then this command again`;
  if (origin?.commit === undefined) return "run `mlv push` where the data were added";
  return `run \`mlv push\` where the data were added: ${escapeName(origin.author ?? "")} committed \`${name}\` last, in ${origin.commit.slice(0, 10)}`;
}
