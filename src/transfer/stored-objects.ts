import type { Sha256 } from "../base/ids.ts";
import type { Body, Segment } from "../formats/body.ts";
import { parseLeaf } from "../formats/manifest.ts";
import type { Cache } from "../store/cache.ts";
import { leavesUnder, readManifestRoot } from "../store/manifests.ts";
import { SegmentMap } from "./segments.ts";

/** Is one object of a version, and the segments of that version's body that give its bytes. */
export interface StoredObject {
  readonly sha256: Sha256;
  readonly size: number;
  readonly segments: readonly Segment[];
  readonly body: Body;
}

/**
 * Finds what a file was in other versions of its target, as far as the cache holds it. A folder's manifest is read from the cache, and only
 * the leaf that can hold the path; what is not cached is not found.
 */
export class EarlierFiles {
  readonly #cache: Cache;
  readonly #bodies: readonly Body[];
  readonly #streams = new Map<Body, SegmentMap>();

  constructor(cache: Cache, bodies: readonly Body[]) {
    this.#cache = cache;
    this.#bodies = bodies;
  }

  /** Returns the earlier contents of a file, in the order of the versions; `path` is its path inside a folder, and of no meaning for a file. */
  find(path: string): StoredObject[] {
    const found: StoredObject[] = [];
    for (const body of this.#bodies) {
      const object = body.kind === "file" ? wholeStream(body) : this.#findInFolder(body, path);
      if (object !== undefined && this.#cache.has(object.sha256)) found.push(object);
    }
    return found;
  }

  #findInFolder(body: Body, path: string): StoredObject | undefined {
    if (!this.#cache.has(body.sha256)) return undefined;
    const root = readManifestRoot(this.#cache, body.sha256, "an earlier version");
    const [leaf] = leavesUnder(root, path).filter(({ sha256 }) => this.#cache.has(sha256));
    const bytes = leaf === undefined ? undefined : this.#cache.readSmall(leaf.sha256);
    if (leaf === undefined || bytes === undefined) return undefined;
    let offset = body.rootLength;
    for (const { length } of root.leaves) offset += length;
    for (const other of root.leaves) {
      if (other === leaf) break;
      offset += other.size;
    }
    for (const entry of parseLeaf(bytes, leaf, "an earlier version")) {
      if (entry.path === path) return { sha256: entry.sha256, size: entry.size, segments: this.#slice(body, offset, entry.size), body };
      offset += entry.size;
    }
    return undefined;
  }

  #slice(body: Body, offset: number, size: number): Segment[] {
    let stream = this.#streams.get(body);
    if (stream === undefined) this.#streams.set(body, (stream = new SegmentMap(body.segments)));
    return offset + size <= stream.length ? stream.slice(offset, size) : [];
  }
}

function wholeStream(body: Body): StoredObject {
  return { sha256: body.sha256, size: body.length, segments: body.segments, body };
}
