/** The parts of an ONNX file that describe it. It is one protobuf message; weights are skipped unread. https://onnx.ai (onnx.proto3) */
import type { RandomAccessFile } from "../source.ts";
import { ContentsCollector, type ModelContents } from "./contents.ts";
import { Cursor } from "./cursor.ts";

const MAX_FIELDS = 2_000_000;
const MAX_TEXT_BYTES = 1024 * 1024;
const TYPES = [
  "undefined",
  "F32",
  "U8",
  "I8",
  "U16",
  "I16",
  "I32",
  "I64",
  "string",
  "bool",
  "F16",
  "F64",
  "U32",
  "U64",
  "C64",
  "C128",
  "BF16",
];
const MODEL_TEXTS: ReadonlyMap<number, string> = new Map([
  [2, "producer"],
  [3, "producer version"],
  [4, "domain"],
  [6, "description"],
]);

/** Returns what the file lists. Throws an Error when it is malformed. */
export async function describeOnnx(file: RandomAccessFile): Promise<ModelContents> {
  const reader = new OnnxReader(file);
  return reader.readModel(file.byteLength);
}

interface Field {
  readonly number: number;
  readonly wire: number;
  /** The value of a number, or where a message ends. */
  readonly value: number;
}

class OnnxReader {
  readonly #cursor: Cursor;
  readonly #contents = new ContentsCollector();
  #fields = 0;
  #nodes = 0;

  constructor(file: RandomAccessFile) {
    this.#cursor = new Cursor(file);
  }

  async readModel(end: number): Promise<ModelContents> {
    await this.#readFields(end, async (field) => {
      const text = MODEL_TEXTS.get(field.number);
      if (field.number === 1 && field.wire === 0) this.#contents.addMetadata("ir version", String(field.value));
      else if (field.number === 5 && field.wire === 0) this.#contents.addMetadata("model version", String(field.value));
      else if (field.wire === 2 && text !== undefined) this.#contents.addMetadata(text, await this.#text(field));
      else if (field.wire === 2 && field.number === 7) await this.#readGraph(field.value);
      else if (field.wire === 2 && field.number === 8)
        await this.#readPair(field.value, (domain, version) => [`opset ${domain || "ai.onnx"}`, version]);
      else if (field.wire === 2 && field.number === 14) await this.#readPair(field.value, (key, value) => [key, value]);
    });
    this.#contents.addMetadata("nodes", String(this.#nodes));
    return this.#contents.finish();
  }

  async #readGraph(end: number): Promise<void> {
    await this.#readFields(end, async (field) => {
      if (field.wire !== 2) return;
      if (field.number === 1) this.#nodes++;
      else if (field.number === 2) this.#contents.addMetadata("graph", await this.#text(field));
      else if (field.number === 5) await this.#readTensor(field.value);
    });
  }

  async #readTensor(end: number): Promise<void> {
    const shape: number[] = [];
    let name = "";
    let type = 0;
    const addSize = (size: number): void => {
      if (shape.length >= 16) throw new RangeError("a tensor has more than 16 dimensions");
      shape.push(size);
    };
    await this.#readFields(end, async (field) => {
      if (field.number === 1 && field.wire === 0) addSize(field.value);
      else if (field.number === 1 && field.wire === 2) while (this.#cursor.position < field.value) addSize(await this.#cursor.varint());
      else if (field.number === 2 && field.wire === 0) type = field.value;
      else if (field.number === 8 && field.wire === 2) name = await this.#text(field);
    });
    this.#contents.addTensor({ name, dtype: TYPES[type] ?? `type ${type}`, shape });
  }

  /** Reads a message of a text and a text or number: an opset, or a piece of metadata. */
  async #readPair(end: number, name: (first: string, second: string) => readonly [string, string]): Promise<void> {
    let first = "";
    let second = "";
    await this.#readFields(end, async (field) => {
      if (field.number === 1 && field.wire === 2) first = await this.#text(field);
      else if (field.number === 2) second = field.wire === 2 ? await this.#text(field) : String(field.value);
    });
    this.#contents.addMetadata(...name(first, second));
  }

  async #text(field: Field): Promise<string> {
    const length = field.value - this.#cursor.position;
    return this.#cursor.text(Math.min(length, MAX_TEXT_BYTES));
  }

  async #readFields(end: number, visit: (field: Field) => Promise<void>): Promise<void> {
    const cursor = this.#cursor;
    while (cursor.position < end) {
      if (++this.#fields > MAX_FIELDS) throw new RangeError("there are more than two million fields");
      const tag = await cursor.varint();
      const wire = tag % 8;
      const number = Math.floor(tag / 8);
      if (wire === 0) {
        await visit({ number, wire, value: await cursor.varint() });
      } else if (wire === 1 || wire === 5) {
        cursor.skip(wire === 1 ? 8 : 4);
      } else if (wire === 2) {
        const length = await cursor.varint();
        const fieldEnd = cursor.position + length;
        if (fieldEnd > end) throw new RangeError("a field reaches past its message");
        await visit({ number, wire, value: fieldEnd });
        if (cursor.position > fieldEnd) throw new RangeError("a field reaches past its end");
        cursor.skip(fieldEnd - cursor.position);
      } else {
        throw new RangeError("it is no protobuf message");
      }
    }
  }
}
