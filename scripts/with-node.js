// Runs `node ARGS…` with the Node that the dependencies carry when the one on PATH is too old for mlv.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const carried = path.join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const isCurrent = major > 22 || (major === 22 && minor >= 19);

if (!isCurrent && !existsSync(carried)) {
  console.error(
    `error: mlv needs Node 22.19 or newer to build and test; this is ${process.versions.node} and ` +
      "node_modules/node is missing\nhint: run `npm ci` with install scripts allowed, or install a newer Node",
  );
  process.exit(1);
}
const result = spawnSync(isCurrent ? process.execPath : carried, process.argv.slice(2), {
  cwd: root,
  stdio: "inherit",
  env: {
    ...process.env,
    PATH: `${path.join(root, "node_modules", ".bin")}${path.delimiter}${process.env["PATH"] ?? ""}`,
  },
});
process.exit(result.status ?? 1);
