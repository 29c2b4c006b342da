import { randomBytes } from "node:crypto";
import type { ErrorCode } from "../base/error-codes.ts";
import { isMlvError, MlvError } from "../base/errors.ts";
import { sha256 } from "../base/hashing.ts";
import { redact } from "../base/redaction.ts";
import type { GetOptions, Remote } from "../remotes/remote.ts";
import { bufferSource, readBounded } from "../transfer/remote-store.ts";
import { selectRemote } from "./configuration.ts";
import { RETRIES_TO_LOOK, withWorkspace, type OperationContext } from "./open-workspace.ts";
import { withRemote, type RemoteSession } from "./remote-session.ts";

/** Is one step of checking a remote. */
export interface RemoteCheckStep {
  /** A stable name in kebab case, e.g. `write`. */
  readonly name: string;
  readonly state: "ok" | "failed" | "skipped";
  readonly message: string;
  /** Why it failed. */
  readonly code?: ErrorCode;
  readonly hint?: string;
  /** How long it took, milliseconds. */
  readonly durationMs: number;
}

/** Is what checking a remote found. */
export interface RemoteCheckResult {
  readonly remote: string;
  readonly url: string;
  readonly isOk: boolean;
  readonly steps: readonly RemoteCheckStep[];
}

/** Tries, with one small blob, everything that mlv does on a remote. A step that fails is a result. Throws `remote-not-configured`. */
export async function remoteCheck(context: OperationContext, options: { readonly name?: string | undefined }): Promise<RemoteCheckResult> {
  return withWorkspace({ ...context, retries: RETRIES_TO_LOOK }, async (workspace) => {
    const config = selectRemote(await workspace.configuration(), options.name);
    const runner = new StepRunner();
    let url = redact(config.url);
    await runner.run("open", async () => {
      const work = async ({ remote, store }: RemoteSession): Promise<void> => {
        url = remote.url;
        await tryRemote(runner, remote, () => store.checkMarker(false, context.signal), context.signal);
      };
      await withRemote(workspace, config.name, work);
      return "URL, options and trust are in order";
    });
    const steps = runner.inOrder();
    return { remote: config.name, url, isOk: steps.every((step) => step.state !== "failed"), steps };
  });
}

const ORDER = ["open", "credentials", "marker", "write", "read", "range", "create-only", "replace", "list", "remove"];

class StepRunner {
  readonly #steps = new Map<string, RemoteCheckStep>();

  /** Runs one step; returns false when it failed. What fails besides a known error is a bug and is thrown. */
  async run(name: string, step: () => Promise<string>): Promise<boolean> {
    const startedAt = performance.now();
    try {
      const message = await step();
      this.#steps.set(name, { name, state: "ok", message, durationMs: Math.round(performance.now() - startedAt) });
      return true;
    } catch (error) {
      if (!isMlvError(error) || error.kind === "internal") throw error;
      const { message, hint } = error;
      this.#steps.set(name, {
        name,
        state: "failed",
        message,
        code: error.code,
        // What this very command says needs no pointing at it.
        ...(hint === undefined || hint.includes("`mlv remote check`") ? {} : { hint }),
        durationMs: Math.round(performance.now() - startedAt),
      });
      return false;
    }
  }

  inOrder(): RemoteCheckStep[] {
    return ORDER.map((name) => this.#steps.get(name) ?? { name, state: "skipped", message: "not tried", durationMs: 0 });
  }
}

async function tryRemote(
  runner: StepRunner,
  remote: Remote,
  checkMarker: () => Promise<boolean>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const key = `check/${randomBytes(16).toString("hex")}`;
  const content = randomBytes(1000);
  if (remote.describeCredentials !== undefined) {
    const described = await runner.run("credentials", async () => (await remote.describeCredentials?.()) ?? "none needed");
    if (!described) return;
  }
  const isStore = await runner.run("marker", async () => {
    await checkMarker();
    return "reachable, and empty or a store of this format";
  });
  if (!isStore) return;
  let etag = "";
  const isWritten = await runner.run("write", async () => {
    etag = (await remote.put(key, bufferSource(content), { sha256: sha256(content), signal })).etag;
    return "a small blob can be written";
  });
  if (!isWritten) {
    // Who only reads needs to know that reading works.
    await runner.run("list", async () => {
      for await (const _entry of remote.list("check/", { signal })) break;
      return "blobs are listed";
    });
    return;
  }
  await runner.run("read", async () => {
    assertSame(await readAll(remote, key, { signal }), content);
    return "what was written is read back";
  });
  await runner.run("range", async () => {
    assertSame(await readAll(remote, key, { signal, range: { offset: 100, length: 50 } }), content.subarray(100, 150));
    return "a range is read alone";
  });
  await runner.run("create-only", async () => {
    if ((await remote.put(key, bufferSource(randomBytes(1000)), { signal })).created)
      throw broken("it lets a second writer replace a blob that is there");
    return "a blob that is there is not replaced";
  });
  await runner.run("replace", async () => {
    await remote.replace(key, bufferSource(content), { ifMatch: etag, sha256: sha256(content), signal });
    return "a blob is replaced on condition";
  });
  await runner.run("list", async () => {
    for await (const entry of remote.list("check/", { signal })) if (entry.key === key) return "blobs are listed";
    throw broken("it does not list a blob that was just written");
  });
  await runner.run("remove", async () => {
    await remote.remove(key, { signal });
    return "a blob can be deleted";
  });
}

async function readAll(remote: Remote, key: string, options: GetOptions): Promise<Buffer> {
  const body = await remote.get(key, options);
  if (body === undefined) throw broken("it does not have a blob that was just written");
  return readBounded(body, 4096, key);
}

function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  if (!Buffer.from(actual).equals(expected)) throw broken("it returns other bytes than were written");
}

function broken(why: string): MlvError {
  return new MlvError("remote-corrupt", `the remote cannot be relied on: ${why}`, {
    hint: "use another service, or another version of this one",
  });
}
