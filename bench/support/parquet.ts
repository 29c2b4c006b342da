import { SeededNumbers } from "./seeded.ts";

const INT32 = 1;
const DOUBLE = 5;
const PLAIN = 0;
const RLE = 3;

/** Is a column of numbers without nulls. */
export interface ParquetColumn {
  readonly name: string;
  readonly values: Int32Array | Float64Array;
}

/** Returns a true Parquet file of required columns, one row group, plain encoding, no compression. */
export function createParquet(columns: readonly ParquetColumn[]): Buffer {
  const rows = columns[0]?.values.length ?? 0;
  const parts: Buffer[] = [Buffer.from("PAR1")];
  let offset = 4;
  const chunks = columns.map(({ name, values }) => {
    const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    const page = struct(
      [1, i32(0)],
      [2, i32(data.length)],
      [3, i32(data.length)],
      [5, nested(struct([1, i32(rows)], [2, i32(PLAIN)], [3, i32(RLE)], [4, i32(RLE)]))],
    );
    const start = offset;
    parts.push(page, data);
    offset += page.length + data.length;
    const type = values instanceof Int32Array ? INT32 : DOUBLE;
    return { name, type, start, bytes: page.length + data.length };
  });
  const schema = [
    struct([4, text("schema")], [5, i32(columns.length)]),
    ...chunks.map(({ name, type }) => struct([1, i32(type)], [3, i32(0)], [4, text(name)])),
  ];
  const columnChunks = chunks.map(({ name, type, start, bytes }) => {
    const size = i64(bytes);
    const meta = struct(
      [1, i32(type)],
      [2, list(I32, [i32(PLAIN).bytes])],
      [3, list(BINARY, [text(name).bytes])],
      [4, i32(0)],
      [5, i64(rows)],
      [6, size],
      [7, size],
      [9, i64(start)],
    );
    return struct([2, i64(start)], [3, nested(meta)]);
  });
  const group = struct([1, list(STRUCT, columnChunks)], [2, i64(offset - 4)], [3, i64(rows)]);
  const footer = struct([1, i32(1)], [2, list(STRUCT, schema)], [3, i64(rows)], [4, list(STRUCT, [group])], [6, text("mlv bench")]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([...parts, footer, length, Buffer.from("PAR1")]);
}

/** Returns four columns of seeded numbers. */
export function createColumns(rows: number, seed: string): readonly ParquetColumn[] {
  const numbers = new SeededNumbers(seed);
  const fill = (value: (row: number) => number): Float64Array => Float64Array.from({ length: rows }, (_, row) => value(row));
  return [
    { name: "id", values: Int32Array.from({ length: rows }, (_, row) => row) },
    { name: "group", values: Int32Array.from({ length: rows }, () => numbers.below(50)) },
    { name: "price", values: fill(() => numbers.below(1_000_000) / 100) },
    { name: "score", values: fill(() => numbers.uint32() / 2 ** 32) },
  ];
}

// Thrift's compact protocol, as much of it as a Parquet footer needs.
const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

interface Field {
  readonly type: number;
  readonly bytes: Buffer;
}

function struct(...fields: readonly (readonly [id: number, field: Field])[]): Buffer {
  let last = 0;
  const parts = fields.map(([id, field]) => {
    const header = Buffer.of(((id - last) << 4) | field.type);
    last = id;
    return Buffer.concat([header, field.bytes]);
  });
  return Buffer.concat([...parts, Buffer.of(0)]);
}

function nested(bytes: Buffer): Field {
  return { type: STRUCT, bytes };
}

function i32(value: number): Field {
  return { type: I32, bytes: varint(value * 2) };
}

function i64(value: number): Field {
  return { type: I64, bytes: varint(value * 2) };
}

function text(value: string): Field {
  return { type: BINARY, bytes: Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)]) };
}

function list(type: number, items: readonly Buffer[]): Field {
  const header = items.length < 15 ? Buffer.of((items.length << 4) | type) : Buffer.concat([Buffer.of(0xf0 | type), varint(items.length)]);
  return { type: LIST, bytes: Buffer.concat([header, ...items]) };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
