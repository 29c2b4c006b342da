import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureFolder, publishFile, sweepTempFolder, uniqueName, writeFileDurably } from "../../src/base/durable.ts";
import { MlvError } from "../../src/base/errors.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const isRoot = process.getuid?.() === 0;
let root = "";
let tempFolder = "";

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-durable-"));
  tempFolder = path.join(root, "tmp");
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

test("a file is replaced whole, and nothing is left in the temp folder", () => {
  const file = path.join(root, "file");
  fs.writeFileSync(file, "a much longer old content");
  writeFileDurably(file, "new", { tempFolder });
  expect(fs.readFileSync(file, "utf8")).toBe("new");
  expect(fs.readdirSync(tempFolder)).toEqual([]);
  expect(fs.readdirSync(root).sort()).toEqual(["file", "tmp"]);
});

test("a reader that had the old file open keeps its bytes", () => {
  const file = path.join(root, "file");
  fs.writeFileSync(file, "old");
  const descriptor = fs.openSync(file, "r");
  writeFileDurably(file, "new", { tempFolder });
  const bytes = Buffer.alloc(8);
  expect(bytes.toString("utf8", 0, fs.readSync(descriptor, bytes, 0, 8, 0))).toBe("old");
  fs.closeSync(descriptor);
});

test("a symlink at the target's name is replaced and what it points to is left alone", () => {
  const victim = path.join(root, "victim");
  fs.writeFileSync(victim, "mine");
  fs.symlinkSync(victim, path.join(root, "file"));
  writeFileDurably(path.join(root, "file"), "new", { tempFolder });
  expect(fs.readFileSync(victim, "utf8")).toBe("mine");
  expect(fs.lstatSync(path.join(root, "file")).isFile()).toBe(true);
});

test("a hard link of the old file keeps the old bytes", () => {
  const file = path.join(root, "file");
  fs.writeFileSync(file, "old");
  fs.linkSync(file, path.join(root, "link"));
  writeFileDurably(file, "new", { tempFolder });
  expect(fs.readFileSync(path.join(root, "link"), "utf8")).toBe("old");
});

test("a secret's file is readable for its owner alone from the start", () => {
  const file = path.join(root, "secret");
  writeFileDurably(file, "x", { tempFolder, mode: 0o600 });
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
});

test("a target in a folder that is not there is a clear error, and no temp file stays", () => {
  const error = thrownBy(() => writeFileDurably(path.join(root, "missing", "file"), "x", { tempFolder }));
  expect(error).toBeInstanceOf(MlvError);
  expect(error).toMatchObject({ code: "path-not-found", details: { errno: "ENOENT" } });
  expect(fs.readdirSync(tempFolder)).toEqual([]);
});

test("a folder at the target's name is a clear error, and the folder stays", () => {
  fs.mkdirSync(path.join(root, "file", "inner"), { recursive: true });
  const error = thrownBy(() => writeFileDurably(path.join(root, "file"), "x", { tempFolder }));
  expect(error).toMatchObject({ code: "io-failed" });
  expect(fs.existsSync(path.join(root, "file", "inner"))).toBe(true);
  expect(fs.readdirSync(tempFolder)).toEqual([]);
});

test.skipIf(isRoot)("a folder that is read-only is a permission error, and the old file stays", () => {
  const folder = path.join(root, "folder");
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, "file"), "old");
  fs.chmodSync(folder, 0o555);
  const error = thrownBy(() => writeFileDurably(path.join(folder, "file"), "new", { tempFolder }));
  fs.chmodSync(folder, 0o755);
  expect(error).toMatchObject({ code: "permission-denied" });
  expect(fs.readFileSync(path.join(folder, "file"), "utf8")).toBe("old");
});

test("a published file gets its name and folders; without `replace` the one that is there wins", () => {
  fs.mkdirSync(tempFolder);
  const target = path.join(root, "a", "b", "file");
  const put = (content: string, replace: boolean): boolean => {
    const temp = path.join(tempFolder, uniqueName("blob"));
    fs.writeFileSync(temp, content);
    return publishFile(temp, target, { replace });
  };
  expect(put("first", false)).toBe(true);
  expect(put("second", false)).toBe(false);
  expect(fs.readFileSync(target, "utf8")).toBe("first");
  expect(put("third", true)).toBe(true);
  expect(fs.readFileSync(target, "utf8")).toBe("third");
  expect(fs.readdirSync(tempFolder)).toEqual([]);
});

test("folders are made with their parents, and two makers do not disturb each other", () => {
  const folder = path.join(root, "a", "b", "c");
  ensureFolder(folder);
  ensureFolder(folder);
  expect(fs.statSync(folder).isDirectory()).toBe(true);
});

test("unique names differ and carry this process's id", () => {
  const names = new Set(Array.from({ length: 1000 }, () => uniqueName("x")));
  expect(names.size).toBe(1000);
  for (const name of names) expect(name).toMatch(new RegExp(`^x-${process.pid}-[0-9a-f]{16}$`));
});

test("a sweep removes what dead processes left and keeps what living ones write", async () => {
  fs.mkdirSync(tempFolder);
  const { pid: deadPid } = spawnSync(process.execPath, ["-e", "0"]);
  const living = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"], { stdio: "ignore" });
  try {
    const suffix = "0123456789abcdef";
    const names = {
      own: `blob-${process.pid}-${suffix}`,
      dead: `pack-${deadPid}-${suffix}`,
      living: `pack-${living.pid}-${suffix}`,
      foreign: "notes",
    };
    for (const name of Object.values(names)) fs.writeFileSync(path.join(tempFolder, name), "x");
    fs.mkdirSync(path.join(tempFolder, `folder-${deadPid}-${suffix}`, "inner"), { recursive: true });
    sweepTempFolder(tempFolder, Date.now());
    expect(fs.readdirSync(tempFolder).sort()).toEqual([names.own, names.living, names.foreign].sort());
    sweepTempFolder(tempFolder, Date.now() + 2 * DAY_MS);
    expect(fs.readdirSync(tempFolder)).toEqual([names.own]);
  } finally {
    living.kill();
  }
});

test("a sweep of a folder that is not there does nothing", () => {
  sweepTempFolder(path.join(root, "nowhere"), Date.now());
  expect(fs.existsSync(path.join(root, "nowhere"))).toBe(false);
});

test("a reader never sees a part of a file, however many processes replace it", async () => {
  const file = path.join(root, "file");
  const length = 200_000;
  const module = path.resolve(import.meta.dirname, "../../src/base/durable.ts");
  const script = `import { writeFileDurably } from ${JSON.stringify(module)};
    for (let i = 0; i < 40; i++) writeFileDurably(process.argv[1], process.argv[2].repeat(${length}), { tempFolder: process.argv[3] });`;
  writeFileDurably(file, "a".repeat(length), { tempFolder });
  const writers = ["b", "c"].map(
    (letter) =>
      new Promise<number | null>((resolve) => {
        spawn(process.execPath, ["--input-type=module", "-e", script, file, letter, tempFolder], { stdio: "inherit" }).on("exit", resolve);
      }),
  );
  let isDone = false;
  const statuses = Promise.all(writers).finally(() => (isDone = true));
  const seen = new Set<string>();
  while (!isDone) {
    const text = fs.readFileSync(file, "utf8");
    expect(text.length).toBe(length);
    expect(text).toBe((text[0] ?? "").repeat(length));
    seen.add(text[0] ?? "");
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await statuses).toEqual([0, 0]);
  expect(seen.has("b") || seen.has("c")).toBe(true);
  expect(fs.readdirSync(tempFolder)).toEqual([]);
});
