// What a single thread of Node needs for the bare work: `node bench/floor.ts hash FOLDER` reads and hashes every file.
import { hash } from "node:crypto";
import * as fs from "node:fs";
import path from "node:path";

const [verb, folder] = process.argv.slice(2);
if (verb !== "hash" || folder === undefined) {
  process.stderr.write("usage: node bench/floor.ts hash FOLDER\n");
  process.exit(2);
}

const buffer = Buffer.allocUnsafe(1 << 20);
let files = 0;
for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const input = fs.openSync(path.join(entry.parentPath, entry.name), "r");
  const length = fs.readSync(input, buffer);
  fs.closeSync(input);
  hash("sha256", buffer.subarray(0, length));
  files++;
}
process.stdout.write(`${files}\n`);
