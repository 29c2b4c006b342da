import path from "node:path";
import { quoteForShell } from "../base/shell-words.ts";
import type { RemoteConfig } from "../formats/remote-config.ts";
import type { Repository } from "../git/repository.ts";
import { addressRoot, isSubmodule } from "../git/worktrees.ts";

/** Returns why a remote that is a relative folder is looked for where it is, and what to type where that is wrong; undefined for any other remote. */
export function explainRelativeRemote(repository: Repository, { name, url }: RemoteConfig): string | undefined {
  if (path.isAbsolute(url) || /^[A-Za-z][A-Za-z0-9+.-]+:/.test(url)) return undefined;
  const root = addressRoot(repository);
  const start = `the relative folder \`${url}\` starts at the root of this ${isSubmodule(repository) ? "submodule" : "repository"}, \`${root}\``;
  if (!isSubmodule(repository)) return start;
  const example = quoteForShell(`/path/to/${path.basename(url)}`);
  return `${start}, not where it was cloned from: \`mlv remote add --local --force ${name} ${example}\` says where the folder is on this machine`;
}
