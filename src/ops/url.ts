import { quoteForShell } from "../base/shell-words.ts";
import { MlvError } from "../base/errors.ts";
import type { BlobKey, RepoPath, Sha256 } from "../base/ids.ts";
import type { Body } from "../formats/body.ts";
import { parseBlobKey } from "../formats/layout.ts";
import { findVersionFile, type VersionFile } from "./open-content.ts";
import { withWorkspace, type OperationContext } from "./open-workspace.ts";
import { withRemote } from "./remote-session.ts";
import { resolveSpec } from "./revision-spec.ts";

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
  const expiresInSeconds = options.expiresInSeconds ?? 3600;
  return withWorkspace(context, async (workspace) => {
    const place = await resolveSpec(workspace, options.spec);
    const file = await findVersionFile(workspace, place, options.remote);
    return withRemote(workspace, options.remote, async ({ config, remote, store }) => {
      const version = await store.readVersion(place.pointer.sha256, context.signal);
      if (version === undefined) {
        throw new MlvError("content-missing", `\`${config.name}\` does not have this version of \`${place.target}\``, {
          hint: "push it: `mlv push`",
        });
      }
      const key = plainObject(version.body, file);
      if (key === undefined) {
        throw new MlvError("remote-unsupported", `\`${config.name}\` holds \`${file.path}\` in pieces, so no one URL gives it`, {
          hint: `download it with \`mlv get REPOSITORY ${quoteForShell(file.path)}\` or \`mlv cat ${quoteForShell(options.spec)}\``,
          details: { path: file.path },
        });
      }
      const signed = await remote.signedUrl(key, expiresInSeconds, { signal: context.signal });
      const { path, sha256, size } = file;
      return { path, sha256, size, url: signed, remote: config.name, expiresInSeconds };
    });
  });
}

/** Returns the key of the blob that is the file, byte for byte; undefined when it lies in packs or pieces. */
function plainObject(body: Body, file: VersionFile): BlobKey | undefined {
  const blob = body.blobs.find(({ key, size }) => {
    const parts = parseBlobKey(key);
    return parts?.kind === "objects" && parts.hash === file.sha256 && size === file.size;
  });
  return blob?.key;
}
