import type { FetchedTarget, FetchResult } from "../ops/fetch.ts";
import { EXIT } from "./exit-status.ts";
import { formatBytes, formatDuration, formatPlural } from "./format.ts";
import type { Session } from "./session.ts";
import { escapeName } from "./terminal.ts";

/** Prints what a fetch received and returns the exit status: 3 when the remote lacks a version. */
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
  for (const version of lacking) session.note(`    ${session.style.red("not on the remote")}: ${escapeName(version.target)}`);
  if (lacking.length === 0) return EXIT.done;
  const hints = new Set(lacking.map(hintFor));
  for (const hint of hints) session.note(`${session.style.cyan("hint:")} ${hint}`);
  return EXIT.partly;
}

/** Says what to type, and where. */
function hintFor({ target, origin }: FetchedTarget): string {
  const name = escapeName(target);
  if (origin?.isRecordedHere === true) return `\`${name}\` was changed here and never pushed: run \`mlv push\`, then this command again`;
  if (origin?.commit === undefined) return "run `mlv push` where the data were added";
  return `run \`mlv push\` where the data were added: ${escapeName(origin.author ?? "")} committed \`${name}\` last, in ${origin.commit.slice(0, 10)}`;
}
