import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const LOCK = path.join(root, "node_modules", ".mlv-build-lock");
/** Keeps the compiled program from run to run. */
export const COMPILED = path.join(root, "node_modules", ".cache", "mlv-compiled");
const POLL_MS = 50;
const PATIENCE_MS = 60_000;

/**
 * Returns the program that the tests run, `bin/mlv.js`, built from the sources as they are: the first of several test files builds, the
 * others wait. MLV_TEST_PROGRAM names another one, e.g. an installed release.
 */
export function findProgram(): string {
  return (program ??= build());
}

let program: string | undefined;

function build(): string {
  const other = process.env["MLV_TEST_PROGRAM"];
  if (other !== undefined && other !== "") return other;
  const deadline = Date.now() + PATIENCE_MS;
  while (!isBuilt()) {
    if (!tryLock()) {
      if (Date.now() > deadline) throw new Error(`another build holds ${LOCK}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
      continue;
    }
    try {
      if (isBuilt()) break;
      const built = spawnSync(process.execPath, [path.join(root, "scripts", "build.js")], { cwd: root, encoding: "utf8" });
      if (built.status !== 0) throw new Error(`mlv does not build:\n${built.stdout}${built.stderr}`);
    } finally {
      fs.rmSync(LOCK, { force: true });
    }
  }
  return path.join(root, "bin", "mlv.js");
}

/** Returns the Node that runs the tests: never an older one that happens to be first in PATH. */
export function findNode(): string {
  return process.execPath;
}

/** The small program for `status` is written last, so a build that is under way does not count. */
function isBuilt(): boolean {
  const built = fs.statSync(path.join(root, "dist", "status.cjs"), { throwIfNoEntry: false });
  if (built === undefined || !fs.existsSync(path.join(root, "dist", "cli.js"))) return false;
  const sources = fs.readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" });
  return sources.every((name) => fs.statSync(path.join(root, "src", name)).mtimeMs <= built.mtimeMs || !name.endsWith(".ts"));
}

/** A lock whose holder is gone is taken over. */
function tryLock(): boolean {
  try {
    fs.writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    const holder = Number(readQuietly(LOCK));
    if (holder > 0 && !isAlive(holder)) fs.rmSync(LOCK, { force: true });
    return false;
  }
}

function readQuietly(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Returns a fresh folder for scratch data. */
export function makeScratch(): string {
  return fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "mlv-cli-")));
}
