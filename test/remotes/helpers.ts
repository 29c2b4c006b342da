import { createHash } from "node:crypto";
import type { PutSource, Remote, RemoteEntry } from "../../src/remotes/remote.ts";

/** Returns bytes that look random and are the same for the same seed. */
export function someBytes(size: number, seed = 1): Buffer {
  const data = Buffer.allocUnsafe(size);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[at] = state & 0xff;
  }
  return data;
}

export function hashOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Returns a source that can be opened again, in pieces of 64 KiB, and counts how often it was. */
export function source(data: Uint8Array): PutSource & { readonly opened: () => number } {
  let opened = 0;
  return {
    size: data.length,
    opened: () => opened,
    async *open(range) {
      opened++;
      const piece = range === undefined ? data : data.subarray(range.offset, range.offset + range.length);
      for (let at = 0; at < piece.length; at += 65_536) yield piece.subarray(at, at + 65_536);
    },
  };
}

/** Returns a source that says it has `size` bytes and gives `data`. */
export function lyingSource(data: Uint8Array, size: number): PutSource {
  return {
    size,
    async *open(range) {
      const start = range?.offset ?? 0;
      const end = range === undefined ? data.length : start + range.length + Math.max(0, data.length - size);
      const piece = data.subarray(start, end);
      if (piece.length > 0) yield piece;
    },
  };
}

export async function readAll(remote: Remote, key: string, options?: Parameters<Remote["get"]>[1]): Promise<Buffer | undefined> {
  const body = await remote.get(key, options);
  if (body === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  for await (const piece of body.stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

export async function listAll(remote: Remote, prefix: string, after?: string): Promise<RemoteEntry[]> {
  const entries: RemoteEntry[] = [];
  for await (const entry of remote.list(prefix, after === undefined ? {} : { after })) entries.push(entry);
  return entries;
}

export async function failureOf(work: Promise<unknown>): Promise<Record<string, unknown> & Error> {
  try {
    await work;
  } catch (error) {
    return error as Record<string, unknown> & Error;
  }
  throw new Error("it did not fail");
}
