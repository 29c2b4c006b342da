import { isMlvError, MlvError } from "../base/errors.ts";
import { isSha256, type Sha256 } from "../base/ids.ts";
import type { Workspace } from "./open-workspace.ts";

/**
 * Runs `work` and, where it fails on a damaged object of the cache, mends the object from the workspace or the remote, warns, and runs it again.
 * `work` must be safe to repeat. Throws `content-mismatch` naming the files when there is no good copy, and what `work` throws.
 */
export async function withMending<Result>(workspace: Workspace, remote: string | undefined, work: () => Promise<Result>): Promise<Result> {
  const tried = new Set<Sha256>();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const hash = damagedObject(workspace, error);
      if (hash === undefined || tried.has(hash)) throw error;
      tried.add(hash);
      await mend(workspace, { hash, remote, error });
    }
  }
}

interface Damage {
  readonly hash: Sha256;
  readonly remote: string | undefined;
  readonly error: unknown;
}

async function mend(workspace: Workspace, { hash, remote, error }: Damage): Promise<void> {
  const { mendObject } = await import("./mend-cache.ts");
  for (const item of await mendObject(workspace, hash, remote)) {
    const name = item.names[0] === undefined ? (item.sha256 ?? hash) : `\`${item.names[0]}\``;
    if (item.status !== "mended" && item.sha256 === hash) {
      throw new MlvError("content-mismatch", `the cached copy of ${name} is damaged, and no good copy was found: ${item.detail ?? ""}`, {
        hint: "`mlv add` it again where the file still is, or push it from a clone that has it",
        details: { sha256: hash, files: item.names },
        cause: error,
      });
    }
    if (item.status === "mended")
      workspace.context.onEvent({
        type: "notice",
        level: "warning",
        message: `the cached copy of ${name} was damaged and was mended ${item.detail ?? ""}`,
      });
  }
}

/** Only what the cache itself holds under the hash can be mended here: what a remote sent wrong is no object of the cache. */
function damagedObject({ cache }: Workspace, error: unknown): Sha256 | undefined {
  if (!isMlvError(error, "content-mismatch")) return undefined;
  const hash = error.details?.["sha256"];
  return typeof hash === "string" && isSha256(hash) && error.details?.["file"] !== undefined && cache.has(hash) ? hash : undefined;
}
