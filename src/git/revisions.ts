import * as fs from "node:fs";
import { join } from "node:path";
import { MlvError } from "../base/errors.ts";
import { openCatFile } from "./cat-file.ts";
import { headCommit, isOid } from "./head.ts";
import type { Repository } from "./repository.ts";
import { gitRecords, runGit } from "./run-git.ts";

export { currentBranch, headCommit } from "./head.ts";

/** Carries what every question to Git takes. */
export interface GitCallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the commit that a text names as Git understands it (`main`, `v1.2`, `HEAD~3`, a short hash, `:/message`).
 * Throws `revision-not-found`, also for a text that Git could take for an option.
 */
export async function resolveRevision(repository: Repository, text: string, options: GitCallOptions = {}): Promise<string> {
  // eslint-disable-next-line no-control-regex
  if (text === "" || text.startsWith("-") || /[\u0000-\u001f]/.test(text)) throw revisionNotFound(repository, text);
  if (text === "HEAD" || text === "@") {
    const head = await headCommit(repository);
    if (head !== undefined) return head;
    throw new MlvError("revision-not-found", "`HEAD` names nothing: there is no commit yet", {
      hint: 'make the first commit: `git commit -m "…"`',
      details: { revision: text },
    });
  }
  // A search takes the rest of the text, so the wish for a commit must be a question of its own.
  const named = text.includes(":/") ? await verify(repository, text, options) : text;
  const commit = named === undefined ? undefined : await verify(repository, `${named}^{commit}`, options);
  if (commit === undefined) throw revisionNotFound(repository, text);
  return commit;
}

async function verify(repository: Repository, text: string, { signal }: GitCallOptions): Promise<string | undefined> {
  const { stdout } = await runGit(repository, ["rev-parse", "--verify", "--quiet", text], { acceptStatus: [1, 128], signal });
  const oid = stdout.toString("utf8").trim();
  return isOid(oid) ? oid : undefined;
}

function revisionNotFound(repository: Repository, text: string): MlvError {
  const isShallow = fs.existsSync(join(repository.commonDir, "shallow"));
  return new MlvError("revision-not-found", `Git knows no revision \`${text}\``, {
    hint: `\`git log --oneline --all\` lists commits; ${
      isShallow
        ? "this clone is shallow: `git fetch --unshallow --tags` brings the whole history"
        : "`git fetch --tags` brings what only the server has"
    }`,
    details: { revision: text },
  });
}

/** Returns a full object id as it is and resolves anything else. */
export async function toCommit(repository: Repository, revision: string, options: GitCallOptions): Promise<string> {
  return isOid(revision) ? revision : resolveRevision(repository, revision, options);
}

/** Returns the parents of a commit, the first first; none where the history is cut. Throws `revision-not-found`. */
export async function parentsOf(repository: Repository, revision: string, options: GitCallOptions = {}): Promise<string[]> {
  const commit = await toCommit(repository, revision, options);
  const { stdout } = await runGit(repository, ["rev-parse", `${commit}^@`], { signal: options.signal });
  return stdout.toString("utf8").split("\n").filter(isOid);
}

/** Returns the best common ancestor of two revisions, or undefined when they share no history. Throws `revision-not-found`. */
export async function mergeBase(
  repository: Repository,
  left: string,
  right: string,
  options: GitCallOptions = {},
): Promise<string | undefined> {
  const commits = [await toCommit(repository, left, options), await toCommit(repository, right, options)];
  const { stdout } = await runGit(repository, ["merge-base", ...commits], { acceptStatus: [1], signal: options.signal });
  return stdout.toString("utf8").trim() || undefined;
}

/** Is one file of a commit's tree. */
export interface TreeEntry {
  readonly path: string;
  readonly mode: number;
  readonly oid: string;
}

/** Says which files of a tree to list. */
export interface ListTreeOptions extends GitCallOptions {
  /** Keeps paths that end with this; `.mlv` when absent, every path when empty. */
  readonly suffix?: string;
  /** Keeps a folder's files, or the one file of that name; relative to the root, without a slash at the end. */
  readonly prefix?: string;
}

/** Lists the files of a revision's tree, sorted as Git sorts them. Throws `revision-not-found`. */
export async function listTree(repository: Repository, revision: string, options: ListTreeOptions = {}): Promise<TreeEntry[]> {
  const { suffix = ".mlv", prefix = "", signal } = options;
  const commit = await toCommit(repository, revision, options);
  const args = ["--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", commit, ...(prefix === "" ? [] : ["--", prefix])];
  const entries: TreeEntry[] = [];
  for await (const record of gitRecords(repository, args, { signal })) {
    if (!record.endsWith(suffix)) continue;
    const tab = record.indexOf("\t");
    const [mode = "", , oid = ""] = record.slice(0, tab).split(" ");
    entries.push({ path: record.slice(tab + 1), mode: Number.parseInt(mode, 8), oid });
  }
  return entries;
}

/** Is a pointer (or lock file) as Git holds it; `content` is not checked in any way. */
export interface PointerBlob {
  readonly path: string;
  readonly oid: string;
  readonly content: Buffer;
}

/** Is a pointer in a revision's tree. */
export interface RevisionPointer extends PointerBlob {
  /** The revision as the caller named it. */
  readonly revision: string;
}

/**
 * Yields every pointer of each revision, revision by revision, through one process; a blob that several share is read once.
 * Throws `revision-not-found`, `git-failed`.
 */
export async function* readPointersAtRevisions(
  repository: Repository,
  revisions: readonly string[],
  options: ListTreeOptions = {},
): AsyncGenerator<RevisionPointer, void, undefined> {
  const known = new Map<string, Buffer>();
  const catFile = openCatFile(repository, { signal: options.signal });
  try {
    for (const revision of revisions) {
      const entries = await listTree(repository, revision, options);
      const missing = [...new Set(entries.map((entry) => entry.oid))].filter((oid) => !known.has(oid));
      const objects = await Promise.all(missing.map((oid) => catFile.read(oid)));
      for (const object of objects) if (object?.type === "blob") known.set(object.oid, object.content);
      for (const { path, oid } of entries) {
        const content = known.get(oid);
        if (content !== undefined) yield { revision, path, oid, content };
      }
    }
  } finally {
    await catFile.close();
  }
}
