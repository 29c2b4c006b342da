import { randomUUID } from "node:crypto";
import { RemoteError } from "./remote-error.ts";
import type { Remote, RemoteFailure } from "./remote.ts";
import { bytesSource, collectStream } from "./streams.ts";

/** Names a right that mlv needs on a remote. */
export type RemoteRight = "list" | "write" | "read" | "delete";

/** Is what happened when one right was tried; `skipped` when an earlier one that it needs had failed. */
export interface RightCheck {
  readonly right: RemoteRight;
  readonly outcome: "granted" | "refused" | "skipped";
  readonly reason?: RemoteFailure;
  readonly message?: string;
  readonly hint?: string;
}

/** Is the result of trying a remote. */
export interface RemoteCheck {
  readonly url: string;
  /** Which credential source answered; undefined when none did. */
  readonly credentials: string | undefined;
  readonly rights: readonly RightCheck[];
  /** True when the remote refuses to create what is there already, which everything rests on. */
  readonly hasConditionalWrites: boolean | undefined;
  readonly isUsable: boolean;
}

/** Returns where a remote's credentials come from, never what they are. Throws `unauthenticated` when there are none. */
export async function describeCredentials(remote: Remote): Promise<string> {
  return (await remote.describeCredentials?.()) ?? "none needed";
}

/**
 * Tries each right on a remote with one small blob under `gc/`, deleted again, and says which credential source answered. Failures are
 * part of the result; only an aborted signal and bugs are thrown.
 */
export async function checkRemote(remote: Remote, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<RemoteCheck> {
  const key = `gc/check-${randomUUID()}`;
  const content = Buffer.from("mlv remote check\n");
  const rights: RightCheck[] = [];
  let credentials: string | undefined;
  let hasConditionalWrites: boolean | undefined;

  const attempt = async (right: RemoteRight, needs: RemoteRight | undefined, work: () => Promise<void>): Promise<void> => {
    if (needs !== undefined && rights.find((done) => done.right === needs)?.outcome !== "granted") {
      rights.push({ right, outcome: "skipped" });
      return;
    }
    try {
      await work();
      rights.push({ right, outcome: "granted" });
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      const { reason, message, hint } = error;
      rights.push({ right, outcome: "refused", reason, message, ...(hint === undefined ? {} : { hint }) });
    }
  };

  try {
    credentials = await describeCredentials(remote);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
  }
  await attempt("list", undefined, async () => {
    for await (const entry of remote.list("gc/", options)) if (entry.key !== "") break;
  });
  await attempt("write", undefined, async () => {
    await remote.put(key, bytesSource(content), options);
    hasConditionalWrites = !(await remote.put(key, bytesSource(content), options)).created;
  });
  await attempt("read", "write", async () => {
    const body = await remote.get(key, options);
    if (body === undefined) throw new RemoteError("absent", "the blob that was just written is not there");
    const read = await collectStream(body.stream, content.length);
    if (!read.equals(content)) throw new RemoteError("corrupt", "the blob that was just written reads differently");
  });
  await attempt("delete", "write", async () => {
    await remote.remove(key, options);
    if ((await remote.stat(key, options)) !== undefined) throw new RemoteError("denied", "the blob that was just deleted is still there");
  });
  const isUsable = hasConditionalWrites === true && rights.every(({ right, outcome }) => right === "delete" || outcome === "granted");
  return { url: remote.url, credentials, rights, hasConditionalWrites, isUsable };
}
