/** The program of a reader thread: reads and hashes small files into memory that it shares with the thread that asked. */
import * as fs from "node:fs";
import { parentPort } from "node:worker_threads";
import { sha256 } from "../base/hashing.ts";

/** Is a run of files to read, one behind the other, into `memory`. */
export interface ReadTask {
  readonly memory: SharedArrayBuffer;
  /** Absolute paths, joined by NUL. */
  readonly files: string;
  /** Four numbers a file, taken before: size in bytes, mtime and ctime in milliseconds, inode. */
  readonly stats: Float64Array;
}

/** Is the answer to one task: the files' hashes joined, 64 blanks for each one that could not be read while it stood still. */
export type ReadAnswer = string;

const NOT_READ = " ".repeat(64);
const FLAGS = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;

parentPort?.on("message", (task: ReadTask) => {
  const bytes = Buffer.from(task.memory);
  const { stats } = task;
  let hashes: ReadAnswer = "";
  let at = 0;
  for (const [index, file] of task.files.split("\0").entries()) {
    const size = stats[index * 4] ?? 0;
    const place = bytes.subarray(at, at + size);
    hashes += readInto(place, file, stats.subarray(index * 4)) ? sha256(place) : NOT_READ;
    at += size;
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window and has no origin.
  parentPort?.postMessage(hashes);
});

/** Tells whether the file's bytes are all there and its stat data are those from before; why not is for the asking thread to find out. */
function readInto(place: Buffer, file: string, before: Float64Array): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = fs.openSync(file, FLAGS);
    let length = 0;
    while (length < place.length) {
      const read = fs.readSync(descriptor, place, length, place.length - length, length);
      if (read === 0) return false;
      length += read;
    }
    const after = fs.fstatSync(descriptor);
    return (
      after.isFile() && after.size === before[0] && after.mtimeMs === before[1] && after.ctimeMs === before[2] && after.ino === before[3]
    );
  } catch {
    return false;
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}
