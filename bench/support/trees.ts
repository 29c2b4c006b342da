import { createHash } from "node:crypto";
import * as fs from "node:fs";
import path from "node:path";

const BLOCK = Buffer.allocUnsafe(1 << 20);

/** Returns one hash over every file's path, executable bit and content under a file or folder. */
export function hashTree(root: string): string {
  const whole = createHash("sha256");
  visitFiles(root, (file) => {
    const isExecutable = (fs.statSync(file).mode & 0o100) !== 0;
    whole.update(`${path.relative(root, file)}\0${isExecutable}\0${hashFile(file)}\n`);
  });
  return whole.digest("hex");
}

/** Returns the bytes that a folder's files have in all, and how many there are; nothing where the folder is missing. */
export function sizeTree(root: string): { readonly bytes: number; readonly files: number } {
  let bytes = 0;
  let files = 0;
  if (!fs.existsSync(root)) return { bytes, files };
  visitFiles(root, (file) => {
    bytes += fs.lstatSync(file).size;
    files++;
  });
  return { bytes, files };
}

/** Deletes the large files of a folder. Many small ones stay: where a file system has just deleted a hundred thousand, creating others is slow. */
export function dropLargeFiles(root: string, minimumBytes = 4 << 20): void {
  visitFiles(root, (file) => {
    if (fs.lstatSync(file).size >= minimumBytes) fs.rmSync(file, { force: true });
  });
}

function visitFiles(root: string, visit: (file: string) => void): void {
  if (!fs.lstatSync(root).isDirectory()) return visit(root);
  const entries = fs.readdirSync(root, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const inner = path.join(root, entry.name);
    if (entry.isDirectory()) visitFiles(inner, visit);
    else visit(inner);
  }
}

function hashFile(file: string): string {
  const hash = createHash("sha256");
  const input = fs.openSync(file, "r");
  for (let length = fs.readSync(input, BLOCK); length > 0; length = fs.readSync(input, BLOCK)) hash.update(BLOCK.subarray(0, length));
  fs.closeSync(input);
  return hash.digest("hex");
}
