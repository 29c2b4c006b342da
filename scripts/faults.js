// The long fault tests: twenty kills of each command on a file of 2 GiB, and of a push to each kind of bucket; every place of the sweeps by
// strace, which is installed when it is missing and this is root. `MLV_FAULTS_SEED=N npm run …` repeats a run; arguments go to vitest.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const isThere = (program) => spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
if (!isThere("strace") && process.getuid?.() === 0 && isThere("apt-get")) {
  spawnSync("apt-get", ["install", "--yes", "--quiet", "strace"], { stdio: "inherit" });
}
const result = spawnSync(process.execPath, [path.join(root, "scripts", "test.js"), "test/faults", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, MLV_FAULTS: "long" },
});
process.exit(result.status ?? 1);
