import type { Sample } from "./arena.ts";

/** Says what was measured, where and with what. */
export interface BenchRun {
  readonly startedAt: string;
  readonly command: string;
  readonly commit: string;
  readonly machine: string;
  readonly loadBefore: string;
  readonly loadAfter: string;
  readonly scale: number;
  readonly runs: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly missing: readonly string[];
  readonly samples: readonly Sample[];
}

interface Row {
  readonly tool: string;
  readonly wall: number;
  readonly cpu: number | undefined;
  readonly user: number | undefined;
  readonly system: number | undefined;
  readonly peak: number | undefined;
  readonly remoteBytes: number | undefined;
  readonly requests: number | undefined;
  readonly sentBytes: number | undefined;
  readonly receivedBytes: number | undefined;
  /** How often the time of mlv goes into this one's: above 1, mlv is faster. */
  readonly ratio: { readonly median: number; readonly least: number; readonly most: number } | undefined;
}

/** Returns the Markdown tables of a run, one for each group. */
export function formatReport(bench: BenchRun): string {
  const lines = [
    `Measured ${bench.startedAt.slice(0, 10)} at commit ${bench.commit}, scale ${bench.scale}, ${bench.runs} interleaved ${bench.runs === 1 ? "run" : "runs"}: \`${bench.command}\`.`,
    "",
    `Machine: ${bench.machine}. Load before and after: ${bench.loadBefore} and ${bench.loadAfter}.`,
    "",
    `Versions: ${Object.entries(bench.versions)
      .map(([name, version]) => `${name} (${version})`)
      .join(", ")}.`,
    ...(bench.missing.length === 0 ? [] : ["", `Not installed, so not measured: ${bench.missing.join(", ")}.`]),
    "",
    "Seconds are medians. *Against mlv* is the time of a row divided by mlv's in the same run, as median and spread: above 1, mlv is faster.",
  ];
  for (const [group, samples] of groupBy(bench.samples, (sample) => sample.group)) {
    const columns = COLUMNS.filter(({ isWanted }) => isWanted?.(samples) ?? true);
    lines.push("", `## ${group}`, "", `| case | ${columns.map(({ title }) => title).join(" | ")} |`);
    lines.push(`|---|---|${"---:|".repeat(columns.length - 1)}`);
    for (const [step, ofStep] of groupBy(samples, (sample) => sample.step)) {
      for (const [position, row] of summarise(ofStep).entries()) {
        lines.push(`| ${[position === 0 ? step : "", ...columns.map(({ format }) => format(row))].join(" | ")} |`);
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

interface Column {
  readonly title: string;
  readonly format: (row: Row) => string;
  /** Tells whether a group's table has this column; it has when absent. */
  readonly isWanted?: (samples: readonly Sample[]) => boolean;
}

const hasTraffic = (samples: readonly Sample[]): boolean => samples.some(({ traffic }) => traffic !== undefined);
const orNothing = (value: number | undefined, format: (value: number) => string): string => (value === undefined ? "" : format(value));

const COLUMNS: readonly Column[] = [
  { title: "who", format: ({ tool }) => tool },
  { title: "seconds", format: ({ wall }) => formatSeconds(wall) },
  { title: "CPU seconds", format: ({ cpu }) => orNothing(cpu, formatSeconds) },
  {
    title: "user + system",
    format: ({ user, system }) => (user === undefined || system === undefined ? "" : `${formatSeconds(user)} + ${formatSeconds(system)}`),
  },
  { title: "peak memory", format: ({ peak }) => orNothing(peak, (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`) },
  {
    title: "onto the remote",
    format: ({ remoteBytes }) => orNothing(remoteBytes, formatBytes),
    isWanted: (samples) => samples.some(({ remoteBytes }) => remoteBytes !== undefined),
  },
  { title: "requests", format: ({ requests }) => orNothing(requests, String), isWanted: hasTraffic },
  { title: "sent", format: ({ sentBytes }) => orNothing(sentBytes, formatBytes), isWanted: hasTraffic },
  { title: "received", format: ({ receivedBytes }) => orNothing(receivedBytes, formatBytes), isWanted: hasTraffic },
  {
    title: "against mlv",
    format: ({ ratio }) =>
      ratio === undefined ? "" : `${formatRatio(ratio.median)} (${formatRatio(ratio.least)} to ${formatRatio(ratio.most)})`,
  },
];

function summarise(samples: readonly Sample[]): Row[] {
  const byTool = groupBy(samples, (sample) => sample.tool);
  const base = wallByRun(byTool.get("mlv") ?? []);
  return [...byTool].map(([tool, own]) => {
    const ratios = [...wallByRun(own)].flatMap(([run, wall]) => {
      const ours = base.get(run);
      return ours === undefined ? [] : [wall / ours];
    });
    return {
      tool,
      wall: median(own.map((sample) => sample.wallSeconds)),
      cpu: medianOf(own, (sample) => sample.cpuSeconds),
      user: medianOf(own, (sample) => sample.userSeconds),
      system: medianOf(own, (sample) => sample.systemSeconds),
      peak: medianOf(own, (sample) => sample.peakBytes),
      remoteBytes: medianOf(own, (sample) => sample.remoteBytes),
      requests: medianOf(own, (sample) => sample.traffic?.requests),
      sentBytes: medianOf(own, (sample) => sample.traffic?.sentBytes),
      receivedBytes: medianOf(own, (sample) => sample.traffic?.receivedBytes),
      ratio:
        tool === "mlv" || ratios.length === 0
          ? undefined
          : { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
    };
  });
}

/** Returns the median time of each run; a step may repeat in one. */
function wallByRun(samples: readonly Sample[]): Map<number, number> {
  return new Map([...groupBy(samples, (sample) => sample.run)].map(([run, own]) => [run, median(own.map((sample) => sample.wallSeconds))]));
}

function medianOf(samples: readonly Sample[], value: (sample: Sample) => number | undefined): number | undefined {
  const values = samples.flatMap((sample) => value(sample) ?? []);
  return values.length === 0 ? undefined : median(values);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function groupBy<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  return Map.groupBy(items, keyOf);
}

function formatSeconds(seconds: number): string {
  return seconds < 1 ? seconds.toFixed(3) : seconds.toFixed(2);
}

function formatRatio(ratio: number): string {
  return ratio >= 100 ? ratio.toFixed(0) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2);
}

/** Returns bytes with a decimal unit, as networks and bills count them. */
export function formatBytes(bytes: number): string {
  if (Math.abs(bytes) < 10_000) return `${bytes} B`;
  if (Math.abs(bytes) < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
