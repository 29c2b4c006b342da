import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ensureFolder, machineMark, publishFile, sweepTempFolder, uniqueName, writeFileDurably } from "../../src/base/durable.ts";
import { isMlvError } from "../../src/base/errors.ts";

const base = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-durable-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
let count = 0;

function freshFolder(): string {
  const folder = path.join(base, String((count += 1)));
  fs.mkdirSync(folder);
  return folder;
}

describe("a durable write", () => {
  test("replaces the whole content and leaves no temp file", () => {
    const folder = freshFolder();
    const target = path.join(folder, "t");
    fs.writeFileSync(target, "a longer text than the next");
    writeFileDurably(target, "short", { tempFolder: path.join(folder, "tmp") });
    expect(fs.readFileSync(target, "utf8")).toBe("short");
    expect(fs.readdirSync(path.join(folder, "tmp"))).toEqual([]);
    expect(fs.readdirSync(folder).sort()).toEqual(["t", "tmp"]);
  });

  test("gives the new file its mode", () => {
    const folder = freshFolder();
    writeFileDurably(path.join(folder, "t"), "x", { tempFolder: path.join(folder, "tmp"), mode: 0o600 });
    expect(fs.statSync(path.join(folder, "t")).mode & 0o777).toBe(0o600);
  });

  test("replaces a symlink instead of writing through it", () => {
    const folder = freshFolder();
    fs.writeFileSync(path.join(folder, "victim"), "old");
    fs.symlinkSync("victim", path.join(folder, "t"));
    writeFileDurably(path.join(folder, "t"), "new", { tempFolder: path.join(folder, "tmp") });
    expect(fs.readFileSync(path.join(folder, "victim"), "utf8")).toBe("old");
    expect(fs.lstatSync(path.join(folder, "t")).isFile()).toBe(true);
  });

  test("that fails leaves the old file as it was and no temp file, and names what failed", () => {
    const folder = freshFolder();
    const target = path.join(folder, "t");
    fs.mkdirSync(target);
    fs.writeFileSync(path.join(target, "inside"), "old");
    try {
      writeFileDurably(target, "new", { tempFolder: path.join(folder, "tmp") });
      expect.unreachable();
    } catch (error) {
      expect(isMlvError(error, "io-failed")).toBe(true);
      expect(String(error)).toContain(target);
    }
    expect(fs.readFileSync(path.join(target, "inside"), "utf8")).toBe("old");
    expect(fs.readdirSync(path.join(folder, "tmp"))).toEqual([]);
  });

  test("works where the temp folder is on another file system", ({ skip }) => {
    const folder = freshFolder();
    const elsewhere = "/dev/shm";
    if (!fs.existsSync(elsewhere) || fs.statSync(elsewhere).dev === fs.statSync(folder).dev) skip("there is only one file system here");
    const tempFolder = fs.mkdtempSync(path.join(elsewhere, "mlv-durable-"));
    try {
      writeFileDurably(path.join(folder, "t"), "new", { tempFolder });
      expect(fs.readdirSync(tempFolder)).toEqual([]);
    } finally {
      fs.rmSync(tempFolder, { recursive: true });
    }
    expect(fs.readdirSync(folder)).toEqual(["t"]);
    expect(fs.readFileSync(path.join(folder, "t"), "utf8")).toBe("new");
  });
});

test("a folder is made with all its parents, and may be there already", () => {
  const folder = path.join(freshFolder(), "a", "b", "c");
  ensureFolder(folder);
  ensureFolder(folder);
  expect(fs.statSync(folder).isDirectory()).toBe(true);
});

describe("a finished temp file", () => {
  test("takes its name and makes the folder for it", () => {
    const folder = freshFolder();
    fs.writeFileSync(path.join(folder, "temp"), "new");
    expect(publishFile(path.join(folder, "temp"), path.join(folder, "a", "t"), { replace: false })).toBe(true);
    expect(fs.readFileSync(path.join(folder, "a", "t"), "utf8")).toBe("new");
    expect(fs.existsSync(path.join(folder, "temp"))).toBe(false);
  });

  test("gives way to what is there, or replaces it, as asked", () => {
    const folder = freshFolder();
    const [temp, target] = [path.join(folder, "temp"), path.join(folder, "t")];
    fs.writeFileSync(target, "old");
    fs.writeFileSync(temp, "new");
    expect(publishFile(temp, target, { replace: false })).toBe(false);
    expect(fs.readFileSync(target, "utf8")).toBe("old");
    expect(fs.existsSync(temp)).toBe(false);
    fs.writeFileSync(temp, "new");
    expect(publishFile(temp, target, { replace: true })).toBe(true);
    expect(fs.readFileSync(target, "utf8")).toBe("new");
  });
});

describe("a sweep of the temp folder", () => {
  const DAY_MS = 24 * 60 * 60 * 1000;

  test("removes what dead processes left, and nothing of the living", () => {
    const folder = freshFolder();
    const dead = spawnSync(process.execPath, ["--version"]).pid;
    const names = {
      mine: uniqueName("write"),
      dead: `write-${dead}-${machineMark()}0123456789`,
      parent: `pack-${process.ppid}-${machineMark()}0123456789`,
      elsewhere: `pack-${dead}-${machineMark() === "000000" ? "111111" : "000000"}0123456789`,
      nameless: "something",
    };
    for (const name of Object.values(names)) fs.writeFileSync(path.join(folder, name), "x");
    sweepTempFolder(folder, Date.now());
    expect(fs.readdirSync(folder).sort()).toEqual([names.mine, names.parent, names.elsewhere, names.nameless].sort());
    sweepTempFolder(folder, Date.now() + 2 * DAY_MS);
    expect(fs.readdirSync(folder)).toEqual([names.mine]);
  });

  test("of a folder that is not there does nothing", () => {
    sweepTempFolder(path.join(freshFolder(), "none"), Date.now());
  });

  test("follows no symlink", () => {
    const folder = freshFolder();
    const outside = freshFolder();
    fs.writeFileSync(path.join(outside, "keep"), "x");
    const dead = spawnSync(process.execPath, ["--version"]).pid;
    fs.symlinkSync(outside, path.join(folder, `write-${dead}-${machineMark()}0123456789`));
    sweepTempFolder(folder, Date.now());
    expect(fs.readdirSync(folder)).toEqual([]);
    expect(fs.readdirSync(outside)).toEqual(["keep"]);
  });
});

test("unique names differ", () => {
  expect(new Set(Array.from({ length: 1000 }, () => uniqueName("x"))).size).toBe(1000);
});
