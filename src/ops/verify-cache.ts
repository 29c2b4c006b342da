import * as fs from "node:fs";
import path from "node:path";
import { mapConcurrent } from "../base/concurrency.ts";
import { isMlvError } from "../base/errors.ts";
import { isSha256, type Sha256 } from "../base/ids.ts";
import type { Cache } from "../store/cache.ts";
import { leavesUnder, isUnder, readManifestLeaf, readManifestRoot } from "../store/manifests.ts";
import { findPlaces } from "./content-names.ts";
import { keepAside, mendCache, toItem, type Damage } from "./mend-cache.ts";
import { readPackObjects } from "./mend.ts";
import type { Workspace } from "./open-workspace.ts";
import { requirePointer, type Selection } from "./targets.ts";
import type { DamagedItem, VerifyCounts } from "./verify.ts";

/** Is what looking at a cache found. */
export interface CacheFindings {
  readonly counts: VerifyCounts;
  readonly items: readonly DamagedItem[];
}

/** Says how to check a cache. */
export interface CacheQuestion {
  /** Only what these need; all of the cache when undefined. */
  readonly selections: readonly Selection[] | undefined;
  readonly repair: boolean;
  readonly remote: string | undefined;
}

/** Re-hashes cached content, believing no note of earlier checks, and mends what is damaged from the workspace or the remote. */
export async function verifyCache(workspace: Workspace, question: CacheQuestion): Promise<CacheFindings> {
  const { cache, context } = workspace;
  const counts = { items: 0, bytes: 0 };
  const damages: Damage[] = [];
  const note = (size: number): void => {
    counts.items += 1;
    counts.bytes += size;
    context.onEvent({ type: "progress", phase: "verify", files: counts.items, bytes: counts.bytes });
  };
  const wanted = question.selections === undefined ? undefined : collectHashes(workspace, question.selections, damages);
  const loose = [...cache.looseObjects()].filter((object) => wanted?.has(object.sha256) !== false);
  await mapConcurrent(loose, 2, async ({ sha256, file, size }) => {
    if ((await cache.hashLoose(file, context.signal)) === sha256) cache.ledger.trust(sha256, fs.lstatSync(file));
    else damages.push({ sha256, file, pack: undefined });
    note(size);
  });
  for (const pack of cache.packs.packs()) {
    context.signal?.throwIfAborted();
    for (const { sha256, data } of readPackObjects(pack)) {
      if (wanted?.has(sha256) === false) continue;
      if (data === undefined) damages.push({ sha256, file: pack.file, pack });
      note(data?.length ?? 0);
    }
  }
  const unreadable = question.selections === undefined ? unreadablePacks(cache) : [];
  const distinct = [...new Map(damages.map((damage) => [`${damage.sha256} ${damage.file}`, damage])).values()];
  const places = await findPlaces(workspace, new Set(distinct.map((damage) => damage.sha256)));
  const items = question.repair
    ? await mendCache(workspace, { damages: distinct, places, remote: question.remote })
    : distinct.map((damage) => toItem(damage, places, "found"));
  return { counts, items: [...items, ...unreadable.map((file) => setAsidePack(workspace, file, question.repair))] };
}

/** Lists what versions need of the cache; a damaged list is damage itself and names nothing. */
function collectHashes(workspace: Workspace, selections: readonly Selection[], damages: Damage[]): Set<Sha256> {
  const { cache } = workspace;
  const wanted = new Set<Sha256>();
  for (const { target, only } of selections) {
    const pointer = requirePointer(workspace, target);
    wanted.add(pointer.sha256);
    if (pointer.kind === "file" || !cache.has(pointer.sha256)) continue;
    try {
      const where = `\`${target}\``;
      const root = readManifestRoot(cache, pointer.sha256, where);
      for (const leaf of new Set((only ?? [undefined]).flatMap((prefix) => leavesUnder(root, prefix)))) {
        wanted.add(leaf.sha256);
        if (!cache.has(leaf.sha256)) continue;
        for (const entry of readManifestLeaf(cache, leaf, where))
          if (only === undefined || only.some((prefix) => isUnder(entry.path, prefix))) wanted.add(entry.sha256);
      }
    } catch (error) {
      if (!isMlvError(error, "content-mismatch")) throw error;
      const hash = error.details?.["sha256"];
      const found = typeof hash === "string" && isSha256(hash) ? cache.locate(hash) : undefined;
      if (found?.kind === "packed" && typeof hash === "string" && isSha256(hash))
        damages.push({ sha256: hash, file: found.place.pack.file, pack: found.place.pack });
    }
  }
  return wanted;
}

function unreadablePacks(cache: Cache): string[] {
  const folder = path.join(cache.folder, "packs");
  const known = new Set(cache.packs.packs().map((pack) => pack.file));
  if (!fs.existsSync(folder)) return [];
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && isSha256(entry.name));
  return files.map((entry) => path.join(entry.parentPath, entry.name)).filter((file) => !known.has(file));
}

/** What a pack without a readable footer held is not known: what is needed of it shows as missing and is fetched by the next pull. */
function setAsidePack(workspace: Workspace, file: string, repair: boolean): DamagedItem {
  const item = { place: "cache", problem: "unreadable", path: file, names: [], nameCount: 0 } as const;
  if (!repair) return { ...item, status: "found" };
  const aside = keepAside(workspace.cache, file);
  fs.rmSync(file);
  return { ...item, status: "mended", detail: `moved to \`${aside}\`; \`mlv status\` says what is missing now, \`mlv pull\` fetches it` };
}
