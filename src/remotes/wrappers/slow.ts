import { setTimeout as sleep } from "node:timers/promises";
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  PutOptions,
  PutResult,
  PutSource,
  Remote,
  RemoteBody,
  RemoteEntry,
  RemoteStat,
  ReplaceOptions,
} from "../remote.ts";
import { ForwardingRemote } from "./forwarding.ts";

/** Returns the remote with every call delayed by `delayMs`, as a distant service is; for tests and benchmarks. */
export function withDelay(inner: Remote, delayMs: number): Remote {
  return new DelayedRemote(inner, delayMs);
}

class DelayedRemote extends ForwardingRemote {
  readonly #delayMs: number;

  constructor(inner: Remote, delayMs: number) {
    super(inner);
    this.#delayMs = delayMs;
  }

  override async stat(key: string, options?: CallOptions): Promise<RemoteStat | undefined> {
    await sleep(this.#delayMs);
    return this.inner.stat(key, options);
  }

  override async get(key: string, options?: GetOptions): Promise<RemoteBody | undefined> {
    await sleep(this.#delayMs);
    return this.inner.get(key, options);
  }

  override async put(key: string, source: PutSource, options?: PutOptions): Promise<PutResult> {
    await sleep(this.#delayMs);
    return this.inner.put(key, source, options);
  }

  override async replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    await sleep(this.#delayMs);
    return this.inner.replace(key, source, options);
  }

  override async *list(prefix: string, options?: ListOptions): AsyncGenerator<RemoteEntry> {
    await sleep(this.#delayMs);
    yield* this.inner.list(prefix, options);
  }

  override async remove(key: string, options?: CallOptions): Promise<void> {
    await sleep(this.#delayMs);
    return this.inner.remove(key, options);
  }

  override async removeMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    await sleep(this.#delayMs);
    return this.inner.removeMany(keys, options);
  }
}
