import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder } from "../base/durable.ts";
import { isMlvError, systemErrorCode } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import { CacheWriter } from "../store/cache-writer.ts";
import { LOOSE_MIN_BYTES, type Cache } from "../store/cache.ts";
import type { OpenPack } from "../store/pack-set.ts";
import { readSmallFile } from "../store/small-files.ts";
import { fetchVersions } from "../transfer/fetch.ts";
import { findPlaces, placeName, type ContentPlace } from "./content-names.ts";
import { readPackObjects, salvagePack } from "./mend.ts";
import { prepareCache, type Workspace } from "./open-workspace.ts";
import { partialFolder, withRemote } from "./remote-session.ts";
import type { DamagedItem } from "./verify.ts";

/** Is cached content that does not match its hash. */
export interface Damage {
  readonly sha256: Sha256;
  readonly file: string;
  readonly pack: OpenPack | undefined;
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

/** Describes damaged content, with what it is part of. */
export function toItem(
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

/** Says what to mend, and where good copies may be. */
export interface Mending {
  readonly damages: readonly Damage[];
  readonly places: ReadonlyMap<Sha256, readonly ContentPlace[]>;
  readonly remote: string | undefined;
}

/**
 * Damaged bytes are first kept in the cache's `damaged/`, then taken out of the way; sound neighbours in a pack are written anew. What could be
 * had again is removed from there at the end, what could not stays for whoever wants to look at it.
 */
export async function mendCache(workspace: Workspace, { damages, places, remote }: Mending): Promise<DamagedItem[]> {
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

/** Keeps a damaged file in the cache's `damaged/`, and returns where. */
export function keepAside(cache: Cache, file: string): string {
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
