import * as fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { mapConcurrent, throwIfAborted } from "../../base/concurrency.ts";
import { ensureFolder, uniqueName } from "../../base/durable.ts";
import { systemErrorCode } from "../../base/errors.ts";
import type { AbsolutePath } from "../../base/ids.ts";
import { assertKey, assertPrefix } from "../keys.ts";
import { RemoteError } from "../remote-error.ts";
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  PutOptions,
  PutResult,
  PutSource,
  Remote,
  RemoteBody,
  RemoteCapabilities,
  RemoteEntry,
  RemoteStat,
  ReplaceOptions,
} from "../remote.ts";
import { rangeWithin, rechunk, releasingStream, WatchedSource } from "../streams.ts";
import { copyFileBytes, readAhead, tryClone, writeStream } from "./file-bytes.ts";
import { fromFolderError } from "./folder-errors.ts";
import { FolderSyncs } from "./folder-syncs.ts";
import { CANNOT_LINK, withKeyLock } from "./key-lock.ts";
import { listFolder } from "./list-folder.ts";

/**
 * Keeps blobs as files of a folder: a local disk, a NAS, a mounted share.
 *
 * Order of a put, and what is there if power fails after each step:
 *   1. a file of a unique name in `tmp/`, hashed and counted while written, then fsync  → litter in `tmp/`
 *   2. a hard link of the blob's own name, which fails when the name exists             → the whole blob, or nothing
 *   3. fsync of its folder (and of parents just made), the temp name removed            → the blob
 * Puts into the same folder at the same time share step 3's fsyncs. A put that finds the blob there syncs its folder as well: its writer may
 * be between steps 2 and 3.
 * Where hard links do not exist, step 2 is a rename under the key's lock.
 */
export class FolderRemote implements Remote {
  readonly url: string;
  readonly capabilities: RemoteCapabilities;
  readonly #root: string;
  readonly #temp: string;
  readonly #active = new Set<string>();
  readonly #syncs = new FolderSyncs();

  /** `concurrency` says how many calls at once suit the disk. */
  constructor(root: AbsolutePath, concurrency = 8) {
    this.#root = root;
    this.#temp = path.join(root, "tmp");
    this.url = pathToFileURL(root).href;
    this.capabilities = {
      parallelRanges: false,
      concurrency,
      unfinishedUploads: true,
      signedUrls: false,
      localRoot: root,
    };
  }

  async stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    throwIfAborted(options.signal);
    const stat = await this.#lookAt(this.#path(key));
    return stat === undefined ? undefined : { size: Number(stat.size), etag: etagOf(stat) };
  }

  async get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    throwIfAborted(options.signal);
    const file = this.#path(key);
    try {
      const handle = await openOrAbsent(file);
      if (handle === undefined) {
        this.#assertReachable();
        return undefined;
      }
      try {
        const stat = await handle.stat({ bigint: true });
        const size = Number(stat.size);
        const etag = etagOf(stat);
        if (options.ifMatch !== undefined && options.ifMatch !== etag) throw changed(key);
        const { offset, length } = rangeWithin(size, options.range, key);
        const stream = releasingStream(this.#mapped(readAhead(handle, offset, length, options.signal)), () => handle.close());
        return { stream, length, size, etag };
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw fromFolderError(error, "read", this.#root);
    }
  }

  async put(key: string, source: PutSource, options: PutOptions = {}): Promise<PutResult> {
    const target = this.#path(key);
    throwIfAborted(options.signal);
    const existing = await this.#lookAt(target);
    if (existing !== undefined) {
      // Whoever made it may not have synced its folder yet, and the caller takes it for durable.
      await this.#synced(path.dirname(target));
      return { created: false, etag: etagOf(existing) };
    }
    return this.#withTemp(source, options, async (temp) => {
      const created = await this.#linkOrMove(temp, target, options.signal);
      const stat = await this.#lookAt(target);
      if (stat === undefined) throw new RemoteError("unavailable", `\`${key}\` was removed while it was being written`);
      return { created, etag: etagOf(stat) };
    });
  }

  async replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    const target = this.#path(key);
    throwIfAborted(options.signal);
    return this.#withTemp(source, options, (temp) =>
      withKeyLock(this.#temp, key, options.signal, async () => {
        const existing = await this.#lookAt(target);
        if ((existing === undefined ? undefined : etagOf(existing)) !== options.ifMatch) throw changed(key);
        if (existing === undefined) {
          if (!(await this.#link(temp, target))) throw changed(key);
        } else {
          await fs.promises.rename(temp, target);
          await this.#syncs.sync(path.dirname(target));
        }
        return { etag: etagOf(await fs.promises.lstat(target, { bigint: true })) };
      }),
    );
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<RemoteEntry> {
    assertPrefix(prefix);
    this.#assertReachable();
    try {
      for await (const entry of listFolder(this.#root, prefix, options.signal)) {
        const { stat } = entry;
        if (entry.key <= (options.after ?? "")) continue;
        yield {
          key: entry.key,
          size: Number(stat.size),
          etag: etagOf(stat),
          modifiedAt: Number(stat.mtimeMs),
        };
      }
    } catch (error) {
      throw fromFolderError(error, "list", this.#root);
    }
  }

  async remove(key: string, options: CallOptions = {}): Promise<void> {
    const target = this.#path(key);
    throwIfAborted(options.signal);
    if ((await this.#lookAt(target)) === undefined) return;
    try {
      this.#prepare();
      await withKeyLock(this.#temp, key, options.signal, async () => {
        await fs.promises.rm(target, { force: true });
      });
    } catch (error) {
      throw fromFolderError(error, "delete", this.#root);
    }
  }

  async removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    await mapConcurrent(keys, this.capabilities.concurrency, (key) => this.remove(key, options));
  }

  async removeUnfinishedUploads(olderThan: number, options: CallOptions = {}): Promise<number> {
    let removed = 0;
    try {
      for (const name of await fs.promises.readdir(this.#temp).catch(ignoreMissing)) {
        throwIfAborted(options.signal);
        const file = path.join(this.#temp, name);
        if (this.#active.has(file) || isOfLivingProcess(name)) continue;
        const stat = await fs.promises.lstat(file).catch(() => undefined);
        if (stat === undefined || stat.mtimeMs >= olderThan) continue;
        await fs.promises.rm(file, { force: true, recursive: true });
        if (name.startsWith("put-")) removed++;
      }
    } catch (error) {
      throw fromFolderError(error, "clean up", this.#root);
    }
    return removed;
  }

  async signedUrl(): Promise<string> {
    throw new RemoteError("unsupported", `the folder remote \`${this.#root}\` has no signed URLs`, {
      hint: "`mlv get` reads from it wherever the folder is mounted",
    });
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    assertKey(key);
    if (key === "tmp" || key.startsWith("tmp/"))
      throw new RemoteError("misconfigured", `\`${key}\` lies in the folder remote's own \`tmp/\``);
    return path.join(this.#root, ...key.split("/"));
  }

  async #lookAt(file: string): Promise<fs.BigIntStats | undefined> {
    try {
      const stat = await fs.promises.lstat(file, { bigint: true });
      return stat.isFile() ? stat : undefined;
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw fromFolderError(error, "look", this.#root);
      this.#assertReachable();
      return undefined;
    }
  }

  /** Tells a new, empty folder remote from one whose disk is gone: a missing root is new only while its parent is there. */
  #assertReachable(): void {
    if (fs.existsSync(this.#root) || fs.existsSync(path.dirname(this.#root))) return;
    const parent = path.dirname(this.#root);
    throw new RemoteError("misconfigured", `the folder remote \`${this.#root}\` is not there, nor is \`${parent}\``, {
      hint: `mount its disk, or make the folder with \`mkdir -p '${parent}'\` when it is a new remote`,
      details: { path: this.#root },
    });
  }

  #prepare(): void {
    this.#assertReachable();
    ensureFolder(this.#root);
    ensureFolder(this.#temp);
  }

  /** Writes the source to a synced temp file, runs `publish` with it, and removes whatever of it is left. */
  async #withTemp<T>(source: PutSource, options: PutOptions, publish: (temp: string) => Promise<T>): Promise<T> {
    const watched = new WatchedSource(source, options.signal);
    const temp = path.join(this.#temp, uniqueName("put"));
    this.#active.add(temp);
    try {
      this.#prepare();
      if (source.path === undefined || !(await this.#clone(source.path, source.size, temp))) {
        await this.#write(temp, source.path, watched, options);
      }
      options.onProgress?.(source.size);
      return await publish(temp);
    } catch (error) {
      throw watched.reportedFailure(error, (other) => fromFolderError(other, "write", this.#root));
    } finally {
      await fs.promises.rm(temp, { force: true }).catch(() => undefined);
      this.#active.delete(temp);
    }
  }

  async #clone(from: string, size: number, temp: string): Promise<boolean> {
    if (!(await tryClone(from, temp))) return false;
    const clone = await fs.promises.open(temp, "r");
    try {
      if ((await clone.stat()).size !== size) throw wrongSize(size);
      await clone.chmod(0o444 & ~process.umask());
      await clone.sync();
    } finally {
      await clone.close();
    }
    return true;
  }

  async #write(temp: string, from: string | undefined, source: WatchedSource, options: PutOptions): Promise<void> {
    const handle = await fs.promises.open(temp, "wx", 0o444);
    try {
      if (from === undefined) await writeStream(handle, rechunk(source.open(), 1024 * 1024), options);
      else await copyFrom(from, handle, source.size, options);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async #linkOrMove(temp: string, target: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return await this.#link(temp, target);
    } catch (error) {
      if (!CANNOT_LINK.has(systemErrorCode(error) ?? "")) throw error;
    }
    return withKeyLock(this.#temp, path.relative(this.#root, target), signal, async () => {
      if ((await this.#lookAt(target)) !== undefined) return false;
      await fs.promises.rename(temp, target);
      await this.#syncs.sync(path.dirname(target));
      return true;
    });
  }

  /** Gives a temp file its final name unless that exists; returns whether it did. */
  async #link(temp: string, target: string): Promise<boolean> {
    const folder = path.dirname(target);
    ensureFolder(folder);
    try {
      await fs.promises.link(temp, target);
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw error;
      await this.#syncs.sync(folder);
      return false;
    }
    await this.#syncs.sync(folder);
    return true;
  }

  async #synced(folder: string): Promise<void> {
    try {
      await this.#syncs.sync(folder);
    } catch (error) {
      throw fromFolderError(error, "write", this.#root);
    }
  }

  async *#mapped(stream: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* stream;
    } catch (error) {
      throw fromFolderError(error, "read", this.#root);
    }
  }
}

async function copyFrom(file: string, to: fs.promises.FileHandle, size: number, options: PutOptions): Promise<void> {
  const from = await fs.promises.open(file, "r");
  try {
    if ((await from.stat()).size !== size) throw wrongSize(size);
    await copyFileBytes(from, to, size, options);
  } finally {
    await from.close();
  }
}

function wrongSize(size: number): RemoteError {
  return new RemoteError("corrupt", `the file to upload does not have the ${size} bytes that it was said to have`, {
    retryable: false,
    hint: "the file changed while it was being sent; run the same command again",
  });
}

function changed(key: string): RemoteError {
  return new RemoteError("conflict", `\`${key}\` is no longer what was read`);
}

function etagOf(stat: fs.BigIntStats): string {
  return `${stat.size}-${stat.mtimeNs}-${stat.ino}`;
}

async function openOrAbsent(file: string): Promise<fs.promises.FileHandle | undefined> {
  try {
    return await fs.promises.open(file, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function ignoreMissing(error: unknown): string[] {
  if (systemErrorCode(error) === "ENOENT") return [];
  throw error;
}

/** Tells whether a temp name's process id is another living process of this machine. */
function isOfLivingProcess(name: string): boolean {
  const pid = Number(/-(\d+)-[0-9a-f]{16}/.exec(name)?.[1] ?? Number.NaN);
  if (Number.isNaN(pid) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}
