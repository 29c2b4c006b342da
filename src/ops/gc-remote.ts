import path from "node:path";
import type { Sha256 } from "../base/ids.ts";
import { findRepository } from "../git/repository.ts";
import { planRemoteGc, runRemoteGc, type PlannedBlob, type RemoteGcContext } from "../transfer/remote-gc.ts";
import { collectNeeds, type Needs } from "./gc-needs.ts";
import { prepareState, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { withRemote } from "./remote-session.ts";

/** Says what a remote gc may free. */
export interface RemoteGcOptions {
  /** Which remote; the default one when absent. */
  readonly remote?: string | undefined;
  /** Every other repository that pushes to the remote: what they name is kept. */
  readonly repositories: readonly string[];
  /** How long a mark must stand before its blob may go, milliseconds; 14 days when absent. */
  readonly graceMs?: number | undefined;
  /** Marks and deletes; without it the result says what would be done. */
  readonly isConfirmed: boolean;
  /** What the clock says, milliseconds since the epoch; the machine's when absent. */
  readonly now?: number | undefined;
}

/** Is one blob of a remote that nothing needs. */
export interface RemoteGcItem {
  readonly key: string;
  readonly size: number;
  /** When it was written, milliseconds since the epoch. */
  readonly modifiedAt: number;
  readonly action: "mark" | "wait" | "delete" | "unmark";
  /** When it may be deleted, for `mark` and `wait`. */
  readonly deletableAt?: number;
}

/** Is what a remote gc did, or would do. */
export interface RemoteGcResult {
  readonly remote: string;
  readonly url: string;
  readonly isDone: boolean;
  readonly items: readonly RemoteGcItem[];
  readonly markedBlobs: number;
  readonly markedBytes: number;
  readonly waitingBlobs: number;
  readonly waitingBytes: number;
  readonly deletedBlobs: number;
  readonly deletedBytes: number;
  readonly unmarkedBlobs: number;
  readonly keptBlobs: number;
  readonly keptBytes: number;
  readonly pins: number;
  readonly abortedUploads: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const GRACE_MS = 14 * DAY_MS;

/**
 * Frees what a remote holds and nothing needs, in two runs with a grace period between them: mark, then delete what is still free.
 * Throws `git-failed` when a repository cannot be read, `path-not-found`, `remote-corrupt`, `remote-…`; nothing more is deleted then.
 */
export async function gcRemote(context: OperationContext, options: RemoteGcOptions): Promise<RemoteGcResult> {
  return withWorkspace(context, async (workspace) => {
    if (options.isConfirmed) prepareState(workspace);
    const now = options.now ?? Date.now();
    const graceMs = options.graceMs ?? GRACE_MS;
    return withRemote(workspace, options.remote, async ({ config, remote, store }) => {
      await store.checkMarker(false, context.signal);
      const gcContext: RemoteGcContext = {
        store,
        jobs: workspace.jobs,
        signal: context.signal,
        graceMs,
        now,
        versions: () => collectVersions(workspace, options.repositories),
        onDeleted: (files, bytes) => context.onEvent({ type: "progress", phase: "delete", files, bytes, subject: config.name }),
      };
      const plan = await planRemoteGc(gcContext);
      if (plan.isPushUnderWay) {
        context.onEvent({
          type: "notice",
          level: "info",
          message: "a push to the remote is not finished, so nothing is deleted in this run",
        });
      }
      const deleted = options.isConfirmed ? await runRemoteGc(gcContext, plan) : undefined;
      const abortedUploads = options.isConfirmed ? await remote.removeUnfinishedUploads(now - graceMs, { signal: context.signal }) : 0;
      const items = plan.blobs.map((blob) => toItem(blob, deleted));
      const sum = (action: RemoteGcItem["action"]): number =>
        items.reduce((bytes, item) => bytes + (item.action === action ? item.size : 0), 0);
      const count = (action: RemoteGcItem["action"]): number => items.filter((item) => item.action === action).length;
      return {
        remote: config.name,
        url: remote.url,
        isDone: options.isConfirmed,
        items,
        markedBlobs: count("mark"),
        markedBytes: sum("mark"),
        waitingBlobs: count("wait"),
        waitingBytes: sum("wait"),
        deletedBlobs: count("delete"),
        deletedBytes: sum("delete"),
        unmarkedBlobs: count("unmark"),
        keptBlobs: plan.kept.length,
        keptBytes: plan.kept.reduce((bytes, entry) => bytes + entry.size, 0),
        pins: plan.pins.keys.size - plan.pins.expired.length,
        abortedUploads,
      };
    });
  });
}

/** A repository that cannot be read throws: what it needs is not known. */
async function collectVersions(workspace: Workspace, repositories: readonly string[]): Promise<Iterable<Sha256>> {
  const { context, root } = workspace;
  const needs: Needs = { versions: new Map(), pushed: new Set() };
  await collectNeeds(needs, root, { ...context, cwd: root });
  for (const repository of repositories) {
    const folder = findRepository(path.resolve(context.cwd, repository)).root;
    await collectNeeds(needs, folder, { ...context, cwd: folder, env: {} });
  }
  return needs.versions.keys();
}

/** What was to be deleted and turned out to be needed, or had to wait for a push, waits. */
function toItem({ entry, action, deletableAt }: PlannedBlob, deleted: ReadonlySet<string> | undefined): RemoteGcItem {
  const { key, size, modifiedAt } = entry;
  const done = action === "delete" && deleted?.has(key) === false ? "wait" : action;
  return { key, size, modifiedAt, action: done, ...(done === "mark" || done === "wait" ? { deletableAt } : {}) };
}
