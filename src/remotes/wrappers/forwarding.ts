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
  RemoteCapabilities,
  RemoteEntry,
  RemoteStat,
  ReplaceOptions,
} from "../remote.ts";

/** Passes every call on to another remote; wrappers override what they change. */
export class ForwardingRemote implements Remote {
  protected readonly inner: Remote;

  constructor(inner: Remote) {
    this.inner = inner;
  }

  get url(): string {
    return this.inner.url;
  }

  get capabilities(): RemoteCapabilities {
    return this.inner.capabilities;
  }

  stat(key: string, options?: CallOptions): Promise<RemoteStat | undefined> {
    return this.inner.stat(key, options);
  }

  get(key: string, options?: GetOptions): Promise<RemoteBody | undefined> {
    return this.inner.get(key, options);
  }

  put(key: string, source: PutSource, options?: PutOptions): Promise<PutResult> {
    return this.inner.put(key, source, options);
  }

  replace(key: string, source: PutSource, options: ReplaceOptions): Promise<{ readonly etag: string }> {
    return this.inner.replace(key, source, options);
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<RemoteEntry> {
    return this.inner.list(prefix, options);
  }

  remove(key: string, options?: CallOptions): Promise<void> {
    return this.inner.remove(key, options);
  }

  removeMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.inner.removeMany(keys, options);
  }

  removeUnfinishedUploads(olderThan: number, options?: CleaningOptions): Promise<number> {
    return this.inner.removeUnfinishedUploads(olderThan, options);
  }

  signedUrl(key: string, expiresInSeconds: number, options?: CallOptions): Promise<string> {
    return this.inner.signedUrl(key, expiresInSeconds, options);
  }

  async describeCredentials(): Promise<string> {
    return (await this.inner.describeCredentials?.()) ?? "none needed";
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

/** Returns a source whose bytes pass through `through`; a file behind it is hidden, so that every byte is seen. */
export function tappedSource(source: PutSource, through: (stream: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>): PutSource {
  return { size: source.size, open: (range, into) => through(source.open(range, into)) };
}

/** Returns a body whose bytes pass through `through`; ending it early ends the inner stream too. */
export function tappedBody(body: RemoteBody, through: (stream: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array>): RemoteBody {
  const inner = body.stream[Symbol.asyncIterator]();
  const once: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => inner };
  const generator = through(once);
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => generator.next(),
    async return() {
      await generator.return(undefined);
      await inner.return?.();
      return { done: true, value: undefined };
    },
  };
  return { ...body, stream: { [Symbol.asyncIterator]: () => iterator } };
}
