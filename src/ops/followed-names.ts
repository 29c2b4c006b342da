import type { RepoPath } from "../base/ids.ts";
import { unsafePathReason } from "../base/safe-paths.ts";
import type { CatFile } from "../git/cat-file.ts";
import type { ChangedPointer } from "../git/changes.ts";
import { isPointerPath, targetOf } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";
import { pairChanges } from "./pair-changes.ts";

/** In so many commits folders and files are compared by what is in them to find renames; beyond, a long history would take too long. */
const MAX_LOOKS = 100;

/** Follows targets through renames on a walk back through the history. */
export class FollowedNames {
  readonly #workspace: Workspace;
  readonly #catFile: CatFile;
  readonly #isWanted: (target: string) => boolean;
  readonly #withUnsafe: boolean;
  /** The names that older commits have for targets, with the youngest name of each. */
  readonly #owners = new Map<string, RepoPath>();
  #looks = 0;

  /** `isWanted` tells which targets, by their youngest name, the walk is about; names that mlv does not take are part of it only when `withUnsafe` says so. */
  constructor(
    workspace: Workspace,
    catFile: CatFile,
    { isWanted, withUnsafe }: { readonly isWanted: (target: string) => boolean; readonly withUnsafe: boolean },
  ) {
    this.#workspace = workspace;
    this.#catFile = catFile;
    this.#isWanted = isWanted;
    this.#withUnsafe = withUnsafe;
  }

  /**
   * Returns what one commit did to the targets of the walk, renamed and edited in one go as one change; to be called commit by commit, the youngest
   * first. `ownerOf` speaks of the commit that was given last until the next one is.
   */
  async select(changes: readonly ChangedPointer[]): Promise<readonly ChangedPointer[]> {
    if (!changes.some((change) => this.#isPart(change))) return [];
    const isPair = changes.some(({ status }) => status === "added") && changes.some(({ status }) => status === "deleted");
    const withContents = isPair && (this.#looks += 1) <= MAX_LOOKS;
    const paired = isPair ? await pairChanges(this.#workspace, this.#catFile, changes, { withContents }) : changes;
    return paired.filter((change) => this.#isPart(change));
  }

  /** Returns the youngest name of the target that a change is of, and goes on under the one it had before. */
  follow({ path, oldPath }: ChangedPointer): RepoPath {
    const target = targetOf(path);
    const owner = this.#owners.get(target) ?? target;
    if (oldPath === undefined) return owner;
    // What had the name before the rename was something else.
    this.#owners.delete(target);
    this.#owners.set(targetOf(oldPath), owner);
    return owner;
  }

  #isPart({ path, oldPath }: ChangedPointer): boolean {
    return [path, oldPath].some((pointer) => {
      if (pointer === undefined || !isPointerPath(pointer)) return false;
      const target = targetOf(pointer);
      return (this.#withUnsafe || unsafePathReason(target) === undefined) && (this.#owners.has(target) || this.#isWanted(target));
    });
  }
}
