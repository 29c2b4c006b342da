// Counts, at the server, the bytes and requests of pushes and pulls: `node bench/transfer.ts --help`.
import * as fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { startCountingProxy, type CountingProxy } from "./support/counting-proxy.ts";
import { writeEditedCsv } from "./support/csv.ts";
import { DataSets } from "./support/data.ts";
import { run } from "./support/measure.ts";
import { formatBytes } from "./support/report.ts";
import { hasS3Server, startS3Server, type S3Server } from "./support/s3-server.ts";
import { createEnvironment, DATA, describeCommit, MLV, PROJECT } from "./support/tools.ts";
import { hashTree, sizeTree } from "./support/trees.ts";

const USAGE = `usage: node bench/transfer.ts [--only csv,appended,inserted,small,tenth] [--scale X] [--delay MS] [--strict]
  --delay MS   added to every request
  --strict     exit 1 when a bound is missed
`;
const CASES = ["csv", "appended", "inserted", "small", "tenth"] as const;
type CaseName = (typeof CASES)[number];

/** Is one line of the result: what travelled, and the bound it should keep. */
interface Line {
  readonly what: string;
  readonly requests: number | undefined;
  readonly sentBytes: number;
  readonly receivedBytes: number | undefined;
  readonly seconds: number;
  readonly bound: string;
  readonly isMet: boolean;
}

interface Counted {
  readonly requests: number | undefined;
  readonly sentBytes: number;
  readonly receivedBytes: number | undefined;
  readonly seconds: number;
}

/** Is where a case runs: a project beside an empty place on the remote. */
interface Place {
  readonly folder: string;
  readonly project: string;
  readonly clone: string;
}

class TransferBench {
  readonly lines: Line[] = [];
  readonly data: DataSets;
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;
  readonly #proxy: CountingProxy | undefined;
  readonly #server: S3Server | undefined;
  #count = 0;

  constructor(options: {
    readonly folder: string;
    readonly scale: number;
    readonly server: S3Server | undefined;
    readonly proxy: CountingProxy | undefined;
  }) {
    this.#folder = options.folder;
    this.#server = options.server;
    this.#proxy = options.proxy;
    this.#env = {
      ...createEnvironment(),
      ...options.server?.env,
      MLV_TRUST_ENDPOINTS: new URL(options.proxy?.url ?? "http://127.0.0.1").host,
    };
    this.data = new DataSets(DATA, { scale: options.scale, say });
  }

  async place(name: string): Promise<Place> {
    const folder = path.join(this.#folder, `${this.#count++}-${name}`);
    fs.mkdirSync(folder);
    const server = this.#server;
    const url =
      server === undefined
        ? ["../remote"]
        : [`s3://${server.bucket}/${name}`, "--option", `endpoint=${this.#proxy?.url}`, "region=us-east-1", "path-style=true"];
    await this.run("git init -q project", folder);
    const project = path.join(folder, "project");
    await this.#mlv(["init", "-q"], project);
    await this.#mlv(["remote", "add", "origin", ...url], project);
    return { folder, project, clone: path.join(folder, "clone") };
  }

  /** Tracks what is in `data` and commits the pointer. */
  async record(place: Place, target: string): Promise<void> {
    await this.#mlv(["add", "-q", target], place.project);
    await this.run("git add -A . && git commit -qm version", place.project);
  }

  async push(place: Place): Promise<Counted> {
    return this.#counted(place, () => this.#mlv(["push", "-q"], place.project));
  }

  async pull(place: Place): Promise<Counted> {
    if (fs.existsSync(place.clone)) await this.run("git pull -q --ff-only", place.clone);
    else await this.run("git clone -q project clone", place.folder);
    return this.#counted(place, () => this.#mlv(["pull", "-q"], place.clone));
  }

  note(what: string, counted: Counted, bound: string, isMet: boolean): void {
    const line = { what, ...counted, bound, isMet };
    this.lines.push(line);
    say(`  ${formatLine(line)}`);
  }

  async run(command: string, cwd: string): Promise<void> {
    await run(command, { cwd, env: this.#env });
  }

  async #mlv(args: readonly string[], cwd: string): Promise<void> {
    await run([process.execPath, MLV, ...args], { cwd, env: this.#env });
  }

  async #counted(place: Place, work: () => Promise<void>): Promise<Counted> {
    this.#proxy?.take();
    const remote = path.join(place.folder, "remote");
    const before = sizeTree(remote).bytes;
    const startedAt = performance.now();
    await work();
    const seconds = (performance.now() - startedAt) / 1000;
    const traffic = this.#proxy?.take();
    if (traffic !== undefined) return { ...traffic, seconds };
    return { requests: undefined, sentBytes: sizeTree(remote).bytes - before, receivedBytes: undefined, seconds };
  }
}

/** Pushes a first version and an edited one, and pulls each into the same clone. */
async function measureEdit(
  bench: TransferBench,
  name: CaseName,
  files: { readonly set: "csv" | "appended" | "inserted"; readonly extension: string; readonly maximum: number },
): Promise<void> {
  const folder = bench.data.get(files.set);
  const [first, second] = [path.join(folder, `first.${files.extension}`), path.join(folder, `second.${files.extension}`)];
  const place = await bench.place(name);
  const target = `table.${files.extension}`;
  const file = path.join(place.project, target);
  fs.copyFileSync(first, file);
  const { size } = fs.statSync(first);
  await bench.record(place, target);
  const pushed = await bench.push(place);
  if (name === "csv") bench.note("csv: first push", pushed, "sends < 50 %", pushed.sentBytes < size / 2);
  else bench.note(`${name}: first push`, pushed, "", true);
  await bench.pull(place);
  fs.copyFileSync(second, file);
  await bench.record(place, target);
  const again = await bench.push(place);
  bench.note(`${name}: edited, push`, again, `sends < ${formatBytes(files.maximum)}`, again.sentBytes < files.maximum);
  const pulled = await bench.pull(place);
  assertSame(path.join(place.clone, target), second);
  const received = pulled.receivedBytes;
  bench.note(
    `${name}: edited, pull onto the first version`,
    pulled,
    `receives < ${formatBytes(files.maximum)}`,
    received === undefined || received < files.maximum,
  );
}

async function measureSmall(bench: TransferBench): Promise<void> {
  const source = bench.data.get("small");
  const place = await bench.place("small");
  fs.cpSync(source, path.join(place.project, "data"), { recursive: true });
  await bench.record(place, "data");
  const pushed = await bench.push(place);
  bench.note("small files: push", pushed, "< 250 requests", (pushed.requests ?? 0) < 250);
  const pulled = await bench.pull(place);
  assertSame(path.join(place.clone, "data"), source);
  bench.note("small files: clone and pull", pulled, "< 400 requests", (pulled.requests ?? 0) < 400);
  const idle = await bench.push(place);
  bench.note("small files: push with nothing to do", idle, "", true);
  fs.appendFileSync(path.join(place.project, "data", "42", "0000042.bin"), "one more line\n");
  await bench.record(place, "data");
  const changed = await bench.push(place);
  bench.note(
    "small files: one changed, push",
    changed,
    "< 12 requests and < 200 KiB",
    (changed.requests ?? 0) < 12 && changed.sentBytes < 200 * 1024,
  );
  const fetched = await bench.pull(place);
  assertSame(path.join(place.clone, "data"), path.join(place.project, "data"));
  bench.note("small files: one changed, pull", fetched, "", true);
}

/** Edits a table nine times; a fresh clone of the last version must not have to read much more than the version's own size. */
async function measureTenth(bench: TransferBench): Promise<void> {
  const first = path.join(bench.data.get("csv"), "first.csv");
  const place = await bench.place("tenth");
  const file = path.join(place.project, "table.csv");
  fs.copyFileSync(first, file);
  await bench.record(place, "table.csv");
  const stored = (await bench.push(place)).sentBytes;
  const next = path.join(place.folder, "next.csv");
  let sent = 0;
  for (let edit = 0; edit < 9; edit++) {
    const rows = fs.readFileSync(file).reduce((count, byte) => count + (byte === 10 ? 1 : 0), -1);
    writeEditedCsv(file, next, { rows, seed: `tenth ${edit}`, insertedRows: 1000, changedCells: 1000 });
    fs.renameSync(next, file);
    await bench.record(place, "table.csv");
    const pushed = await bench.push(place);
    sent += pushed.sentBytes;
    if (edit === 8)
      bench.note("tenth version: push", { ...pushed, sentBytes: pushed.sentBytes }, "like the second", pushed.sentBytes < (sent / 9) * 2);
  }
  const pulled = await bench.pull(place);
  assertSame(path.join(place.clone, "table.csv"), file);
  const bound = stored * 1.3;
  bench.note(
    "tenth version: fresh clone",
    pulled,
    `receives < ${formatBytes(Math.round(bound))}`,
    pulled.receivedBytes === undefined || pulled.receivedBytes < bound,
  );
}

function assertSame(actual: string, expected: string): void {
  if (hashTree(actual) !== hashTree(expected)) throw new Error(`wrong result: ${actual} differs from ${expected}`);
}

function formatLine({ what, requests, sentBytes, receivedBytes, seconds, bound, isMet }: Line): string {
  const received = receivedBytes === undefined ? "" : formatBytes(receivedBytes);
  const verdict = bound === "" ? "" : isMet ? "yes" : "**no**";
  return `| ${what} | ${requests ?? ""} | ${formatBytes(sentBytes)} | ${received} | ${seconds.toFixed(2)} | ${bound} | ${verdict} |`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: "string", default: CASES.join(",") },
      scale: { type: "string", default: "1" },
      delay: { type: "string", default: "0" },
      strict: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const scale = Number(values.scale);
  const only = values.only.split(",");
  const startedAt = new Date().toISOString();
  const folder = path.join(DATA, "runs", `transfer-${startedAt.replaceAll(":", "")}`);
  fs.mkdirSync(folder, { recursive: true });
  if (!hasS3Server())
    say("versitygw is not installed (`npm run servers`): a folder takes its place, so requests and received bytes are not counted");
  const server = hasS3Server() ? await startS3Server(path.join(folder, "s3")) : undefined;
  const proxy = server === undefined ? undefined : await startCountingProxy(server.port, Number(values.delay));
  const bench = new TransferBench({ folder, scale, server, proxy });
  const csvBytes = 500e6 * scale;
  const measures: Readonly<Record<CaseName, () => Promise<void>>> = {
    csv: () => measureEdit(bench, "csv", { set: "csv", extension: "csv", maximum: csvBytes / 1000 }),
    appended: () => measureEdit(bench, "appended", { set: "appended", extension: "csv", maximum: csvBytes / 100 }),
    inserted: () => measureEdit(bench, "inserted", { set: "inserted", extension: "bin", maximum: 1.2 * 2 ** 20 }),
    small: () => measureSmall(bench),
    tenth: () => measureTenth(bench),
  };
  try {
    for (const name of CASES.filter((known) => only.includes(known))) {
      say(name);
      await measures[name]();
    }
  } finally {
    await proxy?.stop();
    await server?.stop();
    report(bench.lines, { startedAt, scale });
    fs.rmSync(folder, { recursive: true, force: true });
  }
  if (values.strict && bench.lines.some((line) => !line.isMet)) process.exitCode = 1;
}

function report(lines: readonly Line[], { startedAt, scale }: { readonly startedAt: string; readonly scale: number }): void {
  const results = path.join(PROJECT, "bench", "results");
  fs.mkdirSync(results, { recursive: true });
  const name = path.join(results, `transfer-${startedAt.replaceAll(":", "")}`);
  const commit = describeCommit(process.env);
  const server = hasS3Server() ? "versitygw behind a counting proxy, headers included" : "a folder, files' sizes";
  const table = [
    `Measured ${startedAt.slice(0, 10)} at commit ${commit}, scale ${scale}; counted at ${server}.`,
    "",
    "| what | requests | sent | received | seconds | bound | met |",
    "|---|---:|---:|---:|---:|---|---|",
    ...lines.map(formatLine),
  ].join("\n");
  fs.writeFileSync(`${name}.json`, `${JSON.stringify({ startedAt, commit, scale, lines }, undefined, 2)}\n`);
  fs.writeFileSync(`${name}.md`, `${table}\n`);
  process.stdout.write(`\n${table}\n`);
}

await main(process.argv.slice(2));
