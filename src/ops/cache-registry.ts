import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, writeFileDurably } from "../base/durable.ts";
import { systemErrorCode } from "../base/errors.ts";
import { sha256 } from "../base/hashing.ts";

const FOLDER = "repositories";

/** Notes in a shared cache that a repository uses it: one small file each, named by the hash of the path, so that users do not overwrite each other. */
export function registerRepository(cacheFolder: string, root: string): void {
  const file = path.join(cacheFolder, FOLDER, sha256(root));
  if (fs.existsSync(file)) return;
  ensureFolder(path.dirname(file));
  writeFileDurably(file, `${root}\n`, { tempFolder: path.join(cacheFolder, "tmp") });
}

/** Returns the roots of the repositories that are registered with a cache, sorted. */
export function readRegistry(cacheFolder: string): string[] {
  let names: string[];
  try {
    names = fs.readdirSync(path.join(cacheFolder, FOLDER));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
  return names
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((name) => fs.readFileSync(path.join(cacheFolder, FOLDER, name), "utf8").replace(/\n$/, ""))
    .sort();
}

/** Returns the file that registers a repository, for messages. */
export function registryFile(cacheFolder: string, root: string): string {
  return path.join(cacheFolder, FOLDER, sha256(root));
}
