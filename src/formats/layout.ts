/** The one layout of a store, local and remote. Spec: docs/formats/store.md. */
import type { BlobKey, Sha256 } from "../base/ids.ts";

/** Names the folders of a store that hold blobs. */
export type BlobKind = "objects" | "packs" | "recipes" | "bodies" | "chunks";

/** Is the key of the format marker, and its content. */
export const MARKER_KEY = "mlv.json";
export const MARKER_CONTENT = '{"mlv":1}\n';

/** Returns the key of a blob: `kind/ab/<sha256>`, with `-<nonce>` when a copy under the plain name was marked by a gc. */
export function blobKey(kind: BlobKind, hash: Sha256, nonce?: string): BlobKey {
  return `${kind}/${hash.slice(0, 2)}/${hash}${nonce === undefined ? "" : `-${nonce}`}` as BlobKey;
}

const KEY = /^(objects|packs|recipes|bodies|chunks)\/([0-9a-f]{2})\/([0-9a-f]{64})(?:-([0-9a-f]{8}))?$/;

/** Is the parts of a blob's key. */
export interface BlobKeyParts {
  readonly kind: BlobKind;
  readonly hash: Sha256;
  readonly nonce: string | undefined;
}

/** Returns the parts of a key, or undefined when the text is no blob's key. */
export function parseBlobKey(text: string): BlobKeyParts | undefined {
  const match = KEY.exec(text);
  if (match === null || match[3]?.slice(0, 2) !== match[2]) return undefined;
  return { kind: match[1] as BlobKind, hash: match[3] as Sha256, nonce: match[4] };
}
