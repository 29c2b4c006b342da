/** The program of a hashing thread: hashes a file from its beginning as far as it is told that its bytes are there. */
import * as fs from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { createSha256 } from "../base/hashing.ts";

/** Says how far the file can be read now, in bytes from its beginning; with `isEnd` that is all of it, and its hash is the answer. */
export interface HashTask {
  readonly end: number;
  readonly isEnd: boolean;
}

const BUFFER_BYTES = 1024 * 1024;

const descriptor = fs.openSync(String(workerData), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
const hasher = createSha256();
let at = 0;

parentPort?.on("message", ({ end, isEnd }: HashTask) => {
  while (at < end) {
    const read = fs.readSync(descriptor, buffer, 0, Math.min(BUFFER_BYTES, end - at), at);
    if (read === 0) throw new RangeError("the file is shorter than what was said to be there");
    hasher.update(buffer.subarray(0, read));
    at += read;
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window and has no origin.
  if (isEnd) parentPort?.postMessage(hasher.digest());
});
