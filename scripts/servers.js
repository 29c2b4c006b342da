/* eslint-disable no-console */
// Installs the servers that the remotes' tests run against into .servers/bin, with Go. Azurite comes with the npm dependencies.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = path.join(root, ".servers", "bin");
const suffix = process.platform === "win32" ? ".exe" : "";
const SERVERS = [
  { name: "versitygw", package: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0", serves: "S3" },
  { name: "fake-gcs-server", package: "github.com/fsouza/fake-gcs-server", version: "v1.56.1", serves: "Google Cloud Storage" },
];

const go = findGo();
if (go === undefined) {
  console.error("error: Go was not found, so the S3 and Google Cloud Storage servers cannot be installed");
  console.error("hint: install Go from https://go.dev/dl/; without it the tests use the small servers in test/remotes");
  process.exit(1);
}
mkdirSync(bin, { recursive: true });
for (const server of SERVERS) {
  if (isInstalled(server)) {
    console.log(`${server.name} ${server.version} is there (${server.serves})`);
    continue;
  }
  console.log(`installing ${server.name} ${server.version} (${server.serves}); the first time takes some minutes`);
  const result = spawnSync(go, ["install", `${server.package}@${server.version}`], {
    stdio: "inherit",
    cwd: root,
    env: { ...process.env, GOBIN: bin, GOFLAGS: `${process.env["GOFLAGS"] ?? ""} -buildvcs=false`.trim() },
  });
  if (result.status !== 0) {
    console.error(`error: \`go install ${server.package}@${server.version}\` failed`);
    process.exit(1);
  }
  writeFileSync(stamp(server), `${server.version}\n`);
}
const azurite = path.join(root, "node_modules", "azurite", "package.json");
console.log(
  existsSync(azurite)
    ? `azurite ${JSON.parse(readFileSync(azurite, "utf8")).version} is there (Azure)`
    : "azurite is missing: run `npm ci`",
);

function findGo() {
  for (const candidate of [process.env["GO"], "go", "/usr/local/go/bin/go"]) {
    if (candidate !== undefined && spawnSync(candidate, ["version"], { stdio: "ignore" }).status === 0) return candidate;
  }
  return undefined;
}

function isInstalled(server) {
  const isThere = existsSync(path.join(bin, server.name + suffix));
  return isThere && existsSync(stamp(server)) && readFileSync(stamp(server), "utf8").trim() === server.version;
}

function stamp(server) {
  return path.join(bin, `.${server.name}.version`);
}
