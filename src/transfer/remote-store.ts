import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, uniqueName } from "../base/durable.ts";
import { fromSystemError, isMlvError, MlvError } from "../base/errors.ts";
import { sha256 } from "../base/hashing.ts";
import type { BlobKey, Sha256 } from "../base/ids.ts";
import { formatBody, parseBody, type Body } from "../formats/body.ts";
import { assertExpected, MAX_BODY_TEXT_BYTES, maxTextBytes } from "../formats/body-bounds.ts";
import { formatHead, MAX_HEAD_BYTES, parseHead, type Head } from "../formats/head.ts";
import type { Pointer } from "../formats/pointer.ts";
import { blobKey, MARKER_CONTENT, MARKER_KEY, parseBlobKey } from "../formats/layout.ts";
import type { PutOptions, PutSource, Remote, RemoteBody } from "../remotes/remote.ts";
import { compress, decompress } from "../store/compression.ts";
import type { GcMarks } from "./gc-marks.ts";
import { KnownHeads, type KnownHead } from "./known-heads.ts";

/** A body's text is at most this many times as long as its stored bytes, once it is longer than `MIN_TEXT_LIMIT_BYTES`. */
const MAX_TEXT_RATIO = 64;
const MIN_TEXT_LIMIT_BYTES = 8 * 1024 * 1024;

/** Is a version as a remote has it. */
export interface RemoteVersion {
  readonly head: Head;
  readonly etag: string;
  readonly body: Body;
}

interface BodyToRead {
  readonly version: Sha256;
  readonly head: Head;
  readonly pointer: Pointer | undefined;
}

/** Reads and writes heads and bodies of one remote, keeping bodies on this machine: they never change. */
export class RemoteStore {
  readonly remote: Remote;
  readonly known: KnownHeads;
  readonly #bodyFolder: string;
  readonly #tempFolder: string;
  readonly #parsed = new Map<BlobKey, Body>();
  /** Bodies whose bytes on the remote were seen not to match their names: writing one replaces it. */
  readonly #damaged = new Set<BlobKey>();
  readonly #damagedHeads = new Map<Sha256, string>();

  constructor(options: { readonly remote: Remote; readonly name: string; readonly stateFolder: string }) {
    this.remote = options.remote;
    this.known = new KnownHeads(options.stateFolder, options.name);
    this.#bodyFolder = path.join(options.stateFolder, "remotes", options.name, "bodies");
    this.#tempFolder = path.join(options.stateFolder, "tmp");
  }

  /** Returns a version's head with one request, two when what came was wrong, or undefined when the remote lacks the version. */
  readHead(version: Sha256, signal?: AbortSignal): Promise<KnownHead | undefined> {
    return readTwice(() => this.#readHead(version, signal));
  }

  async #readHead(version: Sha256, signal: AbortSignal | undefined): Promise<KnownHead | undefined> {
    const key = blobKey("recipes", version);
    const body = await this.remote.get(key, { signal });
    if (body === undefined) {
      this.known.delete(version);
      return undefined;
    }
    let head: Head;
    try {
      head = parseHead((await readBounded(body, MAX_HEAD_BYTES, key)).toString("utf8"), version);
    } catch (error) {
      if (isMlvError(error, "recipe-malformed", "content-mismatch")) this.#damagedHeads.set(version, body.etag);
      throw error;
    }
    this.#damagedHeads.delete(version);
    const known = { head, etag: body.etag };
    this.known.set(version, known);
    return known;
  }

  /** Returns the ETag of a head that was read and could not be understood, so that it can be replaced. */
  damagedHeadEtag(version: Sha256): string | undefined {
    return this.#damagedHeads.get(version);
  }

  /**
   * Returns the body that a head names, from this machine where it was read before. With the version's pointer, a body that does not give
   * what it says is refused before it fills memory. Throws `content-mismatch`, `recipe-malformed`.
   */
  readBody(version: Sha256, head: Head, signal?: AbortSignal, pointer?: Pointer): Promise<Body> {
    return readTwice(() => this.#readBody({ version, head, pointer }, signal));
  }

  async #readBody({ version, head, pointer }: BodyToRead, signal: AbortSignal | undefined): Promise<Body> {
    const parsed = this.#parsed.get(head.body);
    if (parsed !== undefined) {
      if (pointer !== undefined) assertExpected(parsed, pointer);
      return parsed;
    }
    const file = this.#bodyFile(head.body);
    let stored = readIfThere(file);
    if (stored === undefined || !matchesKey(stored, head.body)) {
      const remoteBody = await this.remote.get(head.body, { signal });
      if (remoteBody === undefined) {
        throw new MlvError("content-missing", `the remote lost the recipe's body ${head.body}`, {
          hint: "run `mlv push` where the data is still cached",
          details: { key: head.body },
        });
      }
      stored = await readBounded(remoteBody, head.bodySize, head.body);
      if (!matchesKey(stored, head.body)) {
        this.#damaged.add(head.body);
        throw mismatch(head.body);
      }
      this.#damaged.delete(head.body);
      this.#keepBody(file, stored);
    }
    const body = decodeBody(stored, head.body, pointer);
    if (body.sha256 !== version || body.kind !== head.kind)
      throw new MlvError("recipe-malformed", `the recipe of ${version} is another version's`);
    this.#parsed.set(head.body, body);
    return body;
  }

  /** Returns a version's head and body, or undefined when the remote lacks it. A head that names a body which is not there is read once more. */
  readVersion(version: Sha256, signal?: AbortSignal, pointer?: Pointer): Promise<RemoteVersion | undefined> {
    return readTwice(async () => {
      const known = await this.#readHead(version, signal);
      if (known === undefined) return undefined;
      return { ...known, body: await this.#readBody({ version, head: known.head, pointer }, signal) };
    });
  }

  /** Uploads a body; returns the head that will name it. */
  async writeBody(body: Body, marks: Pick<GcMarks, "freshKey">, signal?: AbortSignal): Promise<Head> {
    const stored = compress(Buffer.from(formatBody(body)), 9);
    const key = marks.freshKey(blobKey("bodies", sha256(stored)));
    if (this.#damaged.delete(key)) {
      const stat = await this.remote.stat(key, { signal });
      await this.remote.replace(key, bufferSource(stored), { ifMatch: stat?.etag, sha256: sha256(stored), signal });
    } else {
      await putBlob(this.remote, key, bufferSource(stored), { signal });
    }
    this.#keepBody(this.#bodyFile(key), stored);
    this.#parsed.set(key, body);
    return { kind: body.kind, body: key, bodySize: stored.length };
  }

  /** Writes a head, the commit point, on the condition that the remote still has what was read. Throws `remote-conflict`. */
  async writeHead(version: Sha256, head: Head, ifMatch: string | undefined, signal?: AbortSignal): Promise<void> {
    const { etag } = await this.remote.replace(blobKey("recipes", version), bufferSource(Buffer.from(formatHead(head))), {
      ifMatch,
      signal,
    });
    this.known.set(version, { head, etag });
  }

  /** Makes sure that the remote is a store of this format, marking an empty one when `create` is set; returns whether it is one. Throws `format-newer`, `remote-misconfigured`. */
  checkMarker(create: boolean, signal?: AbortSignal): Promise<boolean> {
    return readTwice(() => this.#checkMarker(create, signal));
  }

  async #checkMarker(create: boolean, signal: AbortSignal | undefined): Promise<boolean> {
    const marker = await this.remote.get(MARKER_KEY, { signal });
    if (marker === undefined) {
      if (create) await this.remote.put(MARKER_KEY, bufferSource(Buffer.from(MARKER_CONTENT)), { signal });
      return create;
    }
    const text = (await readBounded(marker, 4096, MARKER_KEY)).toString("utf8");
    if (text === MARKER_CONTENT) return true;
    throw new MlvError("format-newer", `the store at ${this.remote.url} was made by a newer mlv`, { hint: "update mlv" });
  }

  #bodyFile(key: BlobKey): string {
    return path.join(this.#bodyFolder, parseBlobKey(key)?.hash ?? "none");
  }

  /** Not synced, for what a crash leaves of it does not match its name and is asked for again. Throws `disk-full`. */
  #keepBody(file: string, stored: Uint8Array): void {
    const temp = path.join(this.#tempFolder, uniqueName("body"));
    try {
      ensureFolder(this.#bodyFolder);
      ensureFolder(this.#tempFolder);
      fs.writeFileSync(temp, stored);
      fs.renameSync(temp, file);
    } catch (error) {
      fs.rmSync(temp, { force: true });
      throw fromSystemError(error, "write", file);
    }
  }
}

/** Reads once more when what came was wrong: a byte may have changed on the way. What is wrong twice is wrong on the remote. */
async function readTwice<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!isMlvError(error, "content-mismatch", "content-missing", "recipe-malformed", "format-newer")) throw error;
    return read();
  }
}

/** Uploads a blob unless the remote has it with the same size; throws `remote-conflict` when what is there differs. */
export async function putBlob(
  remote: Remote,
  key: BlobKey,
  source: PutSource,
  call: Pick<PutOptions, "signal" | "onProgress"> = {},
): Promise<{ readonly created: boolean }> {
  const hash = parseBlobKey(key)?.hash;
  const { created } = await remote.put(key, source, { ...call, sha256: hash });
  if (created) return { created };
  const stat = await remote.stat(key, { signal: call.signal });
  if (stat?.size === source.size && (stat.sha256 === undefined || stat.sha256 === hash)) return { created };
  // The bytes under this name are not its own: a blob that does not match its name is one of the two things that may be replaced.
  await remote.replace(key, source, { ...call, ifMatch: stat?.etag, sha256: hash });
  return { created: true };
}

/** Returns a source for bytes in memory. */
export function bufferSource(bytes: Uint8Array): PutSource {
  return {
    size: bytes.length,
    async *open(range) {
      yield range === undefined ? bytes : bytes.subarray(range.offset, range.offset + range.length);
    },
  };
}

/** Reads a whole remote body into memory, stopping at `limit` bytes. Throws `content-mismatch` when there is more. */
export async function readBounded(body: RemoteBody, limit: number, key: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body.stream) {
    length += part.length;
    if (length > limit) throw mismatch(key);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Decompresses no more than a body of the version can have, and no more than an honest writer's text shrinks to. */
function decodeBody(stored: Buffer, key: BlobKey, pointer: Pointer | undefined): Body {
  const limit = Math.min(
    pointer === undefined ? MAX_BODY_TEXT_BYTES : maxTextBytes(pointer),
    Math.max(MIN_TEXT_LIMIT_BYTES, MAX_TEXT_RATIO * stored.length),
  );
  try {
    return parseBody(decompress(stored, limit, { isBound: true }).toString("latin1"), pointer);
  } catch (error) {
    if (!isMlvError(error, "recipe-malformed", "content-mismatch")) throw error;
    throw new MlvError(error.code, `${error.message} (${key})`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: { key },
      cause: error.cause,
    });
  }
}

function matchesKey(bytes: Uint8Array, key: BlobKey): boolean {
  return sha256(bytes) === parseBlobKey(key)?.hash;
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Makes the error that says a remote's blob is not what its name says. */
export function mismatch(key: string): MlvError {
  return new MlvError("content-mismatch", `the remote's copy of ${key} does not match its name`, {
    hint: "run `mlv push` where the data is still cached, which mends it",
    details: { key },
  });
}
