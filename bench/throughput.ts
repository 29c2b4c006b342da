// Compares one large object's upload and download with the vendor's SDK alone, interleaved: `node bench/throughput.ts --help`.
import * as fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { startServer, type RunningServer } from "../test/remotes/servers.ts";
import { DataSets } from "./support/data.ts";
import { measure, run } from "./support/measure.ts";
import { createEnvironment, DATA, describeCommit, describeMachine, MLV, PROJECT } from "./support/tools.ts";
import { hashTree } from "./support/trees.ts";

const USAGE = `usage: node bench/throughput.ts [--only s3,azure] [--runs N] [--scale X]
  --scale X   size of the file, 1 is 2 GiB (1)
`;
const KINDS = ["s3", "azure"] as const;
type Kind = (typeof KINDS)[number];
const MIB = 2 ** 20;
/** What the SDK is tried with; its fastest counts. */
const SETTINGS = [
  { partBytes: 8 * MIB, concurrency: 4 },
  { partBytes: 16 * MIB, concurrency: 4 },
  { partBytes: 32 * MIB, concurrency: 8 },
] as const;

interface Sample {
  readonly kind: Kind;
  readonly way: "upload" | "download";
  readonly who: string;
  readonly wallSeconds: number;
  readonly cpuSeconds: number | undefined;
}

const samples: Sample[] = [];

async function measureKind(kind: Kind, folder: string, options: { readonly runs: number; readonly scale: number }): Promise<void> {
  const file = path.join(new DataSets(DATA, { scale: options.scale, say }).get("big"), "big.bin");
  const { size } = fs.statSync(file);
  const wanted = hashTree(file);
  for (let index = 0; index < options.runs; index++) {
    // A server that holds everything in memory is started anew each time.
    const server = await startServer(kind);
    const place = path.join(folder, `${kind}-${index}`);
    fs.mkdirSync(place);
    try {
      const turns = [
        () => measureMlv(kind, { server, place, file, wanted }),
        () => measureSdk(kind, { server, place, file, wanted, size }),
      ];
      for (const turn of index % 2 === 0 ? turns : turns.toReversed()) await turn();
    } finally {
      await server.stop();
      fs.rmSync(place, { recursive: true, force: true });
    }
  }
}

interface Turn {
  readonly server: RunningServer;
  readonly place: string;
  readonly file: string;
  readonly wanted: string;
}

async function measureMlv(kind: Kind, { server, place, file, wanted }: Turn): Promise<void> {
  const env = { ...createEnvironment(), ...server.env, MLV_TRUST_ENDPOINTS: new URL(server.options["endpoint"] ?? "").host };
  const project = path.join(place, "project");
  const options = Object.entries(server.options).map(([name, value]) => `${name}=${value}`);
  const mlv = (...args: string[]): string[] => [process.execPath, MLV, ...args];
  await run(`git init -q project`, { cwd: place, env });
  await run(mlv("init", "-q"), { cwd: project, env });
  await run(mlv("remote", "add", "origin", `${server.url}/mlv`, "--option", ...options), { cwd: project, env });
  fs.copyFileSync(file, path.join(project, "big.bin"));
  await run(mlv("add", "-q", "big.bin"), { cwd: project, env });
  await run("git add -A . && git commit -qm data && sync", { cwd: project, env });
  note(kind, "upload", "mlv push", await measure(mlv("push", "-q"), { cwd: project, env }));
  await run("git clone -q project clone && sync", { cwd: place, env });
  const clone = path.join(place, "clone");
  note(kind, "download", "mlv fetch", await measure(mlv("fetch", "-q"), { cwd: clone, env }));
  await run(mlv("checkout", "-q"), { cwd: clone, env });
  if (hashTree(path.join(clone, "big.bin")) !== wanted) throw new Error("wrong result of mlv");
  for (const name of ["project", "clone"]) fs.rmSync(path.join(place, name), { recursive: true });
}

async function measureSdk(kind: Kind, { server, place, file, wanted, size }: Turn & { readonly size: number }): Promise<void> {
  const env = { ...createEnvironment(), ...server.env };
  const copy = path.join(place, "copy.bin");
  for (const settings of SETTINGS) {
    const who = `SDK, ${settings.concurrency} parts of ${settings.partBytes / MIB} MiB`;
    const key = `sdk-${settings.partBytes}`;
    const task = JSON.stringify({ ...settings, endpoint: server.options["endpoint"], bucket: new URL(server.url).host });
    const sdk = (verb: string, at: string): string[] => [
      process.execPath,
      path.join(PROJECT, "bench", "vendor", `${kind}.ts`),
      verb,
      at,
      key,
      task,
      String(size),
    ];
    await run(["sync"], { cwd: place, env });
    note(kind, "upload", who, await measure(sdk("upload", file), { cwd: place, env }));
    await run(["sync"], { cwd: place, env });
    note(kind, "download", who, await measure(sdk("download", copy), { cwd: place, env }));
    if (hashTree(copy) !== wanted) throw new Error("wrong result of the SDK");
    fs.rmSync(copy);
  }
}

function note(
  kind: Kind,
  way: Sample["way"],
  who: string,
  taken: { readonly wallSeconds: number; readonly cpuSeconds: number | undefined },
): void {
  samples.push({ kind, way, who, wallSeconds: taken.wallSeconds, cpuSeconds: taken.cpuSeconds });
  say(`  ${kind} ${way}, ${who}: ${taken.wallSeconds.toFixed(2)} s (${taken.cpuSeconds?.toFixed(2)} s of CPU)`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Returns a Markdown table: each one's median, and mlv's time against the SDK's fastest setting. */
function formatTable(): string {
  const lines = ["| server | way | who | seconds | CPU seconds | against the SDK's fastest |", "|---|---|---|---:|---:|---:|"];
  for (const kind of KINDS) {
    for (const way of ["upload", "download"] as const) {
      const ofWay = samples.filter((sample) => sample.kind === kind && sample.way === way);
      const medians = [...new Set(ofWay.map(({ who }) => who))].map((who) => {
        const own = ofWay.filter((sample) => sample.who === who);
        return { who, wall: median(own.map(({ wallSeconds }) => wallSeconds)), cpu: median(own.map(({ cpuSeconds }) => cpuSeconds ?? 0)) };
      });
      const fastest = Math.min(...medians.filter(({ who }) => who.startsWith("SDK")).map(({ wall }) => wall));
      for (const { who, wall, cpu } of medians)
        lines.push(`| ${kind} | ${way} | ${who} | ${wall.toFixed(2)} | ${cpu.toFixed(2)} | ${(wall / fastest).toFixed(2)} |`);
    }
  }
  return lines.join("\n");
}

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: "string", default: KINDS.join(",") },
      runs: { type: "string", default: "3" },
      scale: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const scale = Number(values.scale);
  const startedAt = new Date().toISOString();
  const folder = path.join(DATA, "runs", `throughput-${startedAt.replaceAll(":", "")}`);
  fs.mkdirSync(folder, { recursive: true });
  try {
    for (const kind of KINDS.filter((known) => values.only.split(",").includes(known)))
      await measureKind(kind, folder, { runs: Number(values.runs), scale });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
    const { machine, load } = describeMachine();
    const head = `Measured ${startedAt.slice(0, 10)} at commit ${describeCommit(process.env)}, scale ${scale}, ${values.runs} interleaved runs; ${machine}; load ${load}.`;
    process.stdout.write(`\n${head}\n\n${formatTable()}\n`);
  }
}

await main(process.argv.slice(2));
