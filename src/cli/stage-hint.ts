import path from "node:path";
import type { Session } from "./session.ts";
import { quoteForShell } from "./terminal.ts";

const MANY = 8;

/** Prints the `git add` to type for what a command wrote; paths are relative to the repository's root. */
export function printToStage(
  session: Session,
  result: { readonly toStage: readonly string[]; readonly root: string },
  isDryRun: boolean,
): void {
  if (result.toStage.length === 0 || isDryRun) return;
  const from = session.operation.cwd;
  const paths = result.toStage.map((file) => quoteForShell(path.relative(from, path.join(result.root, file)) || "."));
  const shown = paths.length > MANY ? ["'*.mlv'", "'*.gitignore'"] : paths;
  session.print(`Next: git add ${shown.join(" ")}`);
}
