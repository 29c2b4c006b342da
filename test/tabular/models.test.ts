import * as fs from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { describeImage } from "../../src/tabular/models/image.ts";
import { sniffKind } from "../../src/tabular/models/kind.ts";
import { describeModel, type ModelDescription } from "../../src/tabular/models/model.ts";
import { tableFromBytes } from "../../src/tabular/source.ts";

const read = (name: string): Buffer => fs.readFileSync(`fixtures/tabular/${name}`);
const describe = async (name: string, bytes: Uint8Array = read(name)): Promise<ModelDescription | undefined> =>
  describeModel(tableFromBytes(name, bytes).file, name);

test("A safetensors file's tensors, types and metadata are read from its header.", async () => {
  const described = await describe("small.safetensors");
  expect(described).toMatchObject({
    kind: "safetensors",
    contents: { tensorCount: 2, parameters: 15, dtypes: { F32: 12, F16: 3 }, metadata: { format: "np" } },
  });
  expect(described?.contents?.tensors).toContainEqual({ name: "layer.weight", dtype: "F32", shape: [4, 3] });
});

test("A GGUF file's tensors and metadata are read from its header.", async () => {
  const described = await describe("small.gguf");
  expect(described?.contents).toMatchObject({
    tensorCount: 2,
    parameters: 40,
    dtypes: { F32: 32, F16: 8 },
    metadata: { "general.architecture": "llama", "general.name": "tiny", "llama.block_count": "2", "tokenizer.ggml.tokens": "(3 items)" },
  });
});

test("An ONNX file's initializers and metadata are read.", async () => {
  const described = await describe("small.onnx");
  expect(described?.contents).toMatchObject({
    tensorCount: 1,
    parameters: 6,
    dtypes: { F32: 6 },
    metadata: { producer: "mlv-fixtures", graph: "tiny", "opset ai.onnx": "21", task: "demo", nodes: "1" },
    tensors: [{ name: "W", dtype: "F32", shape: [3, 2] }],
  });
});

test("Pickles are named and not opened, bare or in a ZIP.", async () => {
  expect(await describe("small.pkl")).toMatchObject({ kind: "pickle" });
  expect((await describe("small.pkl"))?.note).toContain("not opened");
  const zip = Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(26), Buffer.from("archive/data.pkl"), Buffer.alloc(100)]);
  expect((await describe("model.pt", zip))?.kind).toBe("pickle-zip");
  expect(await describe("data.zip", Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(200)]))).toBeUndefined();
});

test("Images' kinds and sizes are read from their headers.", () => {
  for (const [name, kind] of [
    ["small.png", "png"],
    ["small.jpg", "jpeg"],
    ["small.gif", "gif"],
    ["small.webp", "webp"],
    ["lossy.webp", "webp"],
  ] as const) {
    expect(describeImage(read(name)), name).toEqual({ kind, width: 37, height: 21 });
    expect(sniffKind(read(name), "no-name")).toBe(kind);
  }
  expect(describeImage(Buffer.from("GIF89a"))).toBeUndefined();
});

test("Damaged and cut headers are described or noted, never thrown, never slow.", async () => {
  for (const name of ["small.safetensors", "small.gguf", "small.onnx", "small.jpg", "small.webp", "small.png"]) {
    const good = read(name);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat({ max: 600 }), fc.nat({ max: 255 })), { maxLength: 6 }), fc.nat(), async (edits, cut) => {
        const bytes = Buffer.from(good.subarray(0, cut % 3 === 0 ? cut % good.length : good.length));
        for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte;
        await describe(name, bytes);
        describeImage(bytes);
      }),
      { numRuns: 200 },
    );
  }
});

test("A header that claims sizes beyond the file, or beyond all bounds, is noted.", async () => {
  const huge = Buffer.alloc(64);
  huge.writeBigUInt64LE(99_000_000n, 0);
  huge.write('{"', 8);
  expect((await describe("a.safetensors", huge))?.note).toContain("past the end");
  const outside = '{"w":{"dtype":"F32","shape":[1e9],"data_offsets":[0,4000000000]}}';
  const bytes = Buffer.alloc(8 + outside.length);
  bytes.writeBigUInt64LE(BigInt(outside.length));
  bytes.write(outside, 8);
  expect((await describe("a.safetensors", bytes))?.note).toContain("outside the file");
  const gguf = Buffer.alloc(24);
  gguf.write("GGUF");
  gguf.writeUInt32LE(3, 4);
  gguf.writeBigUInt64LE(2n ** 50n, 8);
  expect((await describe("a.gguf", gguf))?.note).toContain("out of bounds");
});
