import * as fs from "node:fs";
import { expect, test } from "vitest";
import { describeContent } from "../../src/cli/diff-content-words.ts";
import { compareModels } from "../../src/ops/compare-contents.ts";
import { diff } from "../../src/ops/diff.ts";
import { tableFromBytes, type TableSource } from "../../src/tabular/source.ts";
import { createProject } from "../ops/project.ts";

type Tensors = Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>;

function safetensors(tensors: Tensors, metadata: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(tensors).map(([name, [dtype, shape]]) => [name, { dtype, shape, data_offsets: [0, 4] }]);
  const header = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(4)]);
}

function gguf(
  tensors: Readonly<Record<string, readonly [type: number, shape: readonly number[]]>>,
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
  const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
  const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  const pairs = Object.entries(metadata).flatMap(([key, value]) => [text(key), u32(8), text(value)]);
  const infos = Object.entries(tensors).flatMap(([name, [type, shape]]) => [
    text(name),
    u32(shape.length),
    ...shape.map(u64),
    u32(type),
    u64(0),
  ]);
  const counts = [u64(Object.keys(tensors).length), u64(Object.keys(metadata).length)];
  return Buffer.concat([Buffer.from("GGUF"), u32(3), ...counts, ...pairs, ...infos]);
}

const compare = async (name: string, before: Buffer, after: Buffer): ReturnType<typeof compareModels> =>
  compareModels(name, tableFromBytes(name, before), tableFromBytes(name, after));

test("Of two safetensors files tensors that came, went, changed type or shape, and metadata, are named.", async () => {
  const before = safetensors(
    { kept: ["F32", [4, 3]], retyped: ["F32", [8]], reshaped: ["F16", [2, 6]], gone: ["I64", [1]] },
    { format: "pt", epoch: "3", author: "ann" },
  );
  const after = safetensors(
    { reshaped: ["F16", [3, 4]], kept: ["F32", [4, 3]], retyped: ["BF16", [8]], fresh: ["U8", [5]] },
    { format: "pt", epoch: "4", licence: "MIT" },
  );
  expect(await compare("m.safetensors", before, after)).toMatchObject({
    kind: "model",
    tensors: {
      added: ["fresh"],
      removed: ["gone"],
      reshaped: [
        { name: "reshaped", before: "F16 [2, 6]", after: "F16 [3, 4]" },
        { name: "retyped", before: "F32 [8]", after: "BF16 [8]" },
      ],
    },
    metadata: {
      changedCount: 3,
      changed: [
        { name: "epoch", before: "3", after: "4" },
        { name: "author", before: "ann" },
        { name: "licence", after: "MIT" },
      ],
    },
  });
});

test("Of two GGUF files quantised tensors and changed keys are named.", async () => {
  const before = gguf({ "token_embd.weight": [0, [8, 4]], "output.weight": [1, [4, 2]] }, { "general.name": "tiny" });
  const after = gguf({ "token_embd.weight": [12, [8, 4]], "output.weight": [1, [4, 2]] }, { "general.name": "tiny-q4" });
  expect(await compare("m.gguf", before, after)).toMatchObject({
    tensors: { addedCount: 0, removedCount: 0, reshaped: [{ name: "token_embd.weight", before: "F32 [8, 4]", after: "Q4_K [8, 4]" }] },
    metadata: { changed: [{ name: "general.name", before: "tiny", after: "tiny-q4" }] },
  });
});

test("Of two ONNX files a changed producer is named, and nothing else.", async () => {
  const before = fs.readFileSync("fixtures/tabular/small.onnx");
  const after = Buffer.from(before.toString("latin1").replace("mlv-fixtures", "MLV-fixtures"), "latin1");
  expect(await compare("m.onnx", before, after)).toMatchObject({
    tensors: { addedCount: 0, removedCount: 0, reshapedCount: 0 },
    metadata: { changedCount: 1, changed: [{ name: "producer", before: "mlv-fixtures", after: "MLV-fixtures" }] },
  });
});

test("A pickle beside a safetensors file is named and not opened, and nothing is said of tensors.", async () => {
  const found = await compare("m.bin", fs.readFileSync("fixtures/tabular/small.pkl"), safetensors({ w: ["F32", [1]] }, {}));
  expect(found).toMatchObject({ before: { kind: "pickle" }, after: { kind: "safetensors", tensors: 1 } });
  expect(found).not.toHaveProperty("tensors");
  expect(found).not.toHaveProperty("metadata");
});

test("Of a model of a hundred gigabytes only the header and the last bytes are read.", async () => {
  let readBytes = 0;
  const claimed = (tensor: string): TableSource => {
    const head = safetensors({ [tensor]: ["F32", [1]] }, {});
    return {
      name: "m.safetensors",
      file: {
        byteLength: 1e11,
        slice: (start, end = 1e11) => {
          readBytes += end - start;
          const bytes = new Uint8Array(end - start);
          bytes.set(head.subarray(start, end));
          return bytes.buffer;
        },
      },
    };
  };
  expect(await compareModels("m.safetensors", claimed("old"), claimed("new"))).toMatchObject({
    tensors: { added: ["new"], removed: ["old"] },
  });
  expect(readBytes).toBeLessThan(1024 * 1024);
});

test("In words, tensors that change alike are one line, and metadata says what is new and what is gone.", async () => {
  const before = safetensors({ a: ["F32", [8]], b: ["F32", [8]], c: ["I64", [1]] }, { epoch: "3", author: "ann" });
  const after = safetensors({ a: ["F16", [8]], b: ["F16", [8]], c: ["I64", [2]] }, { epoch: "4", licence: "MIT" });
  const found = await compare("m.safetensors", before, after);
  if (found?.kind !== "model") throw new Error("no model was compared");
  expect(describeContent(found).slice(1)).toEqual([
    { what: "tensors a, b", before: "F32 [8]", after: "F16 [8]" },
    { what: "tensor c", before: "I64 [1]", after: "I64 [2]" },
    { what: "metadata epoch", before: "3", after: "4" },
    { what: "metadata author", before: "ann", after: "(gone)" },
    { what: "metadata licence (new)", after: "MIT" },
  ]);
});

test("A damaged version of a model is said to be none that is known, not left away.", async () => {
  const whole = safetensors({ w: ["F32", [1]] }, {});
  const damaged = Buffer.concat([Buffer.alloc(8, 255), whole]);
  const words = async (before: Buffer, after: Buffer): Promise<unknown> => {
    const found = await compare("m.safetensors", before, after);
    return found === undefined || found.kind === "table" ? found : describeContent(found);
  };
  const [known, unknown] = ["safetensors, 1 tensor, 1 parameter, F32", "unknown, it does not begin as a model that is known here"];
  expect(await words(whole, damaged)).toEqual([{ what: "model", before: known, after: unknown }]);
  expect(await words(damaged, whole)).toEqual([{ what: "model", before: unknown, after: known }]);
  expect(await words(damaged, damaged)).toBeUndefined();
});

test("Images and models that no version can be read of are named as not compared, and of one version as unknown.", async () => {
  const project = await createProject();
  const gif = (width: number): Buffer => Buffer.from([...Buffer.from("GIF89a"), width, 0, 1, 0]);
  const write = (text: string): void => {
    for (const name of ["bad.safetensors", "bad.png", "any.bin", "set/1.jpg", "set/2.jpg"]) project.write(name, `${text} of ${name}`);
  };
  write("old");
  project.write("half.gif", gif(2));
  await project.record("one", "bad.safetensors", "bad.png", "any.bin", "set", "half.gif");
  write("new");
  project.write("half.gif", "damaged");
  project.write("fresh.webp", "damaged");
  await project.record("two", "bad.safetensors", "bad.png", "any.bin", "set", "half.gif", "fresh.webp");
  const { contents, leftOut } = await diff(project.context, { a: "HEAD~1", b: "HEAD", paths: [], contents: {} });
  const reason = "neither version begins as what its name says";
  expect(leftOut).toEqual([
    { path: "bad.png", count: 2, reason },
    { path: "fresh.webp", count: 1, reason: "it does not begin as what its name says" },
    { path: "set/1.jpg", count: 2, reason },
  ]);
  expect(contents.map((content) => (content.kind === "table" ? [] : describeContent(content)))).toEqual([
    [{ what: "image", before: "gif, 2 × 1", after: "unknown, it does not begin as an image that is known here" }],
  ]);
});
