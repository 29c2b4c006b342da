/**
 * Bodies: how to rebuild one version from blob ranges. Spec: docs/formats/recipe.md.
 *
 * A version's *stream* is the object's bytes for a file; for a folder it is the manifest's root, its leaves in order, then every
 * file in manifest order. A body lists the segments whose decoded bytes, one after another, are that stream. A *base* is a stored
 * object, itself listed in raw and zstd segments only, whose decoded bytes serve as dictionaries (`delta`) or are taken as they are
 * (`copy`): so depth is always one. Here a body is text; it is stored as one zstd frame.
 */
import { MlvError } from "../base/errors.ts";
import { isSha256, type BlobKey, type Sha256 } from "../base/ids.ts";
import {
  assertExpected,
  BodyCounter,
  malformedBody as malformed,
  MAX_FRAME_BYTES,
  MAX_LINE_LENGTH,
  MAX_STORED_FRAME_BYTES,
  type ExpectedVersion,
} from "./body-bounds.ts";
import { parseBlobKey } from "./layout.ts";
import { MAX_ROOT_BYTES } from "./manifest.ts";

/** Is a blob that a body names; `size` is its stored bytes. */
export interface BodyBlob {
  readonly key: BlobKey;
  readonly size: number;
}

/** Takes stored bytes as they are. */
export interface RawSegment {
  readonly encoding: "raw";
  readonly blob: number;
  readonly offset: number;
  readonly length: number;
}

/** Takes `skip` to `skip + length` of the `decoded` bytes of one zstd frame at `offset`, `stored` bytes long. */
export interface ZstdSegment {
  readonly encoding: "zstd";
  readonly blob: number;
  readonly offset: number;
  readonly stored: number;
  readonly decoded: number;
  readonly skip: number;
  readonly length: number;
}

/** Is a zstd frame whose dictionary is bytes `dictionaryOffset` to `dictionaryOffset + dictionaryLength` of a base. */
export interface DeltaSegment extends Omit<ZstdSegment, "encoding"> {
  readonly encoding: "delta";
  readonly base: number;
  readonly dictionaryOffset: number;
  readonly dictionaryLength: number;
}

/** Takes bytes of a base. */
export interface CopySegment {
  readonly encoding: "copy";
  readonly base: number;
  readonly offset: number;
  readonly length: number;
}

export type PlainSegment = RawSegment | ZstdSegment;
export type Segment = PlainSegment | DeltaSegment | CopySegment;

/** Is a stored object that serves as dictionary; its segments give all its bytes, in order. */
export interface BodyBase {
  readonly sha256: Sha256;
  readonly size: number;
  readonly segments: readonly PlainSegment[];
}

/** Says which blob holds the chunk list of one large object of the version. */
export interface BodyChunks {
  readonly object: Sha256;
  readonly blob: number;
}

export interface Body {
  readonly kind: "file" | "dir";
  /** The version's hash, as its pointer has it. */
  readonly sha256: Sha256;
  /** Bytes of the stream. */
  readonly length: number;
  /** Bytes of the manifest's root, the stream's beginning, for a folder; 0 for a file. */
  readonly rootLength: number;
  readonly blobs: readonly BodyBlob[];
  readonly chunks: readonly BodyChunks[];
  readonly bases: readonly BodyBase[];
  readonly segments: readonly Segment[];
}

const HEADER = "mlv-body 1";

/** Returns the one valid text of a body. Throws `recipe-malformed` for more segments or bases than a reader would take. */
export function formatBody(body: Body): string {
  assertCounts(body);
  const lines = [HEADER, `version ${body.kind} ${body.sha256} ${body.length} ${body.rootLength}`];
  for (const blob of body.blobs) lines.push(`blob ${blob.key} ${blob.size}`);
  for (const chunks of body.chunks) lines.push(`chunks ${chunks.object} ${chunks.blob}`);
  for (const base of body.bases) {
    lines.push(`base ${base.sha256} ${base.size}`);
    pushSegments(lines, base.segments);
  }
  lines.push("stream");
  pushSegments(lines, body.segments);
  lines.push("end", "");
  return lines.join("\n");
}

function assertCounts({ kind, length, bases, segments }: Body): void {
  const counter = new BodyCounter(kind, length);
  for (const base of bases) {
    counter.countBase(base.size);
    for (let count = 0; count < base.segments.length; count++) counter.countBaseSegment();
  }
  for (const segment of segments) counter.countStream(segment.encoding === "delta" ? segment.dictionaryLength : 0);
}

/** `+` stands for "where the last segment of this blob (or base) ended"; a frame's skip and length are left out when all of it is taken. */
function pushSegments(lines: string[], segments: readonly Segment[]): void {
  let blob = -1;
  let end = -1;
  let copyBase = -1;
  let copyEnd = -1;
  for (const segment of segments) {
    if (segment.encoding === "copy") {
      const offset = segment.base === copyBase && segment.offset === copyEnd ? "+" : String(segment.offset);
      lines.push(`c ${segment.base} ${offset} ${segment.length}`);
      copyBase = segment.base;
      copyEnd = segment.offset + segment.length;
      continue;
    }
    const offset = segment.blob === blob && segment.offset === end ? "+" : String(segment.offset);
    blob = segment.blob;
    if (segment.encoding === "raw") {
      lines.push(`r ${segment.blob} ${offset} ${segment.length}`);
      end = segment.offset + segment.length;
      continue;
    }
    end = segment.offset + segment.stored;
    const isWhole = segment.skip === 0 && segment.length === segment.decoded;
    const part = isWhole ? "" : ` ${segment.skip} ${segment.length}`;
    const frame = `${segment.blob} ${offset} ${segment.stored} ${segment.decoded}`;
    if (segment.encoding === "zstd") lines.push(`z ${frame}${part}`);
    else lines.push(`d ${frame} ${segment.base} ${segment.dictionaryOffset} ${segment.dictionaryLength}${part}`);
  }
}

/**
 * Returns the body that `text` encodes, with every index and range checked against what it names, and with no more segments than a version
 * of its size can need. Throws `recipe-malformed`, or `format-newer` for a later version.
 */
export function parseBody(text: string, expected?: ExpectedVersion): Body {
  const reader = new BodyReader(text);
  const header = reader.take();
  if (/^mlv-body (?!1$)\d+$/.test(header)) {
    throw new MlvError("format-newer", "a recipe's body was written by a newer mlv", { hint: "update mlv" });
  }
  if (header !== HEADER || !text.endsWith("\nend\n")) throw malformed("its first or last line is wrong");
  const version = /^version (file|dir) ([0-9a-f]{64}) (0|[1-9]\d{0,14}) (0|[1-9]\d{0,8})$/.exec(reader.take());
  if (version === null) throw malformed("its version line is wrong");
  const kind = version[1] as Body["kind"];
  const length = Number(version[3]);
  const rootLength = Number(version[4]);
  if (rootLength > Math.min(length, MAX_ROOT_BYTES) || (kind === "file") !== (rootLength === 0))
    throw malformed("its root's length is wrong");
  if (expected !== undefined) assertExpected({ kind, length, rootLength }, expected);
  const counter = new BodyCounter(kind, length);
  const head = reader.readHead(counter);
  const bases = reader.readBases(counter);
  const segments = reader.readSegments((segment) => {
    checkSegment(segment, head.blobs, bases);
    counter.countStream(segment.encoding === "delta" ? segment.dictionaryLength : 0);
  });
  if (!reader.isAtEnd) throw malformed("it has lines after its stream");
  if (sumLengths(segments) !== length) throw malformed("its segments do not add up to its length");
  return { kind, sha256: flat(version[2] as Sha256), length, rootLength, ...head, bases, segments };
}

/** Returns an equal string that does not keep the text alive which it was cut from. */
function flat<Text extends string>(text: Text): Text {
  return Buffer.from(text, "latin1").toString("latin1") as Text;
}

/** Reads a text line by line, holding none but the current one. */
class BodyReader {
  readonly #text: string;
  #next = 0;
  #line = "";
  readonly #blobs: BodyBlob[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#advance();
  }

  get isAtEnd(): boolean {
    return this.#line === "end" && this.#next === this.#text.length;
  }

  /** Returns the current line and goes to the next. */
  take(): string {
    const line = this.#line;
    this.#advance();
    return line;
  }

  readHead(counter: BodyCounter): { blobs: BodyBlob[]; chunks: BodyChunks[] } {
    for (; this.#line.startsWith("blob "); this.#advance()) {
      const [, key = "", size = ""] = splitLine(this.#line, 3);
      if (parseBlobKey(key) === undefined) throw malformed("it names a key that is no blob's");
      counter.countName();
      this.#blobs.push({ key: flat(key as BlobKey), size: parseCount(size) });
    }
    const chunks: BodyChunks[] = [];
    for (; this.#line.startsWith("chunks "); this.#advance()) {
      const [, object = "", blob = ""] = splitLine(this.#line, 3);
      if (!isSha256(object) || this.#blobs[parseCount(blob)] === undefined) throw malformed("a chunk list's line is wrong");
      counter.countName();
      chunks.push({ object: flat(object), blob: parseCount(blob) });
    }
    return { blobs: this.#blobs, chunks };
  }

  readBases(counter: BodyCounter): BodyBase[] {
    const bases: BodyBase[] = [];
    while (this.#line.startsWith("base ")) {
      const [, hash = "", sizeText = ""] = splitLine(this.#line, 3);
      if (!isSha256(hash)) throw malformed("a base's line is wrong");
      const base = { sha256: flat(hash), size: parseCount(sizeText) };
      counter.countBase(base.size);
      this.#advance();
      const segments = this.#readRun((segment) => {
        checkSegment(segment, this.#blobs, undefined);
        counter.countBaseSegment();
      }) as PlainSegment[];
      if (sumLengths(segments) !== base.size) throw malformed("a base's segments do not add up to its size");
      bases.push({ ...base, segments });
    }
    return bases;
  }

  readSegments(check: (segment: Segment) => void): Segment[] {
    if (this.#line !== "stream") throw malformed("its stream is missing");
    this.#advance();
    return this.#readRun(check);
  }

  #advance(): void {
    const end = this.#text.indexOf("\n", this.#next);
    this.#line = end === -1 ? "" : this.#text.slice(this.#next, end);
    if (this.#line.length > MAX_LINE_LENGTH) throw malformed("a line is too long");
    this.#next = end === -1 ? this.#text.length : end + 1;
  }

  #readRun(check: (segment: Segment) => void): Segment[] {
    const segments: Segment[] = [];
    const ends = { blob: -1, end: -1, base: -1, baseEnd: -1 };
    for (; /^[rzdc] /.test(this.#line); this.#advance()) {
      const segment = parseSegment(this.#line.split(" "), ends);
      check(segment);
      segments.push(segment);
    }
    return segments;
  }
}

function splitLine(line: string, count: number): string[] {
  const fields = line.split(" ");
  if (fields.length !== count) throw malformed("a line has other fields");
  return fields;
}

interface RunEnds {
  blob: number;
  end: number;
  base: number;
  baseEnd: number;
}

function parseSegment(fields: readonly string[], ends: RunEnds): Segment {
  const index = parseCount(fields[1]);
  const isFrame = fields[0] === "z" || fields[0] === "d";
  const fullLength = isFrame ? (fields[0] === "d" ? 8 : 5) : 4;
  if (fields.length !== fullLength && !(isFrame && fields.length === fullLength + 2)) throw malformed("a line has other fields");
  if (fields[0] === "c") {
    const offset = fields[2] === "+" && ends.base === index ? ends.baseEnd : parseCount(fields[2]);
    const length = parseCount(fields[3]);
    ends.base = index;
    ends.baseEnd = offset + length;
    return { encoding: "copy", base: index, offset, length };
  }
  const offset = fields[2] === "+" && ends.blob === index ? ends.end : parseCount(fields[2]);
  const stored = parseCount(fields[3]);
  ends.blob = index;
  ends.end = offset + stored;
  if (fields[0] === "r") return { encoding: "raw", blob: index, offset, length: stored };
  const decoded = parseCount(fields[4]);
  const hasPart = fields.length > fullLength;
  const skip = hasPart ? parseCount(fields[fullLength]) : 0;
  const length = hasPart ? parseCount(fields[fullLength + 1]) : decoded;
  const frame = { blob: index, offset, stored, decoded, skip, length };
  if (fields[0] === "z") return { encoding: "zstd", ...frame };
  return {
    encoding: "delta",
    ...frame,
    base: parseCount(fields[5]),
    dictionaryOffset: parseCount(fields[6]),
    dictionaryLength: parseCount(fields[7]),
  };
}

function checkSegment(segment: Segment, blobs: readonly BodyBlob[], bases: readonly BodyBase[] | undefined): void {
  if (segment.length === 0) throw malformed("a segment is empty");
  if (segment.encoding === "copy" || segment.encoding === "delta") {
    const base = bases?.[segment.base];
    if (base === undefined) throw malformed("a segment names a base that is not there");
    const [offset, length] =
      segment.encoding === "copy" ? [segment.offset, segment.length] : [segment.dictionaryOffset, segment.dictionaryLength];
    if (offset + length > base.size) throw malformed("a segment reaches past the end of its base");
    if (segment.encoding === "copy") return;
    if (length > MAX_FRAME_BYTES) throw malformed("a dictionary is too long");
  }
  const blob = blobs[segment.blob];
  if (blob === undefined) throw malformed("a segment names a blob that is not there");
  const stored = segment.encoding === "raw" ? segment.length : segment.stored;
  if (segment.offset + stored > blob.size) throw malformed("a segment reaches past the end of its blob");
  if (segment.encoding === "raw") return;
  if (segment.decoded > MAX_FRAME_BYTES || segment.stored > MAX_STORED_FRAME_BYTES) throw malformed("a frame is too long");
  if (segment.skip + segment.length > segment.decoded) throw malformed("a segment takes more than its frame holds");
}

function sumLengths(segments: readonly Segment[]): number {
  let sum = 0;
  for (const segment of segments) sum += segment.length;
  return sum;
}

function parseCount(text: string | undefined): number {
  if (text === undefined || !/^(?:0|[1-9]\d{0,14})$/.test(text)) throw malformed("a number in it is wrong");
  return Number(text);
}
