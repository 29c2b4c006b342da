import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, ownerOf, syncFolder, uniqueName } from "../base/durable.ts";
import { fromSystemError, MlvError } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import { Cache } from "../store/cache.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { fetchVersions } from "../transfer/fetch.ts";
import { RemoteStore } from "../transfer/remote-store.ts";
import { AnchoredFolders } from "../workspace/anchored.ts";
import { checkoutTarget } from "../workspace/checkout.ts";
import { readUmask } from "../workspace/materialise.ts";
import { WorkspaceIndex } from "../workspace/workspace-index.ts";
import { readForeign, type ForeignTarget } from "./foreign-repository.ts";
import type { OperationContext } from "./open-workspace.ts";

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
  const out = findDestination(context, options);
  const parent = path.dirname(out);
  sweepStaging(parent);
  const staging = path.join(parent, uniqueName(STAGING_PREFIX));
  try {
    fs.mkdirSync(staging, { mode: 0o700 });
  } catch (error) {
    throw fromSystemError(error, "write into", parent);
  }
  try {
    const foreign = await readForeign(context, { ...options, folder: path.join(staging, "git") });
    const { openRemote } = await import("../remotes/open.ts");
    const trusted = (context.env["MLV_TRUST_ENDPOINTS"] ?? "").split(",").map((host) => host.trim());
    const remote = await openRemote(foreign.remote, {
      repositoryRoot: foreign.root,
      env: context.env,
      isTrusted: (host) => trusted.includes(host),
    });
    try {
      const store = new RemoteStore({ remote, name: foreign.remote.name, stateFolder: path.join(staging, "state") });
      const received = await receive(context, { foreign, store, staging });
      publish(received.source, { out, staging, force: options.force });
      const { kind, sha256, files, size, receivedBytes } = received;
      return { out, kind, sha256, files, size, commit: foreign.commit, remote: foreign.remote.name, url: remote.url, receivedBytes };
    } finally {
      await remote.close();
    }
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
  }
}

const STAGING_PREFIX = ".mlv-get";

/** Removes what a killed run left beside the destination; anybody else's files are left alone. */
function sweepStaging(parent: string): void {
  for (const name of fs.existsSync(parent) ? fs.readdirSync(parent) : []) {
    const owner = name.startsWith(STAGING_PREFIX) ? ownerOf(name) : undefined;
    if (owner?.isOfThisMachine !== true || owner.pid === process.pid) continue;
    try {
      process.kill(owner.pid, 0);
    } catch {
      fs.rmSync(path.join(parent, name), { recursive: true, force: true });
    }
  }
}

function findDestination(context: OperationContext, options: GetOptions): string {
  const name = path.posix.basename(options.path.replace(/\.mlv$/, ""));
  const given = path.resolve(context.cwd, options.out ?? name);
  const isFolder = options.out !== undefined && fs.lstatSync(given, { throwIfNoEntry: false })?.isDirectory() === true;
  const out = isFolder ? path.join(given, name) : given;
  if (fs.statSync(path.dirname(out), { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new MlvError("path-not-found", `the folder \`${path.dirname(out)}\` does not exist`, {
      hint: "make it first with `mkdir`, or choose another place with `-o`",
      details: { path: path.dirname(out) },
    });
  }
  if (fs.lstatSync(out, { throwIfNoEntry: false }) !== undefined && !options.force) {
    throw new MlvError("target-exists", `\`${out}\` exists already`, {
      hint: "choose another name with `-o`, or replace it with `--force`",
      details: { path: out },
    });
  }
  return out;
}

interface Reception {
  readonly foreign: ForeignTarget;
  readonly store: RemoteStore;
  readonly staging: string;
}

interface Received extends Pick<GetResult, "kind" | "files" | "size" | "receivedBytes"> {
  readonly sha256: Sha256;
  /** What to move to the destination. */
  readonly source: string;
}

/** Fetches into a cache of its own and checks out into a folder of its own, so that everything is checked before it is anywhere else. */
async function receive(context: OperationContext, { foreign, store, staging }: Reception): Promise<Received> {
  const { target, pointer, inner } = foreign;
  const { onEvent, signal, jobs = 8 } = context;
  const state = path.join(staging, "state");
  const root = path.join(staging, "tree");
  for (const folder of [state, root]) ensureFolder(folder);
  const cache = new Cache({ folder: path.join(staging, "cache"), stateFolder: state, onEvent });
  const folders = new AnchoredFolders(root);
  const only = inner === "" ? undefined : [inner];
  const name = path.posix.basename(target);
  try {
    const version = { target, pointer, relatives: () => Promise.resolve([]), ...(only === undefined ? {} : { only }) };
    const [fetched] = await fetchVersions({ cache, store, partialFolder: path.join(staging, "partial"), jobs, onEvent, signal }, [version]);
    if (fetched?.status === "not-on-remote") {
      throw new MlvError("content-missing", `\`${foreign.remote.name}\` of that repository does not have this version of \`${target}\``, {
        hint: "whoever committed it has to `mlv push` it",
        details: { target },
      });
    }
    const index = new WorkspaceIndex(path.join(state, "index"), path.join(state, "tmp"));
    const place = {
      root,
      target: name,
      index,
      cache,
      folders,
      stateFolder: state,
      stagingFolder: path.join(state, "tmp"),
      link: "auto",
      umask: readUmask(),
    } as const;
    const result = await checkoutTarget(
      { ...place, writer: new CacheWriter(cache), force: false, dryRun: false, cacheMark: "", jobs, onEvent, signal },
      pointer,
      only,
    );
    const [bad] = [...result.missing, ...result.damaged.map((file) => file.path)];
    if (bad !== undefined)
      throw new MlvError("content-mismatch", `\`${bad}\` could not be written`, {
        hint: "run the same command again",
        details: { path: bad },
      });
    const source = path.join(root, name, inner);
    const stat = fs.lstatSync(source, { throwIfNoEntry: false });
    if (stat === undefined)
      throw new MlvError("target-not-found", `\`${target}\` has nothing at \`${inner}\``, {
        hint: "check the spelling; `mlv ls` in a clone lists what is there",
        details: { path: `${target}/${inner}` },
      });
    const kind = stat.isDirectory() ? "dir" : "file";
    const sha256 = inner !== "" && kind === "file" ? await cache.hashLoose(source, signal) : pointer.sha256;
    return { kind, sha256, files: result.written, size: result.writtenBytes, receivedBytes: fetched?.receivedBytes ?? 0, source };
  } finally {
    folders.close();
    cache.close();
  }
}

/**
 * One rename gives the destination its content; a symlink that stands there is replaced, never followed. What `force` replaces is put back
 * when the rename fails.
 */
function publish(
  source: string,
  { out, staging, force }: { readonly out: string; readonly staging: string; readonly force: boolean },
): void {
  const replaced = path.join(staging, "replaced");
  const isThere = fs.lstatSync(out, { throwIfNoEntry: false }) !== undefined;
  try {
    if (isThere) {
      if (!force)
        throw new MlvError("target-exists", `\`${out}\` came to be meanwhile`, {
          hint: "move it away, or choose another place with `-o`, then run the same command again",
          details: { path: out },
        });
      fs.renameSync(out, replaced);
    }
    try {
      fs.renameSync(source, out);
    } catch (error) {
      if (isThere) fs.renameSync(replaced, out);
      throw error;
    }
    syncFolder(path.dirname(out));
  } catch (error) {
    throw fromSystemError(error, "write", out);
  }
}
