import type { Readable } from "node:stream";
import { throwIfAborted } from "../base/concurrency.ts";
import { RemoteError } from "./remote-error.ts";
import { releasingStream } from "./streams.ts";

/** Says what a response's body must be and how its failures are named. */
export interface ResponseBodyOptions {
  readonly length: number;
  readonly key: string;
  readonly signal: AbortSignal | undefined;
  readonly translate: (error: unknown) => unknown;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Returns a response's body as the contract wants it: exactly `length` bytes or a failure, stopped by the signal, its socket freed at the end. */
export function responseBody(readable: Readable, options: ResponseBodyOptions): AsyncIterable<Uint8Array> {
  const { signal, key, length } = options;
  const stop = (): void => void readable.destroy(new Error("aborted"));
  // Whoever reads it hears of its failure; until then, and after it was dropped, nobody must.
  readable.on("error", () => undefined);
  if (signal?.aborted === true) stop();
  else signal?.addEventListener("abort", stop, { once: true });
  const release = (): void => {
    signal?.removeEventListener("abort", stop);
    readable.destroy();
  };
  const read = async function* read(): AsyncGenerator<Uint8Array> {
    let seen = 0;
    try {
      for await (const data of readable as AsyncIterable<Uint8Array>) {
        throwIfAborted(signal);
        seen += data.length;
        if (seen > length) throw new RemoteError("corrupt", `\`${key}\` has more than the ${length} bytes that were announced`);
        options.onBytes?.(data.length);
        yield data;
      }
    } catch (error) {
      throwIfAborted(signal);
      throw options.translate(error);
    }
    throwIfAborted(signal);
    if (seen !== length) throw new RemoteError("unavailable", `\`${key}\` ended after ${seen} of ${length} bytes`);
  };
  return releasingStream(read(), release);
}

/** Parses `bytes FIRST-LAST/SIZE`; undefined when it is not that. */
export function parseContentRange(
  text: string | undefined,
): { readonly first: number; readonly last: number; readonly size: number } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(text ?? "");
  if (match === null) return undefined;
  return { first: Number(match[1]), last: Number(match[2]), size: Number(match[3]) };
}
