import * as fs from "node:fs";
import type { BlobKey, Sha256 } from "../base/ids.ts";
import { blobKey } from "../formats/layout.ts";
import type { OpenPack } from "../store/pack-set.ts";
import { samplePaysToCompress } from "../store/compression.ts";
import type { BuildContext } from "./push-context.ts";
import { fileSource } from "./remote-packer.ts";
import { sendWhole } from "./send-whole.ts";
import type { BlobRun } from "./stream-parts.ts";

/** A cached pack of which at least this part is to be sent goes as it is. */
const NEEDED_PART = 0.9;
const MIN_PACK_BYTES = 1024 * 1024;
const SAMPLES = 6;
const SAMPLE_BYTES = 64 * 1024;

/** Finds objects in the packs that go as they are. */
export interface WholePacks {
  find(hash: Sha256, size: number): BlobRun | undefined;
}

/**
 * Sends cached packs as they are, in the background, where nearly all of them is needed and compressing would not pay: no object is read, hashed
 * or packed again. A pack whose stat data changed since it was last checked is hashed first, and left to be packed anew when it is damaged.
 */
export async function sendWholePacks(context: BuildContext, needed: ReadonlyMap<OpenPack, number>): Promise<WholePacks> {
  const sent = new Map<OpenPack, BlobKey>();
  for (const [pack, bytes] of needed) {
    if (pack.size < MIN_PACK_BYTES || bytes < pack.size * NEEDED_PART) continue;
    if (paysToCompress(pack) || !(await isSound(context, pack))) continue;
    const key = context.marks.freshKey(blobKey("packs", pack.sha256));
    sendWhole(context, key, fileSource(pack.file, pack.size));
    sent.set(pack, key);
  }
  return { find: (hash, size) => (sent.size === 0 ? undefined : findIn(context, sent, hash, size)) };
}

function findIn(context: BuildContext, sent: ReadonlyMap<OpenPack, BlobKey>, hash: Sha256, size: number): BlobRun | undefined {
  const place = context.cache.packs.find(hash);
  const key = place === undefined ? undefined : sent.get(place.pack);
  if (place === undefined || key === undefined || place.size !== size || place.frame.encoding !== "raw") return undefined;
  return { key, blobSize: place.pack.size, offset: place.frame.offset + place.skip, length: size };
}

function paysToCompress(pack: OpenPack): boolean {
  const descriptor = fs.openSync(pack.file, fs.constants.O_RDONLY);
  try {
    const samples: Buffer[] = [];
    for (let index = 0; index < SAMPLES; index++) {
      const sample = Buffer.alloc(Math.min(SAMPLE_BYTES, pack.size));
      const length = fs.readSync(descriptor, sample, 0, sample.length, Math.floor(((pack.size - sample.length) * index) / SAMPLES));
      samples.push(sample.subarray(0, length));
    }
    return samplePaysToCompress(samples);
  } finally {
    fs.closeSync(descriptor);
  }
}

async function isSound({ cache, signal }: BuildContext, pack: OpenPack): Promise<boolean> {
  const name = `pack-${pack.sha256}`;
  const stat = fs.lstatSync(pack.file);
  if (cache.ledger.isTrusted(name, stat)) return true;
  if ((await cache.hashLoose(pack.file, signal)) !== pack.sha256) return false;
  cache.ledger.trust(name, stat);
  return true;
}
