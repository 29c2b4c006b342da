import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import path from "node:path";
import { portOf } from "./counting-proxy.ts";
import { PROJECT } from "./tools.ts";

const PROGRAM = path.join(PROJECT, ".servers", "bin", "versitygw");
const BUCKET = "bench";
const ENV = { AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench-secret", AWS_REGION: "us-east-1" };

/** Is a running S3 server with one empty bucket. */
export interface S3Server {
  readonly port: number;
  readonly bucket: string;
  /** Credentials for child processes. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Tells whether versitygw is installed; `npm run servers` does that. */
export function hasS3Server(): boolean {
  return fs.existsSync(PROGRAM);
}

/** Starts versitygw over a folder and waits until it takes connections. */
export async function startS3Server(folder: string): Promise<S3Server> {
  fs.mkdirSync(path.join(folder, BUCKET), { recursive: true });
  const port = await findFreePort();
  const env = { AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench-secret", AWS_REGION: "us-east-1" };
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
    folder,
  ];
  const child = spawn(PROGRAM, args, { stdio: "ignore" });
  const gone = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  for (let attempt = 0; !(await canConnect(port)); attempt++) {
    if (attempt > 100 || child.exitCode !== null) throw new Error("versitygw did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    bucket: BUCKET,
    env: ENV,
    async stop() {
      child.kill();
      await gone;
    },
  };
}

function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1", () => {
      const port = portOf(server.address());
      server.close(() => resolve(port));
    });
  });
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
