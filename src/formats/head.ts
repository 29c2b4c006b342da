/**
 * Heads: `recipes/ab/<version's hash>`, the commit point of a push. Spec: docs/formats/recipe.md.
 * One line of JSON that names the body; replaced whole, on the condition of what was read.
 */
import { MlvError } from "../base/errors.ts";
import type { BlobKey, Sha256 } from "../base/ids.ts";
import { parseBlobKey } from "./layout.ts";

/** Bounds a head: anything longer is not one. */
export const MAX_HEAD_BYTES = 1024;

/** Bounds the stored bytes of a body, so that a hostile head cannot fill memory: some ten million segments. */
export const MAX_BODY_BYTES = 128 * 1024 * 1024;

export interface Head {
  readonly kind: "file" | "dir";
  readonly body: BlobKey;
  /** The body's stored bytes. */
  readonly bodySize: number;
}

/** Returns the one valid encoding of a head. */
export function formatHead(head: Head): string {
  return `${JSON.stringify({ mlv: 1, kind: head.kind, body: head.body, size: head.bodySize })}\n`;
}

/** Returns the head that `text` encodes for version `sha256`. Throws `recipe-malformed` or `format-newer`. */
export function parseHead(text: string, sha256: Sha256): Head {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(sha256, error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(sha256);
  const { mlv, kind, body, size } = value as Record<string, unknown>;
  if (typeof mlv === "number" && mlv > 1) {
    throw new MlvError("format-newer", `the recipe of ${sha256} was written by a newer mlv`, { hint: "update mlv" });
  }
  const isFormed =
    mlv === 1 &&
    (kind === "file" || kind === "dir") &&
    typeof body === "string" &&
    parseBlobKey(body)?.kind === "bodies" &&
    typeof size === "number" &&
    Number.isSafeInteger(size) &&
    size > 0 &&
    size <= MAX_BODY_BYTES;
  if (!isFormed) throw malformed(sha256);
  const head: Head = { kind, body: body as BlobKey, bodySize: size };
  if (formatHead(head) !== text) throw malformed(sha256);
  return head;
}

function malformed(sha256: Sha256, cause?: unknown): MlvError {
  return new MlvError("recipe-malformed", `the recipe of ${sha256} is malformed`, { details: { sha256 }, cause });
}
