// Builds, runs the tests and says in the last line which remote servers took part.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(path.join(os.tmpdir(), "mlv-test-"));
const serversLog = path.join(scratch, "servers.jsonl");
const run = (script, args) =>
  spawnSync(process.execPath, [path.join(root, script), ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, MLV_TEST_SERVERS_LOG: serversLog },
  }).status ?? 1;

let status = run("scripts/build.js", []);
if (status === 0) status = run("node_modules/vitest/vitest.mjs", ["run", ...process.argv.slice(2)]);
const ran = existsSync(serversLog)
  ? readFileSync(serversLog, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
  : [];
rmSync(scratch, { recursive: true, force: true });
const real = new Map(ran.filter((entry) => entry.real).map((entry) => [entry.kind, entry.name]));
const standIns = new Map(ran.filter((entry) => !entry.real).map((entry) => [entry.kind, entry.name]));
const missing = ["s3", "gcs", "azure"].filter((kind) => !real.has(kind));
const shown = [...real.values(), ...missing.flatMap((kind) => (standIns.has(kind) ? [`${standIns.get(kind)} (ours)`] : []))];
console.log(`servers: ran ${shown.join(", ") || "none"}; not there: ${missing.join(", ") || "none"}`);
process.exit(status);
