import type { Repository } from "./repository.ts";
import { parseRaw, type ChangedPointer } from "./changes.ts";
import type { GitCallOptions } from "./revisions.ts";
import { gitRecords } from "./run-git.ts";

/** Says which commits to walk. */
export interface PointerChangesOptions extends GitCallOptions {
  /** The commit to start from. */
  readonly start: string;
  /** A commit that is left out with all its ancestors. */
  readonly since?: string | undefined;
  /**
   * True to walk the branch's own line: a merge is what it brought to the line, and renames are not paired. Else every commit is walked, and of a merge
   * only what no parent had is listed.
   */
  readonly isFirstParent: boolean;
}

/** Is a commit that changed pointers. */
export interface PointerCommit {
  readonly commit: string;
  readonly author: string;
  readonly email: string;
  /** When it was written, ISO 8601 with the author's offset. */
  readonly date: string;
  /** When it was committed, ISO 8601. */
  readonly committed: string;
  readonly subject: string;
  readonly changes: readonly ChangedPointer[];
}

const FORMAT = "--format=%x01%H%x1f%P%x1f%aN%x1f%aE%x1f%aI%x1f%cI%x1f%s";

/** Yields the commits that changed pointers, the youngest first, through one process; stopping early stops Git. Throws `git-failed`. */
export async function* readPointerChanges(
  repository: Repository,
  { start, since, isFirstParent, signal }: PointerChangesOptions,
): AsyncGenerator<PointerCommit, void, undefined> {
  const how = isFirstParent ? ["--first-parent", "--no-renames"] : ["--date-order", "--find-renames", "-l1000"];
  const range = since === undefined ? [start] : [start, `^${since}`];
  const args = ["log", "-z", FORMAT, "--raw", "--no-abbrev", "-m", "--root", ...how, ...range, "--", "*.mlv"];
  let header = "";
  let changes: ChangedPointer[] = [];
  for await (const { commit, change } of parseRaw(gitRecords(repository, args, { signal }))) {
    if (commit !== header && changes.length > 0) {
      yield* toCommit(header, changes, isFirstParent);
      changes = [];
    }
    header = commit;
    if (change !== undefined) changes.push(change);
  }
  if (changes.length > 0) yield* toCommit(header, changes, isFirstParent);
}

function* toCommit(header: string, changes: readonly ChangedPointer[], isFirstParent: boolean): Generator<PointerCommit> {
  const [commit = "", parents = "", author = "", email = "", date = "", committed = "", ...subject] = header.split("\u001f");
  const count = isFirstParent ? 1 : parents.split(" ").length;
  const own = count === 1 ? changes : changedFromAll(changes, count);
  if (own.length > 0) yield { commit, author, email, date, committed, subject: subject.join("\u001f"), changes: own };
}

/** Git lists a merge once for each parent; what one of the parents has too was done there. */
function changedFromAll(changes: readonly ChangedPointer[], parents: number): ChangedPointer[] {
  const byPath = new Map<string, ChangedPointer[]>();
  for (const change of changes) byPath.set(change.path, [...(byPath.get(change.path) ?? []), change]);
  return [...byPath.values()].flatMap((found) => (found.length >= parents ? found.slice(0, 1) : []));
}
