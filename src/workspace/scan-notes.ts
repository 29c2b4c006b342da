import { scanFolder, type ScannedFolder, type ScanPlace } from "./scan.ts";

/** Remembers the folders that one look at a target has seen, so that a second one in the same command need not list them again. */
export class ScanNotes {
  readonly #place: ScanPlace;
  readonly #folders = new Map<string, ScannedFolder>();

  constructor(place: ScanPlace) {
    this.#place = place;
  }

  /** Notes a folder; of a clean one not its files, which are as the index has them and are hardly asked for again. */
  note(scanned: ScannedFolder): void {
    const { folder, isClean, count, folders, others } = scanned;
    if (!isClean) {
      this.#folders.set(folder, scanned);
      return;
    }
    const again = (): ScannedFolder => scanFolder(this.#place, folder);
    this.#folders.set(folder, {
      folder,
      isClean,
      count,
      folders,
      others,
      files: () => again().files(),
      gone: () => again().gone(),
      file: (name) => again().file(name),
      news: () => again().news(),
    });
  }

  /** Returns a folder as it was noted, once, or as it is now. */
  take(folder: string): ScannedFolder {
    const noted = this.#folders.get(folder);
    this.#folders.delete(folder);
    return noted ?? scanFolder(this.#place, folder);
  }
}
