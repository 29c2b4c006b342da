import type { Repository } from "./repository.ts";
import { gitRecords } from "./run-git.ts";
import { parseRaw } from "./changes.ts";
import type { GitCallOptions } from "./revisions.ts";

/** Says whose history to read. */
export interface PointerLogOptions extends GitCallOptions {
  /** How many blobs of one pointer are enough. */
  readonly limit: number;
  readonly suffix?: string;
}

/** Is what one walk tells of every pointer, by its path. */
export interface PointerLog {
  /** The blobs that it had, the latest first and each once, under earlier names where Git pairs them as a rename. */
  readonly oids: ReadonlyMap<string, readonly string[]>;
  /** Those that came to be in a commit that deleted others: they may be these, renamed and edited. */
  readonly replacing: ReadonlySet<string>;
}

/** Reads what the pointers of HEAD's history were. One walk for all of them, where `logFile` walks for one. */
export async function readPointerLog(repository: Repository, { limit, suffix = ".mlv", signal }: PointerLogOptions): Promise<PointerLog> {
  const args = ["log", "-z", "--format=%x01%H", "--raw", "--no-abbrev", "-m", "--root", "--find-renames", "HEAD", "--", `*${suffix}`];
  const oids = new Map<string, string[]>();
  /** Whose history a path was at the commit that the walk has reached; itself where nothing else is noted. */
  const owners = new Map<string, readonly string[]>();
  const replacing = new Set<string>();
  let [last, isReplacing] = ["", false];
  let added: string[] = [];
  const endCommit = (): void => {
    if (isReplacing) for (const owner of added) replacing.add(owner);
    [added, isReplacing] = [[], false];
  };
  for await (const { commit, change } of parseRaw(gitRecords(repository, args, { signal }))) {
    if (change === undefined) continue;
    const { path, oldPath, newOid, status } = change;
    if (commit !== last) endCommit();
    last = commit;
    const own = owners.get(path) ?? [path];
    if (status === "deleted") isReplacing = true;
    if (status === "added") added.push(...own);
    for (const owner of newOid === undefined ? [] : own) {
      const known = oids.get(owner);
      if (known === undefined) oids.set(owner, [newOid as string]);
      else if (known.length < limit && !known.includes(newOid as string)) known.push(newOid as string);
    }
    if (oldPath !== undefined) {
      owners.set(oldPath, [...new Set([...(owners.get(oldPath) ?? [oldPath]), ...own])]);
      owners.set(path, [path]);
    }
  }
  endCommit();
  return { oids, replacing };
}
