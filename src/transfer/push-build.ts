import type { Sha256 } from "../base/ids.ts";
import type { Body } from "../formats/body.ts";
import { maxDecodedBytes } from "../formats/body-bounds.ts";
import { parseLeaf, parseRoot, type ManifestLeaf, type ManifestRoot } from "../formats/manifest.ts";
import { LOOSE_MIN_BYTES } from "../store/cache.ts";
import type { OpenPack } from "../store/pack-set.ts";
import { BodyBuilder } from "./body-builder.ts";
import { isCheapToRead } from "./frame-memory.ts";
import { KnownFolders } from "./known-folders.ts";
import { visitObjects } from "./leaf-objects.ts";
import type { BuildContext, StreamPart } from "./push-context.ts";
import { readObject, readPart, sendObject, sendSmall, WHOLE_MIN_BYTES, type ObjectToSend } from "./send-object.ts";
import { EarlierFiles } from "./stored-objects.ts";
import { StreamParts } from "./stream-parts.ts";
import { sendWholePacks, type WholePacks } from "./whole-packs.ts";

/** Sends a file's content as far as the remote lacks it; what is returned gives its body once the packer is finished. */
export async function buildFile(context: BuildContext, builder: BodyBuilder): Promise<() => Body> {
  const { pointer } = context.version;
  const parts = await sendObject(context, { ...pointer, path: "" }, earlierFiles(context));
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
  const { pointer, target } = context.version;
  const rootBytes = readPart(context, pointer.sha256);
  const root = parseRoot(rootBytes, `\`${target}\``);
  const { known, newLeaves } = openKnown(context, root, rootBytes.length);
  const whole = await sendWholePacks(context, neededOfPacks(context, newLeaves, known));
  const folder = new FolderStream(context, known, whole);
  await folder.placeList(pointer.sha256, rootBytes.length, () => rootBytes);
  for (const leaf of root.leaves) await folder.placeList(leaf.sha256, leaf.length, () => readPart(context, leaf.sha256));
  for (const leaf of root.leaves) await folder.placeFiles(leaf);
  return () => {
    folder.parts.appendTo(builder);
    return builder.finish("dir", pointer.sha256, rootBytes.length);
  };
}

interface OpenedFolders {
  readonly known: KnownFolders;
  /** The leaves whose files no known folder has as one run. */
  readonly newLeaves: readonly ManifestLeaf[];
}

/**
 * Opens what the remote has of earlier versions, unless too little of too many frames would be taken from them: after most files were removed,
 * a folder that is sent anew costs its readers less.
 */
function openKnown(context: BuildContext, root: ManifestRoot, rootLength: number): OpenedFolders {
  const known = new KnownFolders(context);
  if (known.isEmpty) return { known, newLeaves: root.leaves };
  const newLeaves = root.leaves.filter((leaf) => known.findLeafFiles(leaf.sha256, leaf.size) === undefined);
  known.lookFor(objectsOf(context, newLeaves));
  const length = root.leaves.reduce((sum, leaf) => sum + leaf.length, rootLength) + root.size;
  if (known.decodedBytes <= maxDecodedBytes(length) / 2) return { known, newLeaves };
  const builder = new BodyBuilder();
  const take = (hash: Sha256, size: number): void => void (size > 0 && known.find(hash, size)?.(builder));
  for (const leaf of root.leaves) {
    take(leaf.sha256, leaf.length);
    const shared = known.findLeafFiles(leaf.sha256, leaf.size);
    if (shared !== undefined) shared(builder);
    else visitObjects(readPart(context, leaf.sha256), leaf, take);
  }
  const { segments, bases } = builder.finish("dir", context.version.pointer.sha256, rootLength);
  const places = segments.flatMap((segment) => (segment.encoding === "copy" ? [] : [segment]));
  places.sort((a, b) => a.blob - b.blob || a.offset - b.offset);
  if (isCheapToRead({ segments: places, bases, length })) return { known, newLeaves };
  return { known: new KnownFolders(context, false), newLeaves: root.leaves };
}

/** Places the parts of a folder's stream: where the remote has them, in packs that go as they are, or sent on the way. */
class FolderStream {
  readonly parts = new StreamParts();
  readonly #context: BuildContext;
  readonly #known: KnownFolders;
  readonly #whole: WholePacks;
  readonly #earlier: EarlierFiles;
  readonly #sent = new Map<Sha256, readonly StreamPart[]>();

  constructor(context: BuildContext, known: KnownFolders, whole: WholePacks) {
    this.#context = context;
    this.#known = known;
    this.#whole = whole;
    this.#earlier = earlierFiles(context);
  }

  /**
   * Places a root or a leaf. In cached packs leaves lie scattered among the files: packed together, they are few requests for whoever reads the list of
   * files first, or nothing else.
   */
  async placeList(hash: Sha256, length: number, read: () => Uint8Array): Promise<void> {
    const known = this.#known.isEmpty ? undefined : this.#known.find(hash, length);
    this.parts.add([known ?? (await sendSmall(this.#context.packer, hash, read()))]);
  }

  async placeFiles(leaf: ManifestLeaf): Promise<void> {
    const shared = this.#known.findLeafFiles(leaf.sha256, leaf.size);
    if (shared !== undefined) {
      this.parts.add([shared]);
      this.#context.progress.covered(leaf.size);
      return;
    }
    const bytes = readPart(this.#context, leaf.sha256);
    // Nearly always all of it is found at once: only what must be sent waits.
    const lacking: { readonly sha256: Sha256; readonly size: number }[] = [];
    visitObjects(bytes, leaf, (hash, size) => {
      if (size > 0 && (lacking.length > 0 || !this.#placeFound(hash, size))) lacking.push({ sha256: hash, size });
    });
    for (const { sha256: hash, size } of lacking) {
      const isLarge = size >= WHOLE_MIN_BYTES;
      const path = isLarge ? pathInLeaf(leaf, bytes, hash) : "";
      await this.place({ sha256: hash, size, path }, () => (isLarge ? undefined : readObject(this.#context, hash, { leaf, bytes })));
    }
  }

  async place(object: ObjectToSend, read: () => Uint8Array | undefined): Promise<void> {
    const { sha256: hash, size } = object;
    if (size === 0 || this.#placeFound(hash, size)) return;
    const data = read();
    if (data !== undefined) this.#context.progress.covered(size);
    const made =
      data === undefined ? await sendObject(this.#context, object, this.#earlier) : [await sendSmall(this.#context.packer, hash, data)];
    this.#sent.set(hash, made);
    this.parts.add(made);
  }

  #placeFound(hash: Sha256, size: number): boolean {
    const earlier = this.#sent.get(hash);
    const known = earlier === undefined && !this.#known.isEmpty ? this.#known.find(hash, size) : undefined;
    const run = earlier === undefined && known === undefined ? this.#whole.find(hash, size) : undefined;
    // What lies in a pack that goes as it is counts with the pack.
    if (run === undefined && (earlier ?? known) !== undefined) this.#context.progress.covered(size);
    if (earlier !== undefined) this.parts.add(earlier);
    else if (known !== undefined) this.parts.add([known]);
    else if (run !== undefined) this.parts.addRun(run);
    else return false;
    return true;
  }
}

function earlierFiles({ cache, ancestors, version }: BuildContext): EarlierFiles {
  return new EarlierFiles(
    cache,
    ancestors.flatMap(({ body }) => (body.kind === version.pointer.kind ? [body] : [])),
  );
}

function pathInLeaf(leaf: ManifestLeaf, bytes: Uint8Array, hash: Sha256): string {
  return parseLeaf(bytes, leaf, "a folder").find(({ sha256 }) => sha256 === hash)?.path ?? "";
}

function objectsOf(context: BuildContext, leaves: readonly ManifestLeaf[]): Set<Sha256> {
  const objects = new Set<Sha256>();
  for (const leaf of leaves) visitObjects(readPart(context, leaf.sha256), leaf, (hash) => void objects.add(hash));
  return objects;
}

/** Counts how much of each cached pack is needed for what no known version has, as far as it is small enough for packs. */
function neededOfPacks(context: BuildContext, leaves: readonly ManifestLeaf[], known: KnownFolders): Map<OpenPack, number> {
  const needed = new Map<OpenPack, number>();
  const count = (hash: Sha256, size: number): void => {
    if (size >= LOOSE_MIN_BYTES || (!known.isEmpty && known.find(hash, size) !== undefined)) return;
    const place = context.cache.packs.find(hash);
    if (place !== undefined) needed.set(place.pack, (needed.get(place.pack) ?? 0) + place.size);
  };
  for (const leaf of leaves) visitObjects(readPart(context, leaf.sha256), leaf, count);
  return needed;
}
