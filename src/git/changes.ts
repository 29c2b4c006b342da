import type { Repository } from "./repository.ts";
import { toCommit, type GitCallOptions } from "./revisions.ts";
import { gitRecords } from "./run-git.ts";

/** Is a pointer that differs between two revisions. */
export interface ChangedPointer {
  readonly status: "added" | "deleted" | "modified" | "renamed";
  /** Its path in the second revision; in the first when it was deleted. */
  readonly path: string;
  /** Its path in the first revision, when it was renamed. */
  readonly oldPath?: string;
  readonly oldOid?: string;
  readonly newOid?: string;
  /** Its mode in the second revision; 0 when it was deleted. */
  readonly newMode: number;
  /** How alike a renamed pointer's two contents are, 0 to 100. */
  readonly similarity?: number;
}

/** Lists the pointers that differ between two revisions, renames paired as Git pairs them. Throws `revision-not-found`. */
export async function changedPointers(
  repository: Repository,
  left: string,
  right: string,
  options: GitCallOptions & { readonly suffix?: string } = {},
): Promise<ChangedPointer[]> {
  const { suffix = ".mlv", signal } = options;
  const commits = [await toCommit(repository, left, options), await toCommit(repository, right, options)];
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--find-renames", "-l5000", ...commits, "--", `*${suffix}`];
  const changes: ChangedPointer[] = [];
  for await (const { change } of parseRaw(gitRecords(repository, args, { signal }))) {
    if (change !== undefined) changes.push(change);
  }
  return changes;
}

/** Is a commit that changed a file. */
export interface FileCommit {
  readonly commit: string;
  readonly author: string;
  readonly email: string;
  /** When it was written, ISO 8601 with the author's offset. */
  readonly date: string;
  readonly subject: string;
  /** The file's path in this commit; before the deletion when `oid` is absent. */
  readonly path: string;
  /** The file's path before, when this commit renamed it. */
  readonly oldPath?: string;
  /** The file's blob in this commit; absent when the commit deleted it. */
  readonly oid?: string;
}

/** Says how to walk a file's history. */
export interface LogFileOptions extends GitCallOptions {
  /** Goes on under the earlier name where the file was renamed; true when absent. */
  readonly follow?: boolean;
  /** Where to start; HEAD when absent. */
  readonly revision?: string;
}

const LOG_FORMAT = "--format=%x01%H%x1f%aN%x1f%aE%x1f%aI%x1f%s";

/** Yields the commits that changed one file, youngest first; stopping early stops Git. Throws `revision-not-found`. */
export async function* logFile(
  repository: Repository,
  path: string,
  options: LogFileOptions = {},
): AsyncGenerator<FileCommit, void, undefined> {
  const start = await toCommit(repository, options.revision ?? "HEAD", options);
  const follow = options.follow === false ? ["--no-renames"] : ["--follow", "--find-renames"];
  const args = ["--literal-pathspecs", "log", "-z", LOG_FORMAT, "--raw", "--no-abbrev", "-m", "--root", ...follow, start, "--", path];
  let last = "";
  for await (const { commit, change } of parseRaw(gitRecords(repository, args, { signal: options.signal }))) {
    const [id = "", author = "", email = "", date = "", subject = ""] = commit.split("\u001f");
    // A merge is listed once for each parent.
    if (change === undefined || id === last) continue;
    last = id;
    const { path: name, oldPath, newOid } = change;
    yield {
      commit: id,
      author,
      email,
      date,
      subject,
      path: name,
      ...(oldPath === undefined ? {} : { oldPath }),
      ...(newOid === undefined ? {} : { oid: newOid }),
    };
  }
}

/** Reads `--raw -z` output; commits, when they are printed, come as records that begin with `\x01`. */
export async function* parseRaw(
  records: AsyncIterable<string>,
): AsyncGenerator<{ readonly commit: string; readonly change: ChangedPointer | undefined }, void, undefined> {
  let commit = "";
  let header: readonly string[] | undefined;
  let oldPath: string | undefined;
  for await (const record of records) {
    if (header === undefined) {
      const text = record.trimStart();
      if (text.startsWith("\u0001")) commit = text.slice(1);
      else if (text.startsWith(":")) header = text.slice(1).split(" ");
      continue;
    }
    const isPair = /^[RC]/.test(header[4] ?? "");
    if (isPair && oldPath === undefined) {
      oldPath = record;
      continue;
    }
    yield { commit, change: toChange(header, record, oldPath) };
    header = undefined;
    oldPath = undefined;
  }
}

const STATUS = { A: "added", C: "added", D: "deleted", R: "renamed" } as const;

function toChange(header: readonly string[], path: string, oldPath: string | undefined): ChangedPointer {
  const [, mode = "", oldOid = "", newOid = "", word = ""] = header;
  const letter = word.charAt(0);
  const status = letter === "A" || letter === "C" || letter === "D" || letter === "R" ? STATUS[letter] : "modified";
  return {
    status,
    path,
    newMode: Number.parseInt(mode, 8),
    ...(oldPath === undefined || status !== "renamed" ? {} : { oldPath, similarity: Number(word.slice(1)) }),
    ...(/^0+$/.test(oldOid) || status === "added" ? {} : { oldOid }),
    ...(/^0+$/.test(newOid) ? {} : { newOid }),
  };
}
