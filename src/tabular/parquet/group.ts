/** Reads one row group through hyparquet, which gets only bytes that were looked through. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { parquetScan, parquetSchema, type Compressors, type FileMetaData, type ParquetParsers, type SchemaTree } from "hyparquet";
import { compressors as otherCompressors, decompressLz4, decompressLz4Raw } from "hyparquet-compressors";
import type { RandomAccessFile } from "../source.ts";
import { checkPages, type Decompress } from "./pages.ts";

/** Is a file with the metadata of one of its row groups. */
export interface RowGroupSource {
  readonly file: RandomAccessFile;
  /** With the one row group that is read. */
  readonly metadata: FileMetaData;
  /** No column reaches further. */
  readonly dataEnd: number;
  readonly parsers: Partial<ParquetParsers>;
}

const MAX_PAGE_BYTES = 512 * 1024 * 1024;
const MAX_GROUP_ROWS = 2 ** 26;
const MAX_GROUP_VALUES = 2 ** 28;
const FIRST_BYTE = 4;

/** Wraps a decompressor so that a page that claims to be huge is refused before memory is taken for it. */
function bounded(decompress: Decompress): Decompress {
  return (input, outputBytes) => {
    if (outputBytes < 0 || outputBytes > MAX_PAGE_BYTES) throw new RangeError("a page is larger than 512 MiB");
    return decompress(input, outputBytes);
  };
}

const COMPRESSORS: Compressors = {
  ...Object.fromEntries(Object.entries(otherCompressors).map(([codec, decompress]) => [codec, bounded(decompress)])),
  LZ4: bounded((input, outputBytes) => (isHadoopLz4(input) ? decompressLz4 : decompressLz4Raw)(input, outputBytes)),
  GZIP: bounded((input, outputBytes) => gunzipSync(input, { maxOutputLength: outputBytes + 1 })),
  BROTLI: bounded((input, outputBytes) => brotliDecompressSync(input, { maxOutputLength: outputBytes + 1 })),
  ZSTD: bounded((input, outputBytes) => zstdDecompressSync(input, { maxOutputLength: outputBytes + 1 })),
};

/** Hadoop writes before each LZ4 block its two lengths; a decoder that finds a negative one would go round in circles. */
function isHadoopLz4(input: Uint8Array): boolean {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  while (at + 8 <= input.length) {
    const length = view.getUint32(at + 4);
    if (length === 0) return false;
    at += 8 + length;
  }
  return at === input.length && at > 0;
}

/** Returns the columns of a row group, one value a row. Throws an Error when anything in it does not agree. */
export async function readRowGroup(source: RowGroupSource): Promise<ArrayLike<unknown>[]> {
  const { metadata, parsers } = source;
  const rows = Number(metadata.num_rows);
  const pages = new WeakMap<ArrayBufferLike, ReadonlyMap<number, Uint8Array>>();
  const compressors = Object.fromEntries(
    Object.entries(COMPRESSORS).map(([codec, decompress]): [string, Decompress] => [
      codec,
      (input, outputBytes) => pages.get(input.buffer)?.get(input.byteOffset) ?? decompress(input, outputBytes),
    ]),
  );
  const scan = await parquetScan({
    file: { byteLength: source.file.byteLength, slice: createCheckedSlice(source, pages) },
    metadata,
    compressors,
    parsers,
    utf8: false,
    geoparquet: false,
  });
  const columns: ArrayLike<unknown>[] = [];
  for (const tree of parquetSchema(metadata).children) {
    const column = await scan.readColumn({ column: tree.element.name, rowStart: 0, rowEnd: rows });
    if (column.length !== rows) throw new RangeError("a column is shorter than its row group");
    columns.push(column);
  }
  return columns;
}

/** Returns a way to read column chunks, and nothing but whole ones, that looks through each. */
function createCheckedSlice(
  { file, metadata, dataEnd }: RowGroupSource,
  pages: WeakMap<ArrayBufferLike, ReadonlyMap<number, Uint8Array>>,
): (start: number, end?: number) => Promise<ArrayBuffer> {
  const chunks = listChunks(metadata, dataEnd);
  const read = async (start: number, end: number): Promise<ArrayBuffer> => {
    const within = chunks.filter((chunk) => chunk.start >= start && chunk.end <= end);
    if (within.length === 0 || end > dataEnd) throw new RangeError("only whole columns are read");
    const buffer = await file.slice(start, end);
    for (const chunk of within) {
      const bytes = new Uint8Array(buffer, chunk.start - start, chunk.end - chunk.start);
      const decoded = checkPages(bytes, chunk, COMPRESSORS[chunk.meta.codec]);
      // A part of a larger piece reaches the decoder as a copy.
      if (within.length === 1 && bytes.length === buffer.byteLength) pages.set(buffer, decoded);
    }
    return buffer;
  };
  return async (start, end = file.byteLength) => {
    const reading = read(start, end);
    // hyparquet asks ahead, and may fail before it looks at what it asked for.
    reading.catch(() => undefined);
    return reading;
  };
}

function listChunks(metadata: FileMetaData, dataEnd: number): (Parameters<typeof checkPages>[1] & { start: number; end: number })[] {
  const root = parquetSchema(metadata);
  const [group] = metadata.row_groups;
  const rows = Number(group?.num_rows ?? 0);
  if (rows > MAX_GROUP_ROWS) throw new RangeError("a row group has more than 67 million rows");
  let values = 0;
  return (group?.columns ?? []).map(({ meta_data: meta }) => {
    if (meta === undefined) throw new RangeError("a column is encrypted or not described");
    values += Number(meta.num_values);
    if (meta.num_values < 0n || values > MAX_GROUP_VALUES) throw new RangeError("a row group has more values than fit memory");
    const start = Number(meta.dictionary_page_offset ?? 0n) || Number(meta.data_page_offset);
    const end = start + Number(meta.total_compressed_size);
    if (!(start >= FIRST_BYTE && end >= start && end <= dataEnd)) throw new RangeError("a column lies outside the file");
    const path = pathTo(root, meta.path_in_schema);
    if (path.at(-1)?.element.type !== meta.type) throw new RangeError("a column's type is not that of the schema");
    return { meta, path, rows, start, end };
  });
}

function pathTo(root: SchemaTree, names: readonly string[]): SchemaTree[] {
  const path = [root];
  for (const name of names) {
    const child = path.at(-1)?.children.find(({ element }) => element.name === name);
    if (child === undefined) throw new RangeError("a column is not in the schema");
    path.push(child);
  }
  return path;
}
