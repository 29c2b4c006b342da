import { mapConcurrent, settleBoth, throwIfAborted } from "../base/concurrency.ts";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { BlobKey, RepoPath, Sha256 } from "../base/ids.ts";
import type { Body, BodyBlob } from "../formats/body.ts";
import type { Head } from "../formats/head.ts";

import type { Pointer } from "../formats/pointer.ts";
import type { RemoteStat } from "../remotes/remote.ts";
import { BackgroundUploads } from "./background-uploads.ts";
import { BodyBuilder } from "./body-builder.ts";
import { isCovered } from "./leaf-objects.ts";
import { GcMarks, readGcMarks } from "./gc-marks.ts";
import { writePin } from "./pin.ts";
import { buildDirectory, buildFile } from "./push-build.ts";
import type { BuildContext, PushContext, VersionToPush } from "./push-context.ts";
import { PushProgress } from "./push-progress.ts";
import { RemotePacker } from "./remote-packer.ts";
import type { RemoteVersion } from "./remote-store.ts";

export type { PushContext, VersionToPush };

/** Is what a push did with one version. */
export interface PushedVersion {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly status: "pushed" | "up-to-date" | "repaired";
}

/** Is what a push did. */
export interface PushSummary {
  readonly versions: readonly PushedVersion[];
  /** Bytes uploaded, and bytes of pushed versions that were not. */
  readonly sentBytes: number;
  readonly savedBytes: number;
}

const UPLOADS_AT_ONCE = 2;
const MAX_ANCESTORS = 3;
/** So many versions share the look at what their bodies name. */
const COMMITS_AT_ONCE = 64;
/** Up to this many blobs are asked for one by one; more are looked up in a listing, a thousand a request. */
const FEW_BLOBS = 4;
const FEW_HEADS = 64;

/**
 * Makes a remote hold versions completely: blobs first, then bodies, then heads, then one more look at every blob that was counted on.
 * A head that is there is believed only when the blobs that its body names are there with their sizes; what the remote lost is sent again.
 * Throws `content-missing` when the cache lacks something that the remote lacks too, `remote-…`; a later push resumes.
 */
export async function pushVersions(context: PushContext, versions: readonly VersionToPush[]): Promise<PushSummary> {
  const push = new Push(context);
  return push.run(versions);
}

class Push {
  readonly #context: PushContext;
  readonly #stats = new Map<BlobKey, RemoteStat | undefined>();
  #marks = new GcMarks(new Set());
  #sentBytes = 0;

  constructor(context: PushContext) {
    this.#context = context;
  }

  async run(versions: readonly VersionToPush[]): Promise<PushSummary> {
    const { store, signal, dryRun } = this.#context;
    if (versions.length === 0) return { versions: [], sentBytes: 0, savedBytes: 0 };
    const distinct = [...new Map(versions.map((version) => [version.pointer.sha256, version])).values()];
    // A store without its marker is none to those who pull, however whole its versions are.
    const [present] = await settleBoth(this.#readHeads(distinct), dryRun ? Promise.resolve(true) : store.checkMarker(true, signal));
    const isIdle = dryRun || present.size === distinct.length;
    // The body itself is kept on this machine, so only a look tells whether the remote still has it.
    await settleBoth(this.#checkBlobs([...present.values()].flatMap(blobsOf)), isIdle ? this.#readMarks() : Promise.resolve());
    const isLacking = ({ pointer }: VersionToPush): boolean => !this.#isWhole(present.get(pointer.sha256));
    let toSend = distinct.filter(isLacking);
    const pinned = new Set<Sha256>();
    while (!dryRun && toSend.some(({ pointer }) => !pinned.has(pointer.sha256))) {
      for (const { pointer } of toSend) pinned.add(pointer.sha256);
      await writePin(store.remote, [...pinned], signal);
      // A gc that did not see the pin has marked before this; what it marked counts as absent.
      await this.#readMarks();
      toSend = distinct.filter(isLacking);
    }
    if (!dryRun && toSend.length > 0) await this.#send(toSend, present);
    store.known.save();
    const sent = new Map(
      toSend.map(({ pointer }) => [pointer.sha256, present.has(pointer.sha256) ? ("repaired" as const) : ("pushed" as const)]),
    );
    const logical = toSend.reduce((sum, { pointer }) => sum + pointer.size, 0);
    return {
      versions: versions.map(({ target, pointer }) => ({ target, pointer, status: sent.get(pointer.sha256) ?? "up-to-date" })),
      sentBytes: this.#sentBytes,
      savedBytes: Math.max(0, logical - this.#sentBytes),
    };
  }

  async #readMarks(): Promise<void> {
    this.#marks = await readGcMarks(this.#context.store.remote, this.#context.signal);
  }

  /** One request a version, or one listing when there are many of which the remote may lack most. */
  async #readHeads(versions: readonly VersionToPush[]): Promise<Map<Sha256, RemoteVersion>> {
    const { store, signal, jobs } = this.#context;
    let candidates = versions;
    if (versions.length > FEW_HEADS) {
      const listed = new Map<string, string>();
      for await (const entry of store.remote.list("recipes/", { signal })) listed.set(entry.key.slice(-64), entry.etag);
      candidates = versions.filter(({ pointer }) => listed.has(pointer.sha256));
      const isKnown = ({ pointer }: VersionToPush): boolean => store.known.get(pointer.sha256)?.etag === listed.get(pointer.sha256);
      const unknown = candidates.filter((version) => !isKnown(version));
      await mapConcurrent(unknown, jobs, (version) => this.#readHead(version));
    } else {
      await mapConcurrent(versions, jobs, (version) => this.#readHead(version));
    }
    const present = new Map<Sha256, RemoteVersion>();
    await mapConcurrent(candidates, jobs, async ({ pointer }) => {
      const known = store.known.get(pointer.sha256);
      if (known === undefined) return;
      try {
        const body = await store.readBody(pointer.sha256, known.head, signal, pointer);
        present.set(pointer.sha256, { ...known, body });
      } catch (error) {
        this.#noteDamage(error, pointer);
      }
    });
    return present;
  }

  async #readHead({ pointer }: VersionToPush): Promise<void> {
    try {
      await this.#context.store.readHead(pointer.sha256, this.#context.signal);
    } catch (error) {
      this.#noteDamage(error, pointer);
      this.#context.store.known.delete(pointer.sha256);
    }
  }

  #noteDamage(error: unknown, pointer: Pointer): void {
    if (!isMlvError(error, "content-missing", "content-mismatch", "recipe-malformed")) throw error;
    const message = `the remote's recipe of ${pointer.sha256} is damaged and is written anew`;
    this.#context.onEvent({ type: "notice", level: "warning", message });
  }

  /** Few blobs are looked at one by one, many by listing their folders. */
  async #checkBlobs(blobs: readonly BodyBlob[]): Promise<void> {
    const { store, signal, jobs } = this.#context;
    const unknown = [...new Set(blobs.map((blob) => blob.key))].filter((key) => !this.#stats.has(key));
    if (unknown.length <= FEW_BLOBS) {
      await mapConcurrent(unknown, jobs, async (key) => void this.#stats.set(key, await store.remote.stat(key, { signal })));
      return;
    }
    for (const key of unknown) this.#stats.set(key, undefined);
    for (const kind of new Set(unknown.map((key) => key.slice(0, key.indexOf("/") + 1)))) {
      for await (const entry of store.remote.list(kind, { signal })) {
        if (this.#stats.has(entry.key as BlobKey)) this.#stats.set(entry.key as BlobKey, { size: entry.size, etag: entry.etag });
      }
    }
  }

  #isThere(blob: BodyBlob): boolean {
    return this.#stats.get(blob.key)?.size === blob.size && !this.#marks.has(blob.key);
  }

  #isWhole(version: RemoteVersion | undefined): boolean {
    return version !== undefined && blobsOf(version).every((blob) => this.#isThere(blob));
  }

  async #send(versions: readonly VersionToPush[], present: ReadonlyMap<Sha256, RemoteVersion>): Promise<void> {
    const { store, signal, cache } = this.#context;
    const ancestors = await this.#readAncestors(versions);
    const known = [...new Map([...ancestors.values()].flat().map((version) => [version.body, version])).values(), ...present.values()];
    const marks = this.#marks;
    const progress = new PushProgress(
      this.#context.onEvent,
      versions.reduce((sum, { pointer }) => sum + pointer.size, 0),
    );
    const onSent = (bytes: number): void => void (this.#sentBytes += bytes);
    const onPackSent = (bytes: number): void => {
      onSent(bytes);
      progress.sent(bytes);
    };
    const packing = {
      marks,
      remote: store.remote,
      tempFolder: cache.tempFolder,
      signal,
      onSent: onPackSent,
    };
    const packer = new RemotePacker(packing);
    const piecePacker = new RemotePacker(packing);
    const background = new BackgroundUploads(UPLOADS_AT_ONCE);
    const builds: { readonly version: VersionToPush; readonly builder: BodyBuilder; readonly finish: () => Body }[] = [];
    try {
      for (const version of versions) {
        throwIfAborted(signal);
        const build: BuildContext = {
          ...this.#context,
          packer,
          piecePacker,
          version,
          known,
          ancestors: ancestors.get(version) ?? [],
          marks,
          isThere: (blob) => this.#isThere(blob),
          onSent,
          progress,
          inBackground: (upload) => background.start(upload),
        };
        const builder = new BodyBuilder();
        const finish = version.pointer.kind === "dir" ? await buildDirectory(build, builder) : await buildFile(build, builder);
        builds.push({ version, builder, finish });
      }
      await packer.finish();
      await piecePacker.finish();
      await background.finish();
    } catch (error) {
      await packer.abort();
      await piecePacker.abort();
      await background.settle();
      throw error;
    }
    const bodies = builds.map(({ version, finish }) => ({ version, body: finish() }));
    for (let at = 0; at < bodies.length; at += COMMITS_AT_ONCE) await this.#commit(bodies.slice(at, at + COMMITS_AT_ONCE), present);
  }

  /** Writes bodies, looks once more at everything that they name, and only then writes their heads. */
  async #commit(
    versions: readonly { readonly version: VersionToPush; readonly body: Body }[],
    present: ReadonlyMap<Sha256, RemoteVersion>,
  ): Promise<void> {
    const { store, signal, jobs } = this.#context;
    const heads = await mapConcurrent(versions, jobs, ({ body }) => store.writeBody(body, this.#marks, signal));
    for (const head of heads) this.#sentBytes += head.bodySize;
    await this.#lookAgain(versions.flatMap(({ body }) => body.blobs));
    await mapConcurrent(versions, jobs, ({ version }, index) =>
      this.#writeHead(version, heads[index] as Head, present.get(version.pointer.sha256)?.etag),
    );
    store.known.save();
  }

  /** Someone else may have written the same head meanwhile: theirs is as good when it is whole. */
  async #writeHead(version: VersionToPush, head: Head, etag: string | undefined): Promise<void> {
    const { store, signal } = this.#context;
    const { sha256 } = version.pointer;
    const readEtag = etag ?? store.known.get(sha256)?.etag ?? store.damagedHeadEtag(sha256);
    try {
      await store.writeHead(sha256, head, readEtag, signal);
    } catch (error) {
      if (!isMlvError(error, "remote-conflict")) throw error;
      const theirs = await store.readVersion(sha256, signal);
      if (theirs !== undefined) {
        await this.#checkBlobs(blobsOf(theirs));
        if (this.#isWhole(theirs)) return;
      }
      await store.writeHead(sha256, head, theirs?.etag, signal);
    }
  }

  /** What the bodies name besides what was just uploaded must still be there when their heads are written. */
  async #lookAgain(blobs: readonly BodyBlob[]): Promise<void> {
    for (const blob of blobs) this.#stats.delete(blob.key);
    await this.#checkBlobs(blobs);
    const lost = blobs.find((blob) => !this.#isThere(blob));
    if (lost === undefined) return;
    throw new MlvError("remote-corrupt", `the remote lost ${lost.key} while it was pushed to`, { hint: "run `mlv push` again" });
  }

  /** Versions in which unchanged bytes may be: ancestors, and everything whose body this machine has seen of the same targets. */
  async #readAncestors(versions: readonly VersionToPush[]): Promise<Map<VersionToPush, RemoteVersion[]>> {
    const { jobs, cache } = this.#context;
    const bodies = new Map<Sha256, RemoteVersion>();
    const ancestors = new Map<VersionToPush, RemoteVersion[]>();
    await mapConcurrent(versions, jobs, async (version) => {
      // The latest ancestor that the remote has is enough; a few are asked for, in case the latest was never pushed.
      // A merged folder has files of both sides, perhaps none of them cached here: then every ancestor may be where one lies.
      const own: RemoteVersion[] = [];
      ancestors.set(version, own);
      const found: Sha256[] = [];
      for (const [index, ancestor] of (await version.ancestors()).entries()) {
        if (index >= MAX_ANCESTORS && isCovered(cache, version, found)) return;
        const there = bodies.get(ancestor.sha256) ?? (await this.#readAncestor(ancestor));
        if (there === undefined) continue;
        bodies.set(ancestor.sha256, there);
        own.push(there);
        found.push(ancestor.sha256);
        if (isCovered(cache, version, found)) return;
      }
    });
    await this.#checkBlobs([...bodies.values()].flatMap(({ body }) => body.blobs));
    return ancestors;
  }

  /** What this machine remembers will do while its blobs are there; else the remote is asked for the head that it has now. */
  async #readAncestor(pointer: Pointer): Promise<RemoteVersion | undefined> {
    const { store, signal } = this.#context;
    const known = store.known.get(pointer.sha256);
    const remembered = await this.#quietly(async () =>
      known === undefined ? undefined : { ...known, body: await store.readBody(pointer.sha256, known.head, signal, pointer) },
    );
    if (remembered !== undefined) {
      await this.#checkBlobs(remembered.body.blobs);
      if (remembered.body.blobs.every((blob) => this.#isThere(blob))) return remembered;
    }
    return this.#quietly(() => store.readVersion(pointer.sha256, signal, pointer));
  }

  async #quietly(read: () => Promise<RemoteVersion | undefined>): Promise<RemoteVersion | undefined> {
    try {
      return await read();
    } catch (error) {
      if (isMlvError(error, "content-missing", "content-mismatch", "recipe-malformed")) return undefined;
      throw error;
    }
  }
}

/** Returns what a version needs of a remote: the blobs that its body names, and the body. */
function blobsOf({ head, body }: RemoteVersion): BodyBlob[] {
  return [...body.blobs, { key: head.body, size: head.bodySize }];
}
