// Compares two tables of millions of rows whole: mlv's own keyed diff within a memory bound, and the one through DuckDB against DuckDB's own
// query. `npm run test:tables -- --rows 600000` for a smaller one. Times are printed and never judged, counts and memory are.
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(import.meta.url);
const CHANGED = 1000;
const INSERTED = 1000;
const MAX_MEMORY_MIB = 1024;

const cities = ["Aarhus", "Bergen", "Córdoba", "Dakar", "Essen", "Fukuoka", "Graz", "Hobart"];
const numberAt = (at, salt) => (Math.imul(at ^ salt, 2654435761) >>> 0) / 2 ** 32;
const line = (id, at, edit) =>
  `${id},${cities[at % cities.length]},${(numberAt(at, 7) * 1e6).toFixed(2)},2024-${String((at % 12) + 1).padStart(2, "0")}-${String((at % 28) + 1).padStart(2, "0")},user${at}@example.org,${edit ? "changed" : `note ${at % 97}`}\n`;

/** Writes both versions; every row of the later one whose place is a multiple of `step` differs, and after it one more is inserted. */
function writeTables(folder, rows) {
  const step = Math.floor(rows / CHANGED);
  for (const name of ["before", "after"]) {
    const file = openSync(path.join(folder, `${name}.csv`), "w");
    let text = "id,city,amount,day,mail,note\n";
    for (let at = 0; at < rows; at++) {
      const isEdited = name === "after" && at % step === step - 1;
      text += line(at, at, isEdited);
      if (isEdited) text += line(rows + at, at, false);
      if (text.length > 1_000_000) {
        writeSync(file, text);
        text = "";
      }
    }
    writeSync(file, text);
    closeSync(file);
  }
}

const duckOptions = (folder) => ({
  memory_limit: "400MiB",
  temp_directory: path.join(folder, "spill"),
  preserve_insertion_order: "false",
  threads: String(os.availableParallelism()),
});

/** The least that DuckDB has to do for the same counts. */
const query = (folder) => {
  const scan = (name) =>
    `read_csv('${path.join(folder, name)}.csv', all_varchar = true, header = true, delim = ',', quote = '"', escape = '"')`;
  const columns = ["city", "amount", "day", "mail", "note"].map((name) => `a.${name} IS DISTINCT FROM b.${name}`).join(" OR ");
  return `SELECT count(*) FILTER (WHERE a.id IS NULL) AS added, count(*) FILTER (WHERE b.id IS NULL) AS removed,
    count(*) FILTER (WHERE a.id IS NOT NULL AND b.id IS NOT NULL AND (${columns})) AS changed
    FROM ${scan("before")} a FULL OUTER JOIN ${scan("after")} b ON a.id = b.id`;
};

async function child(mode, folder) {
  const startedAt = performance.now();
  let counts;
  if (mode === "query") {
    const { DuckDBInstance } = await import("@duckdb/node-api");
    const connection = await (await DuckDBInstance.create(":memory:", duckOptions(folder))).connect();
    [counts] = (await connection.runAndReadAll(query(folder))).getRowObjectsJson();
  } else {
    const { diffTables } = await import("../src/tabular/diff.ts");
    const { openTableFile } = await import("../src/tabular/source.ts");
    const [before, after] = [await openTableFile(path.join(folder, "before.csv")), await openTableFile(path.join(folder, "after.csv"))];
    const diff = await diffTables(before, after, { key: ["id"], ...(mode === "own" ? { duckdb: false } : {}) });
    counts = { ...diff.rows, engine: diff.engine, statistics: diff.statistics.length };
  }
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage();
  const memoryMiB = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ wallMs, cpuMs: (user + system) / 1000, memoryMiB, counts }));
  process.exit(0);
}

function measure(mode, folder) {
  const ran = spawnSync(process.execPath, [script, "--child", mode, folder], { encoding: "utf8" });
  if (ran.status !== 0) throw new Error(`${mode} failed: ${ran.stderr}`);
  const found = JSON.parse(ran.stdout.trim().split("\n").at(-1));
  const { wallMs, cpuMs, memoryMiB } = found;
  console.log(`${mode.padEnd(7)} ${(wallMs / 1000).toFixed(1)} s, CPU ${(cpuMs / 1000).toFixed(1)} s, ${memoryMiB.toFixed(0)} MiB`);
  return found;
}

function main(rows, runs) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "mlv-tables-"));
  const failed = [];
  const expect = (what, found, wanted) => {
    if (found !== wanted) failed.push(`${what}: ${found}, not ${wanted}`);
  };
  try {
    writeTables(folder, rows);
    const own = measure("own", folder);
    if (own.memoryMiB > MAX_MEMORY_MIB) failed.push(`mlv's own diff took ${own.memoryMiB.toFixed(0)} MiB`);
    const ratios = [];
    for (let run = 0; run < runs; run++) {
      const [plain, through] = [measure("query", folder), measure("duckdb", folder)];
      ratios.push({ wall: through.wallMs / plain.wallMs, cpu: through.cpuMs / plain.cpuMs });
      for (const [name, { counts }] of Object.entries({ own, plain, through })) {
        expect(`${name} added`, Number(counts.added), INSERTED);
        expect(`${name} removed`, Number(counts.removed), 0);
        expect(`${name} changed`, Number(counts.changed), CHANGED);
      }
      expect("the engine", through.counts.engine, "duckdb");
    }
    const show = (name) => ratios.map((ratio) => ratio[name].toFixed(2)).join(", ");
    console.log(`through DuckDB, against its own query: wall ${show("wall")}; CPU ${show("cpu")}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const failure of failed) console.error(failure);
  console.log(failed.length === 0 ? `ok: ${rows} rows` : "failed");
  process.exit(failed.length === 0 ? 0 : 1);
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--child") await child(rest[0], rest[1]);
else {
  const given = (name, otherwise) => Number(process.argv[process.argv.indexOf(name) + 1 || -1] ?? otherwise);
  main(given("--rows", 6_000_000), given("--runs", 2));
}
