import { MlvError } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import { blobKey } from "../formats/layout.ts";
import { parseLeaf, type ManifestLeaf } from "../formats/manifest.ts";
import { isCheapToRead } from "./frame-memory.ts";
import { appendPlace, reuseSegments, type BuildContext, type StreamPart } from "./push-context.ts";
import { fileSource, type RemotePacker, type SentPlace } from "./remote-packer.ts";
import { bufferSource } from "./remote-store.ts";
import { sendDelta } from "./send-delta.ts";
import { sendPieces } from "./send-pieces.ts";
import { sendWhole } from "./send-whole.ts";
import type { EarlierFiles } from "./stored-objects.ts";

/** Is the size from which an object is no longer packed with others. */
export const WHOLE_MIN_BYTES = 8 * 1024 * 1024;

/** Is an object to send; `path` is its place in a folder, empty for a file. */
export interface ObjectToSend {
  readonly sha256: Sha256;
  readonly size: number;
  readonly path: string;
}

/** Sends one object: small ones into packs, large ones as pieces against an earlier version of the same file, as compressed pieces, or whole. */
export async function sendObject(context: BuildContext, object: ObjectToSend, earlier: EarlierFiles): Promise<readonly StreamPart[]> {
  const { sha256: hash, size } = object;
  if (size === 0) return [];
  const { cache, packer, progress } = context;
  const known = findKnownObject(context, hash, size);
  if (known !== undefined) {
    progress.covered(size);
    return [known];
  }
  await assertCached(context, hash);
  if (size < WHOLE_MIN_BYTES) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of cache.read(hash)) chunks.push(chunk);
    progress.covered(size);
    return [await sendSmall(packer, hash, Buffer.concat(chunks))];
  }
  const pieces = (await sendDelta(context, object, earlier.find(object.path))) ?? (await sendPieces(context, hash, size));
  if (pieces !== undefined) return pieces;
  const key = context.marks.freshKey(blobKey("objects", hash));
  const found = cache.locate(hash);
  const source = found?.kind === "loose" ? fileSource(found.file, size) : bufferSource(cache.readSmall(hash) ?? new Uint8Array());
  sendWhole(context, key, source);
  return [(builder) => builder.append({ encoding: "raw", blob: builder.blob(key, size), offset: 0, length: size })];
}

/** Appends a small object to the packs. */
export async function sendSmall(packer: RemotePacker, hash: Sha256, data: Uint8Array): Promise<StreamPart> {
  const place: { value?: SentPlace } = {};
  await packer.addObject(hash, data, (sentPlace) => void (place.value = sentPlace));
  return (builder) => appendPlace(builder, place.value);
}

function findKnownObject(context: BuildContext, hash: Sha256, size: number): StreamPart | undefined {
  const same = context.known.find(({ body }) => body.kind === "file" && body.sha256 === hash && body.length === size);
  if (same === undefined) return undefined;
  // In a folder, many files together must not cost readers more than the folder's size allows.
  const { segments, bases } = same.body;
  const isPart = context.version.pointer.kind === "dir";
  if (isPart && bases.length > 0 && !isCheapToRead({ segments, bases, length: size, isPart })) return undefined;
  return reuseSegments(context, segments, same.body);
}

/** Returns a part of a manifest from the cache. Throws `content-missing` naming the target. */
export function readPart(context: BuildContext, hash: Sha256): Buffer {
  const bytes = context.cache.readSmall(hash);
  if (bytes !== undefined) return bytes;
  throw notCached(context, hash);
}

/** Returns a small file of a leaf from the cache. Throws `content-missing` naming it. */
export function readObject(
  context: BuildContext,
  hash: Sha256,
  { leaf, bytes }: { readonly leaf: ManifestLeaf; readonly bytes: Uint8Array },
): Buffer {
  const found = context.cache.readSmall(hash);
  if (found !== undefined) return found;
  const entry = parseLeaf(bytes, leaf, `\`${context.version.target}\``).find(({ sha256 }) => sha256 === hash);
  throw notCached(context, hash, entry?.path);
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
