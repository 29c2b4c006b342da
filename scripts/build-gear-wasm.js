// Assembles the gear hash's WebAssembly module and writes it into src/store/gear-wasm.ts; `--check` only compares.
// The module has no imports. Memory: the table's 256 words at 0, input from 1024 on.
//
//   scan(at, end, hash, limit) -> position
//     for each byte from `at` to `end`: hash = (hash << 1) + table[byte]; if hash < limit (unsigned), stop behind that byte
//     returns the position behind the byte that stopped it, or 0; the global `hash` holds the hash there
//
// Two bytes a step: the second hash is (hash << 2) + ((table[a] << 1) + table[b]), so that a step waits for the one before it for one
// shift and one addition only.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const I32 = 0x7f;
const op = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  end: [0x0b],
  return: [0x0f],
  ltU: [0x49],
  gtU: [0x4b],
  geU: [0x4f],
  add: [0x6a],
  shl: [0x74],
};
const br = (depth) => [0x0c, depth];
const brIf = (depth) => [0x0d, depth];
const get = (local) => [0x20, local];
const set = (local) => [0x21, local];
const tee = (local) => [0x22, local];
const setGlobal = (index) => [0x24, index];
const constant = (value) => [0x41, value];
const loadByte = (offset) => [0x2d, 0x00, offset];
const loadWord = [0x28, 0x02, 0x00];

const [at, end, hash, limit, next, word] = [0, 1, 2, 3, 4, 5];
const tableWord = (offset) => [get(at), loadByte(offset), constant(2), op.shl, loadWord];
const advance = (bytes) => [get(at), constant(bytes), op.add, set(at)];
/** Leaves with the position `bytes` behind `at` when the local is under the limit. */
const stopIfUnder = (local, bytes) => [
  [get(local), get(limit), op.ltU, op.if],
  [get(local), setGlobal(0), get(at), constant(bytes), op.add, op.return],
  op.end,
];

const PAIRS = 4;
const pair = (offset) => [
  [tableWord(offset), set(word)],
  [get(hash), constant(1), op.shl, get(word), op.add, set(next)],
  [get(hash), constant(2), op.shl, get(word), constant(1), op.shl, tableWord(offset + 1), op.add, op.add, set(hash)],
  stopIfUnder(next, offset + 1),
  stopIfUnder(hash, offset + 2),
];

const scan = [
  [op.block, op.loop],
  [get(at), constant(PAIRS * 2), op.add, get(end), op.gtU, brIf(1)],
  ...Array.from({ length: PAIRS }, (_, index) => pair(index * 2)),
  [advance(PAIRS * 2), br(0)],
  [op.end, op.end],
  [op.block, op.loop],
  [get(at), get(end), op.geU, brIf(1)],
  [get(hash), constant(1), op.shl, tableWord(0), op.add, tee(hash), set(next)],
  stopIfUnder(next, 1),
  [advance(1), br(0)],
  [op.end, op.end],
  [get(hash), setGlobal(0), constant(0)],
  op.end,
];

const unsigned = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]);
const vector = (items) => [unsigned(items.length), ...items];
const section = (id, content) => {
  const bytes = content.flat(Infinity);
  return [id, unsigned(bytes.length), bytes];
};
const name = (text) => vector([...Buffer.from(text)]);
const body = [1, 2, I32, scan].flat(Infinity);
const PAGES = 2;
const module = Buffer.from(
  [
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(1, vector([[0x60, vector([I32, I32, I32, I32]), vector([I32])]])),
    section(3, vector([0])),
    section(5, vector([[0x01, PAGES, PAGES]])),
    section(6, vector([[I32, 0x01, constant(0), op.end]])),
    section(
      7,
      vector([
        [name("memory"), 0x02, 0],
        [name("hash"), 0x03, 0],
        [name("scan"), 0x00, 0],
      ]),
    ),
    section(10, vector([[unsigned(body.length), body]])),
  ].flat(Infinity),
);

const file = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "src/store/gear-wasm.ts");
const lines = module.toString("base64").match(/.{1,90}/g) ?? [];
const text = `/** Is the gear hash's WebAssembly module in base64, ${module.length} bytes; written by scripts/build-gear-wasm.js. */
export const GEAR_MODULE_BASE64 =
${lines.map((line) => `  "${line}"`).join(" +\n")};
`;
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    process.stderr.write("src/store/gear-wasm.ts is not what scripts/build-gear-wasm.js writes\n");
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
}
