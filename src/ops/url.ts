import type { RepoPath, Sha256 } from "../base/ids.ts";
import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Says for what to make a URL. */
export interface UrlOptions {
  /** `PATH` or `REV:PATH`. */
  readonly spec: string;
  readonly remote?: string | undefined;
  /** Seconds that the URL is good for; an hour when absent. */
  readonly expiresInSeconds?: number | undefined;
}

/** Is a URL that anyone can read one file with. */
export interface UrlResult {
  readonly path: RepoPath;
  readonly sha256: Sha256;
  readonly size: number;
  readonly url: string;
  readonly remote: string;
  readonly expiresInSeconds: number;
}

/** Returns a signed URL of a file that the remote holds as one plain object. Throws `remote-unsupported` with a hint to `mlv get` for any other. */
export async function url(context: OperationContext, options: UrlOptions): Promise<UrlResult> {
  return unbuilt(context, options);
}
