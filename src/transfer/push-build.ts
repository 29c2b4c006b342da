import type { Sha256 } from "../base/ids.ts";
import type { Body } from "../formats/body.ts";
import { parseLeaf, parseRoot, type ManifestRoot } from "../formats/manifest.ts";
import { LOOSE_MIN_BYTES } from "../store/cache.ts";
import type { BodyBuilder } from "./body-builder.ts";
import { KnownFolders } from "./known-folders.ts";
import type { BuildContext, StreamPart } from "./push-context.ts";
import { sendWholePacks } from "./whole-packs.ts";
import { readObject, readPart, sendObject, sendSmall, WHOLE_MIN_BYTES } from "./send-object.ts";

/** Sends a file's content as far as the remote lacks it; what is returned gives its body once the packer is finished. */
export async function buildFile(context: BuildContext, builder: BodyBuilder): Promise<() => Body> {
  const { pointer } = context.version;
  const parts = await sendObject(context, pointer.sha256, pointer.size);
  return () => {
    for (const part of parts) part(builder);
    return builder.finish("file", pointer.sha256, 0);
  };
}

/**
 * Sends a folder's manifest and files as far as the remote lacks them. Whole leaves that a known version shares are taken over as one run of
 * its stream, without a look at their files.
 */
export async function buildDirectory(context: BuildContext, builder: BodyBuilder): Promise<() => Body> {
  const { version, packer } = context;
  const where = `\`${version.target}\``;
  const rootBytes = readPart(context, version.pointer.sha256);
  const root = parseRoot(rootBytes, where);
  const known = new KnownFolders(context);
  const whole = await sendWholePacks(context, unknownObjects(context, root, known));
  const parts: StreamPart[] = [];
  const sent = new Map<Sha256, Promise<readonly StreamPart[]> | readonly StreamPart[]>();

  const place = async (hash: Sha256, size: number, read: () => Uint8Array | undefined): Promise<void> => {
    if (size === 0) return;
    const earlier = sent.get(hash);
    if (earlier !== undefined) {
      parts.push(...(await earlier));
      return;
    }
    const found = known.find(hash, size) ?? whole.find(hash, size);
    const data = found === undefined ? read() : undefined;
    const made =
      found !== undefined ? [found] : data === undefined ? await sendObject(context, hash, size) : [await sendSmall(packer, hash, data)];
    sent.set(hash, made);
    parts.push(...made);
  };

  await place(version.pointer.sha256, rootBytes.length, () => rootBytes);
  for (const leaf of root.leaves) await place(leaf.sha256, leaf.length, () => readPart(context, leaf.sha256));
  for (const leaf of root.leaves) {
    const shared = known.findLeafFiles(leaf.sha256, leaf.size);
    if (shared !== undefined) {
      parts.push(shared);
      continue;
    }
    for (const entry of parseLeaf(readPart(context, leaf.sha256), leaf, where)) {
      await place(entry.sha256, entry.size, () => (entry.size < WHOLE_MIN_BYTES ? readObject(context, entry) : undefined));
    }
  }
  return () => {
    for (const part of parts) part(builder);
    return builder.finish("dir", version.pointer.sha256, rootBytes.length);
  };
}

/** Yields the objects of a folder that no known version has, as far as they are small enough for packs. */
function* unknownObjects(context: BuildContext, root: ManifestRoot, known: KnownFolders): Generator<Sha256> {
  for (const leaf of root.leaves) {
    if (known.find(leaf.sha256, leaf.length) !== undefined) continue;
    yield leaf.sha256;
    for (const entry of parseLeaf(readPart(context, leaf.sha256), leaf, `\`${context.version.target}\``)) {
      if (entry.size < LOOSE_MIN_BYTES && known.find(entry.sha256, entry.size) === undefined) yield entry.sha256;
    }
  }
}
