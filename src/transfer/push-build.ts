import type { Sha256 } from "../base/ids.ts";
import { MlvError } from "../base/errors.ts";
import type { Body, BodyBlob, Segment } from "../formats/body.ts";
import { blobKey } from "../formats/layout.ts";
import { parseLeaf, parseRoot, type ManifestEntry, type ManifestRoot } from "../formats/manifest.ts";
import { samplePaysToCompress } from "../store/compression.ts";
import type { BodyBuilder } from "./body-builder.ts";
import type { PushContext, VersionToPush } from "./push.ts";
import { fileSource, GROUP_BYTES, type RemotePacker, type SentPlace } from "./remote-packer.ts";
import { bufferSource, putBlob, type RemoteVersion } from "./remote-store.ts";
import { SegmentMap } from "./segments.ts";
import { sendPieces } from "./send-pieces.ts";

/** Is the size from which an object is no longer packed with others. */
export const WHOLE_MIN_BYTES = 8 * 1024 * 1024;

/** Says what building one version's body works with. */
export interface BuildContext extends PushContext {
  readonly packer: RemotePacker;
  readonly version: VersionToPush;
  /** Versions that the remote has, perhaps not whole. */
  readonly known: readonly RemoteVersion[];
  /** Tells whether the remote has a blob with its size. */
  readonly isThere: (blob: BodyBlob) => boolean;
  readonly onSent: (bytes: number) => void;
}

/** Is a part of a stream: known now, or once the packer is finished. */
export type StreamPart = (builder: BodyBuilder) => void;

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
  const parts: StreamPart[] = [];
  const sent = new Map<Sha256, Promise<readonly StreamPart[]> | readonly StreamPart[]>();

  const place = async (hash: Sha256, size: number, read: () => Uint8Array | undefined): Promise<void> => {
    if (size === 0) return;
    const earlier = sent.get(hash);
    if (earlier !== undefined) {
      parts.push(...(await earlier));
      return;
    }
    const found = known.find(hash, size);
    const data = found === undefined ? read() : undefined;
    const made = found !== undefined ? [found] : data === undefined ? await sendObject(context, hash, size) : [await sendSmall(packer, hash, data)];
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

/** Sends one object: small ones into packs, large ones as pieces against an ancestor, as compressed pieces, or whole. */
async function sendObject(context: BuildContext, hash: Sha256, size: number): Promise<readonly StreamPart[]> {
  if (size === 0) return [];
  const { cache, packer, store, signal, onSent } = context;
  const known = findKnownObject(context, hash, size);
  if (known !== undefined) return [known];
  await assertCached(context, hash);
  if (size < WHOLE_MIN_BYTES) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of cache.read(hash)) chunks.push(chunk);
    return [await sendSmall(packer, hash, Buffer.concat(chunks))];
  }
  const pieces = await sendPieces(context, hash, size);
  if (pieces !== undefined) return pieces;
  const key = blobKey("objects", hash);
  const found = cache.locate(hash);
  const source = found?.kind === "loose" ? fileSource(found.file, size) : bufferSource(cache.readSmall(hash) ?? new Uint8Array());
  await putBlob(store.remote, key, source, signal);
  onSent(size);
  return [(builder) => builder.append({ encoding: "raw", blob: builder.blob(key, size), offset: 0, length: size })];
}

/** Tells whether compressing an object pays, from a few samples over its length. */
export async function paysToCompress(context: BuildContext, hash: Sha256, size: number): Promise<boolean> {
  const samples: Uint8Array[] = [];
  for (let index = 0; index < 4; index++) {
    const offset = Math.floor(((size - GROUP_BYTES / 4) * index) / 4);
    for await (const chunk of context.cache.read(hash, Math.max(0, offset), Math.min(GROUP_BYTES / 4, size))) samples.push(chunk);
  }
  return samplePaysToCompress(samples);
}

async function sendSmall(packer: RemotePacker, hash: Sha256, data: Uint8Array): Promise<StreamPart> {
  const place: { value?: SentPlace } = {};
  await packer.addObject(hash, data, (sentPlace) => void (place.value = sentPlace));
  return (builder) => appendPlace(builder, place.value);
}

/** Appends what a pack holds to a body's stream. */
export function appendPlace(builder: BodyBuilder, place: SentPlace | undefined): void {
  if (place === undefined) throw new RangeError("an object was never packed");
  const { frame, pack, skip, size } = place;
  const blob = builder.blob(pack.key, pack.size);
  if (frame.encoding === "raw") builder.append({ encoding: "raw", blob, offset: frame.offset + skip, length: size });
  else builder.append({ encoding: "zstd", blob, offset: frame.offset, stored: frame.stored, decoded: frame.decoded, skip, length: size });
}

function findKnownObject(context: BuildContext, hash: Sha256, size: number): StreamPart | undefined {
  const same = context.known.find(({ body }) => body.kind === "file" && body.sha256 === hash && body.length === size);
  return same === undefined ? undefined : reuseSegments(context, same.body.segments, same.body);
}

/** Returns a part that takes segments over from another body, or undefined when the remote lost a blob that they need. */
function reuseSegments(context: BuildContext, segments: readonly Segment[], body: Body): StreamPart | undefined {
  const isThere = (number: number): boolean => context.isThere(body.blobs[number] as BodyBlob);
  for (const segment of segments) {
    if (segment.encoding !== "copy" && !isThere(segment.blob)) return undefined;
    if (segment.encoding !== "copy" && segment.encoding !== "delta") continue;
    if (!body.bases[segment.base]?.segments.every((base) => isThere(base.blob))) return undefined;
  }
  return (builder) => builder.appendFrom(segments, body);
}

function readPart(context: BuildContext, hash: Sha256): Buffer {
  const bytes = context.cache.readSmall(hash);
  if (bytes !== undefined) return bytes;
  throw notCached(context, hash);
}

function readObject(context: BuildContext, entry: ManifestEntry): Buffer {
  const bytes = context.cache.readSmall(entry.sha256);
  if (bytes !== undefined) return bytes;
  throw notCached(context, entry.sha256, entry.path);
}

async function assertCached(context: BuildContext, hash: Sha256): Promise<void> {
  if (!context.cache.has(hash)) throw notCached(context, hash);
  await context.cache.assertSound(hash, context.signal);
}

function notCached(context: BuildContext, hash: Sha256, path?: string): MlvError {
  const { target } = context.version;
  const name = path === undefined ? target : `${target}/${path}`;
  return new MlvError("content-missing", `cannot push \`${target}\`: neither the cache nor the remote has \`${name}\``, {
    hint: "push from the machine that added it, or add it again here",
    details: { target, sha256: hash },
  });
}

/** Finds leaves and files of folders that the remote has, by the place that they have in the streams there. */
class KnownFolders {
  readonly #context: BuildContext;
  readonly #leafFiles = new Map<Sha256, { readonly version: number; readonly offset: number; readonly size: number }>();
  readonly #objects = new Map<Sha256, { readonly version: number; readonly offset: number }>();
  readonly #maps: SegmentMap[] = [];
  readonly #versions: RemoteVersion[] = [];
  readonly #unread: { readonly version: number; readonly root: ManifestRoot; readonly filesAt: number }[] = [];

  constructor(context: BuildContext) {
    this.#context = context;
    for (const version of context.known) {
      if (version.body.kind === "dir") this.#include(version);
    }
  }

  /** Returns the run of all files of a leaf. */
  findLeafFiles(leaf: Sha256, size: number): StreamPart | undefined {
    const found = this.#leafFiles.get(leaf);
    return found === undefined || found.size !== size ? undefined : this.#part(found.version, found.offset, size);
  }

  /** Returns an object, reading the known folders' leaves when it is first asked for one that is in none. */
  find(hash: Sha256, size: number): StreamPart | undefined {
    if (!this.#objects.has(hash)) this.#readLeaves();
    const found = this.#objects.get(hash);
    return found === undefined ? undefined : this.#part(found.version, found.offset, size);
  }

  #part(version: number, offset: number, size: number): StreamPart | undefined {
    const segments = (this.#maps[version] as SegmentMap).slice(offset, size);
    return reuseSegments(this.#context, segments, (this.#versions[version] as RemoteVersion).body);
  }

  #include(known: RemoteVersion): void {
    const rootBytes = this.#context.cache.readSmall(known.body.sha256);
    if (rootBytes === undefined) return;
    const root = parseRoot(rootBytes, known.body.sha256);
    const version = this.#versions.push(known) - 1;
    this.#maps.push(new SegmentMap(known.body.segments));
    let offset = rootBytes.length;
    this.#objects.set(known.body.sha256, { version, offset: 0 });
    for (const leaf of root.leaves) {
      if (!this.#objects.has(leaf.sha256)) this.#objects.set(leaf.sha256, { version, offset });
      offset += leaf.length;
    }
    this.#unread.push({ version, root, filesAt: offset });
    for (const leaf of root.leaves) {
      if (!this.#leafFiles.has(leaf.sha256)) this.#leafFiles.set(leaf.sha256, { version, offset, size: leaf.size });
      offset += leaf.size;
    }
  }

  #readLeaves(): void {
    for (const { version, root, filesAt } of this.#unread.splice(0)) {
      let offset = filesAt;
      for (const leaf of root.leaves) {
        const bytes = this.#context.cache.readSmall(leaf.sha256);
        if (bytes === undefined) {
          offset += leaf.size;
          continue;
        }
        for (const entry of parseLeaf(bytes, leaf, "a known folder")) {
          if (!this.#objects.has(entry.sha256)) this.#objects.set(entry.sha256, { version, offset });
          offset += entry.size;
        }
      }
    }
  }
}
