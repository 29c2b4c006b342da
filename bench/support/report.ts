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
  readonly peak: number | undefined;
  readonly remoteBytes: number | undefined;
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
    lines.push(
      "",
      `## ${group}`,
      "",
      "| case | who | seconds | CPU seconds | peak memory | onto the remote | against mlv |",
      "|---|---|---:|---:|---:|---:|---:|",
    );
    for (const [step, ofStep] of groupBy(samples, (sample) => sample.step)) lines.push(...formatStep(step, ofStep));
  }
  return `${lines.join("\n")}\n`;
}

function formatStep(step: string, samples: readonly Sample[]): string[] {
  return summarise(samples).map((row, position) => {
    const cells = [
      position === 0 ? step : "",
      row.tool,
      formatSeconds(row.wall),
      row.cpu === undefined ? "" : formatSeconds(row.cpu),
      row.peak === undefined ? "" : `${Math.round(row.peak / 2 ** 20)} MiB`,
      row.remoteBytes === undefined ? "" : formatBytes(row.remoteBytes),
      row.ratio === undefined ? "" : `${formatRatio(row.ratio.median)} (${formatRatio(row.ratio.least)} to ${formatRatio(row.ratio.most)})`,
    ];
    return `| ${cells.join(" | ")} |`;
  });
}

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
      peak: medianOf(own, (sample) => sample.peakBytes),
      remoteBytes: medianOf(own, (sample) => sample.remoteBytes),
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
