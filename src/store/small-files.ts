import * as fs from "node:fs";
import { fromSystemError } from "../base/errors.ts";
import { createSha256, sha256 } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { fileChanged, openRegularFile } from "./cache-writer.ts";
import type { StatMark } from "./trust-ledger.ts";

/** Is a small file's content, read while it stood still. */
export interface SmallFile {
  readonly sha256: Sha256;
  readonly data: Uint8Array;
}

/**
 * Reads and hashes one small file whose stat data were taken before; throws `file-changed` when they no longer hold after it was read,
 * `unsupported-file-type`, `permission-denied` or `path-not-found`.
 */
export function readSmallFile(file: string, before: StatMark): SmallFile {
  const descriptor = openRegularFile(file);
  try {
    // One byte more than expected shows a file that grew.
    const buffer = Buffer.allocUnsafe(before.size + 1);
    let length = 0;
    for (;;) {
      const read = fs.readSync(descriptor, buffer, length, buffer.length - length, length);
      length += read;
      // The stat data taken afterwards show a file that grew, so its end need not be read for.
      if (read === 0 || length >= before.size) break;
    }
    assertStill(file, before, fs.fstatSync(descriptor));
    if (length !== before.size) throw fileChanged(file);
    const data = buffer.subarray(0, length);
    return { sha256: sha256(data), data };
  } catch (error) {
    throw fromSystemError(error, "read", file);
  } finally {
    fs.closeSync(descriptor);
  }
}

const PIECE_BYTES = 1024 * 1024;

/** Returns the SHA-256 of a file of any size whose stat data were taken before, reading 1 MiB at a time; throws as `readSmallFile` does. */
export function hashFileNow(file: string, before: StatMark): Sha256 {
  const descriptor = openRegularFile(file);
  try {
    const hasher = createSha256();
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    for (let offset = 0; ;) {
      const length = fs.readSync(descriptor, buffer, 0, PIECE_BYTES, offset);
      if (length === 0) break;
      hasher.update(buffer.subarray(0, length));
      offset += length;
    }
    assertStill(file, before, fs.fstatSync(descriptor));
    return hasher.digest();
  } catch (error) {
    throw fromSystemError(error, "read", file);
  } finally {
    fs.closeSync(descriptor);
  }
}

function assertStill(file: string, before: StatMark, after: StatMark): void {
  const isSame =
    after.size === before.size && after.mtimeMs === before.mtimeMs && after.ctimeMs === before.ctimeMs && after.ino === before.ino;
  if (!isSame) throw fileChanged(file);
}
