import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, writeFileDurably } from "../base/durable.ts";
import { sha256 } from "../base/hashing.ts";

/**
 * Notes that a checkout of one target is under way. Small new files are written under their own names, so a kill can leave one of them torn;
 * where the note of an earlier checkout still stands, the next one knows a file that holds the beginning of its content for what it is.
 */
export class TornWrites {
  readonly wasInterrupted: boolean;
  readonly #file: string;
  readonly #tempFolder: string;

  constructor(stateFolder: string, target: string) {
    this.#file = path.join(stateFolder, "checkouts", sha256(target));
    this.#tempFolder = path.join(stateFolder, "tmp");
    this.wasInterrupted = fs.existsSync(this.#file);
  }

  /** Makes the note durable before the first file is written. */
  begin(): void {
    if (this.wasInterrupted) return;
    ensureFolder(path.dirname(this.#file));
    writeFileDurably(this.#file, "", { tempFolder: this.#tempFolder });
  }

  /** Takes the note away once every file is whole. */
  end(): void {
    fs.rmSync(this.#file, { force: true });
  }
}
