import * as fs from "node:fs";
import { sha256 } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import type { Cache } from "../store/cache.ts";
import type { OpenPack } from "../store/pack-set.ts";
import { decompress } from "../store/compression.ts";
import type { Workspace } from "./open-workspace.ts";

/** Takes a damaged object out of the cache. A pack that holds it is written anew with its sound objects first. */
export async function discardDamaged(workspace: Pick<Workspace, "cache">, hash: Sha256): Promise<void> {
  const { cache } = workspace;
  const found = cache.locate(hash);
  if (found === undefined) return;
  if (found.kind === "loose") cache.removeObject(hash);
  else salvagePack(cache, found.place.pack);
}

/** Moves the sound objects of a pack into a new one and removes it; returns the hashes of the damaged ones. */
export function salvagePack(cache: Cache, pack: OpenPack): Sha256[] {
  const sound = [...readPackObjects(pack)];
  cache.packs.exclude(pack.sha256);
  const writer = new CacheWriter(cache);
  const damaged: Sha256[] = [];
  for (const object of sound) {
    if (object.data === undefined) damaged.push(object.sha256);
    else writer.addSmall(object.sha256, object.data);
  }
  writer.finish();
  // A pack that was sound after all comes back under its own name.
  if (!cache.packs.packs().some((other) => other.sha256 === pack.sha256)) cache.removePack(pack.sha256);
  return damaged;
}

/** Yields a pack's objects, without data where the bytes do not match the hash. */
export function* readPackObjects(pack: OpenPack): Generator<{ readonly sha256: Sha256; readonly data: Buffer | undefined }> {
  const descriptor = fs.openSync(pack.file, fs.constants.O_RDONLY);
  try {
    for (let index = 0; index < pack.footer.entryCount; index++) {
      const entry = pack.footer.entry(index);
      const frame = pack.footer.frame(entry.frame);
      const isRaw = frame.encoding === "raw";
      const stored = Buffer.alloc(isRaw ? entry.size : frame.stored);
      const read = fs.readSync(descriptor, stored, 0, stored.length, frame.offset + (isRaw ? entry.skip : 0));
      const data =
        read < stored.length
          ? undefined
          : isRaw
            ? stored
            : decodeQuietly(stored, frame.decoded)?.subarray(entry.skip, entry.skip + entry.size);
      yield { sha256: entry.sha256, data: data !== undefined && sha256(data) === entry.sha256 ? data : undefined };
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

function decodeQuietly(stored: Buffer, decoded: number): Buffer | undefined {
  try {
    return decompress(stored, decoded);
  } catch {
    return undefined;
  }
}
