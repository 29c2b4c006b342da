import { escapeHtml } from "../ops/content-diff.ts";
import type { GrowthPoint } from "../ops/report.ts";
import { formatBytes, formatPlural } from "./format.ts";

interface ChartPoint {
  readonly date: string;
  readonly sizeBytes: number;
}

const WIDTH = 600;
const HEIGHT = 160;

/** Returns the growth as an area over time with its scale beside it, or nothing when there are no two points to draw between. */
export function growthChart(points: readonly GrowthPoint[]): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < 2) return "";
  const largest = Math.max(...points.map(({ sizeBytes }) => sizeBytes));
  const line = path(points, { width: WIDTH, height: HEIGHT, largest });
  const from = `${formatBytes(first.sizeBytes)} in ${formatPlural(first.targets, "target")}`;
  const to = `${formatBytes(last.sizeBytes)} in ${formatPlural(last.targets, "target")}`;
  const words = `Size of all targets: ${from} on ${day(first.date)}, ${to} on ${day(last.date)}, at most ${formatBytes(largest)}`;
  return `<figure class="chart"><figcaption class="dim">${from} → ${to}</figcaption>
<div class="plot"><span class="top">${formatBytes(largest)}</span><span class="zero">0</span>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(words)}"><path class="area" d="${line} L${WIDTH} ${HEIGHT} L0 ${HEIGHT} Z"/><path class="line" d="${line}"/></svg>
<span class="from">${escapeHtml(day(first.date))}</span><span class="to">${escapeHtml(day(last.date))}</span></div></figure>`;
}

/** Returns the sizes of one target as a small line, or nothing when it had only one. */
export function sparkline(points: readonly ChartPoint[]): string {
  if (points.length < 2) return "";
  const largest = Math.max(...points.map(({ sizeBytes }) => sizeBytes));
  const line = path(points, { width: 100, height: 24, largest });
  return `<svg class="spark" viewBox="0 -2 100 28" preserveAspectRatio="none" aria-hidden="true"><path class="area" d="${line} L100 24 L0 24 Z"/><path class="line" d="${line}"/></svg>`;
}

/** Returns the part of a date that people read. */
export function day(date: string): string {
  return date.slice(0, 10);
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly largest: number;
}

/** A size holds until the next commit, so the line goes in steps. Clocks that went back are taken to have stood still. */
function path(points: readonly ChartPoint[], { width, height, largest }: Frame): string {
  let latest = Number.NEGATIVE_INFINITY;
  const times = points.map(({ date }) => {
    const time = Date.parse(date);
    return (latest = Number.isFinite(time) ? Math.max(latest, time) : latest);
  });
  const [start, end] = [times[0] ?? 0, times.at(-1) ?? 0];
  const hasTime = Number.isFinite(start) && end > start;
  const x = (at: number): number => (hasTime ? ((times[at] ?? end) - start) / (end - start) : at / (points.length - 1)) * width;
  const y = (size: number): number => height - (largest === 0 ? 0 : size / largest) * height;
  const steps = points.map(({ sizeBytes }, at) => (at === 0 ? `M0 ${round(y(sizeBytes))}` : `H${round(x(at))} V${round(y(sizeBytes))}`));
  return steps.join(" ");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
