import { mapConcurrent } from "../base/concurrency.ts";
import { isMlvError } from "../base/errors.ts";
import { createSha256 } from "../base/hashing.ts";
import type { BlobKey, RepoPath } from "../base/ids.ts";
import type { Body, BodyBlob } from "../formats/body.ts";
import { blobKey, parseBlobKey } from "../formats/layout.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { Remote } from "../remotes/remote.ts";
import { readManifestEntries, readManifestRoot } from "../store/manifests.ts";
import { isComplete } from "../transfer/fetch.ts";
import { pushVersions } from "../transfer/push.ts";
import { ancestorsOf } from "./history.ts";
import type { Workspace } from "./open-workspace.ts";
import { withRemote, type RemoteSession } from "./remote-session.ts";
import { requirePointer, type Selection } from "./targets.ts";
import type { DamagedItem, VerifyResult } from "./verify.ts";

/** Says how to check a remote. */
export interface RemoteQuestion {
  readonly depth: "full" | "quick";
  readonly repair: boolean;
  readonly remote: string | undefined;
}

interface Version {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly body: Body | undefined;
}

interface Finding {
  readonly key: BlobKey;
  readonly problem: "damaged" | "missing";
  readonly versions: readonly Version[];
}

/** Checks every blob that the selected versions need on a remote, and sends what is damaged or lost again from the cache. */
export async function verifyRemote(
  workspace: Workspace,
  selections: readonly Selection[],
  question: RemoteQuestion,
): Promise<{ readonly counts: NonNullable<VerifyResult["remote"]>; readonly items: readonly DamagedItem[] }> {
  return withRemote(workspace, question.remote, async (session) => {
    const checker = new RemoteChecker(workspace, session, question.depth);
    const wanted = selections.map(({ target }) => ({ target, pointer: requirePointer(workspace, target) }));
    const findings = await checker.check(wanted);
    const items = question.repair
      ? await mend(workspace, session, { checker, findings })
      : findings.map((finding) => toItem(workspace, finding, "found"));
    session.store.known.save();
    const { config, remote } = session;
    return {
      counts: { items: checker.items, bytes: checker.bytes, name: config.name, url: remote.url, notPushed: checker.notPushed },
      items,
    };
  });
}

class RemoteChecker {
  readonly #workspace: Workspace;
  readonly #session: RemoteSession;
  readonly #depth: RemoteQuestion["depth"];
  readonly #good = new Set<BlobKey>();
  readonly notPushed: string[] = [];
  items = 0;
  bytes = 0;

  constructor(workspace: Workspace, session: RemoteSession, depth: RemoteQuestion["depth"]) {
    this.#workspace = workspace;
    this.#session = session;
    this.#depth = depth;
  }

  async check(wanted: readonly Omit<Version, "body">[]): Promise<Finding[]> {
    const findings: Finding[] = [];
    const users = new Map<BlobKey, { readonly blob: BodyBlob; readonly versions: Version[] }>();
    const { jobs } = this.#workspace;
    await mapConcurrent(wanted, jobs, async (version) => {
      const found = await this.#readBody(version);
      if (found === "not-pushed") this.notPushed.push(version.target);
      else if ("problem" in found) findings.push(found);
      else {
        for (const blob of found.blobs) {
          const user = users.get(blob.key) ?? { blob, versions: [] };
          user.versions.push({ ...version, body: found });
          users.set(blob.key, user);
        }
      }
    });
    await mapConcurrent([...users.values()], Math.min(jobs, 8), async ({ blob, versions }) => {
      if (this.#good.has(blob.key)) return;
      const problem = await this.#checkBlob(blob);
      if (problem === undefined) this.#good.add(blob.key);
      else findings.push({ key: blob.key, problem, versions });
    });
    return findings.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async #readBody(version: Omit<Version, "body">): Promise<Body | Finding | "not-pushed"> {
    const { store, remote } = this.#session;
    const { signal } = this.#workspace.context;
    const { sha256 } = version.pointer;
    const wasKnown = store.known.get(sha256) !== undefined;
    const versions = [{ ...version, body: undefined }];
    const headKey = blobKey("recipes", sha256);
    try {
      const head = await store.readHead(sha256, signal);
      if (head === undefined) return wasKnown ? { key: headKey, problem: "missing", versions } : "not-pushed";
      const stored = await remote.stat(head.head.body, { signal });
      if (stored === undefined) return { key: head.head.body, problem: "missing", versions };
      if (stored.size !== head.head.bodySize) return { key: head.head.body, problem: "damaged", versions };
      // What this machine keeps of a body says nothing about the remote's copy.
      if (this.#depth === "full" && (await this.#checkBlob({ key: head.head.body, size: head.head.bodySize })) !== undefined)
        return { key: head.head.body, problem: "damaged", versions };
      return await store.readBody(sha256, head.head, signal);
    } catch (error) {
      if (!isMlvError(error, "content-mismatch", "content-missing", "recipe-malformed")) throw error;
      return { key: headKey, problem: "damaged", versions };
    }
  }

  async #checkBlob(blob: BodyBlob): Promise<"damaged" | "missing" | undefined> {
    const { remote } = this.#session;
    const { signal, onEvent } = this.#workspace.context;
    this.items += 1;
    this.bytes += blob.size;
    onEvent({ type: "progress", phase: "verify", files: this.items, bytes: this.bytes, subject: this.#session.config.name });
    if (this.#depth === "quick") {
      const stat = await remote.stat(blob.key, { signal });
      return stat === undefined ? "missing" : stat.size === blob.size ? undefined : "damaged";
    }
    // Repair takes a damaged blob away, so one bad read must not condemn it: a byte may have changed on the way.
    const first = await hashBlob(remote, blob, signal);
    return first === "damaged" ? hashBlob(remote, blob, signal) : first;
  }
}

async function hashBlob(remote: Remote, blob: BodyBlob, signal: AbortSignal | undefined): Promise<"damaged" | "missing" | undefined> {
  const body = await remote.get(blob.key, { signal });
  if (body === undefined) return "missing";
  const hasher = createSha256();
  let size = 0;
  for await (const data of body.stream) {
    hasher.update(data);
    size += data.length;
  }
  return size === blob.size && hasher.digest() === parseBlobKey(blob.key)?.hash ? undefined : "damaged";
}

interface Mending {
  readonly checker: RemoteChecker;
  readonly findings: readonly Finding[];
}

/** A head that is mended may show a body that is not, and that a pack. */
const MAX_ROUNDS = 3;

/** A damaged blob is taken away only when the cache holds a whole version that needs it: that version is then sent anew. */
async function mend(workspace: Workspace, session: RemoteSession, { checker, findings }: Mending): Promise<DamagedItem[]> {
  const failures = new Map<string, string>();
  const sent = new Set<string>();
  let open: readonly Finding[] = findings;
  for (let round = 0; round < MAX_ROUNDS && open.length > 0; round++) {
    const resent = await sendAgain(workspace, session, { findings: open, failures });
    for (const { pointer } of resent) sent.add(pointer.sha256);
    open = await checker.check(resent.map(({ target, pointer }) => ({ target, pointer })));
  }
  const isOpen = (version: Version): boolean =>
    open.some((finding) => finding.versions.some(({ pointer }) => pointer.sha256 === version.pointer.sha256));
  return findings.map((finding) => {
    if (finding.versions.every((version) => sent.has(version.pointer.sha256) && !isOpen(version)))
      return toItem(workspace, finding, "mended", "from the cache");
    const why = [...failures.values()][0] ?? "the cache does not hold all of a version that needs it; run this where it was added";
    return toItem(workspace, finding, "unmended", why);
  });
}

async function sendAgain(
  workspace: Workspace,
  { remote, store }: RemoteSession,
  { findings, failures }: { readonly findings: readonly Finding[]; readonly failures: Map<string, string> },
): Promise<Version[]> {
  const { cache, context, jobs } = workspace;
  const { signal, onEvent } = context;
  const resend = new Map<string, Version>();
  for (const { key, problem, versions } of findings) {
    const whole = versions.filter((version) => isComplete(cache, version));
    if (whole.length === 0) continue;
    if (problem === "damaged") await remote.remove(key, { signal });
    const kind = parseBlobKey(key)?.kind;
    for (const { pointer } of whole) {
      // A version is sent anew, with its body, only when its head is gone.
      if (kind === "bodies") await remote.remove(blobKey("recipes", pointer.sha256), { signal });
      if (kind === "bodies" || kind === "recipes") store.known.delete(pointer.sha256);
    }
    for (const version of whole) resend.set(version.pointer.sha256, version);
  }
  for (const { target, pointer } of resend.values()) {
    const ancestors = async (): Promise<Pointer[]> =>
      (await ancestorsOf(workspace, target)).filter((ancestor) => ancestor.sha256 !== pointer.sha256);
    try {
      await pushVersions({ cache, store, jobs, onEvent, signal, dryRun: false }, [{ target, pointer, ancestors }]);
    } catch (error) {
      if (!isMlvError(error, "content-missing", "content-mismatch")) throw error;
      failures.set(pointer.sha256, error.message);
    }
  }
  return [...resend.values()];
}

function toItem(workspace: Workspace, { key, problem, versions }: Finding, status: DamagedItem["status"], detail?: string): DamagedItem {
  const names = [...new Set(versions.flatMap((version) => namesIn(workspace, key, version)))];
  const hash = parseBlobKey(key)?.hash;
  return {
    place: "remote",
    problem,
    path: key,
    ...(hash === undefined ? {} : { sha256: hash }),
    names: names.slice(0, 5),
    nameCount: names.length,
    status,
    ...(detail === undefined ? {} : { detail }),
  };
}

/** Returns the files of a version whose bytes come from a blob; the target itself when the list of files is not cached, or is what the blob holds. */
function namesIn(workspace: Workspace, key: BlobKey, { target, pointer, body }: Version): string[] {
  if (body === undefined || pointer.kind === "file") return [target];
  const ranges: { readonly start: number; readonly end: number }[] = [];
  let at = 0;
  for (const segment of body.segments) {
    const isCopy = segment.encoding === "copy";
    const isUsed = !isCopy && body.blobs[segment.blob]?.key === key;
    const base = isCopy || segment.encoding === "delta" ? body.bases[segment.base] : undefined;
    if (isUsed || base?.segments.some(({ blob }) => body.blobs[blob]?.key === key) === true)
      ranges.push({ start: at, end: at + segment.length });
    at += segment.length;
  }
  try {
    const root = readManifestRoot(workspace.cache, pointer.sha256, target);
    let offset = body.rootLength + root.leaves.reduce((sum, leaf) => sum + leaf.length, 0);
    const names: string[] = ranges.some(({ start }) => start < offset) ? [target] : [];
    let index = 0;
    for (const entry of readManifestEntries(workspace.cache, pointer.sha256, target)) {
      while (index < ranges.length && (ranges[index]?.end ?? 0) <= offset) index += 1;
      const range = ranges[index];
      if (range === undefined) break;
      if (entry.size > 0 && range.start < offset + entry.size) names.push(`${target}/${entry.path}`);
      offset += entry.size;
    }
    return names.length === 0 ? [target] : names;
  } catch (error) {
    if (isMlvError(error)) return [target];
    throw error;
  }
}
