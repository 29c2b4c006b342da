import type { Sha256 } from "../base/ids.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says what to download. */
export interface GetOptions {
  /** A URL or path of a Git repository. */
  readonly repository: string;
  /** A target, or a path inside one, relative to that repository's root. */
  readonly path: string;
  /** A branch, tag or commit; the repository's HEAD when absent. */
  readonly rev?: string | undefined;
  /** Where to write, relative to the caller's folder; the path's own last name when absent. An existing folder is written into. */
  readonly out?: string | undefined;
  /** The name of one of that repository's remotes; its default when absent. */
  readonly remote?: string | undefined;
  /** Replaces what stands at the destination. */
  readonly force: boolean;
}

/** Is what `get` downloaded. */
export interface GetResult {
  /** Absolute path of what was written. */
  readonly out: string;
  readonly kind: "file" | "dir";
  readonly sha256: Sha256;
  readonly files: number;
  readonly size: number;
  readonly commit: string;
  readonly remote: string;
  readonly url: string;
  readonly receivedBytes: number;
}

/**
 * Downloads a target, or a part of one, of another repository without cloning it; works outside any repository.
 * Throws `git-failed`, `revision-not-found`, `target-not-found`, `target-exists`, `remote-not-configured`, `endpoint-untrusted`,
 * `content-missing`, `content-mismatch`; nothing is at the destination then.
 */
export async function get(context: OperationContext, options: GetOptions): Promise<GetResult> {
  return unbuilt(context, options);
}
