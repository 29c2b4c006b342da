import type { Sha256 } from "../base/ids.ts";
import { parseLeaf, parseRoot, type ManifestRoot } from "../formats/manifest.ts";
import type { BuildContext, StreamPart } from "./push-context.ts";
import type { RemoteVersion } from "./remote-store.ts";
import { SegmentMap } from "./segments.ts";
import { reuseSegments } from "./send-object.ts";

/** Finds leaves and files of folders that the remote has, by the place that they have in the streams there. */
export class KnownFolders {
  readonly #context: BuildContext;
  readonly #leafFiles = new Map<Sha256, { readonly version: number; readonly offset: number; readonly size: number }>();
  readonly #objects = new Map<Sha256, { readonly version: number; readonly offset: number }>();
  readonly #maps: SegmentMap[] = [];
  readonly #versions: RemoteVersion[] = [];
  readonly #unread: { readonly version: number; readonly root: ManifestRoot; readonly filesAt: number }[] = [];

  constructor(context: BuildContext) {
    this.#context = context;
    for (const version of context.known) {
      if (version.body.kind === "dir") this.#include(version);
    }
  }

  /** Returns the run of all files of a leaf. */
  findLeafFiles(leaf: Sha256, size: number): StreamPart | undefined {
    const found = this.#leafFiles.get(leaf);
    return found === undefined || found.size !== size ? undefined : this.#part(found.version, found.offset, size);
  }

  /** Returns an object, reading the known folders' leaves when it is first asked for one that is in none. */
  find(hash: Sha256, size: number): StreamPart | undefined {
    if (!this.#objects.has(hash)) this.#readLeaves();
    const found = this.#objects.get(hash);
    return found === undefined ? undefined : this.#part(found.version, found.offset, size);
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
    this.#unread.push({ version, root, filesAt: offset });
    for (const leaf of root.leaves) {
      if (!this.#leafFiles.has(leaf.sha256)) this.#leafFiles.set(leaf.sha256, { version, offset, size: leaf.size });
      offset += leaf.size;
    }
  }

  #readLeaves(): void {
    for (const { version, root, filesAt } of this.#unread.splice(0)) {
      let offset = filesAt;
      for (const leaf of root.leaves) {
        const bytes = this.#context.cache.readSmall(leaf.sha256);
        if (bytes === undefined) {
          offset += leaf.size;
          continue;
        }
        for (const entry of parseLeaf(bytes, leaf, "a known folder")) {
          if (!this.#objects.has(entry.sha256)) this.#objects.set(entry.sha256, { version, offset });
          offset += entry.size;
        }
      }
    }
  }
}
