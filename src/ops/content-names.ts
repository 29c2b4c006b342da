import { isMlvError } from "../base/errors.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { reachablePointerBlobs } from "../git/reachable.ts";
import { readManifestLeaf, readManifestRoot } from "../store/manifests.ts";
import { isPointerPath, targetOf } from "../workspace/target.ts";
import { parsePointerQuietly } from "./history.ts";
import type { Workspace } from "./open-workspace.ts";
import { readPointersHere } from "./read-pointers.ts";

/** Is one place of some content: a target's version, and the file in it; no `inner` for a file target, and for a part of the folder's list. */
export interface ContentPlace {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly inner?: RepoPath;
  /** True when the content is a part of the list of files. */
  readonly isList: boolean;
}

const MAX_PLACES = 20;

/** Finds to which files of which targets contents belong: in the work tree's versions, then, for what is in none of them, in everything Git holds. */
export async function findPlaces(workspace: Workspace, hashes: ReadonlySet<Sha256>): Promise<Map<Sha256, ContentPlace[]>> {
  const places = new Map<Sha256, ContentPlace[]>();
  if (hashes.size === 0) return places;
  const { pointers } = await readPointersHere(workspace);
  for (const [target, pointer] of pointers) lookInside(workspace, { target, pointer }, { hashes, places });
  const seen = new Set([...pointers.values()].map((pointer) => pointer.sha256));
  if ([...hashes].every((hash) => places.has(hash))) return places;
  for await (const { path, content } of reachablePointerBlobs(workspace.repository, { signal: workspace.context.signal })) {
    const pointer = isPointerPath(path) ? parsePointerQuietly(content, path) : undefined;
    if (pointer === undefined || seen.has(pointer.sha256)) continue;
    seen.add(pointer.sha256);
    lookInside(workspace, { target: targetOf(path), pointer }, { hashes, places });
  }
  return places;
}

interface Search {
  readonly hashes: ReadonlySet<Sha256>;
  readonly places: Map<Sha256, ContentPlace[]>;
}

function lookInside(workspace: Workspace, version: Pick<ContentPlace, "target" | "pointer">, { hashes, places }: Search): void {
  const { target, pointer } = version;
  const note = (hash: Sha256, place: ContentPlace): void => {
    if (!hashes.has(hash)) return;
    const known = places.get(hash);
    if (known === undefined) places.set(hash, [place]);
    else if (known.length < MAX_PLACES) known.push(place);
  };
  note(pointer.sha256, { ...version, isList: pointer.kind === "dir" });
  if (pointer.kind === "file") return;
  const { cache } = workspace;
  const where = `\`${target}\``;
  try {
    if (!cache.has(pointer.sha256)) return;
    for (const leaf of readManifestRoot(cache, pointer.sha256, where).leaves) {
      note(leaf.sha256, { ...version, isList: true });
      if (!cache.has(leaf.sha256)) continue;
      try {
        for (const entry of readManifestLeaf(cache, leaf, where)) note(entry.sha256, { ...version, inner: entry.path, isList: false });
      } catch (error) {
        if (!isMlvError(error)) throw error;
      }
    }
  } catch (error) {
    // A list that is damaged itself names nothing.
    if (!isMlvError(error)) throw error;
  }
}

/** Returns a place's name for people. */
export function placeName({ target, inner }: ContentPlace): string {
  return inner === undefined ? target : `${target}/${inner}`;
}
