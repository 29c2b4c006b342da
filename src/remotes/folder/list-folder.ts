import * as fs from "node:fs";
import path from "node:path";
import { throwIfAborted } from "../../base/concurrency.ts";
import { systemErrorCode } from "../../base/errors.ts";
import { isKey } from "../keys.ts";

/** Is one blob of a folder remote with its stat data. */
export interface FolderEntry {
  readonly key: string;
  readonly stat: fs.BigIntStats;
}

/**
 * Yields the blobs whose key begins with `prefix`, reading one folder at a time. Leaves out `tmp/`, symlinks and names that are
 * no keys; what vanishes meanwhile is left out.
 */
export async function* listFolder(root: string, prefix: string, signal?: AbortSignal): AsyncGenerator<FolderEntry> {
  const start = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const waiting = [start];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    throwIfAborted(signal);
    for (const entry of await readFolder(path.join(root, folder))) {
      const key = folder + entry.name;
      if (!isKey(key) || key === "tmp") continue;
      if (entry.isDirectory()) {
        if (`${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`)) waiting.push(`${key}/`);
      } else if (entry.isFile() && key.startsWith(prefix)) {
        const stat = fs.lstatSync(path.join(root, key), { bigint: true, throwIfNoEntry: false });
        if (stat?.isFile() === true) yield { key, stat };
      }
    }
  }
}

async function readFolder(folder: string): Promise<fs.Dirent[]> {
  try {
    return await fs.promises.readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
