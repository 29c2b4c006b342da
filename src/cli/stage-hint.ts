import path from "node:path";
import type { Session } from "./session.ts";
import { quoteForShell } from "../base/shell-words.ts";

const MANY = 8;

/** Returns a path of the repository as a word that the user can type in a shell where they are. */
export function typedPath(session: Session, root: string, file: string): string {
  return quoteForShell(path.relative(session.operation.cwd, path.join(root, file)) || ".");
}

/** Prints the `git add` to type for what a command wrote; paths are relative to the repository's root. */
export function printToStage(
  session: Session,
  result: { readonly toStage: readonly string[]; readonly root: string },
  isDryRun: boolean,
): void {
  if (result.toStage.length === 0 || isDryRun) return;
  const paths = result.toStage.map((file) => typedPath(session, result.root, file));
  const kinds = [".mlv", ".gitignore", "mlv.lock"].filter((ending) => result.toStage.some((file) => file.endsWith(ending)));
  // A pattern of Git's is about the folder that one is in, unless it begins at the root.
  const from = result.root === session.operation.cwd ? "" : ":/";
  const shown = paths.length > MANY ? kinds.map((ending) => `'${from}*${ending}'`) : paths;
  session.print(`Next: git add ${shown.join(" ")}`);
}
