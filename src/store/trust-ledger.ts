import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, writeFileDurably } from "../base/durable.ts";

/** Is the stat data by which a file is recognised as untouched. */
export interface StatMark {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
}

/**
 * Remembers the stat data that cached files had when their bytes were last known to match their names.
 *
 * A cached file whose mark still fits is used without hashing it again; any other (edited in place, restored from a backup, put there by
 * another user of a shared cache) is hashed once and then remembered. One text line a file, `name size mtime ctime inode`, the last line
 * of a name counts. Losing the ledger costs time, never safety.
 */
export class TrustLedger {
  readonly #file: string;
  readonly #tempFolder: string;
  #marks: Map<string, StatMark> | undefined;
  #pending: string[] = [];
  #lines = 0;

  constructor(file: string, tempFolder: string) {
    this.#file = file;
    this.#tempFolder = tempFolder;
  }

  /** Tells whether a cached file is as it was when its content was last checked. */
  isTrusted(name: string, stat: StatMark): boolean {
    const mark = this.#load().get(name);
    return (
      mark !== undefined &&
      mark.size === stat.size &&
      mark.mtimeMs === stat.mtimeMs &&
      mark.ctimeMs === stat.ctimeMs &&
      mark.ino === stat.ino
    );
  }

  /** Remembers that a file's content was checked while it had these stat data; `save` makes it last. */
  trust(name: string, stat: StatMark): void {
    const { size, mtimeMs, ctimeMs, ino } = stat;
    this.#load().set(name, { size, mtimeMs, ctimeMs, ino });
    this.#pending.push(`${name} ${size} ${mtimeMs} ${ctimeMs} ${ino}\n`);
  }

  /** Forgets a file that was removed or found damaged. */
  forget(name: string): void {
    if (this.#load().delete(name)) this.#pending.push(`${name} 0 0 0 0\n`);
  }

  /** Appends what is new; writes the file anew once most of its lines are stale. */
  save(): void {
    if (this.#pending.length === 0) return;
    const marks = this.#load();
    this.#lines += this.#pending.length;
    ensureFolder(path.dirname(this.#file));
    if (this.#lines > 2 * marks.size + 1000) {
      const lines = [...marks].map(([name, mark]) => `${name} ${mark.size} ${mark.mtimeMs} ${mark.ctimeMs} ${mark.ino}\n`);
      writeFileDurably(this.#file, lines.join(""), { tempFolder: this.#tempFolder });
      this.#lines = marks.size;
    } else {
      fs.appendFileSync(this.#file, this.#pending.join(""));
    }
    this.#pending = [];
  }

  #load(): Map<string, StatMark> {
    if (this.#marks !== undefined) return this.#marks;
    this.#marks = new Map();
    const text = fs.existsSync(this.#file) ? fs.readFileSync(this.#file, "latin1") : "";
    for (const line of text.split("\n")) {
      const [name = "", size, mtimeMs, ctimeMs, ino] = line.split(" ");
      if (ino === undefined) continue;
      this.#lines += 1;
      if (ino === "0") this.#marks.delete(name);
      else this.#marks.set(name, { size: Number(size), mtimeMs: Number(mtimeMs), ctimeMs: Number(ctimeMs), ino: Number(ino) });
    }
    return this.#marks;
  }
}
