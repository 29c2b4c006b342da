/**
 * The pages of a column chunk, looked through before they are decoded: what a page claims (sizes, counts of values, runs) has to agree with
 * its chunk and with its bytes, so that a damaged one is refused instead of filling memory.
 */
import type { ColumnMetaData, Compressors, SchemaTree } from "hyparquet";
import { walkDeltas } from "./delta.ts";
import { walkRuns } from "./levels.ts";
import { THRIFT, ThriftWalker } from "./thrift.ts";

/** Is what a page's header says, as far as it is of use here. */
interface PageHeader {
  type: number;
  decodedBytes: number;
  storedBytes: number;
  values: number;
  encoding: number;
  nulls: number;
  definitionBytes: number;
  repetitionBytes: number;
  isCompressed: boolean;
}

/** Is a column chunk: what the footer says of it, and the way to its place in the schema, the root first. */
export interface ColumnChunk {
  readonly meta: ColumnMetaData;
  readonly path: readonly SchemaTree[];
  readonly rows: number;
}

const MAX_PAGE_BYTES = 512 * 1024 * 1024;
/** What all pages of a chunk may take decoded; the format's own counts of bytes end there, too. */
const MAX_CHUNK_BYTES = 2 ** 31;
const MAX_HEADER_VALUES = 1000;
const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const DATA_PAGE_V2 = 3;
const PLAIN_DICTIONARY = 2;
const RLE = 3;
const DELTA_BINARY_PACKED = 5;
const DELTA_LENGTH_BYTE_ARRAY = 6;
const DELTA_BYTE_ARRAY = 7;
const RLE_DICTIONARY = 8;

/** Decodes a page's bytes; `decodedBytes` is how many there have to be. */
export type Decompress = NonNullable<Compressors[keyof Compressors]>;

/**
 * Looks through all pages of a chunk. Returns the decompressed pages by the place where their compressed bytes begin, so that none is
 * decompressed twice. Throws an Error when something does not agree.
 */
export function checkPages(bytes: Uint8Array, chunk: ColumnChunk, decompress: Decompress | undefined): Map<number, Uint8Array> {
  const { meta, path, rows } = chunk;
  const isFlat = path.length === 2 && path[1]?.element.repetition_type !== "REPEATED" && path[1]?.children.length === 0;
  const mostValues = isFlat ? rows : Number(meta.num_values);
  const decoded = new Map<number, Uint8Array>();
  let values = 0;
  let decodedBytes = 0;
  let at = 0;
  while (at < bytes.length - 1 && !(isFlat && values >= rows)) {
    const { header, end } = readHeader(bytes, at);
    const { storedBytes } = header;
    decodedBytes += header.decodedBytes;
    if (storedBytes < 0 || storedBytes > bytes.length - end) throw new RangeError("a page reaches past its column");
    if (header.decodedBytes < 0 || header.decodedBytes > MAX_PAGE_BYTES) throw new RangeError("a page is larger than 512 MiB");
    if (decodedBytes > MAX_CHUNK_BYTES) throw new RangeError("a column of a row group is larger than 2 GiB");
    const stored = bytes.subarray(end, end + storedBytes);
    at = end + storedBytes;
    if (header.values < 0) throw new RangeError("a page has fewer than no values");
    if (header.type === DATA_PAGE || header.type === DATA_PAGE_V2) {
      values += header.values;
      if (values > mostValues) throw new RangeError("pages have more values than their column");
    }
    const levelBytes = header.type === DATA_PAGE_V2 ? levelBytesOf(header) : 0;
    if (levelBytes > storedBytes) throw new RangeError("levels reach past their page");
    if (maxDefinitionLevel(path) === 0 && header.definitionBytes > 0) throw new RangeError("there are levels where none can be");
    let page = stored.subarray(levelBytes);
    if (decompress !== undefined && header.isCompressed) {
      page = decompress(page, header.decodedBytes - levelBytes);
      decoded.set(bytes.byteOffset + end + levelBytes, page);
    }
    checkPage(header, { levels: stored, page, chunk });
  }
  return decoded;
}

/** A length that is missing would be a place that is no number, at which a decoder stays for ever. */
function levelBytesOf({ definitionBytes, repetitionBytes }: PageHeader): number {
  if (definitionBytes < 0 || repetitionBytes < 0) throw new RangeError("a page's header is malformed");
  return definitionBytes + repetitionBytes;
}

interface PageParts {
  /** Where the levels of a page of the second version lie. */
  readonly levels: Uint8Array;
  readonly page: Uint8Array;
  readonly chunk: ColumnChunk;
}

function checkPage(header: PageHeader, { levels, page, chunk }: PageParts): void {
  const { path, meta } = chunk;
  if (header.type === DICTIONARY_PAGE) {
    if (header.values > 8 * page.length) throw new RangeError("a dictionary has more entries than bytes");
    return;
  }
  const [mostDefined, mostRepeated] = [maxDefinitionLevel(path), maxRepetitionLevel(path)];
  const repetition = { width: bitWidth(mostRepeated), count: header.values };
  const definition = { width: bitWidth(mostDefined), count: header.values, counted: mostDefined };
  const isBoolean = meta.type === "BOOLEAN";
  const hasRuns = header.encoding === RLE || header.encoding === PLAIN_DICTIONARY || header.encoding === RLE_DICTIONARY;
  if (header.type === DATA_PAGE_V2) {
    if (mostRepeated > 0) walkRuns(levels, 0, repetition);
    if (mostDefined > 0) walkRuns(levels, header.repetitionBytes, definition);
    if (header.nulls < 0 || header.nulls > header.values) throw new RangeError("a page has more nulls than values");
    const count = header.values - header.nulls;
    if (isDelta(header)) checkDeltas(header, page, { at: 0, count });
    else if (header.encoding === RLE) walkRuns(page, 4, { width: 1, count });
    else if (hasRuns) walkRuns(page, 1, { width: page[0] ?? 0, count });
    return;
  }
  if (header.type !== DATA_PAGE) return;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let at = 0;
  let count = header.values;
  if (mostRepeated > 0) {
    walkRuns(page, 4, repetition);
    at += 4 + view.getUint32(0, true);
  }
  if (mostDefined > 0) {
    count = walkRuns(page, at + 4, definition);
    at += 4 + view.getUint32(at, true);
  }
  if (isDelta(header)) checkDeltas(header, page, { at, count });
  if (!hasRuns) return;
  if (isBoolean) walkRuns(page, at + 4, { width: 1, count });
  else if (view.getUint8(at) > 0) walkRuns(page, at + 1, { width: view.getUint8(at), count });
}

function isDelta({ encoding }: PageHeader): boolean {
  return encoding === DELTA_BINARY_PACKED || encoding === DELTA_LENGTH_BYTE_ARRAY || encoding === DELTA_BYTE_ARRAY;
}

/** Prefixes of texts are followed by the lengths of what comes after them. */
function checkDeltas(header: PageHeader, page: Uint8Array, { at, count }: { readonly at: number; readonly count: number }): void {
  const end = walkDeltas(page, at, count);
  if (header.encoding === DELTA_BYTE_ARRAY) walkDeltas(page, end, count);
}

function bitWidth(value: number): number {
  return 32 - Math.clz32(value);
}

function maxDefinitionLevel(path: readonly SchemaTree[]): number {
  return path.slice(1).filter(({ element }) => element.repetition_type !== "REQUIRED").length;
}

function maxRepetitionLevel(path: readonly SchemaTree[]): number {
  return path.filter(({ element }) => element.repetition_type === "REPEATED").length;
}

/** Fields of the header's inner structures, by the field that holds the structure. */
const INNER: ReadonlyMap<number, ReadonlyMap<number, keyof PageHeader>> = new Map([
  [
    5,
    new Map<number, keyof PageHeader>([
      [1, "values"],
      [2, "encoding"],
    ]),
  ],
  [7, new Map<number, keyof PageHeader>([[1, "values"]])],
  [
    8,
    new Map<number, keyof PageHeader>([
      [1, "values"],
      [2, "nulls"],
      [4, "encoding"],
      [5, "definitionBytes"],
      [6, "repetitionBytes"],
    ]),
  ],
]);
const HOLDER: ReadonlyMap<number, number> = new Map([
  [DATA_PAGE, 5],
  [DICTIONARY_PAGE, 7],
  [DATA_PAGE_V2, 8],
]);
const OUTER: ReadonlyMap<number, "type" | "decodedBytes" | "storedBytes"> = new Map([
  [1, "type"],
  [2, "decodedBytes"],
  [3, "storedBytes"],
]);

function readHeader(bytes: Uint8Array, at: number): { readonly header: PageHeader; readonly end: number } {
  const header: PageHeader = {
    type: -1,
    decodedBytes: -1,
    storedBytes: -1,
    values: -1,
    encoding: -1,
    nulls: -1,
    definitionBytes: -1,
    repetitionBytes: -1,
    isCompressed: true,
  };
  const walker = new ThriftWalker(bytes, { at, maxValues: MAX_HEADER_VALUES });
  let holder = -1;
  walker.struct((id, type) => {
    const outer = OUTER.get(id);
    if (outer !== undefined) {
      if (type !== THRIFT.i32) throw new RangeError("a page's header is malformed");
      header[outer] = walker.integer();
      return true;
    }
    const fields = INNER.get(id);
    if (fields === undefined) return false;
    // One that has two would be read in two ways.
    if (type !== THRIFT.struct || holder >= 0) throw new RangeError("a page's header is malformed");
    holder = id;
    readInner(walker, fields, header);
    return true;
  });
  if (holder !== HOLDER.get(header.type)) throw new RangeError("a page's header is malformed");
  return { header, end: walker.at };
}

function readInner(walker: ThriftWalker, fields: ReadonlyMap<number, keyof PageHeader>, header: PageHeader): void {
  const isSecond = fields.has(5);
  walker.struct((id, type) => {
    if (isSecond && id === 7 && type === THRIFT.false) header.isCompressed = false;
    const field = fields.get(id);
    if (field === undefined || field === "isCompressed") return false;
    if (type !== THRIFT.i32) throw new RangeError("a page's header is malformed");
    header[field] = walker.integer();
    return true;
  });
}
