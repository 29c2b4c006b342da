import * as fs from "node:fs";
import type { BlobKey, Sha256 } from "../base/ids.ts";
import { blobKey } from "../formats/layout.ts";
import { MAX_FRAME_BYTES } from "../formats/body-bounds.ts";
import type { PackFrame } from "../formats/pack-footer.ts";
import type { PutSource, Remote } from "../remotes/remote.ts";
import { compressAsync, samplePaysToCompress } from "../store/compression.ts";
import { readFileRange } from "../store/copy-hash.ts";
import { PACK_TARGET_BYTES, PackWriter } from "../store/pack-writer.ts";
import type { GcMarks } from "./gc-marks.ts";
import { putBlob } from "./remote-store.ts";

/** Is how many bytes of small objects share one compressed frame. */
export const GROUP_BYTES = 256 * 1024;
const UPLOADS_AT_ONCE = 2;

/** Is a pack that is being or has been uploaded; its name is known once it is finished. */
export interface SentPack {
  key: BlobKey;
  size: number;
}

/** Is where an object or piece went: `skip` to `skip + size` of what a frame of a pack decodes to. */
export interface SentPlace {
  readonly pack: SentPack;
  /** Known once the packer is finished, or once the pack is full. */
  readonly frame: PackFrame;
  readonly skip: number;
  readonly size: number;
}

interface GroupedObject {
  readonly sha256: Sha256;
  readonly data: Uint8Array;
  readonly onPlaced: (place: SentPlace) => void;
}

/** Says where packs go and who hears of progress. */
export interface PackerContext {
  readonly remote: Remote;
  readonly tempFolder: string;
  readonly signal: AbortSignal | undefined;
  readonly onSent: (bytes: number) => void;
  readonly marks: GcMarks;
}

/**
 * Packs objects and pieces for a remote, in the order in which they come, and uploads full packs while it goes on packing.
 * Small objects that adjoin share a frame of up to 256 KiB, compressed where a sample says that it pays.
 */
export class RemotePacker {
  readonly #context: PackerContext;
  #writer: PackWriter | undefined;
  #pack: SentPack = { key: "" as BlobKey, size: 0 };
  #group: GroupedObject[] = [];
  #groupBytes = 0;
  /** Raw frames still grow while objects are appended, so their places are told when the pack is finished. */
  #raw: { readonly onPlaced: (place: SentPlace) => void; readonly offset: number; readonly size: number }[] = [];
  readonly #placed = new Map<Sha256, number>();
  readonly #uploads = new Set<Promise<void>>();
  #failure: unknown;

  constructor(context: PackerContext) {
    this.#context = context;
  }

  /** Appends a small object; `onPlaced` hears where it went before `finish` returns. */
  async addObject(sha256: Sha256, data: Uint8Array, onPlaced: (place: SentPlace) => void): Promise<void> {
    if (this.#groupBytes + data.length > MAX_FRAME_BYTES) await this.#flushGroup();
    this.#group.push({ sha256, data, onPlaced });
    this.#groupBytes += data.length;
    if (this.#groupBytes >= GROUP_BYTES) await this.#flushGroup();
  }

  /** Appends a finished zstd or delta frame that decodes to one piece. */
  async addFrame(frame: Omit<PackFrame, "offset" | "stored">, stored: Uint8Array, sha256: Sha256): Promise<SentPlace> {
    await this.#flushGroup();
    const writer = this.#open();
    const placed = writer.addFrame(frame, stored, [{ sha256, skip: 0, size: frame.decoded }]);
    const place = { pack: this.#pack, frame: placed, skip: 0, size: frame.decoded };
    await this.#closeIfFull();
    return place;
  }

  /** Writes out what is left and waits for all uploads. Throws what the first failed upload threw. */
  async finish(): Promise<void> {
    await this.#flushGroup();
    await this.#closePack();
    await Promise.all(this.#uploads);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Drops what was not uploaded. */
  async abort(): Promise<void> {
    this.#writer?.abort();
    await Promise.allSettled(this.#uploads);
  }

  #open(): PackWriter {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#writer === undefined) {
      this.#writer = new PackWriter(this.#context.tempFolder);
      this.#pack = { key: "" as BlobKey, size: 0 };
    }
    return this.#writer;
  }

  async #flushGroup(): Promise<void> {
    const group = this.#group;
    if (group.length === 0) return;
    this.#group = [];
    const data = group.length === 1 ? (group[0] as GroupedObject).data : Buffer.concat(group.map((object) => object.data));
    this.#groupBytes = 0;
    const stored = data.length >= 64 && samplePaysToCompress([data]) ? await compressAsync(data) : undefined;
    const writer = this.#open();
    if (stored === undefined || stored.length >= data.length * 0.95) {
      for (const object of group) this.#addRaw(writer, object);
    } else {
      this.#addGroup(writer, group, stored, data.length);
    }
    await this.#closeIfFull();
  }

  #addRaw(writer: PackWriter, object: GroupedObject): void {
    // The writer stores an object once a pack: a second one is where the first went.
    const known = this.#placed.get(object.sha256);
    const offset = known ?? writer.size;
    this.#raw.push({ onPlaced: object.onPlaced, offset, size: object.data.length });
    if (known === undefined) this.#placed.set(object.sha256, offset);
    writer.addRaw(object.sha256, object.data);
  }

  #addGroup(writer: PackWriter, group: readonly GroupedObject[], stored: Uint8Array, decoded: number): void {
    let skip = 0;
    const places = group.map((object) => {
      const place = { sha256: object.sha256, skip, size: object.data.length };
      skip += object.data.length;
      return place;
    });
    const frame = writer.addFrame({ encoding: "zstd", decoded }, stored, places);
    for (const [index, object] of group.entries()) {
      object.onPlaced({ pack: this.#pack, frame, skip: places[index]?.skip ?? 0, size: object.data.length });
    }
  }

  async #closeIfFull(): Promise<void> {
    if ((this.#writer?.size ?? 0) >= PACK_TARGET_BYTES) await this.#closePack();
  }

  async #closePack(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    const finished = writer.finish();
    const pack = this.#pack;
    pack.key = this.#context.marks.freshKey(blobKey("packs", finished.sha256));
    pack.size = finished.size;
    for (const { onPlaced, offset, size } of this.#raw) {
      onPlaced({ pack, frame: { encoding: "raw", offset, stored: size, decoded: size }, skip: 0, size });
    }
    this.#raw = [];
    this.#placed.clear();
    while (this.#uploads.size >= UPLOADS_AT_ONCE) await Promise.race(this.#uploads);
    const upload: Promise<void> = this.#upload(finished.file, pack)
      .catch((error: unknown) => void (this.#failure ??= error))
      .finally(() => void this.#uploads.delete(upload));
    this.#uploads.add(upload);
  }

  async #upload(file: string, pack: SentPack): Promise<void> {
    const { remote, signal, onSent } = this.#context;
    try {
      const { created } = await putBlob(remote, pack.key, fileSource(file, pack.size), { signal });
      if (created) onSent(pack.size);
    } finally {
      fs.rmSync(file, { force: true });
    }
  }
}

/** Returns a source for a file that does not change while it is read. */
export function fileSource(file: string, size: number): PutSource {
  return { size, path: file, open: (range, into) => readFileRange(file, range?.offset ?? 0, range?.length ?? size, into) };
}
