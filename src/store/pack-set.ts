import * as fs from "node:fs";
import path from "node:path";
import { isSha256, type Sha256 } from "../base/ids.ts";
import { PackFooter, PACK_TRAILER_BYTES, parsePackTrailer, type PackPlace } from "../formats/pack-footer.ts";

/** Is one pack of the cache with its lookup. */
export interface OpenPack {
  readonly sha256: Sha256;
  readonly file: string;
  readonly size: number;
  readonly footer: PackFooter;
}

/** Is where an object lies in the cache's packs. */
export interface PackedObject extends PackPlace {
  readonly pack: OpenPack;
}

/** Reads footer and trailer of a pack file. Throws `pack-malformed`, or a system error when it cannot be read. */
export function readPackFooter(file: string, size: number, where: string): PackFooter {
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY);
  try {
    const trailer = Buffer.alloc(Math.min(PACK_TRAILER_BYTES, size));
    fs.readSync(descriptor, trailer, 0, trailer.length, size - trailer.length);
    const length = parsePackTrailer(trailer, where) + PACK_TRAILER_BYTES;
    const bytes = Buffer.alloc(Math.min(length, size));
    fs.readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    return new PackFooter(bytes, size - bytes.length, where);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Finds objects over all packs of a folder; footers are read when first needed, the pack that answered last is asked first. */
export class PackSet {
  readonly #folder: string;
  readonly #onDamaged: (name: string, error: unknown) => void;
  #packs: OpenPack[] | undefined;

  /** `onDamaged` hears of packs whose footer cannot be read; they are then left out. */
  constructor(folder: string, onDamaged: (name: string, error: unknown) => void) {
    this.#folder = folder;
    this.#onDamaged = onDamaged;
  }

  /** Returns where an object lies, or undefined. */
  find(hash: Sha256): PackedObject | undefined {
    const packs = this.packs();
    const bytes = Buffer.from(hash, "hex");
    for (let index = 0; index < packs.length; index++) {
      const pack = packs[index] as OpenPack;
      const place = pack.footer.find(bytes);
      if (place === undefined) continue;
      if (index > 0) {
        packs.splice(index, 1);
        packs.unshift(pack);
      }
      return { ...place, pack };
    }
    return undefined;
  }

  /** Returns every pack, most recently useful first. */
  packs(): OpenPack[] {
    this.#packs ??= this.#openAll();
    return this.#packs;
  }

  /** Takes in a pack that was just published. */
  include(hash: Sha256, file: string, size: number): void {
    const packs = this.packs();
    if (packs.some((pack) => pack.sha256 === hash)) return;
    packs.unshift({ sha256: hash, file, size, footer: readPackFooter(file, size, hash) });
  }

  /** Forgets a pack that was removed. */
  exclude(hash: Sha256): void {
    this.#packs = this.packs().filter((pack) => pack.sha256 !== hash);
  }

  #openAll(): OpenPack[] {
    const packs: OpenPack[] = [];
    for (const prefix of listFolder(this.#folder)) {
      for (const name of listFolder(path.join(this.#folder, prefix))) {
        if (!isSha256(name)) continue;
        const file = path.join(this.#folder, prefix, name);
        try {
          const { size } = fs.statSync(file);
          packs.push({ sha256: name, file, size, footer: readPackFooter(file, size, name) });
        } catch (error) {
          this.#onDamaged(name, error);
        }
      }
    }
    return packs;
  }
}

function listFolder(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
