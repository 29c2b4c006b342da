import * as fs from "node:fs";
import path from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import type { Repository } from "./repository.ts";

const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const MAX_SYMREF_DEPTH = 5;

/** Tells whether a text is a full object id, SHA-1 or SHA-256. */
export function isOid(text: string): boolean {
  return OID.test(text);
}

/** Returns the commit that HEAD names, or undefined before the first commit. Starts Git only for refs that are not plain files. */
export async function headCommit(repository: Repository): Promise<string | undefined> {
  const text = readHead(repository);
  if (text !== undefined && isOid(text)) return text;
  const found = text === undefined ? undefined : readRef(repository, text, MAX_SYMREF_DEPTH);
  if (found !== undefined) return found.oid;
  const { runGit } = await import("./run-git.ts");
  const { stdout } = await runGit(repository, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], { acceptStatus: [1] });
  return stdout.toString("utf8").trim() || undefined;
}

/** Returns the short name of the branch that is checked out (also before its first commit), or undefined when HEAD is detached. */
export async function currentBranch(repository: Repository): Promise<string | undefined> {
  const text = readHead(repository);
  if (text !== undefined && isOid(text)) return undefined;
  if (text !== undefined) return text.replace(/^refs\/heads\//, "");
  const { runGit } = await import("./run-git.ts");
  const { stdout } = await runGit(repository, ["symbolic-ref", "--quiet", "HEAD"], { acceptStatus: [1] });
  return (
    stdout
      .toString("utf8")
      .trim()
      .replace(/^refs\/heads\//, "") || undefined
  );
}

/** Returns HEAD's ref name or commit; undefined where only Git can tell: another ref storage, or a symlink. */
function readHead(repository: Repository): string | undefined {
  const file = path.join(repository.gitDir, "HEAD");
  if (repository.refStorage !== "files" || fs.lstatSync(file).isSymbolicLink()) return undefined;
  return parseRefText(fs.readFileSync(file, "utf8"));
}

/** Returns the ref name or oid in a ref's file; undefined for anything else. */
function parseRefText(text: string): string | undefined {
  const value = text.trimEnd();
  if (isOid(value)) return value;
  const name = /^ref:\s*(refs\/.+)$/.exec(value)?.[1];
  return name === undefined || name.split("/").includes("..") ? undefined : name;
}

/** Looks a ref up among loose files, then packed ones; `{ oid: undefined }` means a ref that does not exist, undefined "ask Git". */
function readRef(repository: Repository, name: string, depth: number): { readonly oid: string | undefined } | undefined {
  if (depth === 0 || repository.refStorage !== "files") return undefined;
  const isOwn = /^refs\/(?:bisect|worktree|rewritten)\//.test(name);
  const loose = readIfFile(path.join(isOwn ? repository.gitDir : repository.commonDir, name));
  if (loose === undefined) return { oid: readPackedRef(repository, name) };
  const value = parseRefText(loose.toString("utf8"));
  if (value === undefined) return undefined;
  return isOid(value) ? { oid: value } : readRef(repository, value, depth - 1);
}

function readPackedRef(repository: Repository, name: string): string | undefined {
  const packed = readIfFile(path.join(repository.commonDir, "packed-refs"));
  const at = packed?.indexOf(` ${name}\n`) ?? -1;
  if (packed === undefined || at < 0) return undefined;
  const oid = packed.toString("latin1", packed.lastIndexOf(10, at) + 1, at);
  return isOid(oid) ? oid : undefined;
}

function readIfFile(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    const code = systemErrorCode(error);
    // A folder stands where the branch `a` would be while branches `a/…` exist.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw error;
  }
}
