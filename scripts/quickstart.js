// The main job on real data, each step as a person would type it: add, push, fresh clone, pull, compare, edit, push, go back.
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(path.join(os.tmpdir(), "mlv-quickstart-"));
const mlv = path.join(root, "bin", "mlv.js");
const env = {
  ...process.env,
  HOME: scratch,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: os.devNull,
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com",
};
let folder = scratch;

function type(command, expectedStatus = 0) {
  console.log(`\n$ ${command}`);
  const words = command.split(" ");
  const [program, args] = words[0] === "mlv" ? [process.execPath, [mlv, ...words.slice(1)]] : [words[0], words.slice(1)];
  const result = spawnSync(program, args, { cwd: folder, env, encoding: "utf8" });
  process.stdout.write(result.stdout ?? "");
  process.stdout.write(result.stderr ?? "");
  if (result.status !== expectedStatus) fail(`\`${command}\` exited with ${result.status} instead of ${expectedStatus}`);
}

function fail(why) {
  console.error(`\nquickstart failed: ${why}`);
  rmSync(scratch, { recursive: true, force: true });
  process.exit(1);
}

function enter(name) {
  folder = path.join(scratch, name);
  console.log(`\n$ cd ${name}`);
}

/** Returns every file's path and hash, so that two trees compare whole. */
function fingerprint(tree) {
  const lines = [];
  const visit = (inner) => {
    for (const name of readdirSync(path.join(tree, inner)).sort()) {
      const relative = path.posix.join(inner, name);
      const file = path.join(tree, relative);
      if (statSync(file).isDirectory()) visit(relative);
      else lines.push(`${createHash("sha256").update(readFileSync(file)).digest("hex")} ${relative}`);
    }
  };
  visit("");
  return lines.join("\n");
}

function compare(what, left, right) {
  if (left !== right) fail(`${what}: the trees differ`);
  console.log(`\n✓ ${what}: ${left.split("\n").length} files, every hash the same`);
}

try {
  mkdirSync(path.join(scratch, "project", "data"), { recursive: true });
  cpSync(path.join(root, "node_modules", "vega-datasets", "data"), path.join(scratch, "project", "data", "vega"), { recursive: true });
  const tree = (project) => path.join(scratch, project, "data", "vega");
  const first = fingerprint(tree("project"));

  enter("project");
  type("git init --quiet --initial-branch main .");
  type("mlv init");
  type("mlv remote add origin ../storage");
  type("mlv add data/vega");
  type("git add .");
  type("git commit --quiet -m first");
  type("mlv push");

  folder = scratch;
  type("git clone --quiet project clone");
  enter("clone");
  type("mlv status");
  type("mlv pull");
  compare("the clone has what was added", first, fingerprint(tree("clone")));

  console.log("\n$ echo '{}' >> data/vega/cars.json");
  appendFileSync(path.join(tree("clone"), "cars.json"), "{}\n");
  const second = fingerprint(tree("clone"));
  type("mlv status");
  type("mlv add -u");
  type("git commit --quiet -am second");
  type("mlv push");

  type("git checkout --quiet HEAD~1");
  type("mlv status");
  type("mlv checkout");
  compare("back at the first commit", first, fingerprint(tree("clone")));
  type("git checkout --quiet main");
  type("mlv checkout");
  compare("and at the second again", second, fingerprint(tree("clone")));
  console.log("\nquickstart passed");
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
