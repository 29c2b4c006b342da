import { mapConcurrent } from "../base/concurrency.ts";
import { isMlvError, MlvError } from "../base/errors.ts";
import { crypto } from "../base/hashing.ts";
import { isSha256, type Sha256 } from "../base/ids.ts";
import { blobKey, parseBlobKey, type BlobKind } from "../formats/layout.ts";
import type { Remote, RemoteEntry } from "../remotes/remote.ts";
import { bufferSource, readBounded, type RemoteStore } from "./remote-store.ts";

/** Heads go before bodies and bodies before what they name: whatever a crash leaves, no head names what is gone. */
const KINDS: readonly BlobKind[] = ["recipes", "bodies", "chunks", "packs", "objects"];
const MAX_NOTE_BYTES = 256 * 1024 * 1024;
const DELETE_AT_ONCE = 500;

/** Is what pins on a remote hold on to. */
export interface RemotePins {
  readonly versions: ReadonlySet<Sha256>;
  readonly blobs: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  /** Pins older than the grace period, which hold on to nothing. */
  readonly expired: readonly string[];
}

/** Is one note of an earlier run: the blobs that it marked, and when. */
interface MarkNote {
  readonly key: string;
  readonly markedAt: number;
  readonly blobs: ReadonlySet<string>;
}

/** Says what a remote gc works with. */
export interface RemoteGcContext {
  readonly store: RemoteStore;
  readonly jobs: number;
  readonly signal: AbortSignal | undefined;
  readonly graceMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Returns the versions that repositories need now; asked once to plan and once more before anything is deleted. */
  readonly versions: () => Promise<Iterable<Sha256>>;
  readonly onDeleted: (files: number, bytes: number) => void;
}

/** Is what to do with one blob that nothing needs, or that a mark stands on. */
export interface PlannedBlob {
  readonly entry: RemoteEntry;
  readonly action: "mark" | "wait" | "delete" | "unmark";
  readonly deletableAt: number;
}

/** Is a plan for a whole remote. */
export interface RemoteGcPlan {
  readonly blobs: readonly PlannedBlob[];
  readonly kept: readonly RemoteEntry[];
  readonly pins: RemotePins;
  readonly notes: readonly MarkNote[];
  /** True when a push that may count on marked blobs has not written its heads yet: nothing is deleted then. */
  readonly isPushUnderWay: boolean;
}

/**
 * Finds out what a remote holds that no given version, no pin and no other head that is needed names. Throws `remote-corrupt` when the body of a
 * needed version cannot be read: what it names is then not known.
 */
export async function planRemoteGc(context: RemoteGcContext): Promise<RemoteGcPlan> {
  const { store, graceMs, now, signal } = context;
  const pins = await readPins(context);
  const notes = await readNotes(store.remote, signal);
  const entries = await listAll(store.remote, signal);
  const { keep, isPushUnderWay } = await findNeeded(context, { pins, entries });
  const markedAt = new Map<string, number>();
  for (const note of notes) for (const key of note.blobs) markedAt.set(key, Math.max(note.markedAt, markedAt.get(key) ?? 0));
  const blobs: PlannedBlob[] = [];
  const kept: RemoteEntry[] = [];
  for (const entry of entries.values()) {
    const mark = markedAt.get(entry.key);
    if (keep.has(entry.key)) {
      kept.push(entry);
      if (mark !== undefined) blobs.push({ entry, action: "unmark", deletableAt: 0 });
      continue;
    }
    const deletableAt = (mark ?? now) + graceMs;
    blobs.push({ entry, action: mark === undefined ? "mark" : now < deletableAt || isPushUnderWay ? "wait" : "delete", deletableAt });
  }
  return { blobs, kept, pins, notes, isPushUnderWay };
}

/**
 * Carries out a plan: marks, then reads pins, refs and heads again and deletes what is still free, then unmarks. A pin that appears meanwhile ends
 * the deleting. Returns the keys that were deleted.
 */
export async function runRemoteGc(context: RemoteGcContext, plan: RemoteGcPlan): Promise<ReadonlySet<string>> {
  const { store, signal, now } = context;
  const { remote } = store;
  const toMark = plan.blobs.filter(({ action }) => action === "mark").map(({ entry }) => entry.key);
  if (toMark.length > 0) await writeNote(remote, { markedAt: now, blobs: new Set(toMark) }, signal);
  const deleted = plan.blobs.some(({ action }) => action === "delete") ? await deleteFree(context, plan) : new Set<string>();
  const unmarked = new Set(plan.blobs.filter(({ action }) => action === "unmark").map(({ entry }) => entry.key));
  const present = new Set(plan.blobs.map(({ entry }) => entry.key));
  for (const note of plan.notes) {
    const rest = new Set([...note.blobs].filter((key) => present.has(key) && !deleted.has(key) && !unmarked.has(key)));
    if (rest.size === note.blobs.size) continue;
    // The shorter note is there before the longer one goes.
    if (rest.size > 0) await writeNote(remote, { markedAt: note.markedAt, blobs: rest }, signal);
    await remote.remove(note.key, { signal });
  }
  if (plan.pins.expired.length > 0) await remote.removeMany(plan.pins.expired, { signal });
  store.known.save();
  return deleted;
}

async function deleteFree(context: RemoteGcContext, before: RemoteGcPlan): Promise<ReadonlySet<string>> {
  const { store, signal, onDeleted } = context;
  const { remote } = store;
  const again = await planRemoteGc(context);
  const asked = new Set(before.blobs.filter(({ action }) => action === "delete").map(({ entry }) => entry.key));
  const free = again.blobs.filter(({ action, entry }) => action === "delete" && asked.has(entry.key)).map(({ entry }) => entry);
  const deleted = new Set<string>();
  let bytes = 0;
  for (const kind of KINDS) {
    const ofKind = free.filter((entry) => parseBlobKey(entry.key)?.kind === kind);
    for (let start = 0; start < ofKind.length; start += DELETE_AT_ONCE) {
      for await (const pin of remote.list("pins/", { signal })) if (!again.pins.keys.has(pin.key)) return deleted;
      const batch = ofKind.slice(start, start + DELETE_AT_ONCE);
      await remote.removeMany(
        batch.map((entry) => entry.key),
        { signal },
      );
      for (const { key, size } of batch) {
        deleted.add(key);
        bytes += size;
        const parts = parseBlobKey(key);
        if (parts?.kind === "recipes") store.known.delete(parts.hash);
      }
      onDeleted(deleted.size, bytes);
    }
  }
  return deleted;
}

async function listAll(remote: Remote, signal: AbortSignal | undefined): Promise<Map<string, RemoteEntry>> {
  const entries = new Map<string, RemoteEntry>();
  for (const kind of KINDS) {
    for await (const entry of remote.list(`${kind}/`, { signal })) if (parseBlobKey(entry.key) !== undefined) entries.set(entry.key, entry);
  }
  return entries;
}

interface Present {
  readonly pins: RemotePins;
  readonly entries: ReadonlyMap<string, RemoteEntry>;
}

async function findNeeded(
  context: RemoteGcContext,
  { pins, entries }: Present,
): Promise<{ readonly keep: ReadonlySet<string>; readonly isPushUnderWay: boolean }> {
  const { store, jobs, signal } = context;
  const keep = new Set<string>(pins.blobs);
  const versions = new Set([...(await context.versions()), ...pins.versions]);
  const there = [...versions].filter((version) => entries.has(blobKey("recipes", version)));
  await mapConcurrent(there, jobs, async (version) => {
    try {
      const found = await store.readVersion(version, signal);
      if (found === undefined) return;
      for (const key of [blobKey("recipes", version), found.head.body, ...found.body.blobs.map((blob) => blob.key)]) keep.add(key);
    } catch (error) {
      if (!isMlvError(error, "content-missing", "content-mismatch", "recipe-malformed")) throw error;
      throw new MlvError("remote-corrupt", `the recipe of a version that is needed cannot be read: ${error.message}`, {
        hint: "`mlv verify --remote --repair` mends it; until then nothing is deleted",
        details: { version },
        cause: error,
      });
    }
  });
  return { keep, isPushUnderWay: [...pins.versions].some((version) => !entries.has(blobKey("recipes", version))) };
}

async function readPins({ store, graceMs, now, signal }: RemoteGcContext): Promise<RemotePins> {
  const { remote } = store;
  const versions = new Set<Sha256>();
  const blobs = new Set<string>();
  const keys = new Set<string>();
  const expired: string[] = [];
  for await (const entry of remote.list("pins/", { signal })) {
    keys.add(entry.key);
    if (now - entry.modifiedAt > graceMs) {
      expired.push(entry.key);
      continue;
    }
    const note = await readNote(remote, entry.key, signal);
    for (const version of note.versions) if (isSha256(version)) versions.add(version);
    for (const blob of note.blobs) blobs.add(blob);
  }
  return { versions, blobs, keys, expired };
}

async function readNotes(remote: Remote, signal: AbortSignal | undefined): Promise<MarkNote[]> {
  const notes: MarkNote[] = [];
  for await (const { key } of remote.list("gc/", { signal })) {
    const { markedAt, blobs } = await readNote(remote, key, signal);
    notes.push({ key, markedAt, blobs: new Set(blobs) });
  }
  return notes;
}

interface Note {
  readonly markedAt: number;
  readonly versions: readonly string[];
  readonly blobs: readonly string[];
}

/** A note that was removed since it was listed is empty; one that cannot be understood stops everything. */
async function readNote(remote: Remote, key: string, signal: AbortSignal | undefined): Promise<Note> {
  const body = await remote.get(key, { signal });
  if (body === undefined) return { markedAt: Number.POSITIVE_INFINITY, versions: [], blobs: [] };
  let value: unknown;
  try {
    value = JSON.parse((await readBounded(body, MAX_NOTE_BYTES, key)).toString("utf8"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof value !== "object" || value === null || !("mlv" in value) || value.mlv !== 1) {
    throw new MlvError("format-newer", `the note \`${key}\` on the remote was not written by this version of mlv`, {
      hint: "update mlv",
      details: { key },
    });
  }
  const markedAt = "markedAt" in value && typeof value.markedAt === "number" ? value.markedAt : Number.POSITIVE_INFINITY;
  return { markedAt, versions: "versions" in value ? texts(value.versions) : [], blobs: "blobs" in value ? texts(value.blobs) : [] };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

async function writeNote(remote: Remote, note: Pick<MarkNote, "markedAt" | "blobs">, signal: AbortSignal | undefined): Promise<void> {
  const key = `gc/${new Date(note.markedAt).toISOString().slice(0, 10)}-${crypto().randomBytes(8).toString("hex")}`;
  const content = `${JSON.stringify({ mlv: 1, markedAt: note.markedAt, blobs: [...note.blobs] })}\n`;
  await remote.put(key, bufferSource(Buffer.from(content)), { signal });
}
