import type { Sha256 } from "../base/ids.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import { FLAG_EDITED, FLAG_EXECUTABLE, type IndexFolder } from "./index-file.ts";
import type { FileStat, IndexedFile } from "./workspace-index.ts";

const FIRST_ROOM = 16;

/** Collects the files of one folder in columns: a tenth of the memory that they take as objects, which counts for a million files. */
export class FolderColumns {
  readonly #names: string[] = [];
  #stats = new Float64Array(FIRST_ROOM * 4);
  #flags = new Uint8Array(FIRST_ROOM);
  #hashes = Buffer.allocUnsafe(FIRST_ROOM * 32);
  #isSorted = true;

  /** Adds a file; the order is of no matter, each name comes once. */
  add(
    name: string,
    stat: FileStat,
    content: { readonly sha256: Sha256; readonly isExecutable: boolean; readonly isEdited?: boolean },
  ): void {
    const position = this.#names.length;
    if (position === this.#flags.length) this.#resize(position * 2);
    const before = this.#names[position - 1];
    if (before !== undefined && compareUtf8(before, name) > 0) this.#isSorted = false;
    this.#names.push(name);
    this.#stats[position * 4] = stat.size;
    this.#stats[position * 4 + 1] = stat.mtimeMs;
    this.#stats[position * 4 + 2] = stat.ctimeMs;
    this.#stats[position * 4 + 3] = stat.ino;
    this.#flags[position] = (content.isEdited === true ? FLAG_EDITED : 0) | (content.isExecutable ? FLAG_EXECUTABLE : 0);
    this.#hashes.write(content.sha256, position * 32, "hex");
  }

  /** Adds a file as the index knew it. */
  addKnown(file: IndexedFile): void {
    this.add(file.name, file.stat, file);
  }

  /** Returns the folder with its files in order, recorded now. Nothing can be added afterwards. */
  finish(boot: string): IndexFolder {
    const count = this.#names.length;
    if (!this.#isSorted) this.#sort();
    else this.#resize(count);
    return {
      names: this.#names.join("\0"),
      count,
      stats: this.#stats,
      flags: this.#flags,
      hashes: this.#hashes,
      recordedAt: Date.now(),
      boot,
    };
  }

  #sort(): void {
    const names = [...this.#names];
    const order = names.map((_, position) => position).sort((a, b) => compareUtf8(names[a] ?? "", names[b] ?? ""));
    const [stats, flags, hashes] = [this.#stats, this.#flags, this.#hashes];
    this.#stats = new Float64Array(order.length * 4);
    this.#flags = new Uint8Array(order.length);
    this.#hashes = Buffer.allocUnsafeSlow(order.length * 32);
    for (const [position, from] of order.entries()) {
      this.#names[position] = names[from] ?? "";
      this.#stats.set(stats.subarray(from * 4, from * 4 + 4), position * 4);
      this.#flags[position] = flags[from] ?? 0;
      hashes.copy(this.#hashes, position * 32, from * 32, from * 32 + 32);
    }
  }

  #resize(room: number): void {
    if (room === this.#flags.length) return;
    const kept = Math.min(room, this.#names.length);
    const stats = new Float64Array(room * 4);
    stats.set(this.#stats.subarray(0, kept * 4));
    const flags = new Uint8Array(room);
    flags.set(this.#flags.subarray(0, kept));
    const hashes = Buffer.allocUnsafeSlow(room * 32);
    this.#hashes.copy(hashes, 0, 0, kept * 32);
    this.#stats = stats;
    this.#flags = flags;
    this.#hashes = hashes;
  }
}
