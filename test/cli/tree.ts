import { createCipheriv, createHash } from "node:crypto";
import * as fs from "node:fs";
import path from "node:path";

/** Says what a tree is to hold: text or bytes for a file, `exec(…)` for an executable one, `link(…)` for a symlink. */
export type TreeEntry = string | Uint8Array | { readonly exec: string | Uint8Array } | { readonly link: string };
/** Is a tree to make, by path relative to its root. */
export type Tree = Readonly<Record<string, TreeEntry>>;

/** Writes files, folders and symlinks below a root. */
export function makeTree(root: string, tree: Tree): void {
  for (const [name, entry] of Object.entries(tree)) {
    const file = path.join(root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    if (typeof entry === "string" || entry instanceof Uint8Array) fs.writeFileSync(file, entry);
    else if ("link" in entry) fs.symlinkSync(entry.link, file);
    else {
      fs.writeFileSync(file, entry.exec);
      fs.chmodSync(file, 0o755);
    }
  }
}

/** Is one entry of a tree as it is on disk. */
export interface SeenEntry {
  readonly path: string;
  readonly kind: "file" | "folder" | "symlink" | "other";
  /** Permission bits in octal, of files. */
  readonly mode?: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly link?: string;
}

/** Returns every entry below a root (the names in `without` left out), sorted by path. A root that is one file is its only entry, `.`. */
export function readTree(root: string, without: readonly string[] = []): SeenEntry[] {
  const stat = fs.lstatSync(root, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [readEntry(root, ".")];
  const seen: SeenEntry[] = [];
  const visit = (inside: string): void => {
    for (const name of fs.readdirSync(path.join(root, inside)).sort()) {
      if (without.includes(name)) continue;
      const relative = inside === "" ? name : `${inside}/${name}`;
      const entry = readEntry(path.join(root, relative), relative);
      seen.push(entry);
      if (entry.kind === "folder") visit(relative);
    }
  };
  visit("");
  return seen.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function readEntry(file: string, relative: string): SeenEntry {
  const stat = fs.lstatSync(file);
  if (stat.isDirectory()) return { path: relative, kind: "folder" };
  if (stat.isSymbolicLink()) return { path: relative, kind: "symlink", link: fs.readlinkSync(file) };
  if (!stat.isFile()) return { path: relative, kind: "other" };
  const mode = (stat.mode & 0o777).toString(8);
  return { path: relative, kind: "file", mode, size: stat.size, sha256: hashFile(file) };
}

/** Returns a file's SHA-256, read 4 MiB at a time. */
export function hashFile(file: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(4 * 1024 * 1024);
  const descriptor = fs.openSync(file, "r");
  try {
    for (let length = fs.readSync(descriptor, buffer); length > 0; length = fs.readSync(descriptor, buffer)) {
      hash.update(buffer.subarray(0, length));
    }
  } finally {
    fs.closeSync(descriptor);
  }
  return hash.digest("hex");
}

/** Returns the files below a root, as paths relative to it. */
export function listFiles(root: string): string[] {
  return readTree(root).flatMap((entry) => (entry.kind === "folder" ? [] : [entry.path]));
}

/** Turns one bit of a file over, in its middle or at `at`; keeps its times when asked, as a failing disk does. */
export function flipByte(file: string, options: { readonly at?: number; readonly keepTimes?: boolean } = {}): void {
  const { mode, size, atime, mtime } = fs.statSync(file);
  const at = options.at ?? Math.floor(size / 2);
  fs.chmodSync(file, 0o644);
  const descriptor = fs.openSync(file, "r+");
  const byte = Buffer.alloc(1);
  fs.readSync(descriptor, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  fs.writeSync(descriptor, byte, 0, 1, at);
  fs.closeSync(descriptor);
  fs.chmodSync(file, mode & 0o777);
  if (options.keepTimes === true) fs.utimesSync(file, atime, mtime);
}

/** Returns bytes that do not compress, the same for the same seed (AES in counter mode over zeros). */
export function noise(seed: number | string, length: number): Buffer {
  const key = createHash("sha256").update(String(seed)).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Writes a file of such bytes, 16 MiB at a time. */
export function writeNoise(file: string, seed: number | string, length: number): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const cipher = createCipheriv("aes-256-ctr", createHash("sha256").update(String(seed)).digest(), Buffer.alloc(16));
  const zeros = Buffer.alloc(Math.min(length, 16 * 1024 * 1024));
  const descriptor = fs.openSync(file, "w");
  try {
    for (let at = 0; at < length; at += zeros.length)
      fs.writeSync(descriptor, cipher.update(zeros.subarray(0, Math.min(zeros.length, length - at))));
  } finally {
    fs.closeSync(descriptor);
  }
}
