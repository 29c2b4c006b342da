import * as fs from "node:fs";
import path from "node:path";
import { writeCsv, writeEditedCsv } from "./csv.ts";
import { createColumns, createParquet } from "./parquet.ts";
import { createPng } from "./png.ts";
import { SeededBytes, SeededNumbers } from "./seeded.ts";

const SEED = "mlv bench 1";
const FOLDERS = 100;

/** Lists the sets of data; each is a folder that is made once. */
export type SetName =
  | "big"
  | "small"
  | "tenThousand"
  | "half"
  | "csv"
  | "images"
  | "parquet"
  | "weights"
  | "million"
  | "inserted"
  | "appended";

type Maker = (folder: string, scale: number) => void;

/** Makes and keeps the data. The same scale always gives the same bytes. */
export class DataSets {
  readonly #folder: string;
  readonly #scale: number;
  readonly #say: (line: string) => void;

  constructor(folder: string, options: { readonly scale: number; readonly say: (line: string) => void }) {
    this.#folder = path.join(folder, `scale-${options.scale}`);
    this.#scale = options.scale;
    this.#say = options.say;
  }

  /** Returns the folder of a set, made if it is not there; one that was half made by a killed run is made again. */
  get(name: SetName): string {
    const folder = path.join(this.#folder, name);
    const mark = path.join(this.#folder, `${name}.complete`);
    if (fs.existsSync(mark)) return folder;
    this.#say(`making the data set \`${name}\``);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    MAKERS[name](folder, this.#scale);
    fs.writeFileSync(mark, "");
    return folder;
  }
}

const MAKERS: Readonly<Record<SetName, Maker>> = {
  big: (folder, scale) => writeRandom(path.join(folder, "big.bin"), bigBytes(scale)),
  small: (folder, scale) => {
    const numbers = new SeededNumbers(`${SEED} sizes`);
    writeMany(folder, Math.round(100_000 * scale), () => 1024 + numbers.below(7 * 1024 + 1));
  },
  tenThousand: (folder, scale) => {
    const numbers = new SeededNumbers(`${SEED} sizes`);
    writeMany(folder, Math.round(10_000 * scale), () => 1024 + numbers.below(7 * 1024 + 1));
  },
  half: (folder, scale) => writeRandom(path.join(folder, "big.bin"), Math.round(2 ** 29 * scale)),
  million: (folder, scale) => writeMany(folder, Math.round(1_000_000 * scale), () => 100),
  csv: (folder, scale) => {
    const first = path.join(folder, "first.csv");
    const rows = writeCsv(first, { seed: `${SEED} csv`, bytes: 500e6 * scale });
    writeEditedCsv(first, path.join(folder, "second.csv"), { rows, seed: `${SEED} edit`, insertedRows: 1000, changedCells: 1000 });
  },
  appended: (folder, scale) => {
    const first = path.join(folder, "first.csv");
    const target = path.join(folder, "second.csv");
    const rows = writeCsv(first, { seed: `${SEED} csv`, bytes: 500e6 * scale });
    fs.copyFileSync(first, target);
    const more = path.join(folder, "more.csv");
    writeCsv(more, { seed: `${SEED} appended ${rows}`, bytes: 5e6 * scale });
    fs.appendFileSync(target, fs.readFileSync(more).subarray(fs.readFileSync(more).indexOf(10) + 1));
    fs.rmSync(more);
  },
  inserted: (folder, scale) => {
    const half = Math.floor(bigBytes(scale) / 2);
    const target = path.join(folder, "second.bin");
    writeRandom(path.join(folder, "first.bin"), half * 2);
    writeRandom(target, half * 2, { at: half, bytes: new SeededBytes(`${SEED} inserted`).next(1 << 20) });
  },
  images: (folder, scale) => {
    const numbers = new SeededNumbers(`${SEED} images`);
    for (let image = 0; image < Math.ceil(2000 * scale); image++) {
      const side = 96 + numbers.below(160);
      writeInFolders(folder, { name: `${image}.png`, position: image, data: createPng(side, side, `${SEED} image ${image}`) });
    }
  },
  parquet: (folder, scale) => {
    for (let part = 0; part < 8; part++) {
      fs.writeFileSync(
        path.join(folder, `part-${part}.parquet`),
        createParquet(createColumns(Math.ceil(400_000 * scale), `${SEED} parquet ${part}`)),
      );
    }
  },
  weights: (folder, scale) => {
    fs.writeFileSync(path.join(folder, "model.safetensors"), createWeights(Math.ceil(5_000_000 * scale)));
  },
};

/** Returns the size of the large file in bytes. */
export function bigBytes(scale: number): number {
  return Math.round(2 * 2 ** 30 * scale);
}

function writeRandom(file: string, bytes: number, insert?: { readonly at: number; readonly bytes: Buffer }): void {
  const stream = new SeededBytes(`${SEED} big`);
  const out = fs.openSync(file, "w");
  let written = 0;
  const write = (until: number): void => {
    for (; written < until;) written += fs.writeSync(out, stream.next(Math.min(1 << 20, until - written)));
  };
  if (insert !== undefined) {
    write(insert.at);
    fs.writeSync(out, insert.bytes);
  }
  write(bytes);
  fs.closeSync(out);
}

function writeMany(folder: string, count: number, size: () => number): void {
  const stream = new SeededBytes(`${SEED} many`);
  for (let position = 0; position < count; position++) {
    writeInFolders(folder, { name: `${String(position).padStart(7, "0")}.bin`, position, data: stream.next(size()) });
  }
}

function writeInFolders(folder: string, file: { readonly name: string; readonly position: number; readonly data: Buffer }): void {
  const inner = path.join(folder, String(file.position % FOLDERS).padStart(2, "0"));
  if (file.position < FOLDERS) fs.mkdirSync(inner, { recursive: true });
  fs.writeFileSync(path.join(inner, file.name), file.data);
}

/** Returns a safetensors file of twenty bfloat16 tensors with values near a normal distribution. */
function createWeights(valuesPerTensor: number): Buffer {
  const tensors = 20;
  const header: Record<string, unknown> = {};
  for (let tensor = 0; tensor < tensors; tensor++) {
    const start = tensor * valuesPerTensor * 2;
    header[`layers.${tensor}.weight`] = { dtype: "BF16", shape: [valuesPerTensor], data_offsets: [start, start + valuesPerTensor * 2] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const values = Buffer.allocUnsafe(tensors * valuesPerTensor * 2);
  const uniform = new SeededBytes(`${SEED} weights`);
  const float = Buffer.alloc(4);
  for (let at = 0; at < values.length;) {
    const block = uniform.next(1 << 16);
    for (let from = 0; from + 4 <= block.length && at < values.length; from += 4, at += 2) {
      const sum = (block[from] ?? 0) + (block[from + 1] ?? 0) + (block[from + 2] ?? 0) + (block[from + 3] ?? 0);
      float.writeFloatLE((sum - 510) / 7000);
      values.writeUInt16LE(float.readUInt16LE(2), at);
    }
  }
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, values]);
}

/** Changes two of the twenty tensors of a weights file in place, as fine-tuning two layers does. */
export function tuneWeights(file: string): void {
  const data = fs.readFileSync(file);
  const start = 8 + Number(data.readBigUInt64LE(0));
  const tensorBytes = (data.length - start) / 20;
  const noise = new SeededBytes(`${SEED} tuning`).next(tensorBytes);
  for (const tensor of [7, 13]) {
    const from = start + tensor * tensorBytes;
    // Fine-tuning moves the low bits of most weights.
    for (let at = 0; at < tensorBytes; at += 2) data[from + at] = (data[from + at] ?? 0) ^ ((noise[at] ?? 0) & 15);
  }
  fs.writeFileSync(file, data);
}

/** Rewrites one Parquet part with a column that has changed values, as a corrected feature does. */
export function correctParquet(file: string, scale: number): void {
  const columns = createColumns(Math.ceil(400_000 * scale), `${SEED} parquet 3`);
  const numbers = new SeededNumbers(`${SEED} correction`);
  for (const { values } of columns.filter(({ name }) => name === "price")) {
    for (let count = 0; count < 1000; count++) values[numbers.below(values.length)] = count / 4;
  }
  fs.writeFileSync(file, createParquet(columns));
}
