import { spawn } from "node:child_process";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFileDurably } from "../../src/base/durable.ts";

const MODULE = path.resolve(import.meta.dirname, "../../src/base/durable.ts");
const LENGTH_BYTES = 200_000;
let root = "";

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-race-"));
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

/** Starts a process that replaces a file forty times with one letter's repetition; resolves to its exit status. */
function startWriter(file: string, letter: string, tempFolder: string): Promise<number | null> {
  const script = `import { writeFileDurably } from ${JSON.stringify(MODULE)};
    const [file, letter, tempFolder] = process.argv.slice(1);
    for (let count = 0; count < 40; count++) writeFileDurably(file, letter.repeat(${LENGTH_BYTES}), { tempFolder });`;
  return new Promise((resolve) => {
    const args = ["--input-type=module", "-e", script, file, letter, tempFolder];
    spawn(process.execPath, args, { stdio: "inherit" }).on("exit", resolve);
  });
}

test("a reader never sees a part of a file, or two contents mixed, however many processes replace it", async () => {
  const file = path.join(root, "file");
  const tempFolder = path.join(root, "tmp");
  writeFileDurably(file, "a".repeat(LENGTH_BYTES), { tempFolder });
  let isDone = false;
  const statuses = Promise.all(["b", "c"].map((letter) => startWriter(file, letter, tempFolder))).finally(() => (isDone = true));
  const seen = new Set<string>();
  while (!isDone) {
    const text = fs.readFileSync(file, "utf8");
    const letter = text[0] ?? "";
    expect(text === letter.repeat(LENGTH_BYTES)).toBe(true);
    seen.add(letter);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await statuses).toEqual([0, 0]);
  expect(seen.has("b") || seen.has("c")).toBe(true);
  expect(fs.readdirSync(tempFolder)).toEqual([]);
});

test("whoever has the old file open, or a hard link to it, keeps its bytes", () => {
  const file = path.join(root, "file");
  fs.writeFileSync(file, "old");
  fs.linkSync(file, path.join(root, "link"));
  const descriptor = fs.openSync(file, "r");
  writeFileDurably(file, "new", { tempFolder: path.join(root, "tmp") });
  expect([fs.readFileSync(descriptor, "utf8"), fs.readFileSync(path.join(root, "link"), "utf8")]).toEqual(["old", "old"]);
  fs.closeSync(descriptor);
});
