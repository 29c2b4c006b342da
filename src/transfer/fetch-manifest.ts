import { MlvError } from "../base/errors.ts";
import { sha256 } from "../base/hashing.ts";
import type { Sha256 } from "../base/ids.ts";
import { parseLeaf, parseRoot, type ManifestEntry, type ManifestLeaf, type ManifestRoot } from "../formats/manifest.ts";
import { PathSequence } from "../formats/path-sequence.ts";
import { isUnder, leavesUnder } from "../store/manifests.ts";
import { isCached, type FetchPartContext, type VersionToFetch, type WantedObject } from "./fetch-context.ts";
import { assertPlan, Rebuilder, type FetchPlan } from "./rebuild.ts";

/**
 * Brings a folder's root and the wanted leaves into the cache, and returns the files that the cache lacks with their places in the stream; none
 * when only the list is wanted.
 * A leaf that the cache has is not fetched.
 */
export async function fetchManifest(context: FetchPartContext, wanted: VersionToFetch): Promise<WantedObject[]> {
  const { cache, body, writer } = context;
  const { pointer, target, only } = wanted;
  const where = `\`${target}\``;
  const rebuilder = new Rebuilder({ body, cache, spool: context.spool, isLocal: context.relatives !== undefined });
  const rootBytes =
    cache.readSmall(pointer.sha256) ??
    (await fetchSmall(context, rebuilder, { sha256: pointer.sha256, offset: 0, length: body.rootLength }));
  writer.addSmall(pointer.sha256, rootBytes);
  const root = parseRoot(rootBytes, where);
  if (root.size !== pointer.size || root.files !== pointer.files) {
    throw new MlvError("manifest-malformed", `the manifest of ${where} does not hold what its pointer says`);
  }
  if (body.length !== rootBytes.length + root.size + sum(root.leaves, (leaf) => leaf.length)) {
    throw new MlvError("recipe-malformed", `the recipe of ${where} does not hold what its manifest lists`, {
      hint: "run `mlv push` where the data is still cached, which writes the recipe anew",
      details: { sha256: pointer.sha256 },
    });
  }
  const isWantedLeaf = (leaf: ManifestLeaf): boolean => wanted.leaves?.has(leaf.sha256) === true;
  const wantedLeaves = new Set(
    wanted.leaves === undefined ? (only ?? [undefined]).flatMap((prefix) => leavesUnder(root, prefix)) : root.leaves.filter(isWantedLeaf),
  );
  const leaves = await fetchLeaves(context, rebuilder, { root, wantedLeaves, rootLength: rootBytes.length });
  // Whoever wants the list alone checks its lines where it reads them.
  if (wanted.listOnly === true) return [];
  return collectFiles(context, root, { leaves, only, where, filesAt: rootBytes.length + sum(root.leaves, (leaf) => leaf.length) });
}

async function fetchSmall(
  context: FetchPartContext,
  rebuilder: Rebuilder,
  part: { readonly sha256: Sha256; readonly offset: number; readonly length: number },
): Promise<Buffer> {
  const plan: FetchPlan = new Map();
  rebuilder.plan(plan, part.offset, part.length);
  assertPlan(plan, context.body.length);
  await context.spool.fetch(plan);
  return readChecked(rebuilder, part);
}

async function readChecked(
  rebuilder: Rebuilder,
  part: { readonly sha256: Sha256; readonly offset: number; readonly length: number },
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of rebuilder.read(part.offset, part.length)) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  if (sha256(bytes) !== part.sha256) throw new MlvError("content-mismatch", `a part of a manifest does not match its hash ${part.sha256}`);
  return bytes;
}

interface LeafRequest {
  readonly root: ManifestRoot;
  readonly wantedLeaves: ReadonlySet<ManifestLeaf>;
  readonly rootLength: number;
}

async function fetchLeaves(context: FetchPartContext, rebuilder: Rebuilder, request: LeafRequest): Promise<Map<ManifestLeaf, Buffer>> {
  const { cache, writer } = context;
  const leaves = new Map<ManifestLeaf, Buffer>();
  const missing: { readonly leaf: ManifestLeaf; readonly offset: number }[] = [];
  const plan: FetchPlan = new Map();
  let offset = request.rootLength;
  for (const leaf of request.root.leaves) {
    if (request.wantedLeaves.has(leaf)) {
      const cached = cache.readSmall(leaf.sha256);
      if (cached === undefined) {
        missing.push({ leaf, offset });
        rebuilder.plan(plan, offset, leaf.length);
      } else {
        leaves.set(leaf, cached);
      }
    }
    offset += leaf.length;
  }
  assertPlan(plan, context.body.length);
  if (missing.length > 0) await context.spool.fetch(plan);
  for (const { leaf, offset: at } of missing) {
    const bytes = await readChecked(rebuilder, { sha256: leaf.sha256, offset: at, length: leaf.length });
    writer.addSmall(leaf.sha256, bytes);
    leaves.set(leaf, bytes);
  }
  return leaves;
}

interface FileRequest {
  readonly leaves: ReadonlyMap<ManifestLeaf, Buffer>;
  readonly only: readonly string[] | undefined;
  readonly where: string;
  readonly filesAt: number;
}

function collectFiles(context: FetchPartContext, root: ManifestRoot, request: FileRequest): WantedObject[] {
  const objects: WantedObject[] = [];
  const seen = new Set<Sha256>();
  const paths = new PathSequence();
  let leafAt = request.filesAt;
  for (const leaf of root.leaves) {
    const bytes = request.leaves.get(leaf);
    let offset = leafAt;
    leafAt += leaf.size;
    if (bytes === undefined) continue;
    for (const entry of parseLeaf(bytes, leaf, request.where, paths)) {
      const { sha256: hash, size, path } = entry;
      if (isWanted(entry, request.only) && !seen.has(hash) && !isCached(context.cache, entry)) {
        seen.add(hash);
        objects.push({ sha256: hash, size, offset, path });
      }
      offset += size;
    }
  }
  return objects;
}

function isWanted(entry: ManifestEntry, only: readonly string[] | undefined): boolean {
  return only === undefined || only.some((prefix) => isUnder(entry.path, prefix));
}

function sum<Item>(items: readonly Item[], count: (item: Item) => number): number {
  let total = 0;
  for (const item of items) total += count(item);
  return total;
}
