/** The header of safetensors files: a length, then JSON. https://huggingface.co/docs/safetensors */
import type { RandomAccessFile } from "../source.ts";
import { ContentsCollector, type ModelContents } from "./contents.ts";
import { Cursor } from "./cursor.ts";

const MAX_HEADER_BYTES = 100_000_000;

/** Returns what the header lists. Throws an Error when it is malformed. */
export async function describeSafetensors(file: RandomAccessFile): Promise<ModelContents> {
  const cursor = new Cursor(file);
  const length = await cursor.uint64();
  if (length > MAX_HEADER_BYTES) throw new RangeError("a header is larger than 100 MB");
  const header: unknown = JSON.parse(await cursor.text(length));
  if (!isRecord(header)) throw new RangeError("the header is no JSON object");
  const dataBytes = file.byteLength - cursor.position;
  const contents = new ContentsCollector();
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) throw new RangeError("an entry is no JSON object");
    if (name === "__metadata__") {
      for (const [key, value] of Object.entries(entry))
        contents.addMetadata(key, typeof value === "string" ? value : JSON.stringify(value));
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    if (typeof dtype !== "string" || !isNumbers(shape) || !isNumbers(offsets)) throw new RangeError("a tensor's entry is malformed");
    const [start = -1, end = -1] = offsets;
    if (offsets.length !== 2 || start < 0 || end < start || end > dataBytes) throw new RangeError("a tensor lies outside the file");
    contents.addTensor({ name, dtype: dtype.slice(0, 20), shape });
  }
  return contents.finish();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= 16 && value.every((item) => typeof item === "number");
}
