import * as fs from "node:fs";
import { isMlvError } from "../base/errors.ts";
import type { Sha256 } from "../base/ids.ts";
import type { Cache } from "../store/cache.ts";
import { readManifestLeaf, readManifestRoot } from "../store/manifests.ts";
import type { OpenPack } from "../store/pack-set.ts";
import type { GcItem } from "./gc.ts";
import type { Needs } from "./gc-needs.ts";

/** Is what a gc would do to a cache. */
export interface GcPlan {
  readonly freed: readonly GcItem[];
  readonly keptUnpushed: readonly GcItem[];
  readonly removeObjects: ReadonlySet<Sha256>;
  readonly removePacks: readonly OpenPack[];
  /** Packs to write anew with the objects that are kept. */
  readonly rewritePacks: readonly { readonly pack: OpenPack; readonly keep: ReadonlySet<Sha256> }[];
  readonly freedBytes: number;
  readonly keptObjects: number;
  readonly keptBytes: number;
}

interface Stored {
  readonly sha256: Sha256;
  readonly size: number;
  readonly modifiedAt: number;
  readonly pack: OpenPack | undefined;
}

const ROOT_MARK = "mlv-manifest ";
const MAX_NAMES = 5;

/**
 * Divides what a cache holds into what is needed, what is not, and what is not but may be the last copy. A folder's version stays or goes
 * whole. A pack of which less than half is needed is written anew; of one that is needed for the most part nothing is freed.
 * Throws `content-mismatch`, `manifest-malformed` when a needed folder's list is damaged: what it names is then not known.
 */
export function planGc(cache: Cache, needs: Needs, options: { readonly force: boolean }): GcPlan {
  const live = new Set<Sha256>();
  for (const [hash, target] of needs.versions) addVersion(cache, live, { hash, target });
  const loose = findUnneeded(cache, live);
  const groups = groupUnneeded(cache, loose, needs);
  const kept = options.force ? [] : groups.filter((group) => !group.isPushed);
  // What an unpushed version needs stays, also where a pushed one that goes names it too.
  const staying = new Set(live);
  for (const group of kept) for (const { sha256 } of group.members) staying.add(sha256);
  const freed = options.force ? groups : groups.filter((group) => group.isPushed);
  const packs = planPacks(cache, staying);
  const removable = new Set<Sha256>();
  for (const stored of loose.values()) {
    if (!staying.has(stored.sha256) && (stored.pack === undefined || packs.emptied.has(stored.pack.sha256))) removable.add(stored.sha256);
  }
  const freedItems = freed.map((group) => toItem(group, removable)).filter((item) => item.size > 0 || item.files > 0);
  const removeObjects = new Set(
    [...loose.values()].filter((stored) => stored.pack === undefined && removable.has(stored.sha256)).map((stored) => stored.sha256),
  );
  const total = countAll(cache);
  const freedBytes = freedItems.reduce((sum, item) => sum + item.size, 0);
  return {
    freed: freedItems,
    keptUnpushed: kept.map((group) => toItem(group, undefined)),
    removeObjects,
    removePacks: packs.remove,
    rewritePacks: packs.rewrite,
    freedBytes,
    keptObjects: total.objects - removable.size,
    keptBytes: total.bytes - freedBytes,
  };
}

/** Adds a version with, for a folder, its leaves and files. What was never cached names nothing. */
function addVersion(cache: Cache, live: Set<Sha256>, { hash, target }: { readonly hash: Sha256; readonly target: string }): void {
  if (live.has(hash)) return;
  live.add(hash);
  if (!isManifestRoot(cache, hash)) return;
  const where = `\`${target}\``;
  for (const leaf of readManifestRoot(cache, hash, where).leaves) {
    if (live.has(leaf.sha256)) continue;
    live.add(leaf.sha256);
    // The leaves of a folder that is partly here may be missing.
    if (!cache.has(leaf.sha256)) continue;
    for (const entry of readManifestLeaf(cache, leaf, where)) live.add(entry.sha256);
  }
}

function isManifestRoot(cache: Cache, hash: Sha256): boolean {
  const found = cache.locate(hash);
  if (found?.kind !== "packed") return false;
  return cache.readPacked(hash, found.place).subarray(0, ROOT_MARK.length).toString("latin1") === ROOT_MARK;
}

function findUnneeded(cache: Cache, live: ReadonlySet<Sha256>): Map<Sha256, Stored> {
  const unneeded = new Map<Sha256, Stored>();
  for (const { sha256, size, file } of cache.looseObjects()) {
    if (!live.has(sha256)) unneeded.set(sha256, { sha256, size, modifiedAt: fs.lstatSync(file).mtimeMs, pack: undefined });
  }
  for (const pack of cache.packs.packs()) {
    const modifiedAt = fs.lstatSync(pack.file).mtimeMs;
    for (let index = 0; index < pack.footer.entryCount; index++) {
      const { sha256, size } = pack.footer.entry(index);
      if (!live.has(sha256)) unneeded.set(sha256, { sha256, size, modifiedAt, pack });
    }
  }
  return unneeded;
}

interface Group {
  readonly sha256: Sha256;
  readonly kind: GcItem["kind"];
  readonly members: readonly Stored[];
  readonly names: readonly string[];
  readonly files: number;
  readonly isPushed: boolean;
}

/** Unpushed folders take their members first, then pushed ones; what is left is each on its own. */
function groupUnneeded(cache: Cache, unneeded: ReadonlyMap<Sha256, Stored>, needs: Needs): Group[] {
  const roots = [...unneeded.values()].filter((stored) => stored.pack !== undefined && isRootQuietly(cache, stored.sha256));
  const ordered = [...roots.filter((root) => !needs.pushed.has(root.sha256)), ...roots.filter((root) => needs.pushed.has(root.sha256))];
  const taken = new Set<Sha256>();
  const pushedMembers = new Set<Sha256>();
  const groups: Group[] = [];
  for (const root of ordered) {
    const members = new Map<Sha256, Stored>([[root.sha256, root]]);
    const names: string[] = [];
    const isPushed = needs.pushed.has(root.sha256);
    let files = 0;
    const take = (hash: Sha256): boolean => {
      if (isPushed) pushedMembers.add(hash);
      const stored = unneeded.get(hash);
      if (stored === undefined || taken.has(hash)) return false;
      members.set(hash, stored);
      return true;
    };
    try {
      for (const leaf of readManifestRoot(cache, root.sha256, root.sha256).leaves) {
        take(leaf.sha256);
        if (!cache.has(leaf.sha256)) continue;
        for (const entry of readManifestLeaf(cache, leaf, root.sha256)) {
          if (!take(entry.sha256)) continue;
          files += 1;
          if (names.length < MAX_NAMES) names.push(entry.path);
        }
      }
    } catch (error) {
      // A list that nothing needs and nobody can read names nothing.
      if (!isMlvError(error)) throw error;
    }
    for (const hash of members.keys()) taken.add(hash);
    groups.push({ sha256: root.sha256, kind: "dir", members: [...members.values()], names, files, isPushed });
  }
  for (const stored of unneeded.values()) {
    if (taken.has(stored.sha256)) continue;
    const isPushed = needs.pushed.has(stored.sha256) || pushedMembers.has(stored.sha256);
    groups.push({
      sha256: stored.sha256,
      kind: needs.pushed.has(stored.sha256) ? "file" : "unknown",
      members: [stored],
      names: [],
      files: 1,
      isPushed,
    });
  }
  return groups;
}

function isRootQuietly(cache: Cache, hash: Sha256): boolean {
  try {
    return isManifestRoot(cache, hash);
  } catch (error) {
    if (isMlvError(error)) return false;
    throw error;
  }
}

interface PackPlan {
  readonly remove: readonly OpenPack[];
  readonly rewrite: readonly { readonly pack: OpenPack; readonly keep: ReadonlySet<Sha256> }[];
  readonly emptied: ReadonlySet<Sha256>;
}

function planPacks(cache: Cache, staying: ReadonlySet<Sha256>): PackPlan {
  const remove: OpenPack[] = [];
  const rewrite: { pack: OpenPack; keep: ReadonlySet<Sha256> }[] = [];
  for (const pack of cache.packs.packs()) {
    const keep = new Set<Sha256>();
    let keptBytes = 0;
    let allBytes = 0;
    for (let index = 0; index < pack.footer.entryCount; index++) {
      const { sha256, size } = pack.footer.entry(index);
      allBytes += size;
      if (!staying.has(sha256)) continue;
      keep.add(sha256);
      keptBytes += size;
    }
    if (keep.size === 0) remove.push(pack);
    else if (keptBytes < allBytes / 2) rewrite.push({ pack, keep });
  }
  return { remove, rewrite, emptied: new Set([...remove, ...rewrite.map(({ pack }) => pack)].map((pack) => pack.sha256)) };
}

function toItem(group: Group, removable: ReadonlySet<Sha256> | undefined): GcItem {
  const members = removable === undefined ? group.members : group.members.filter((member) => removable.has(member.sha256));
  return {
    sha256: group.sha256,
    kind: group.kind,
    size: members.reduce((sum, member) => sum + member.size, 0),
    files: members.length === 0 ? 0 : group.files,
    modifiedAt: Math.max(0, ...members.slice(0, 1000).map((member) => member.modifiedAt)),
    names: group.names,
    isPushed: group.isPushed,
  };
}

function countAll(cache: Cache): { readonly objects: number; readonly bytes: number } {
  let objects = 0;
  let bytes = 0;
  for (const object of cache.looseObjects()) {
    objects += 1;
    bytes += object.size;
  }
  for (const pack of cache.packs.packs()) {
    objects += pack.footer.entryCount;
    bytes += pack.size;
  }
  return { objects, bytes };
}
