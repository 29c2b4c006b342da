import { MlvError } from "../base/errors.ts";
import { crypto } from "../base/hashing.ts";
import type { BlobKey } from "../base/ids.ts";
import { parseBlobKey } from "../formats/layout.ts";
import type { Remote } from "../remotes/remote.ts";
import { readBounded } from "./remote-store.ts";

const MAX_NOTE_BYTES = 256 * 1024 * 1024;

/** Knows which blobs a remote gc has marked to go: a push counts them as absent and uploads what it needs of them under another name. */
export class GcMarks {
  readonly #marked: ReadonlySet<string>;

  constructor(marked: ReadonlySet<string>) {
    this.#marked = marked;
  }

  has(key: BlobKey): boolean {
    return this.#marked.has(key);
  }

  /** Returns the key to upload a blob under: its own, or with a nonce where that is marked. */
  freshKey(key: BlobKey): BlobKey {
    if (!this.#marked.has(key) || parseBlobKey(key)?.nonce !== undefined) return key;
    return `${key}-${crypto().randomBytes(4).toString("hex")}` as BlobKey;
  }
}

// Without its note a gc deletes nothing that it marked.
const NOTE_HINT =
  "run the command again; when it stays, delete that note with the storage's own tool: the next `mlv gc --remote` marks anew";

/** Reads every mark on a remote: one listing, and a request for each note. Throws `remote-corrupt` for a note that cannot be read. */
export async function readGcMarks(remote: Remote, signal: AbortSignal | undefined): Promise<GcMarks> {
  const marked = new Set<string>();
  for await (const { key } of remote.list("gc/", { signal })) {
    const body = await remote.get(key, { signal });
    if (body === undefined) continue;
    for (const blob of parseNote(await readBounded(body, MAX_NOTE_BYTES, key), key)) marked.add(blob);
  }
  return new GcMarks(marked);
}

function parseNote(bytes: Buffer, key: string): readonly string[] {
  try {
    const { blobs } = JSON.parse(bytes.toString("utf8")) as { blobs?: unknown };
    if (Array.isArray(blobs)) return blobs.filter((blob) => typeof blob === "string");
  } catch (error) {
    throw new MlvError("remote-corrupt", `the gc note ${key} cannot be read`, { hint: NOTE_HINT, details: { key }, cause: error });
  }
  throw new MlvError("remote-corrupt", `the gc note ${key} lists no blobs`, { hint: NOTE_HINT, details: { key } });
}
