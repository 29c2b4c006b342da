// Checks format, lint (rooms included), types, dead code, the package and the page of commands; prints what failed and exits 1.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const steps = [
  ["format", "oxfmt", "--check", "src", "test", "bench", "scripts", "bin"],
  ["lint and rooms", "oxlint", "--type-aware", "--deny-warnings", "src", "test", "bench"],
  ["types", "tsc", "-p", "."],
  ["dead code", "knip"],
  ["package", "publint", "--strict"],
  ["build", process.execPath, path.join(root, "scripts", "build.js")],
  ["page of commands", process.execPath, path.join(root, "scripts", "docs-commands.js"), "--check"],
];
const failed = [];
for (const [name, command, ...args] of steps) {
  const startedAt = Date.now();
  const result = spawnSync(path.resolve(root, "node_modules", ".bin", command), args, { cwd: root, stdio: "inherit" });
  const isFine = result.status === 0;
  console.log(`${isFine ? "ok  " : "FAIL"} ${name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
  if (!isFine) failed.push(name);
}
if (failed.length > 0) console.error(`check failed: ${failed.join(", ")}`);
process.exit(failed.length > 0 ? 1 : 0);
