import path from "node:path";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { RemoteConfig } from "../formats/remote-config.ts";
import { addressRoot } from "../git/worktrees.ts";
import type { Remote } from "../remotes/remote.ts";
import { RemoteStore } from "../transfer/remote-store.ts";
import { selectRemote } from "./configuration.ts";
import type { Workspace } from "./open-workspace.ts";
import { explainRelativeRemote } from "./relative-remote.ts";
import { isTrusted } from "./trust.ts";

/** Is an opened remote with what this machine knows of it. */
export interface RemoteSession {
  readonly config: RemoteConfig;
  readonly remote: Remote;
  /** Returns how many requests were made so far, retries included. */
  requests(): number;
  readonly store: RemoteStore;
  /** Why a remote that is a relative folder is looked for where it is. */
  readonly place: string | undefined;
}

/** Throws `remote-not-configured` for the name of a remote that there is not, also where nothing would be asked of it. */
export async function assertRemote(workspace: Workspace, name: string | undefined): Promise<void> {
  if (name !== undefined) selectRemote(await workspace.configuration(), name);
}

/**
 * Opens a remote by name, or the default one, runs `work` and closes it whatever happens.
 * Throws `remote-not-configured`, `endpoint-untrusted`, `remote-misconfigured`, and `content-missing` in an offline workspace.
 */
export async function withRemote<Result>(
  workspace: Workspace,
  name: string | undefined,
  work: (session: RemoteSession) => Promise<Result>,
): Promise<Result> {
  const session = await openRemoteSession(workspace, name);
  try {
    return await work(session);
  } finally {
    await session.remote.close();
  }
}

/** Opens a remote as `withRemote` does, for a caller who closes it. */
export async function openRemoteSession(workspace: Workspace, name: string | undefined): Promise<RemoteSession> {
  if (workspace.context.isOffline === true)
    throw new MlvError("content-missing", "it is not in the cache, and nothing is fetched here", { hint: "run `mlv fetch`" });
  const configuration = await workspace.configuration();
  const config = selectRemote(configuration, name);
  const { openRemote } = await import("../remotes/open.ts");
  const { createRequestMeter } = await import("../remotes/request-meter.ts");
  const meter = createRequestMeter();
  let quietUntil = 0;
  const opened = await openRemote(config, {
    retries: workspace.context.retries,
    meter,
    repositoryRoot: addressRoot(workspace.repository),
    env: workspace.context.env,
    isTrusted: (host) => isTrusted(host, configuration.local.trust, workspace.context.env["MLV_TRUST_ENDPOINTS"]),
    onRetry: (error, waitMs) => {
      // Requests that run side by side fail for one reason: one of them tells of it.
      const now = Date.now();
      if (waitMs < 2000 || now < quietUntil) return;
      quietUntil = now + waitMs;
      workspace.context.onEvent({
        type: "notice",
        level: "info",
        message: `${error.message}; trying again in ${Math.round(waitMs / 1000)} s`,
      });
    },
  });
  const remote = await limitBandwidth(opened, workspace.context.bandwidthLimit);
  return {
    config,
    remote,
    requests: () => meter.counts().totalRequests,
    store: new RemoteStore({ remote, name: config.name, stateFolder: workspace.stateFolder }),
    place: explainRelativeRemote(workspace.repository, config),
  };
}

/** Runs `work`; a failure of the remote is thrown as `nameRemote` has it. */
export async function namingRemote<Result>(
  session: RemoteSession,
  doing: "push to" | "fetch from",
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof MlvError ? nameRemote(session, doing, error) : error;
  }
}

/**
 * Returns a failure of the remote as what could not be done with it, `cannot push to \`origin\` (s3://…)`; any other as it is. Where a relative folder
 * is not what it should be, the hint says where it starts.
 */
export function nameRemote({ config, remote, place }: RemoteSession, doing: "push to" | "fetch from", error: MlvError): MlvError {
  const isElsewhere = place !== undefined && isMlvError(error, "remote-unavailable", "remote-misconfigured");
  const hint = isElsewhere ? [error.hint, place].filter((part) => part !== undefined).join("; ") : error.hint;
  if (error.name !== "RemoteError") return hint === error.hint ? error : withHint(error, hint);
  return new MlvError(error.code, `cannot ${doing} \`${config.name}\` (${remote.url})`, {
    hint: hint ?? `\`mlv remote check ${config.name}\` says more; what was sent or received is kept, so run the same command again`,
    ...(error.details === undefined ? {} : { details: error.details }),
    cause: error,
  });
}

function withHint({ code, message, details, cause }: MlvError, hint: string | undefined): MlvError {
  return new MlvError(code, message, { ...(hint === undefined ? {} : { hint }), ...(details === undefined ? {} : { details }), cause });
}

async function limitBandwidth(remote: Remote, limit: string | undefined): Promise<Remote> {
  if (limit === undefined) return remote;
  const { parseBytes } = await import("../remotes/remote-options.ts");
  const { withBandwidthLimit } = await import("../remotes/wrappers/bandwidth.ts");
  const bytesPerSecond = parseBytes(limit);
  if (bytesPerSecond === undefined || bytesPerSecond === 0) {
    throw new MlvError("usage", `\`--bwlimit\` takes bytes a second such as 500kB or 10MiB, not \`${limit}\``);
  }
  return withBandwidthLimit(remote, { bytesPerSecond });
}

/** Returns the folder in which unfinished fetches keep what they received. */
export function partialFolder(workspace: Workspace): string {
  return path.join(workspace.stateFolder, "partial");
}
