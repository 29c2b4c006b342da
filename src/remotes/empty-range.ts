import { RemoteError } from "./remote-error.ts";
import type { GetOptions, Remote, RemoteBody } from "./remote.ts";
import { rangeOutside } from "./streams.ts";

/** Answers a `get` of a range of no bytes, which no service can express, from the blob's stat. */
export async function getEmptyRange(remote: Pick<Remote, "stat">, key: string, options: GetOptions): Promise<RemoteBody | undefined> {
  const stat = await remote.stat(key, options);
  if (stat === undefined) return undefined;
  if (options.ifMatch !== undefined && options.ifMatch !== stat.etag) {
    throw new RemoteError("conflict", `\`${key}\` is no longer what was read`);
  }
  if (options.range !== undefined && options.range.offset > stat.size) throw rangeOutside(options.range, key, stat.size);
  return { stream: nothing(), length: 0, size: stat.size, etag: stat.etag };
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}
