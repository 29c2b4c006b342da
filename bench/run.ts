// Runs mlv, its peers and the floor interleaved in one run, checks every result and prints ratios: `npm run bench -- --help`.
import * as fs from "node:fs";
import path from "node:path";
import { measureBig } from "./scenarios/big.ts";
import { measureCsv } from "./scenarios/csv.ts";
import { measureReal } from "./scenarios/real.ts";
import { measureS3 } from "./scenarios/s3.ts";
import { measureMillion, measureSmall } from "./scenarios/small.ts";
import { measureStatus } from "./scenarios/status.ts";
import { parseBenchOptions, USAGE, type BenchOptions, type Group } from "./support/arguments.ts";
import { Arena } from "./support/arena.ts";
import { DataSets } from "./support/data.ts";
import { formatReport, type BenchRun } from "./support/report.ts";
import type { Scene } from "./support/scenario.ts";
import { createEnvironment, DATA, describeCommit, describeMachine, findTools, PROJECT, type Versions } from "./support/tools.ts";
import { chooseVersioners } from "./support/versioners.ts";

const MEASURE: Readonly<Record<Group, (scene: Scene) => Promise<void>>> = {
  status: measureStatus,
  big: measureBig,
  small: measureSmall,
  csv: measureCsv,
  real: measureReal,
  s3: measureS3,
  million: measureMillion,
};

const HOW_TO_INSTALL: Readonly<Record<string, string>> = {
  dvc: 'python3 -m venv bench/.data/venv && bench/.data/venv/bin/pip install "dvc[s3]"',
  "git-lfs": 'GOBIN="$PWD/bench/.data/bin" go install github.com/git-lfs/git-lfs/v3@latest',
};

await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<void> {
  if (argv.includes("--help")) {
    process.stdout.write(USAGE);
    return;
  }
  const options = readOptions(argv);
  if (options === undefined) return;
  const env = createEnvironment();
  const versions = findTools(env);
  if (versions["mlv"] === undefined) {
    process.stderr.write("error: mlv is not built\nhint: npm run build\n");
    process.exitCode = 1;
    return;
  }
  await runBench(options, { argv, env: versions["rsync"] === undefined ? env : { ...env, MLV_BENCH_RSYNC: "1" }, versions });
}

function readOptions(argv: readonly string[]): BenchOptions | undefined {
  try {
    return parseBenchOptions(argv);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

interface Setting {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly versions: Versions;
}

async function runBench(options: BenchOptions, { argv, env, versions }: Setting): Promise<void> {
  const startedAt = new Date().toISOString();
  const loadBefore = describeMachine().load;
  const peers = options.against.filter((name) => name !== "floor");
  const missing = [...peers, ...(options.against.includes("floor") ? ["openssl", "rsync"] : [])].filter(
    (name) => versions[name] === undefined,
  );
  for (const name of missing)
    say(`${name} is not installed${HOW_TO_INSTALL[name] === undefined ? "" : `; to measure it: ${HOW_TO_INSTALL[name]}`}`);
  const arena = new Arena(path.join(DATA, "runs", startedAt.replaceAll(":", "")), { env, cold: options.cold, say });
  const scene: Scene = {
    arena,
    data: new DataSets(DATA, { scale: options.scale, say }),
    versioners: chooseVersioners((name) => peers.some((peer) => peer === name) && versions[name] !== undefined),
    hasFloor: options.against.includes("floor") && versions["openssl"] !== undefined,
    runs: options.runs,
    scale: options.scale,
  };
  const finish = (): void => {
    const { machine, load } = describeMachine();
    const about = {
      startedAt,
      command: ["npm run bench --", ...argv].join(" "),
      commit: describeCommit(env),
      machine,
      loadBefore,
      loadAfter: load,
    };
    writeResults({ ...about, scale: options.scale, runs: options.runs, versions, missing, samples: arena.samples });
  };
  try {
    for (const group of options.only) {
      say(group);
      await MEASURE[group](scene);
    }
  } finally {
    finish();
    if (!options.keep) arena.close();
  }
}

function writeResults(bench: BenchRun): void {
  const folder = path.join(PROJECT, "bench", "results");
  fs.mkdirSync(folder, { recursive: true });
  const name = path.join(folder, bench.startedAt.replaceAll(":", ""));
  const report = formatReport(bench);
  fs.writeFileSync(`${name}.json`, `${JSON.stringify(bench, undefined, 2)}\n`);
  fs.writeFileSync(`${name}.md`, report);
  process.stdout.write(`\n${report}\nwritten: ${path.relative(PROJECT, name)}.json and .md\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
