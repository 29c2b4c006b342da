/**
 * Manifests: the sorted list of a folder's files, cut into leaves under a root. Spec: docs/formats/manifest.md.
 *
 * A leaf is a run of lines `<sha256> <size> <- or x> <path>`, sorted by the UTF-8 bytes of the path. A leaf ends after a line whose
 * path's CRC-32 is below `(bytes of the path + 76) × 65,536`, or once it has 256 KiB: so leaves average 64 KiB, the same files
 * always give the same leaves, and editing a file's content never moves a cut (a prolly tree of height two, as in Dolt).
 */
import { crc32 } from "../base/checksum.ts";
import { MlvError } from "../base/errors.ts";
import { sha256 } from "../base/hashing.ts";
import type { RepoPath, Sha256 } from "../base/ids.ts";
import { unsafePathReason } from "../base/safe-paths.ts";
import { decodeText, formatLine, malformed, parseLines, unsafe, type ManifestEntry } from "./manifest-lines.ts";
import { PathSequence } from "./path-sequence.ts";

export type { ManifestEntry };

/** Is one leaf as the root lists it. `length` is the leaf's own bytes; `files` and `size` count what it lists. */
export interface ManifestLeaf {
  readonly sha256: Sha256;
  readonly length: number;
  readonly files: number;
  readonly size: number;
  readonly firstPath: RepoPath;
}

/** Is a parsed root. */
export interface ManifestRoot {
  readonly files: number;
  readonly size: number;
  readonly leaves: readonly ManifestLeaf[];
}

const MAX_LEAF_BYTES = 256 * 1024;
const LINE_OVERHEAD_BYTES = 76;
const CUT_SCALE = 65_536;
const ROOT_HEADER = "mlv-manifest 1";
/** Bounds what a hostile root may make a reader hold: enough for some 500 million files. */
export const MAX_ROOT_BYTES = 128 * 1024 * 1024;
/** Bounds one leaf: the cut at 256 KiB plus the longest line. */
export const MAX_LEAF_LENGTH = MAX_LEAF_BYTES + 5000;

/** Builds leaves from entries that arrive in order, holding one leaf at a time. */
export class ManifestBuilder {
  readonly #onLeaf: (leaf: ManifestLeaf, bytes: Buffer) => void;
  readonly #leaves: ManifestLeaf[] = [];
  #lines: string[] = [];
  #lineBytes = 0;
  #files = 0;
  #size = 0;
  #firstPath: RepoPath | undefined;
  readonly #paths = new PathSequence();

  /** Calls `onLeaf` with each finished leaf and its bytes, in order. */
  constructor(onLeaf: (leaf: ManifestLeaf, bytes: Buffer) => void) {
    this.#onLeaf = onLeaf;
  }

  /** Adds the next entry. Throws `target-exists` below a file, `internal` (a RangeError) when entries come out of order or twice. */
  add(entry: ManifestEntry): void {
    this.#checkPath(entry.path);
    this.#firstPath ??= entry.path;
    const line = formatLine(entry);
    this.#lines.push(line);
    const pathBytes = Buffer.byteLength(entry.path);
    this.#lineBytes += line.length - entry.path.length + pathBytes;
    this.#files += 1;
    this.#size += entry.size;
    if (endsLeaf(entry.path, pathBytes) || this.#lineBytes >= MAX_LEAF_BYTES) this.#finishLeaf();
  }

  /** Adds a leaf of an earlier version as it is; only at a cut, with paths after everything added so far. */
  addLeaf(leaf: ManifestLeaf, lastPath: RepoPath): void {
    if (this.#lines.length > 0) throw new RangeError("a whole leaf can only follow a cut");
    this.#checkPath(leaf.firstPath);
    if (lastPath !== leaf.firstPath) this.#checkPath(lastPath);
    this.#leaves.push(leaf);
  }

  /** True when nothing waits for its leaf to end. */
  get isAtCut(): boolean {
    return this.#lines.length === 0;
  }

  /** Ends the last leaf and returns the root, its bytes and its hash: the folder's version. */
  finish(): { readonly root: ManifestRoot; readonly bytes: Buffer; readonly sha256: Sha256 } {
    if (this.#lines.length > 0) this.#finishLeaf();
    const root = createRoot(this.#leaves);
    const bytes = Buffer.from(formatRoot(root));
    return { root, bytes, sha256: sha256(bytes) };
  }

  #checkPath(path: RepoPath): void {
    const problem = this.#paths.add(path);
    if (problem === "order") throw new RangeError(`manifest entries out of order: ${path} comes too late`);
    if (problem === undefined) return;
    throw new MlvError("target-exists", `\`${path}\` cannot be recorded: a folder that it lies in is a file of the version`, {
      hint: "bring that file here with `mlv pull`, or remove it from the version, then run the same command again",
      details: { path },
    });
  }

  #finishLeaf(): void {
    const bytes = Buffer.from(this.#lines.join(""));
    const firstPath = this.#firstPath as RepoPath;
    const leaf: ManifestLeaf = { sha256: sha256(bytes), length: bytes.length, files: this.#files, size: this.#size, firstPath };
    this.#leaves.push(leaf);
    this.#lines = [];
    this.#lineBytes = 0;
    this.#files = 0;
    this.#size = 0;
    this.#firstPath = undefined;
    this.#onLeaf(leaf, bytes);
  }
}

function createRoot(leaves: readonly ManifestLeaf[]): ManifestRoot {
  let files = 0;
  let size = 0;
  for (const leaf of leaves) {
    files += leaf.files;
    size += leaf.size;
  }
  return { files, size, leaves };
}

function endsLeaf(path: string, pathBytes: number): boolean {
  return crc32(path) < (pathBytes + LINE_OVERHEAD_BYTES) * CUT_SCALE;
}

/** Returns the one valid encoding of a root. */
export function formatRoot(root: ManifestRoot): string {
  const lines = [ROOT_HEADER, `files ${root.files}`, `size ${root.size}`];
  for (const leaf of root.leaves) lines.push(`${leaf.sha256} ${leaf.length} ${leaf.files} ${leaf.size} ${leaf.firstPath}`);
  return `${lines.join("\n")}\n`;
}

/** Returns the root that `bytes` encode. Throws `manifest-malformed`, or `format-newer` for a later version. */
export function parseRoot(bytes: Uint8Array, where: string): ManifestRoot {
  const text = decodeText(bytes, where);
  const lines = text.split("\n");
  const header = lines[0] ?? "";
  if (/^mlv-manifest (?!1$)\d+$/.test(header)) {
    throw new MlvError("format-newer", `the manifest of ${where} was written by a newer mlv`, { hint: "update mlv" });
  }
  if (header !== ROOT_HEADER || lines.at(-1) !== "" || lines.length < 4) throw malformed(where, "its header is wrong");
  const leaves = lines.slice(3, -1).map((line) => parseLeafReference(line, where));
  const root = createRoot(leaves);
  const paths = new PathSequence();
  for (const leaf of leaves) assertNext(paths, leaf.firstPath, where, "its leaves are out of order");
  if (formatRoot(root) !== text) throw malformed(where, "it is not in its one valid form");
  return root;
}

function parseLeafReference(line: string, where: string): ManifestLeaf {
  const match = /^([0-9a-f]{64}) (\d{1,16}) (\d{1,16}) (\d{1,16}) (.+)$/s.exec(line);
  if (match === null) throw malformed(where, "a leaf's line is wrong");
  const [, hash = "", length = "", files = "", size = "", firstPath = ""] = match;
  if (Number(length) > MAX_LEAF_LENGTH) throw malformed(where, "a leaf is too long");
  const reason = unsafePathReason(firstPath);
  if (reason !== undefined) throw unsafe(where, firstPath, reason);
  return { sha256: hash as Sha256, length: Number(length), files: Number(files), size: Number(size), firstPath: firstPath as RepoPath };
}

function assertNext(paths: PathSequence, path: string, where: string, outOfOrder: string): void {
  const problem = paths.add(path);
  if (problem === "order") throw malformed(where, outOfOrder);
  if (problem === "file-as-folder") throw malformed(where, `a folder of \`${path}\` is a file in it`);
}

/**
 * Returns the entries of one leaf, checked against what the root says of it: hash, counts, order and safe paths. Who reads several leaves,
 * in order, gives the same `paths` to each, so that they are checked together.
 * Throws `content-mismatch` when the bytes are not the leaf, `manifest-malformed` or `path-unsafe` when they lie.
 */
export function parseLeaf(bytes: Uint8Array, leaf: ManifestLeaf, where: string, paths: PathSequence = new PathSequence()): ManifestEntry[] {
  if (bytes.length !== leaf.length || sha256(bytes) !== leaf.sha256) {
    throw new MlvError("content-mismatch", `a manifest leaf of ${where} does not match its hash`, { details: { sha256: leaf.sha256 } });
  }
  const entries = parseLines(bytes, where);
  let size = 0;
  for (const entry of entries) {
    assertNext(paths, entry.path, where, entry === entries[0] ? "its leaves overlap" : "its lines are out of order");
    size += entry.size;
  }
  if (entries.length !== leaf.files || size !== leaf.size || entries[0]?.path !== leaf.firstPath) {
    throw malformed(where, "a leaf is not what the root says");
  }
  return entries;
}
