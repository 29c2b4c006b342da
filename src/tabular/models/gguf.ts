/** The header of GGUF files: typed key-value pairs, then tensor infos. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
import type { RandomAccessFile } from "../source.ts";
import { ContentsCollector, type ModelContents } from "./contents.ts";
import { Cursor } from "./cursor.ts";

const MAX_PAIRS = 100_000;
const MAX_TENSORS = 1_000_000;
const MAX_TEXT_BYTES = 1024 * 1024;
const STRING = 8;
const ARRAY = 9;
/** Bytes of a value by type, for those of a fixed size. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const TENSOR_TYPES: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  30: "BF16",
  34: "TQ1_0",
  35: "TQ2_0",
};

/** Returns what the header lists. Throws an Error when it is malformed. */
export async function describeGguf(file: RandomAccessFile): Promise<ModelContents> {
  const cursor = new Cursor(file);
  cursor.skip(4);
  const version = await cursor.uint32();
  if (version < 2 || version > 3) throw new RangeError(`version ${version} is not known`);
  const tensorCount = await cursor.uint64();
  const pairCount = await cursor.uint64();
  if (pairCount > MAX_PAIRS || tensorCount > MAX_TENSORS) throw new RangeError("a count is out of bounds");
  const contents = new ContentsCollector();
  contents.addMetadata("gguf version", String(version));
  for (let pair = 0; pair < pairCount; pair++) {
    const key = await readText(cursor);
    const value = await readValue(cursor, await cursor.uint32());
    contents.addMetadata(key, value);
  }
  for (let tensor = 0; tensor < tensorCount; tensor++) {
    const name = await readText(cursor);
    const dimensions = await cursor.uint32();
    if (dimensions > 16) throw new RangeError("a tensor has more than 16 dimensions");
    const shape: number[] = [];
    for (let dimension = 0; dimension < dimensions; dimension++) shape.push(await cursor.uint64());
    const type = await cursor.uint32();
    cursor.skip(8);
    contents.addTensor({ name, dtype: TENSOR_TYPES[type] ?? `type ${type}`, shape });
  }
  return contents.finish();
}

async function readText(cursor: Cursor): Promise<string> {
  const length = await cursor.uint64();
  if (length > MAX_TEXT_BYTES) throw new RangeError("a text is longer than 1 MiB");
  return cursor.text(length);
}

async function readValue(cursor: Cursor, type: number): Promise<string> {
  if (type === STRING) return readText(cursor);
  if (type !== ARRAY) return readScalar(cursor, type);
  const itemType = await cursor.uint32();
  const count = await cursor.uint64();
  if (itemType === ARRAY) throw new RangeError("an array of arrays is not known");
  if (itemType === STRING) {
    for (let item = 0; item < count; item++) cursor.skip(await cursor.uint64());
  } else {
    cursor.skip(count * sizeOf(itemType));
  }
  return `(${count} items)`;
}

function sizeOf(type: number): number {
  const size = SIZES[type];
  if (size === undefined || size === 0) throw new RangeError(`a value's type ${type} is not known`);
  return size;
}

async function readScalar(cursor: Cursor, type: number): Promise<string> {
  const size = sizeOf(type);
  const bytes = await cursor.bytes(size);
  const view = new DataView(bytes.buffer);
  switch (type) {
    case 0:
      return String(view.getUint8(0));
    case 1:
      return String(view.getInt8(0));
    case 2:
      return String(view.getUint16(0, true));
    case 3:
      return String(view.getInt16(0, true));
    case 4:
      return String(view.getUint32(0, true));
    case 5:
      return String(view.getInt32(0, true));
    case 6:
      return String(view.getFloat32(0, true));
    case 7:
      return view.getUint8(0) === 0 ? "false" : "true";
    case 10:
      return String(view.getBigUint64(0, true));
    case 11:
      return String(view.getBigInt64(0, true));
    default:
      return String(view.getFloat64(0, true));
  }
}
