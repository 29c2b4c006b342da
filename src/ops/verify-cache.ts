import * as fs from "node:fs";
import path from "node:path";
import { mapConcurrent } from "../base/concurrency.ts";
import { ensureFolder } from "../base/durable.ts";
import { isMlvError, systemErrorCode } from "../base/errors.ts";
import { isSha256, type Sha256 } from "../base/ids.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { LOOSE_MIN_BYTES, type Cache } from "../store/cache.ts";
import { leavesUnder, isUnder, readManifestLeaf, readManifestRoot } from "../store/manifests.ts";
import type { OpenPack } from "../store/pack-set.ts";
import { readSmallFile } from "../store/small-files.ts";
import { fetchVersions } from "../transfer/fetch.ts";
import { findPlaces, placeName, type ContentPlace } from "./content-names.ts";
import { readPackObjects, salvagePack } from "./mend.ts";
import { prepareCache, type Workspace } from "./open-workspace.ts";
import { partialFolder, withRemote } from "./remote-session.ts";
import { requirePointer, type Selection } from "./targets.ts";
import type { DamagedItem, VerifyCounts } from "./verify.ts";

/** Is cached content that does not match its hash. */
interface Damage {
  readonly sha256: Sha256;
  readonly file: string;
  readonly pack: OpenPack | undefined;
}

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

/** Mends one damaged object, and with it whatever else is damaged in the pack that holds it; says what became of each. */
export async function mendObject(workspace: Workspace, hash: Sha256, remote: string | undefined): Promise<DamagedItem[]> {
  const found = workspace.cache.locate(hash);
  if (found === undefined) return [];
  const pack = found.kind === "packed" ? found.place.pack : undefined;
  const file = found.kind === "packed" ? found.place.pack.file : found.file;
  const hashes =
    pack === undefined ? [hash] : [...readPackObjects(pack)].flatMap(({ sha256, data }) => (data === undefined ? [sha256] : []));
  const damages = hashes.map((sha256) => ({ sha256, file, pack }));
  return mendCache(workspace, { damages, places: await findPlaces(workspace, new Set(hashes)), remote });
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

function toItem(
  damage: Damage,
  places: ReadonlyMap<Sha256, readonly ContentPlace[]>,
  status: DamagedItem["status"],
  detail?: string,
): DamagedItem {
  const names = [...new Set((places.get(damage.sha256) ?? []).map(placeName))];
  return {
    place: "cache",
    problem: "damaged",
    path: damage.file,
    sha256: damage.sha256,
    names: names.slice(0, 5),
    nameCount: names.length,
    status,
    ...(detail === undefined ? {} : { detail }),
  };
}

interface Mending {
  readonly damages: readonly Damage[];
  readonly places: ReadonlyMap<Sha256, readonly ContentPlace[]>;
  readonly remote: string | undefined;
}

/**
 * Damaged bytes are first kept in the cache's `damaged/`, then taken out of the way; sound neighbours in a pack are written anew. What could be
 * had again is removed from there at the end, what could not stays for whoever wants to look at it.
 */
async function mendCache(workspace: Workspace, { damages, places, remote }: Mending): Promise<DamagedItem[]> {
  if (damages.length === 0) return [];
  await prepareCache(workspace);
  const { cache } = workspace;
  const asides = new Map<string, string>();
  for (const damage of damages) {
    if (asides.has(damage.file)) continue;
    asides.set(damage.file, keepAside(cache, damage.file));
    if (damage.pack === undefined) cache.removeObject(damage.sha256);
    else salvagePack(cache, damage.pack);
  }
  const unmended = new Set<string>();
  const items: DamagedItem[] = [];
  // Lists first: without them nobody knows where a file's content is.
  const ordered = [...damages].sort((a, b) => rank(places.get(a.sha256)) - rank(places.get(b.sha256)));
  for (const damage of ordered) {
    const source = await findGoodCopy(workspace, damage.sha256, { candidates: places.get(damage.sha256) ?? [], remote });
    if (source.isFound) {
      items.push(toItem(damage, places, "mended", source.detail));
    } else {
      unmended.add(damage.file);
      items.push(
        toItem(damage, places, "unmended", `${source.detail}; the damaged bytes are kept in \`${asides.get(damage.file) ?? ""}\``),
      );
    }
  }
  for (const [file, aside] of asides) if (!unmended.has(file)) fs.rmSync(aside, { force: true });
  return items;
}

function rank(places: readonly ContentPlace[] | undefined): number {
  return places?.some((place) => place.isList) === true ? 0 : 1;
}

function keepAside(cache: Cache, file: string): string {
  const aside = path.join(cache.folder, "damaged", path.basename(file));
  ensureFolder(path.dirname(aside));
  try {
    fs.linkSync(file, aside);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") fs.copyFileSync(file, aside);
  }
  return aside;
}

interface Sources {
  readonly candidates: readonly ContentPlace[];
  readonly remote: string | undefined;
}

async function findGoodCopy(
  workspace: Workspace,
  hash: Sha256,
  { candidates, remote }: Sources,
): Promise<{ readonly isFound: boolean; readonly detail: string }> {
  const { cache } = workspace;
  if (cache.has(hash)) return { isFound: true, detail: "from another copy in the cache" };
  for (const place of candidates) {
    if (!place.isList && (await takeFromWorkspace(workspace, hash, placeName(place))))
      return { isFound: true, detail: `from the workspace's \`${placeName(place)}\`` };
  }
  let detail = candidates.length === 0 ? "nothing that Git holds names it" : "no good copy was found";
  for (const place of candidates.slice(0, 3)) {
    try {
      if (await takeFromRemote(workspace, hash, { place, remote })) return { isFound: true, detail: "from the remote" };
    } catch (error) {
      if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
      detail = error.message;
    }
  }
  return { isFound: false, detail };
}

async function takeFromWorkspace(workspace: Workspace, hash: Sha256, name: string): Promise<boolean> {
  const file = path.join(workspace.root, name);
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) return false;
  const { cache } = workspace;
  if ((await cache.hashLoose(file, workspace.context.signal)) !== hash) return false;
  const writer = new CacheWriter(cache);
  if (stat.size >= LOOSE_MIN_BYTES) {
    return (await writer.storeFile(file, { signal: workspace.context.signal })).sha256 === hash;
  }
  const small = readSmallFile(file, stat);
  if (small.sha256 !== hash) return false;
  writer.addSmall(hash, small.data);
  writer.finish();
  return true;
}

async function takeFromRemote(
  workspace: Workspace,
  hash: Sha256,
  { place, remote }: { readonly place: ContentPlace; readonly remote: string | undefined },
): Promise<boolean> {
  const { target, pointer, inner, isList } = place;
  const { cache, context } = workspace;
  return withRemote(workspace, remote, async ({ store }) => {
    const { onEvent, signal } = context;
    const fetching = { cache, store, partialFolder: partialFolder(workspace), jobs: workspace.jobs, onEvent, signal };
    const part = isList
      ? hash === pointer.sha256
        ? { leaves: new Set<Sha256>() }
        : { leaves: new Set([hash]) }
      : inner === undefined
        ? {}
        : { only: [inner] };
    await fetchVersions(fetching, [
      { target, pointer, relatives: () => Promise.resolve([]), ...(isList ? { listOnly: true } : {}), ...part },
    ]);
    return cache.has(hash);
  });
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
