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

/**
 * Returns, for each pointer of HEAD's history by its path, the blobs that it had, the latest first and each once, under earlier names where Git pairs them as
 * a rename. One walk for all of them, where `logFile` walks for one.
 */
export async function readPointerLog(
  repository: Repository,
  { limit, suffix = ".mlv", signal }: PointerLogOptions,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const args = ["log", "-z", "--format=%x01%H", "--raw", "--no-abbrev", "-m", "--root", "--find-renames", "HEAD", "--", `*${suffix}`];
  const oids = new Map<string, string[]>();
  /** Whose history a path was at the commit that the walk has reached; itself where nothing else is noted. */
  const owners = new Map<string, readonly string[]>();
  for await (const { change } of parseRaw(gitRecords(repository, args, { signal }))) {
    if (change === undefined) continue;
    const { path, oldPath, newOid } = change;
    const own = owners.get(path) ?? [path];
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
  return oids;
}
