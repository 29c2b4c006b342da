import { throwIfAborted } from "../../base/concurrency.ts";
import { sha256 } from "../../base/hashing.ts";
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
import { checkedSource, collectStream, rangeWithin } from "../streams.ts";

interface StoredBlob {
  readonly data: Buffer;
  readonly etag: string;
  readonly sha256: string;
  readonly token: string | undefined;
  readonly modifiedAt: number;
}

const READ_BYTES = 1024 * 1024;

/** Keeps blobs in this process's memory: the contract's simplest true implementation, for tests of everything above it. */
export class MemoryRemote implements Remote {
  readonly url: string;
  readonly capabilities: RemoteCapabilities = {
    parallelRanges: true,
    concurrency: 16,
    unfinishedUploads: false,
    signedUrls: false,
  };
  /** The blobs by key, open to tests that damage or age them. */
  readonly blobs = new Map<string, StoredBlob>();
  readonly #now: () => number;
  #version = 0;

  /** `now` dates new blobs, in milliseconds since the epoch. */
  constructor(name = "memory", now: () => number = Date.now) {
    this.url = `memory://${name}`;
    this.#now = now;
  }

  async stat(key: string, options: CallOptions = {}): Promise<RemoteStat | undefined> {
    assertKey(key);
    throwIfAborted(options.signal);
    const blob = this.blobs.get(key);
    if (blob === undefined) return undefined;
    const { data, etag, token } = blob;
    return {
      size: data.length,
      etag,
      sha256: blob.sha256,
      ...(token === undefined ? {} : { token }),
    };
  }

  async get(key: string, options: GetOptions = {}): Promise<RemoteBody | undefined> {
    assertKey(key);
    throwIfAborted(options.signal);
    const blob = this.blobs.get(key);
    if (blob === undefined) return undefined;
    if (options.ifMatch !== undefined && options.ifMatch !== blob.etag) throw changed(key);
    const { offset, length } = rangeWithin(blob.data.length, options.range, key);
    const stream = readPieces(blob.data.subarray(offset, offset + length), options.signal);
    return { stream, length, size: blob.data.length, etag: blob.etag };
  }

  async put(key: string, source: PutSource, options: PutOptions = {}): Promise<PutResult> {
    assertKey(key);
    const data = await this.#receive(source, options);
    const existing = this.blobs.get(key);
    if (existing !== undefined) return { created: isOwn(existing, options), etag: existing.etag };
    return { created: true, etag: this.#store(key, data, options.token) };
  }

  async replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    assertKey(key);
    const data = await this.#receive(source, options);
    if (this.blobs.get(key)?.etag !== options.ifMatch) throw changed(key);
    return { etag: this.#store(key, data, options.token) };
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<RemoteEntry> {
    assertPrefix(prefix);
    for (const [key, blob] of this.blobs) {
      throwIfAborted(options.signal);
      if (!key.startsWith(prefix) || key <= (options.after ?? "")) continue;
      yield { key, size: blob.data.length, etag: blob.etag, modifiedAt: blob.modifiedAt };
    }
  }

  async remove(key: string, options: CallOptions = {}): Promise<void> {
    assertKey(key);
    throwIfAborted(options.signal);
    this.blobs.delete(key);
  }

  async removeMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) await this.remove(key, options);
  }

  async removeUnfinishedUploads(): Promise<number> {
    return 0;
  }

  async signedUrl(): Promise<string> {
    throw new RemoteError("unsupported", "a memory remote has no URLs");
  }

  async close(): Promise<void> {}

  async #receive(source: PutSource, options: PutOptions): Promise<Buffer> {
    throwIfAborted(options.signal);
    const data = Buffer.from(await collectStream(checkedSource(source, undefined, options.signal), source.size));
    if (options.sha256 !== undefined && sha256(data) !== options.sha256) {
      throw new RemoteError("corrupt", "the data to upload does not match its SHA-256", {
        retryable: false,
      });
    }
    options.onProgress?.(data.length);
    return data;
  }

  #store(key: string, data: Buffer, token: string | undefined): string {
    const etag = `m${++this.#version}`;
    this.blobs.set(key, { data, etag, sha256: sha256(data), token, modifiedAt: this.#now() });
    return etag;
  }
}

function isOwn(blob: StoredBlob, options: PutOptions): boolean {
  return options.token !== undefined && blob.token === options.token;
}

function changed(key: string): RemoteError {
  return new RemoteError("conflict", `\`${key}\` is no longer what was read`);
}

async function* readPieces(data: Buffer, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += READ_BYTES) {
    throwIfAborted(signal);
    yield Uint8Array.from(data.subarray(at, at + READ_BYTES));
  }
}
