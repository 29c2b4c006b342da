/**
 * Uploads a large object as parts in parallel, then has the service compose them.
 *
 * A part is an object under `tmp/`, named by the blob's key, its number and the SHA-256 of its own bytes: one
 * that an earlier attempt, a process that was killed or another writer has sent already is found there and not sent again. The service
 * checks each part's MD5. Composing takes 32 at a time, so more than 32 parts make a tree. The blob itself appears at the last
 * composition, under its condition. What a kill leaves are objects under `tmp/`, which `removeUnfinishedUploads` deletes.
 */
import { createHash } from "node:crypto";
import { mapConcurrent, throwIfAborted } from "../../base/concurrency.ts";
import type { BufferBudget } from "../buffer-budget.ts";
import { collectStream, type WatchedSource } from "../streams.ts";

const COMPOSE_LIMIT = 32;

/** Is what composing needs of the driver. */
interface ComposeTools {
  /** Returns the names of the parts that are there already. */
  findParts(): Promise<ReadonlySet<string>>;
  /** Creates an object unless it is there. */
  createPart(name: string, body: Buffer): Promise<void>;
  /** Composes objects into another, created unless it is there. */
  composePart(sources: readonly string[], name: string): Promise<void>;
  /** Composes objects into the blob on its condition and returns its generation. */
  composeBlob(sources: readonly string[]): Promise<string>;
  removeParts(names: readonly string[]): Promise<void>;
}

/** Says what to upload. */
export interface ComposeRequest {
  readonly source: WatchedSource;
  /** Where the parts of this blob go, ending with `/`. */
  readonly folder: string;
  readonly partBytes: number;
  readonly budget: BufferBudget;
  readonly concurrency: number;
  readonly tools: ComposeTools;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((sentBytes: number) => void) | undefined;
}

/** Uploads and composes; returns the blob's generation. Parts are deleted afterwards, a failure of that is ignored. */
export async function uploadComposed(request: ComposeRequest): Promise<string> {
  const { source, partBytes, tools, signal } = request;
  const there = await tools.findParts();
  const count = Math.ceil(source.size / partBytes);
  let sent = 0;
  const parts = await mapConcurrent(Array.from({ length: count }), request.concurrency, async (_, index) => {
    throwIfAborted(signal);
    const offset = index * partBytes;
    const length = Math.min(partBytes, source.size - offset);
    const name = await request.budget.run(length, signal, async (lend) => {
      const body = await collectStream(source.open({ offset, length }, lend(length)), length);
      const part = `${request.folder}${index}-${createHash("sha256").update(body).digest("hex")}`;
      if (!there.has(part)) await tools.createPart(part, body);
      return part;
    });
    sent += length;
    request.onProgress?.(sent);
    return name;
  });
  const made = [...parts];
  let level: readonly string[] = parts;
  while (level.length > COMPOSE_LIMIT) {
    const groups = Array.from({ length: Math.ceil(level.length / COMPOSE_LIMIT) }, (_, index) =>
      level.slice(index * COMPOSE_LIMIT, (index + 1) * COMPOSE_LIMIT),
    );
    level = await mapConcurrent(groups, request.concurrency, async (group) => {
      throwIfAborted(signal);
      const name = `${request.folder}c-${createHash("sha256").update(group.join("\n")).digest("hex")}`;
      await tools.composePart(group, name);
      return name;
    });
    made.push(...level);
  }
  throwIfAborted(signal);
  const generation = await tools.composeBlob(level);
  await tools.removeParts(made).catch(() => undefined);
  return generation;
}
