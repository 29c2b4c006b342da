/** The canonical text of Parquet values: equal exactly when the typed values are equal. */
import { isUtf8 } from "node:buffer";
import type { SchemaTree } from "hyparquet";
import type { RowBatchBuilder } from "./batch.ts";

/** Adds a value that is not null to a batch; `isBare` leaves the zeros out that only a decimal's scale asks for. */
export function addCell(batch: RowBatchBuilder, value: unknown, tree: SchemaTree, isBare = false): void {
  const text = formatValue(value, tree);
  batch.addText(isBare && isDecimal(tree) ? withoutZeros(text) : text);
}

function formatValue(value: unknown, tree: SchemaTree): string {
  const { element } = tree;
  if (typeof value === "string") return value;
  if (isDecimal(tree)) {
    const unscaled = value instanceof Uint8Array ? bigintFromBytes(value) : toBigint(value);
    if (unscaled !== undefined) return formatDecimal(unscaled, element.scale ?? 0);
  }
  if (element.converted_type?.startsWith("TIME_") === true || element.logical_type?.type === "TIME") {
    const ticks = toBigint(value);
    if (ticks !== undefined) return formatTime(ticks * nanosecondsOfTick(tree));
  }
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) return JSON.stringify(toJson(value, tree));
  return formatLeaf(value);
}

function isDecimal({ element }: SchemaTree): boolean {
  return element.converted_type === "DECIMAL" || element.logical_type?.type === "DECIMAL";
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function formatLeaf(value: unknown): string {
  if (value instanceof Uint8Array) return formatBytes(value);
  return String(value);
}

/** Decimals and times are handed out raw, so that they stay exact. */
function isConverted({ element, children }: SchemaTree): boolean {
  const converted = element.converted_type ?? element.logical_type?.type ?? "";
  return children.length === 0 && (converted === "DECIMAL" || converted.startsWith("TIME_") || converted === "TIME");
}

/** Returns the schema of a list's items, below the group that repeats. */
function itemOf(tree: SchemaTree | undefined): SchemaTree | undefined {
  const repeated = tree?.children[0];
  return repeated?.children.length === 1 ? repeated.children[0] : repeated;
}

/** Nested values become JSON; numbers that JSON would round stay exact as texts. */
function toJson(value: unknown, tree: SchemaTree | undefined): unknown {
  if (value === null || value === undefined) return null;
  if (tree !== undefined && isConverted(tree)) return formatValue(value, tree);
  if (Array.isArray(value)) return value.map((item) => toJson(item, itemOf(tree)));
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value instanceof Uint8Array) {
    return typeof value === "string" || typeof value === "boolean" ? value : formatLeaf(value);
  }
  if (ArrayBuffer.isView(value)) return Object.values(value).map((item) => toJson(item, undefined));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      toJson(
        inner,
        tree?.children.find((child) => child.element.name === key),
      ),
    ]),
  );
}

const DAY_MS = 86_400_000;
const MAX_DATE_MS = 8.64e15;

/** Returns a day as an ISO date. */
export function formatDay(days: number): string {
  const ms = days * DAY_MS;
  return Math.abs(ms) > MAX_DATE_MS ? `day ${days}` : new Date(ms).toISOString().slice(0, -14);
}

let lastSeconds = Number.NaN;
let lastSecondsText = "";

/** Returns a point in time as an ISO text with as many digits as it needs; `ticksPerSecond` is a power of ten. */
export function formatTimestamp(ticks: bigint, ticksPerSecond: bigint): string {
  const seconds = Number(floorDivide(ticks, ticksPerSecond));
  if (Math.abs(seconds) * 1000 > MAX_DATE_MS) return `${ticks} / ${ticksPerSecond} s`;
  if (seconds !== lastSeconds) {
    lastSeconds = seconds;
    lastSecondsText = new Date(seconds * 1000).toISOString().slice(0, -5);
  }
  const rest = ticks - BigInt(seconds) * ticksPerSecond;
  return rest === 0n ? lastSecondsText : lastSecondsText + formatFraction(rest * (1_000_000_000n / ticksPerSecond));
}

function formatTime(nanoseconds: bigint): string {
  const seconds = Number(floorDivide(nanoseconds, 1_000_000_000n));
  const two = (part: number): string => String(part).padStart(2, "0");
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${clock}${formatFraction(nanoseconds - BigInt(seconds) * 1_000_000_000n)}`;
}

function nanosecondsOfTick(tree: SchemaTree): bigint {
  const logical = tree.element.logical_type;
  const unit = logical?.type === "TIME" ? logical.unit : tree.element.converted_type === "TIME_MILLIS" ? "MILLIS" : "MICROS";
  if (unit === "MILLIS") return 1_000_000n;
  return unit === "MICROS" ? 1000n : 1n;
}

function formatFraction(nanoseconds: bigint): string {
  return nanoseconds === 0n ? "" : `.${String(nanoseconds).padStart(9, "0").replace(/0+$/, "")}`;
}

function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale <= 0 || scale > 1000) return String(unscaled * 10n ** BigInt(Math.min(1000, Math.max(0, -scale))));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function bigintFromBytes(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
}

function toBigint(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : undefined;
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

/** Writers that do not annotate strings are common, so bytes that are text are shown as text. */
function formatBytes(bytes: Uint8Array): string {
  return isUtf8(bytes) && !bytes.includes(0) ? Buffer.from(bytes).toString("utf8") : `0x${Buffer.from(bytes).toString("hex")}`;
}
