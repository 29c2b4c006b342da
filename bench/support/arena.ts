import * as fs from "node:fs";
import path from "node:path";
import { measure, run, type Command } from "./measure.ts";
import { dropLargeFiles, hashTree } from "./trees.ts";

/** Is one measured step. */
export interface Sample {
  readonly group: string;
  readonly step: string;
  readonly tool: string;
  readonly run: number;
  readonly wallSeconds: number;
  readonly userSeconds: number | undefined;
  readonly systemSeconds: number | undefined;
  readonly cpuSeconds: number | undefined;
  readonly peakBytes: number | undefined;
  /** Bytes that the step added to the remote, where it has one. */
  readonly remoteBytes?: number;
  /** What a proxy before the remote saw, where there is one: requests, and bytes of both directions with their headers. */
  readonly traffic?: StepTraffic;
}

/** Is what a step asked of a remote behind a counting proxy. */
export interface StepTraffic {
  readonly requests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Says how a step is run. */
export interface StepOptions {
  readonly cwd: string;
  /** Returns what the remote holds; asked before and after the step. */
  readonly remoteBytes?: () => number;
  /** Returns what went over the line since it was last asked. */
  readonly traffic?: () => StepTraffic;
  /** Throws when what the command printed or left is wrong. */
  readonly check?: (stdout: string) => void;
}

function pickTraffic({ requests, sentBytes, receivedBytes }: StepTraffic): StepTraffic {
  return { requests, sentBytes, receivedBytes };
}

/** Runs steps in fresh folders, and keeps what they took. */
export class Arena {
  readonly samples: Sample[] = [];
  readonly env: NodeJS.ProcessEnv;
  readonly #folder: string;
  readonly #isCold: boolean;
  readonly #say: (line: string) => void;
  readonly #hashes = new Map<string, string>();
  #count = 0;

  constructor(folder: string, options: { readonly env: NodeJS.ProcessEnv; readonly cold: boolean; readonly say: (line: string) => void }) {
    this.#folder = folder;
    this.env = options.env;
    this.#isCold = options.cold;
    this.#say = options.say;
    fs.mkdirSync(folder, { recursive: true });
  }

  /** Gives every command from now on some variables, e.g. the credentials of a server. */
  addVariables(variables: Readonly<Record<string, string>>): void {
    Object.assign(this.env, variables);
  }

  /** Makes an empty folder that no run had before. */
  fresh(name: string): string {
    const folder = path.join(this.#folder, `${String(this.#count++).padStart(3, "0")}-${name}`);
    fs.mkdirSync(folder);
    return folder;
  }

  /** Measures one step. What is dirty in memory is written out before, so that nobody pays for another's bytes. */
  async step(where: Pick<Sample, "group" | "step" | "tool" | "run">, command: Command, options: StepOptions): Promise<void> {
    await run(this.#isCold ? "sync; echo 3 > /proc/sys/vm/drop_caches" : ["sync"], { cwd: this.#folder, env: this.env });
    const before = options.remoteBytes?.();
    options.traffic?.();
    const taken = await measure(command, { cwd: options.cwd, env: this.env });
    options.check?.(taken.stdout);
    const sample: Sample = {
      ...where,
      wallSeconds: taken.wallSeconds,
      userSeconds: taken.userSeconds,
      systemSeconds: taken.systemSeconds,
      cpuSeconds: taken.cpuSeconds,
      peakBytes: taken.peakBytes,
      ...(before === undefined ? {} : { remoteBytes: (options.remoteBytes?.() ?? 0) - before }),
      ...(options.traffic === undefined ? {} : { traffic: pickTraffic(options.traffic()) }),
    };
    this.samples.push(sample);
    const cpu = sample.cpuSeconds === undefined ? "" : ` (${sample.cpuSeconds.toFixed(2)} s of CPU)`;
    this.#say(`  ${where.group} · ${where.step} · ${where.tool} · run ${where.run + 1}: ${sample.wallSeconds.toFixed(3)} s${cpu}`);
  }

  /** Runs a command that prepares something; not measured. */
  async prepare(command: Command, cwd: string): Promise<string> {
    return run(command, { cwd, env: this.env });
  }

  /** Throws unless two trees have the same files with the same content. The hash of `expected` is kept. */
  assertSame(actual: string, expected: string): void {
    const wanted = this.#hashes.get(expected) ?? hashTree(expected);
    this.#hashes.set(expected, wanted);
    if (hashTree(actual) !== wanted) throw new Error(`wrong result: ${actual} differs from ${expected}`);
  }

  /** Gives large files' space back; a folder's many small ones wait for `close`. */
  reclaim(folder: string): void {
    if (fs.existsSync(folder)) dropLargeFiles(folder);
  }

  /** Deletes all folders of the runs. */
  close(): void {
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}
