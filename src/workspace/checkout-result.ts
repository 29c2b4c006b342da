import type { RepoPath, Sha256 } from "../base/ids.ts";

/** Is what a checkout did to one target; paths are relative to the repository's root. */
export interface CheckoutResult {
  readonly target: RepoPath;
  readonly written: number;
  readonly writtenBytes: number;
  readonly removed: number;
  /** Local edits that were left alone. */
  readonly kept: readonly string[];
  /** Local edits that `--force` replaced, with the hash under which the cache keeps them. */
  readonly saved: readonly { readonly path: string; readonly sha256: Sha256 }[];
  /** Files whose content is not in the cache. */
  readonly missing: readonly string[];
  /** Files whose cached content is damaged. */
  readonly damaged: readonly { readonly path: string; readonly sha256: Sha256 }[];
}

/** Returns what a checkout that found nothing to do did. */
export function emptyResult(target: string): CheckoutResult {
  return { target: target as RepoPath, written: 0, writtenBytes: 0, removed: 0, kept: [], saved: [], missing: [], damaged: [] };
}
