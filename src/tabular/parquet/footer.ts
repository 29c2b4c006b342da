/**
 * The footer of a Parquet file, taken apart before it is parsed: its bytes are walked through once within bounds, and hyparquet then gets the
 * schema alone, or the schema with one row group, so that neither a damaged length nor a million column chunks can fill memory.
 */
import { parquetMetadata, type FileMetaData } from "hyparquet";
import type { RandomAccessFile } from "../source.ts";
import { THRIFT, ThriftWalker } from "./thrift.ts";

/** Is a footer that was found to be well-formed. */
export interface ParquetFooter {
  /** The schema and what else holds for the whole file; its list of row groups is empty. */
  readonly metadata: FileMetaData;
  readonly rows: number;
  readonly rowGroups: readonly RowGroupPlace[];
  /** Where the footer begins: no column reaches further. */
  readonly start: number;
  /** Returns the same metadata with one row group. Throws an Error when it is malformed. */
  withRowGroup(group: RowGroupPlace): FileMetaData;
}

/** Says where in the footer a row group is described, and how many rows it has. */
export interface RowGroupPlace {
  readonly start: number;
  readonly end: number;
  readonly rows: number;
}

const MAX_FOOTER_BYTES = 64 * 1024 * 1024;
/** Of what is parsed at once, for a parser takes up to a hundred bytes for each value: the schema, and one row group of 100,000 columns. */
const MAX_PARSED_VALUES = 4_000_000;
const MAX_SCHEMA_DEPTH = 64;
const TRAILER_BYTES = 8;
const ROWS = 3;
const ROW_GROUPS = 4;
const KEY_VALUES = 5;
const GROUP_ROWS = 3;
/** Lists of no and of one struct. */
const EMPTY_LIST = Uint8Array.of(THRIFT.struct);
const LIST_OF_ONE = Uint8Array.of(0x10 | THRIFT.struct);

/** Reads a file's footer. Throws an Error when there is none, when it is malformed, or when it is out of all bounds. */
export async function readFooter(file: RandomAccessFile): Promise<ParquetFooter> {
  if (file.byteLength < TRAILER_BYTES + 4) throw new RangeError("the file is too short");
  const trailer = new Uint8Array(await file.slice(file.byteLength - TRAILER_BYTES, file.byteLength));
  if (Buffer.from(trailer).toString("latin1", 4) !== "PAR1") throw new RangeError("the file does not end as Parquet files do");
  const length = new DataView(trailer.buffer).getUint32(0, true);
  if (length > MAX_FOOTER_BYTES) throw new RangeError("the footer is larger than 64 MiB");
  const start = file.byteLength - TRAILER_BYTES - length;
  if (start < 4) throw new RangeError("the footer is larger than the file");
  const bytes = new Uint8Array(await file.slice(start, start + length));
  if (bytes.length !== length) throw new RangeError("the file ended early");
  return takeApart(bytes, start);
}

interface FooterPlaces {
  readonly groups: RowGroupPlace[];
  /** The values of the fields that are cut out of the footer, in their order. */
  readonly cuts: { readonly id: number; readonly start: number; readonly end: number }[];
  rows: number;
  end: number;
}

function takeApart(bytes: Uint8Array, start: number): ParquetFooter {
  const places = walkFooter(bytes);
  const { groups, rows } = places;
  if (!Number.isSafeInteger(rows) || rows < 0) throw new RangeError("the number of rows is out of bounds");
  if (groups.some((group) => group.rows < 0) || groups.reduce((sum, group) => sum + group.rows, 0) !== rows)
    throw new RangeError("the row groups do not add up");
  const metadata = parseWith(bytes, places, undefined);
  assertSchema(metadata.schema);
  return {
    metadata,
    rows,
    rowGroups: groups,
    start,
    withRowGroup: (group) => parseWith(bytes, places, group),
  };
}

function walkFooter(bytes: Uint8Array): FooterPlaces {
  const places: FooterPlaces = { groups: [], cuts: [], rows: -1, end: 0 };
  const seen = new Set<number>();
  const walker = new ThriftWalker(bytes, { maxValues: MAX_FOOTER_BYTES });
  walker.struct((id, type) => {
    if (seen.has(id)) throw new RangeError("a field is there twice");
    seen.add(id);
    const start = walker.at;
    if (id === ROWS && type === THRIFT.i64) {
      places.rows = walker.integer();
      return true;
    }
    if (id !== ROW_GROUPS && id !== KEY_VALUES) return false;
    if (type !== THRIFT.list) throw new RangeError("row groups are no list");
    if (id === ROW_GROUPS) walkGroups(walker, places.groups);
    else walker.skip(type);
    places.cuts.push({ id, start, end: walker.at });
    return true;
  });
  places.end = walker.at;
  return places;
}

function walkGroups(walker: ThriftWalker, groups: RowGroupPlace[]): void {
  const { type, count } = walker.list();
  if (count > 0 && type !== THRIFT.struct) throw new RangeError("a row group is no structure");
  for (let group = 0; group < count; group++) {
    const start = walker.at;
    let rows = -1;
    walker.struct((id, fieldType) => {
      if (id !== GROUP_ROWS || fieldType !== THRIFT.i64) return false;
      rows = walker.integer();
      return true;
    });
    groups.push({ start, end: walker.at, rows });
  }
}

/** Parses the footer with its row groups replaced by one or none, and without key-value pairs, which may be large. */
function parseWith(bytes: Uint8Array, { cuts, end }: FooterPlaces, group: RowGroupPlace | undefined): FileMetaData {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const cut of cuts) {
    parts.push(bytes.subarray(at, cut.start));
    if (cut.id === ROW_GROUPS && group !== undefined) parts.push(LIST_OF_ONE, bytes.subarray(group.start, group.end));
    else parts.push(EMPTY_LIST);
    at = cut.end;
  }
  parts.push(bytes.subarray(at, end));
  const footer = Buffer.concat(parts);
  new ThriftWalker(footer, { maxValues: MAX_PARSED_VALUES }).struct(() => false);
  const trailer = Buffer.from("\0\0\0\0PAR1", "latin1");
  trailer.writeUInt32LE(footer.length);
  return parquetMetadata(Buffer.concat([footer, trailer]), { geoparquet: false });
}

/** Follows the numbers of children as a parser does that builds the tree by recursion and copies each path. */
function assertSchema(schema: FileMetaData["schema"]): void {
  const open: number[] = [];
  for (const [at, element] of schema.entries()) {
    const children = element.num_children ?? 0;
    if (!Number.isSafeInteger(children) || children < 0) throw new RangeError("a number of columns is out of bounds");
    if (at > 0) {
      const parent = open.length - 1;
      if (parent < 0) throw new RangeError("there are columns that belong to nothing");
      open[parent] = (open[parent] ?? 0) - 1;
    }
    if (children > 0) open.push(children);
    while (open.length > 0 && open.at(-1) === 0) open.pop();
    if (open.length > MAX_SCHEMA_DEPTH) throw new RangeError("columns nest too deeply");
  }
  if (schema.length === 0 || open.length > 0) throw new RangeError("the schema ends early");
}
