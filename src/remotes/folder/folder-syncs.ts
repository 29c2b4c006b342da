import * as fs from "node:fs";

interface Syncs {
  readonly running: Promise<void>;
  /** Begins once the running one has ended; shared by all who ask meanwhile. */
  next: Promise<void> | undefined;
}

/**
 * Makes folders' new entries durable on Node's I/O pool. Who asks while a folder is being synced shares the sync after that one, since only a
 * sync that begins after an entry was made is sure to hold it: many puts into one folder cost few syncs, and each is durable when it ends.
 */
export class FolderSyncs {
  readonly #sync: (folder: string) => Promise<void>;
  readonly #folders = new Map<string, Syncs>();

  constructor(sync: (folder: string) => Promise<void> = syncFolder) {
    this.#sync = sync;
  }

  /**
   * Resolves once what is in the folder now is durable. Rejects with the system's error when that failed, and for those who waited for a sync
   * that failed too: the kernel tells it once, and may have dropped their entries.
   */
  sync(folder: string): Promise<void> {
    const syncs = this.#folders.get(folder);
    if (syncs === undefined) return this.#start(folder);
    syncs.next ??= syncs.running.then(() => this.#start(folder));
    return syncs.next;
  }

  async #start(folder: string): Promise<void> {
    const syncs: Syncs = { running: this.#sync(folder), next: undefined };
    this.#folders.set(folder, syncs);
    try {
      await syncs.running;
    } catch (error) {
      this.#folders.delete(folder);
      throw error;
    }
    if (syncs.next === undefined) this.#folders.delete(folder);
  }
}

/** Platforms that cannot sync folders (Windows) are left alone. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await fs.promises.open(folder, fs.constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
