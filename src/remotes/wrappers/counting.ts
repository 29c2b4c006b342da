import { createRequestMeter, type RequestCounts, type RequestMeter } from "../request-meter.ts";
import type {
  CallOptions,
  CleaningOptions,
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
import { ForwardingRemote, tappedBody, tappedSource } from "./forwarding.ts";

/** Returns the remote with its calls and bytes counted; one call counts as one request. */
export function withCounting(inner: Remote, meter: RequestMeter): Remote {
  return new CountingRemote(inner, meter);
}

/** Returns the remote with a counter of its own, for tests. */
export function countRequests(inner: Remote): { readonly remote: Remote; counts(): RequestCounts } {
  const meter = createRequestMeter();
  return { remote: withCounting(inner, meter), counts: () => meter.counts() };
}

class CountingRemote extends ForwardingRemote {
  readonly #meter: RequestMeter;

  constructor(inner: Remote, meter: RequestMeter) {
    super(inner);
    this.#meter = meter;
  }

  override stat(key: string, options?: CallOptions): Promise<RemoteStat | undefined> {
    this.#meter.request("stat");
    return this.inner.stat(key, options);
  }

  override async get(key: string, options?: GetOptions): Promise<RemoteBody | undefined> {
    this.#meter.request("get");
    const body = await this.inner.get(key, options);
    if (body === undefined) return undefined;
    const meter = this.#meter;
    return tappedBody(body, async function* counted(stream) {
      for await (const data of stream) {
        meter.received(data.length);
        yield data;
      }
    });
  }

  override async put(key: string, source: PutSource, options?: PutOptions): Promise<PutResult> {
    this.#meter.request("put");
    if (source.path === undefined) return this.inner.put(key, this.#counted(source), options);
    // A file may be cloned without a byte of it passing here: count what was made.
    const result = await this.inner.put(key, source, options);
    if (result.created) this.#meter.sent(source.size);
    return result;
  }

  override replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    this.#meter.request("put");
    return this.inner.replace(key, this.#counted(source), options);
  }

  override list(prefix: string, options?: ListOptions): AsyncIterable<RemoteEntry> {
    this.#meter.request("list");
    return this.inner.list(prefix, options);
  }

  override remove(key: string, options?: CallOptions): Promise<void> {
    this.#meter.request("remove");
    return this.inner.remove(key, options);
  }

  override removeMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    this.#meter.request("remove");
    return this.inner.removeMany(keys, options);
  }

  override removeUnfinishedUploads(olderThan: number, options?: CleaningOptions): Promise<number> {
    this.#meter.request("other");
    return this.inner.removeUnfinishedUploads(olderThan, options);
  }

  #counted(source: PutSource): PutSource {
    const meter = this.#meter;
    return tappedSource(source, async function* counted(stream) {
      for await (const data of stream) {
        meter.sent(data.length);
        yield data;
      }
    });
  }
}
