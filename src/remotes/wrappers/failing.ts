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
  RemoteEntry,
  RemoteStat,
  ReplaceOptions,
} from "../remote.ts";
import { ForwardingRemote, tappedBody } from "./forwarding.ts";

/** Names one call of the contract that can be made to fail. */
export type RemoteOperation = "stat" | "get" | "put" | "replace" | "list" | "remove" | "removeMany";

/** Says how a call fails: before anything is done, after all is done (the reply is lost), or after `bytes` of a body or `bytes` keys. */
export type InjectedFailure =
  | { readonly when: "before" | "after"; readonly error: Error }
  | { readonly when: "midway"; readonly bytes: number; readonly error: Error };

/**
 * Returns the remote with failures put in: `decide` sees each call (its operation, its key, how many calls came before) and returns
 * the failure, or undefined to let it pass.
 */
export function withFailures(
  inner: Remote,
  decide: (operation: RemoteOperation, key: string, call: number) => InjectedFailure | undefined,
): Remote {
  return new FailingRemote(inner, decide);
}

/** Returns the error that an unreachable service gives, for injection. */
export function unavailable(): RemoteError {
  return new RemoteError("unavailable", "injected: the service does not answer");
}

class FailingRemote extends ForwardingRemote {
  readonly #decide: (operation: RemoteOperation, key: string, call: number) => InjectedFailure | undefined;
  #calls = 0;

  constructor(inner: Remote, decide: (operation: RemoteOperation, key: string, call: number) => InjectedFailure | undefined) {
    super(inner);
    this.#decide = decide;
  }

  override stat(key: string, options?: CallOptions): Promise<RemoteStat | undefined> {
    return this.#around("stat", key, () => this.inner.stat(key, options));
  }

  override async get(key: string, options?: GetOptions): Promise<RemoteBody | undefined> {
    const failure = this.#decide("get", key, this.#calls++);
    if (failure !== undefined && failure.when !== "midway") throw failure.error;
    const body = await this.inner.get(key, options);
    if (body === undefined || failure === undefined) return body;
    return tappedBody(body, async function* broken(stream) {
      let left = failure.bytes;
      for await (const data of stream) {
        if (data.length > left) {
          if (left > 0) yield data.subarray(0, left);
          throw failure.error;
        }
        left -= data.length;
        yield data;
      }
    });
  }

  override put(key: string, source: PutSource, options?: PutOptions): Promise<PutResult> {
    return this.#around("put", key, () => this.inner.put(key, source, options));
  }

  override replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    return this.#around("replace", key, () => this.inner.replace(key, source, options));
  }

  override async *list(prefix: string, options?: ListOptions): AsyncGenerator<RemoteEntry> {
    const failure = this.#decide("list", prefix, this.#calls++);
    if (failure?.when === "before") throw failure.error;
    let left = failure?.when === "midway" ? failure.bytes : Infinity;
    for await (const entry of this.inner.list(prefix, options)) {
      if (left-- <= 0 && failure !== undefined) throw failure.error;
      yield entry;
    }
    if (failure !== undefined) throw failure.error;
  }

  override remove(key: string, options?: CallOptions): Promise<void> {
    return this.#around("remove", key, () => this.inner.remove(key, options));
  }

  override removeMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.#around("removeMany", keys[0] ?? "", () => this.inner.removeMany(keys, options));
  }

  async #around<T>(operation: RemoteOperation, key: string, work: () => Promise<T>): Promise<T> {
    const failure = this.#decide(operation, key, this.#calls++);
    if (failure?.when === "before") throw failure.error;
    const result = await work();
    if (failure !== undefined) throw failure.error;
    return result;
  }
}
