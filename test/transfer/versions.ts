import * as fs from "node:fs";
import path from "node:path";
import type { OperationEvent } from "../../src/base/events.ts";
import { sha256 } from "../../src/base/hashing.ts";
import type { RepoPath } from "../../src/base/ids.ts";
import { compareUtf8 } from "../../src/base/safe-paths.ts";
import type { Pointer } from "../../src/formats/pointer.ts";
import type { Remote } from "../../src/remotes/remote.ts";
import { CacheWriter } from "../../src/store/cache-writer.ts";
import { LOOSE_MIN_BYTES, type Cache } from "../../src/store/cache.ts";
import { editManifest, readManifestEntries, type ManifestChange } from "../../src/store/manifests.ts";
import { fetchVersions, type FetchedVersion } from "../../src/transfer/fetch.ts";
import { pushVersions, type PushSummary } from "../../src/transfer/push.ts";
import { RemoteStore } from "../../src/transfer/remote-store.ts";
import { freshFolder, openCache } from "../store/cache.ts";

export { freshFolder, openCache };

/** Is one machine: a cache and what it remembers of a remote. */
export interface Machine {
  readonly cache: Cache;
  readonly folder: string;
  readonly events: OperationEvent[];
  push(remote: Remote, pointers: readonly Pointer[], ancestors?: readonly Pointer[]): Promise<PushSummary>;
  /** Pushes versions, each with ancestors of its own. */
  pushWith(
    remote: Remote,
    versions: readonly { readonly pointer: Pointer; readonly ancestors: readonly Pointer[] }[],
  ): Promise<PushSummary>;
  fetch(remote: Remote, pointers: readonly Pointer[], relatives?: readonly Pointer[]): Promise<FetchedVersion[]>;
  /** Stores a folder's files and returns the pointer of their version. */
  store(files: ReadonlyMap<string, Buffer>): Promise<Pointer>;
  /** Stores one file's content and returns the pointer of its version. */
  storeFile(content: Buffer): Promise<Pointer>;
  /** Returns the hashes of what the cache really holds of a version's files, or undefined where it lacks some of it. */
  read(pointer: Pointer): Promise<Map<string, string> | undefined>;
}

/** Returns the hashes of files. */
export function hashesOf(files: ReadonlyMap<string, Buffer>): Map<string, string> {
  return new Map([...files].sort(([a], [b]) => compareUtf8(a, b)).map(([name, content]) => [name, sha256(content)]));
}

/** Makes a machine with an empty cache. */
export function makeMachine(): Machine {
  const folder = freshFolder();
  const events: OperationEvent[] = [];
  const cache = openCache(folder, events);
  const onEvent = (event: OperationEvent): void => void events.push(event);
  const shared = { cache, jobs: 4, onEvent, signal: undefined };
  const storeOf = (remote: Remote): RemoteStore => new RemoteStore({ remote, name: "origin", stateFolder: folder });
  const target = "data" as RepoPath;
  return {
    cache,
    folder,
    events,
    push: (remote, pointers, ancestors = []) =>
      pushVersions(
        { ...shared, store: storeOf(remote), dryRun: false },
        pointers.map((pointer) => ({ target, pointer, ancestors: () => Promise.resolve(ancestors) })),
      ),
    pushWith: (remote, versions) =>
      pushVersions(
        { ...shared, store: storeOf(remote), dryRun: false },
        versions.map(({ pointer, ancestors }) => ({ target, pointer, ancestors: () => Promise.resolve(ancestors) })),
      ),
    fetch: (remote, pointers, relatives = []) =>
      fetchVersions(
        { ...shared, store: storeOf(remote), partialFolder: path.join(folder, "partial"), keepsBases: true },
        pointers.map((pointer) => ({ target, pointer, relatives: () => Promise.resolve(relatives) })),
      ),
    storeFile: (content) => storeFile(cache, content),
    store: (files) => storeFiles(cache, files),
    read: (pointer) => readFiles(cache, pointer),
  };
}

async function storeFiles(cache: Cache, files: ReadonlyMap<string, Buffer>): Promise<Pointer> {
  const writer = new CacheWriter(cache);
  const changes: ManifestChange[] = [];
  const scratch = path.join(freshFolder(), "file");
  for (const [name, content] of [...files].sort(([a], [b]) => compareUtf8(a, b))) {
    const hash = sha256(content);
    if (content.length >= LOOSE_MIN_BYTES) {
      fs.writeFileSync(scratch, content);
      await writer.storeFile(scratch);
    } else {
      writer.addSmall(hash, content);
    }
    const file = name as RepoPath;
    changes.push({ path: file, entry: { path: file, sha256: hash, size: content.length, isExecutable: false } });
  }
  async function* all(): AsyncGenerator<readonly ManifestChange[]> {
    yield changes;
  }
  const { sha256: hash, root } = await editManifest(cache, writer, undefined, all());
  writer.finish();
  return { kind: "dir", sha256: hash, size: root.size, files: root.files };
}

async function storeFile(cache: Cache, content: Buffer): Promise<Pointer> {
  const writer = new CacheWriter(cache);
  const scratch = path.join(freshFolder(), "file");
  fs.writeFileSync(scratch, content);
  await writer.storeFile(scratch);
  writer.finish();
  return { kind: "file", sha256: sha256(content), size: content.length };
}

async function readFiles(cache: Cache, pointer: Pointer): Promise<Map<string, string> | undefined> {
  if (!cache.has(pointer.sha256)) return undefined;
  const files = new Map<string, string>();
  for (const entry of readManifestEntries(cache, pointer.sha256, "test")) {
    if (!cache.has(entry.sha256)) return undefined;
    const parts: Uint8Array[] = [];
    for await (const part of cache.read(entry.sha256)) parts.push(Buffer.from(part));
    files.set(entry.path, sha256(Buffer.concat(parts)));
  }
  return files;
}
