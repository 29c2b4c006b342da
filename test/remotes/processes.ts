import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Returns a loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Starts a server program and waits until it accepts connections on its port; throws with its output when it does not. */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: { readonly port: number; readonly env?: Record<string, string>; readonly cwd?: string },
): Promise<{ stop(): Promise<void>; readonly child: ChildProcess }> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let output = "";
  const keep = (data: Buffer): void => void (output = (output + String(data)).slice(-4000));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let isStopping = false;
  // A test that fails since its server died should say so.
  child.once("exit", (code, signal) => {
    if (!isStopping) process.stderr.write(`${command} ended by itself (${code ?? signal}): ${output}\n`);
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async (): Promise<void> => {
    isStopping = true;
    process.removeListener("exit", kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const deadline = Date.now() + 30_000;
  while (!(await accepts(options.port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${command} did not start: ${output}`);
    }
    await sleep(25);
  }
  return { child, stop };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
