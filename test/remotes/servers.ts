import { createHash } from "node:crypto";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startFakeGcs } from "./fake-gcs.ts";
import { startFakeS3 } from "./fake-s3.ts";
import { writeGcsKey } from "./gcs-key.ts";
import { freePort, startProcess } from "./processes.ts";

/** Names a kind of service that the cloud drivers speak to. */
export type ServerKind = "s3" | "gcs" | "azure";

/** Is a running server and everything that `openRemote` needs to reach an empty bucket of it. */
export interface RunningServer {
  /** The program that runs: `versitygw`, `fake-gcs-server`, `azurite`, or the in-repository `fake-s3`, `fake-gcs`. */
  readonly name: string;
  /** The remote's URL, e.g. `s3://bucket`; add `/prefix` for a place of one's own. */
  readonly url: string;
  readonly options: Readonly<Record<string, string>>;
  /** Credentials, for `OpenContext.env` or a child process. */
  readonly env: Readonly<Record<string, string>>;
  /** What proves who we are, and nothing may print. */
  readonly secrets: readonly string[];
  stop(): Promise<void>;
}

const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const SERVERS = path.join(ROOT, ".servers", "bin");
const AZURITE = path.join(ROOT, "node_modules", "azurite", "dist", "src", "blob", "main.js");
const BUCKET = "test-bucket";

/** Tells whether the real server of a kind is installed; without it the in-repository one is used. */
export function hasRealServer(kind: ServerKind): boolean {
  switch (kind) {
    case "s3":
      return fs.existsSync(path.join(SERVERS, "versitygw"));
    case "gcs":
      return fs.existsSync(path.join(SERVERS, "fake-gcs-server"));
    case "azure":
      return fs.existsSync(AZURITE);
  }
}

/**
 * Starts a server with one empty bucket on a free loopback port: the real one where it is installed, else the in-repository one.
 * Throws when `MLV_TEST_REQUIRE` names the kind and its real server is not there. Says what ran in the file that
 * `MLV_TEST_SERVERS_LOG` names, one JSON object a line.
 */
export async function startServer(kind: ServerKind, options: { readonly fake?: boolean } = {}): Promise<RunningServer> {
  const isReal = options.fake !== true && hasRealServer(kind);
  const isRequired = (process.env["MLV_TEST_REQUIRE"] ?? "").split(",").includes(kind);
  if (!isReal && isRequired && options.fake !== true) {
    throw new Error(`MLV_TEST_REQUIRE asks for a real ${kind} server and there is none; \`npm run servers\` installs it`);
  }
  const server = await start(kind, isReal);
  note({ kind, name: server.name, real: isReal });
  return server;
}

async function start(kind: ServerKind, isReal: boolean): Promise<RunningServer> {
  switch (kind) {
    case "s3":
      return isReal ? startVersity() : startFakeS3(BUCKET);
    case "gcs":
      return isReal ? startFakeGcsServer() : startFakeGcs(BUCKET);
    case "azure":
      return startAzurite();
  }
}

function note(entry: { readonly kind: ServerKind; readonly name: string; readonly real: boolean }): void {
  const file = process.env["MLV_TEST_SERVERS_LOG"];
  if (file !== undefined && file !== "") fs.appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

async function startVersity(): Promise<RunningServer> {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-versity-"));
  fs.mkdirSync(path.join(root, BUCKET));
  const port = await freePort();
  const env = {
    AWS_ACCESS_KEY_ID: "mlvtest",
    AWS_SECRET_ACCESS_KEY: "mlvtest-secret-canary",
    AWS_REGION: "us-east-1",
  };
  const args = [
    "--port",
    `127.0.0.1:${port}`,
    "--access",
    env.AWS_ACCESS_KEY_ID,
    "--secret",
    env.AWS_SECRET_ACCESS_KEY,
    "--quiet",
    "--keep-alive",
    "posix",
    root,
  ];
  const running = await startProcess(path.join(SERVERS, "versitygw"), args, { port });
  return {
    name: "versitygw",
    url: `s3://${BUCKET}`,
    options: { endpoint: `http://127.0.0.1:${port}`, region: "us-east-1", "path-style": "true" },
    env,
    secrets: [env.AWS_SECRET_ACCESS_KEY],
    async stop() {
      await running.stop();
      fs.rmSync(root, { recursive: true, force: true });
    },
  };
}

async function startFakeGcsServer(): Promise<RunningServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [
    "-backend",
    "memory",
    "-scheme",
    "http",
    "-host",
    "127.0.0.1",
    "-port",
    String(port),
    "-public-host",
    `127.0.0.1:${port}`,
    "-external-url",
    url,
    "-log-level",
    "error",
  ];
  const running = await startProcess(path.join(SERVERS, "fake-gcs-server"), args, { port });
  await fetch(`${url}/storage/v1/b?project=test`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: BUCKET }),
  });
  const key = writeGcsKey();
  return {
    name: "fake-gcs-server",
    url: `gs://${BUCKET}`,
    options: { endpoint: url, project: "test" },
    env: { GOOGLE_APPLICATION_CREDENTIALS: key.file },
    secrets: [key.secret],
    async stop() {
      key.remove();
      await running.stop();
    },
  };
}

async function startAzurite(): Promise<RunningServer> {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-azurite-"));
  const port = await freePort();
  const account = "mlvtest";
  const key = createHash("sha512").update("canary").digest("base64");
  const args = [
    AZURITE,
    "--blobHost",
    "127.0.0.1",
    "--blobPort",
    String(port),
    "--skipApiVersionCheck",
    "--inMemoryPersistence",
    "--silent",
    "--disableTelemetry",
  ];
  const running = await startProcess(process.execPath, args, {
    port,
    cwd: root,
    env: { AZURITE_ACCOUNTS: `${account}:${key}` },
  });
  const endpoint = `http://127.0.0.1:${port}/${account}`;
  const { ContainerClient, StorageSharedKeyCredential } = await import("@azure/storage-blob");
  await new ContainerClient(`${endpoint}/${BUCKET}`, new StorageSharedKeyCredential(account, key)).create();
  return {
    name: "azurite",
    url: `az://${BUCKET}`,
    options: { endpoint, account },
    env: { AZURE_STORAGE_KEY: key },
    secrets: [key],
    async stop() {
      await running.stop();
      fs.rmSync(root, { recursive: true, force: true });
    },
  };
}
