/**
 * Stages a large blob's blocks in parallel.
 *
 * A block's id is its number and the SHA-256 of its bytes: a block that is staged already, by an earlier attempt, a process that was
 * killed, or another writer, is known by its id alone and not sent again; and nobody's other bytes can end up in our list.
 */
import { createHash } from "node:crypto";
import type { BlockBlobClient } from "@azure/storage-blob";
import { mapConcurrent, throwIfAborted } from "../../base/concurrency.ts";
import type { BufferBudget } from "../buffer-budget.ts";
import { collectStream, type WatchedSource } from "../streams.ts";

const MAX_BLOCKS = 50_000;
const MIB = 1024 * 1024;

/** Says what to stage and where. */
export interface StageRequest {
  readonly blob: BlockBlobClient;
  readonly source: WatchedSource;
  readonly partBytes: number;
  readonly budget: BufferBudget;
  readonly concurrency: number;
  readonly encryptionScope: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((sentBytes: number) => void) | undefined;
}

/** Returns the size of blocks for a blob: the wished one, or larger when that would need more than 50,000. */
export function partBytesFor(size: number, wished: number): number {
  return size <= wished * MAX_BLOCKS ? wished : Math.ceil(size / MAX_BLOCKS / MIB) * MIB;
}

/** Stages every block that is not there yet and returns their ids in order; throws what the SDK throws. */
export async function stageBlocks(request: StageRequest): Promise<readonly string[]> {
  const { blob, source, partBytes, signal } = request;
  const abort = signal === undefined ? {} : { abortSignal: signal };
  const staged = await findStaged(request);
  const count = Math.ceil(source.size / partBytes);
  let sent = 0;
  return mapConcurrent(Array.from({ length: count }), request.concurrency, async (_, index) => {
    throwIfAborted(signal);
    const offset = index * partBytes;
    const length = Math.min(partBytes, source.size - offset);
    const id = await request.budget.run(length, signal, async (lend) => {
      const body = await collectStream(source.open({ offset, length }, lend(length)), length);
      const name = blockId(index, body);
      if (staged.get(name) !== length) {
        await blob.stageBlock(name, body, length, {
          ...abort,
          transactionalContentMD5: createHash("md5").update(body).digest(),
          ...(request.encryptionScope === undefined ? {} : { encryptionScope: request.encryptionScope }),
        });
      }
      return name;
    });
    sent += length;
    request.onProgress?.(sent);
    return id;
  });
}

function blockId(index: number, body: Uint8Array): string {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(index);
  return Buffer.concat([number, createHash("sha256").update(body).digest()]).toString("base64");
}

async function findStaged(request: StageRequest): Promise<ReadonlyMap<string, number>> {
  try {
    const list = await request.blob.getBlockList("uncommitted", request.signal === undefined ? {} : { abortSignal: request.signal });
    return new Map((list.uncommittedBlocks ?? []).map((block) => [block.name, block.size]));
  } catch (error) {
    throwIfAborted(request.signal);
    if (error instanceof Error && Reflect.get(error, "statusCode") === 404) return new Map();
    throw error;
  }
}
