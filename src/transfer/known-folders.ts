import type { Sha256 } from "../base/ids.ts";
import type { Segment } from "../formats/body.ts";
import { parseRoot, type ManifestRoot } from "../formats/manifest.ts";
import { visitObjects } from "./leaf-objects.ts";
import { reuseSegments, type BuildContext, type StreamPart } from "./push-context.ts";
import type { RemoteVersion } from "./remote-store.ts";
import { SegmentMap } from "./segments.ts";

interface KnownFolder {
  readonly version: number;
  readonly root: ManifestRoot;
  /** Where its files begin in its stream. */
  readonly filesAt: number;
}

/** Finds leaves and files of folders that the remote has, by the place that they have in the streams there. */
export class KnownFolders {
  readonly #context: BuildContext;
  readonly #leafFiles = new Map<Sha256, { readonly version: number; readonly offset: number; readonly size: number }>();
  readonly #objects = new Map<Sha256, { readonly version: number; readonly offset: number }>();
  readonly #maps: SegmentMap[] = [];
  readonly #versions: RemoteVersion[] = [];
  readonly #folders: KnownFolder[] = [];

  /** Takes the remote's versions unless `isUsed` is false: then none is found. */
  constructor(context: BuildContext, isUsed = true) {
    this.#context = context;
    for (const version of isUsed ? context.known : []) {
      if (version.body.kind === "dir") this.#include(version);
    }
  }

  /** True when no folder is known. */
  get isEmpty(): boolean {
    return this.#folders.length === 0;
  }

  /** Returns what all frames of the known folders decode to: no folder that takes from them costs a reader more. */
  get decodedBytes(): number {
    let sum = 0;
    for (const { body } of this.#versions) {
      let last: Segment | undefined;
      for (const segment of body.segments) {
        if (segment.encoding === "zstd" && (last?.encoding !== "zstd" || last.blob !== segment.blob || last.offset !== segment.offset))
          sum += segment.decoded;
        last = segment;
      }
    }
    return sum;
  }

  /** Returns the run of all files of a leaf. */
  findLeafFiles(leaf: Sha256, size: number): StreamPart | undefined {
    const found = this.#leafFiles.get(leaf);
    return found === undefined || found.size !== size ? undefined : this.#part(found.version, found.offset, size);
  }

  /** Returns a root, a leaf, or an object that was looked for. */
  find(hash: Sha256, size: number): StreamPart | undefined {
    const found = this.#objects.get(hash);
    return found === undefined ? undefined : this.#part(found.version, found.offset, size);
  }

  /**
   * Looks for objects in the known folders' lists, as far as they are cached, so that `find` knows them. Each leaf is read once, however
   * many known folders share it.
   */
  lookFor(objects: ReadonlySet<Sha256>): void {
    const seen = new Set<Sha256>();
    for (const { version, root, filesAt } of this.#folders) {
      let offset = filesAt;
      for (const leaf of root.leaves) {
        const bytes = seen.has(leaf.sha256) ? undefined : this.#context.cache.readSmall(leaf.sha256);
        seen.add(leaf.sha256);
        let at = offset;
        offset += leaf.size;
        if (bytes === undefined) continue;
        visitObjects(bytes, leaf, (hash, size) => {
          if (objects.has(hash) && !this.#objects.has(hash)) this.#objects.set(hash, { version, offset: at });
          at += size;
        });
      }
    }
  }

  #part(version: number, offset: number, size: number): StreamPart | undefined {
    const segments = (this.#maps[version] as SegmentMap).slice(offset, size);
    return reuseSegments(this.#context, segments, (this.#versions[version] as RemoteVersion).body);
  }

  #include(known: RemoteVersion): void {
    const rootBytes = this.#context.cache.readSmall(known.body.sha256);
    if (rootBytes === undefined) return;
    const root = parseRoot(rootBytes, known.body.sha256);
    const version = this.#versions.push(known) - 1;
    this.#maps.push(new SegmentMap(known.body.segments));
    let offset = rootBytes.length;
    this.#objects.set(known.body.sha256, { version, offset: 0 });
    for (const leaf of root.leaves) {
      if (!this.#objects.has(leaf.sha256)) this.#objects.set(leaf.sha256, { version, offset });
      offset += leaf.length;
    }
    this.#folders.push({ version, root, filesAt: offset });
    for (const leaf of root.leaves) {
      if (!this.#leafFiles.has(leaf.sha256)) this.#leafFiles.set(leaf.sha256, { version, offset, size: leaf.size });
      offset += leaf.size;
    }
  }
}
