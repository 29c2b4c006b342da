import * as fs from "node:fs";
import path from "node:path";
import { formatBytes } from "../base/amounts.ts";
import { mapConcurrent } from "../base/concurrency.ts";
import { ensureFolder } from "../base/durable.ts";
import { fromSystemError, MlvError } from "../base/errors.ts";
import { createSha256, type Sha256Hasher } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { SyncBehind } from "../base/sync-behind.ts";
import type { BodyBlob } from "../formats/body.ts";
import type { ByteRange } from "../remotes/remote.ts";
import { copyAndHash, readFileRange } from "../store/copy-hash.ts";
import { FollowingHash } from "../store/following-hash.ts";
import { mismatch, type FetchPartContext } from "./fetch-context.ts";

const PART_BYTES = 16 * 1024 * 1024;
const RUN_BYTES = 1024 * 1024;
const PARALLEL_MIN_BYTES = 2 * PART_BYTES;

/** Throws `disk-full` before a byte is fetched when the disk of `folder` has less than `bytes` free. */
export function assertRoom(folder: string, bytes: number): void {
  let place = folder;
  while (!fs.existsSync(place) && path.dirname(place) !== place) place = path.dirname(place);
  const { bavail, bsize } = fs.statfsSync(place);
  const free = bavail * bsize;
  if (bytes <= free) return;
  throw new MlvError("disk-full", `it needs ${formatBytes(bytes)}, and the disk of \`${folder}\` has ${formatBytes(free)} free`, {
    hint: "free some space (`mlv gc` lists what the cache can give back), fetch only a part (`mlv pull PATH`), or move the cache (`mlv config set --local cache.dir DIR`)",
    details: { path: folder, neededBytes: bytes, freeBytes: free },
  });
}

/**
 * Fetches a whole blob, `file` when it is one file's content, into a synced temp file in the cache and returns its path, once its bytes have matched `hash`.
 * What an interrupted run had received stays in the version's partial folder and is not fetched again.
 * Throws `content-mismatch` (what was received is then removed), `content-missing`, `disk-full`, `remote-…`.
 */
export async function fetchBlobFile(context: FetchPartContext, blob: BodyBlob, hash: Sha256, file?: string): Promise<string> {
  const folder = path.join(context.partialFolder, context.body.sha256);
  ensureFolder(folder);
  const partial = path.join(folder, `${hash}.part`);
  const isParallel = context.store.remote.capabilities.parallelRanges && blob.size >= PARALLEL_MIN_BYTES;
  try {
    const actual = isParallel ? await fetchInParts(context, blob, partial) : await fetchInOrder(context, blob, partial);
    if (actual !== hash) {
      fs.rmSync(partial, { force: true });
      fs.rmSync(`${partial}.done`, { force: true });
      throw mismatch(hash, file);
    }
    const temp = context.cache.tempFile("blob");
    moveFile(partial, temp);
    fs.rmSync(`${partial}.done`, { force: true });
    return temp;
  } catch (error) {
    throw fromSystemError(error, "write", partial);
  }
}

/** One stream, hashed as it is written; what is there from before is hashed first. */
async function fetchInOrder(context: FetchPartContext, blob: BodyBlob, partial: string): Promise<Sha256> {
  const hasher = createSha256();
  const there = fs.statSync(partial, { throwIfNoEntry: false })?.size ?? 0;
  const start = there <= blob.size ? there : 0;
  if (start > 0) await hashPrefix(hasher, partial, start);
  const descriptor = fs.openSync(partial, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  const behind = new SyncBehind(descriptor);
  try {
    fs.ftruncateSync(descriptor, start);
    if (start < blob.size)
      await receive(context, {
        blob,
        range: { offset: start, length: blob.size - start },
        descriptor,
        behind,
        onData: (data) => hasher.update(data),
      });
    await behind.settle();
    fs.fsyncSync(descriptor);
  } finally {
    await behind.settle().catch(() => undefined);
    fs.closeSync(descriptor);
  }
  return hasher.digest();
}

async function hashPrefix(hasher: Sha256Hasher, file: string, length: number): Promise<void> {
  for await (const data of readFileRange(file, 0, length)) hasher.update(data);
}

/** Several ranges at once, each noted when it is whole; a thread hashes the file as far as it is there, and the disk gets it on the way. */
async function fetchInParts(context: FetchPartContext, blob: BodyBlob, partial: string): Promise<Sha256> {
  const noted = `${partial}.done`;
  const done = new Set(fs.existsSync(noted) ? fs.readFileSync(noted, "latin1").split("\n") : []);
  const parts: ByteRange[] = [];
  const descriptor = fs.openSync(partial, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  const behind = new SyncBehind(descriptor);
  const hash = new FollowingHash(partial);
  try {
    for (let offset = 0; offset < blob.size; offset += PART_BYTES) {
      const range = { offset, length: Math.min(PART_BYTES, blob.size - offset) };
      if (done.has(String(offset))) hash.written(range.offset, range.length);
      else parts.push(range);
    }
    await mapConcurrent(parts, context.jobs, async (range) => {
      await receive(context, { blob, range, descriptor, behind });
      fs.appendFileSync(noted, `${range.offset}\n`);
      hash.written(range.offset, range.length);
    });
    const sha256 = (await hash.finish(blob.size)) ?? (await copyAndHash(descriptor, { signal: context.signal })).sha256;
    await behind.settle();
    fs.fsyncSync(descriptor);
    return sha256;
  } finally {
    await behind.settle().catch(() => undefined);
    await hash.close();
    fs.closeSync(descriptor);
  }
}

interface Reception {
  readonly blob: BodyBlob;
  readonly range: ByteRange;
  readonly descriptor: number;
  readonly behind: SyncBehind;
  readonly onData?: (data: Uint8Array) => void;
}

async function receive(context: FetchPartContext, { blob, range, descriptor, behind, onData }: Reception): Promise<void> {
  const isWhole = range.offset === 0 && range.length === blob.size;
  const body = await context.store.remote.get(blob.key, { signal: context.signal, ...(isWhole ? {} : { range }) });
  if (body === undefined) {
    throw new MlvError("content-missing", `the remote lost ${blob.key}`, {
      hint: "run `mlv push` where the data is still cached, which sends it again",
      details: { key: blob.key },
    });
  }
  let at = range.offset;
  const end = range.offset + range.length;
  // What came is written in long runs: a call to the I/O pool for each piece of 64 KiB costs more than the writing.
  let writing: Promise<void> | undefined;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const writeOut = async (): Promise<void> => {
    await writing;
    const bytes = waitingBytes;
    writing = writeAll(descriptor, waiting, at - bytes).then(() => behind.wrote(bytes));
    writing.catch(() => undefined);
    waiting = [];
    waitingBytes = 0;
  };
  try {
    for await (const data of body.stream) {
      if (at + data.length > end)
        throw new MlvError("content-mismatch", `the remote's copy of ${blob.key} is too long`, { details: { key: blob.key } });
      onData?.(data);
      waiting.push(data);
      waitingBytes += data.length;
      at += data.length;
      context.onReceived(data.length);
      if (waitingBytes >= RUN_BYTES) await writeOut();
    }
    await writeOut();
    await writing;
  } finally {
    // Nothing is written any more when the descriptor is closed.
    await writing?.catch(() => undefined);
  }
  if (at !== end) throw new MlvError("content-mismatch", `the remote's copy of ${blob.key} is too short`, { details: { key: blob.key } });
}

function writeAll(descriptor: number, pieces: readonly Uint8Array[], offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.writev(descriptor, pieces, offset, (error, written) => {
      if (error !== null) reject(error);
      else {
        const left = restOf(pieces, written);
        if (left.length === 0) resolve();
        else writeAll(descriptor, left, offset + written).then(resolve, reject);
      }
    });
  });
}

/** Returns what is left of pieces whose first `bytes` are written. */
function restOf(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let at = 0;
  for (const piece of pieces) {
    if (at + piece.length > bytes) left.push(piece.subarray(Math.max(0, bytes - at)));
    at += piece.length;
  }
  return left;
}

function moveFile(from: string, to: string): void {
  try {
    fs.renameSync(from, to);
  } catch {
    // The cache may lie on another file system than the repository.
    fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
    const descriptor = fs.openSync(to, "r+");
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
    fs.rmSync(from);
  }
}
