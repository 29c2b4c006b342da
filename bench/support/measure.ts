import { spawn } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";

/** Is a command to run: a program and its arguments, or a line for `sh`. */
export type Command = readonly string[] | string;

/** Is what one run of a command took. */
export interface Measurement {
  readonly wallSeconds: number;
  /** User and system time of the command and of all that it waited for, and their sum; undefined where `/usr/bin/time` is not GNU's. */
  readonly userSeconds: number | undefined;
  readonly systemSeconds: number | undefined;
  readonly cpuSeconds: number | undefined;
  /** Largest resident size of any one process of the command. */
  readonly peakBytes: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Says where a command runs. */
export interface RunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

const GNU_TIME = "/usr/bin/time";
const hasTime = fs.existsSync(GNU_TIME) && process.platform === "linux";

/** Runs a command to its end and measures it. Throws an `Error` with its output when it fails. */
export async function measure(command: Command, options: RunOptions): Promise<Measurement> {
  const words = typeof command === "string" ? ["sh", "-ec", command] : command;
  const usageFile = path.join(options.cwd, `.usage-${process.pid}`);
  const wrapped = hasTime ? [GNU_TIME, "-q", "-f", "%U %S %M", "-o", usageFile, "--", ...words] : words;
  const startedAt = performance.now();
  const output = await runToEnd(wrapped, options);
  const wallSeconds = (performance.now() - startedAt) / 1000;
  const usage = hasTime ? readUsage(usageFile) : undefined;
  if (output.status !== 0) {
    throw new Error(
      `\`${words.join(" ")}\` in ${options.cwd} exited with ${output.status}\n${tail(output.stdout)}\n${tail(output.stderr)}`,
    );
  }
  return { wallSeconds, ...(usage ?? NO_USAGE), stdout: output.stdout, stderr: output.stderr };
}

/** Runs a command whose time does not matter and returns its standard output. Throws as `measure` does. */
export async function run(command: Command, options: RunOptions): Promise<string> {
  return (await measure(command, options)).stdout;
}

interface Output {
  readonly status: string | number;
  readonly stdout: string;
  readonly stderr: string;
}

function runToEnd(words: readonly string[], options: RunOptions): Promise<Output> {
  const [program = "", ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => stdout.push(data));
    child.stderr.on("data", (data: Buffer) => stderr.push(data));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ status: code ?? signal ?? "nothing", stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

type Usage = Pick<Measurement, "userSeconds" | "systemSeconds" | "cpuSeconds" | "peakBytes">;

const NO_USAGE: Usage = { userSeconds: undefined, systemSeconds: undefined, cpuSeconds: undefined, peakBytes: undefined };

function readUsage(file: string): Usage {
  const [user = 0, system = 0, peakKib = 0] = (fs.readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  fs.unlinkSync(file);
  return { userSeconds: user, systemSeconds: system, cpuSeconds: user + system, peakBytes: peakKib * 1024 };
}

function tail(text: string): string {
  return text.length > 2000 ? `…${text.slice(-2000)}` : text;
}
