import { crypto } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import type { Remote } from "../remotes/remote.ts";
import { bufferSource } from "./remote-store.ts";

/**
 * Writes a pin: a note on a remote that a push needs these versions, so leave what their heads name, and while one has no head yet delete
 * nothing. Written before anything else of a push; it counts for as long as a gc's grace period, so it outlives the `git push` that follows.
 * Spec: docs/formats/store.md.
 */
export async function writePin(remote: Remote, versions: readonly Sha256[], signal?: AbortSignal): Promise<void> {
  const key = `pins/${new Date().toISOString().slice(0, 10)}-${crypto().randomBytes(8).toString("hex")}`;
  await remote.put(key, bufferSource(formatPin(versions)), { signal });
}

function formatPin(versions: readonly Sha256[]): Buffer {
  return Buffer.from(`${JSON.stringify({ mlv: 1, versions, blobs: [] })}\n`);
}
