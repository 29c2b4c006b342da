import type { ContentsResult } from "../ops/content-diff.ts";
import type { DiffResult, FileDiff, TargetDiff } from "../ops/diff.ts";
import { printContent, printLeftOut } from "./diff-contents.ts";
import { formatBytes, formatCount, formatPlural } from "./format.ts";
import type { Session } from "./session.ts";
import { escapeName } from "./terminal.ts";

const SHOWN_FILES = 30;

/** Prints how two revisions differ: a block a target, a line a file inside folders, and a summary. */
export function printDiff(session: Session, result: DiffResult, isAll: boolean): void {
  const { style } = session;
  for (const target of result.targets) printTargetDiff(session, target, { result, isAll });
  printLeftOut(session, result.leftOut);
  for (const { target, message } of result.unreadable)
    session.note(`${style.red("broken pointer")} ${escapeName(target)}: ${escapeName(message)}`);
  const { summary } = result;
  if (result.targets.length === 0) {
    session.print(`No difference between ${escapeName(result.a.name)} and ${escapeName(result.b.name)}.`);
    return;
  }
  const parts = (["added", "modified", "renamed", "deleted"] as const)
    .filter((kind) => summary[kind] > 0)
    .map((kind) => `${formatCount(summary[kind])} ${kind}`);
  session.print(
    `${escapeName(result.a.name)} → ${escapeName(result.b.name)}: ${parts.join(", ")}; ${formatBytes(summary.bytesBefore)} → ${formatBytes(summary.bytesAfter)}`,
  );
}

/** Prints how one target differs, and what changed inside its files. */
export function printTargetDiff(
  session: Session,
  target: TargetDiff,
  { result, isAll }: { readonly result: ContentsResult; readonly isAll: boolean },
): void {
  const { style } = session;
  const color = { added: style.green, deleted: style.red, modified: style.yellow, renamed: style.yellow }[target.status];
  const from = target.from === undefined ? "" : `${escapeName(target.from)} → `;
  session.print(
    `${color(target.status)} ${from}${style.bold(escapeName(target.target))}  ${style.dim(describeSizes(target))}${target.isWorkspace ? style.dim(" (not recorded yet)") : ""}`,
  );
  const contents = new Map(result.contents.map((content) => [content.path, content]));
  const own = contents.get(target.target);
  const tables = own?.kind === "table" ? undefined : describeTables(target);
  if (tables !== undefined) session.print(`    ${tables}`);
  if (own !== undefined) printContent(session, own, "    ");
  const shown = isAll ? target.files : target.files.slice(0, SHOWN_FILES);
  for (const file of shown) {
    session.print(`    ${describeFile(session, file)}`);
    const inside = contents.get(`${target.target}/${file.path}`);
    if (inside !== undefined) printContent(session, inside, "        ");
  }
  if (shown.length < target.files.length)
    session.print(`    … and ${formatCount(target.files.length - shown.length)} more files (\`--all\` lists them)`);
  if (target.omitted !== undefined) session.print(`    ${style.dim(`left out: ${escapeName(target.omitted)}`)}`);
}

function describeSizes({ before, after, filesBefore, filesAfter, sizeBefore, sizeAfter }: TargetDiff): string {
  const isFolder = before?.kind === "dir" || after?.kind === "dir";
  const files = isFolder && filesBefore !== filesAfter ? `${formatCount(filesBefore)} → ${formatPlural(filesAfter, "file")}, ` : "";
  if (before === undefined) return `${isFolder ? `${formatPlural(filesAfter, "file")}, ` : ""}${formatBytes(sizeAfter)}`;
  if (after === undefined) return formatBytes(sizeBefore);
  const change = sizeAfter - sizeBefore;
  if (change === 0) return `${files}${formatBytes(sizeAfter)}`;
  return `${files}${formatBytes(sizeBefore)} → ${formatBytes(sizeAfter)} (${change < 0 ? "−" : "+"}${formatBytes(Math.abs(change))})`;
}

function describeTables({ before, after }: TargetDiff): string | undefined {
  const [old, now] = [before?.table, after?.table];
  if (old === undefined || now === undefined) return undefined;
  const parts: string[] = [];
  if (old.rows !== now.rows) parts.push(`rows ${formatCount(old.rows)} → ${formatCount(now.rows)}`);
  const [wereTyped, areTyped] = [typesByName(old.columns), typesByName(now.columns)];
  const added = now.columns.filter((column) => !wereTyped.has(nameOf(column)));
  const dropped = old.columns.filter((column) => !areTyped.has(nameOf(column)));
  const retyped = [...areTyped].flatMap(([name, type]) => {
    const was = wereTyped.get(name);
    return was === undefined || was === type ? [] : [`${escapeName(name)} ${was} → ${type}`];
  });
  if (added.length > 0) parts.push(`columns added: ${added.map(escapeName).join(", ")}`);
  if (dropped.length > 0) parts.push(`columns dropped: ${dropped.map(escapeName).join(", ")}`);
  if (retyped.length > 0) parts.push(`type changed: ${retyped.join(", ")}`);
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** A pointer has columns as `name:type`. */
function nameOf(column: string): string {
  return column.slice(0, column.lastIndexOf(":"));
}

function typesByName(columns: readonly string[]): Map<string, string> {
  return new Map(columns.map((column) => [nameOf(column), escapeName(column.slice(column.lastIndexOf(":") + 1))]));
}

function describeFile({ style }: Session, file: FileDiff): string {
  const name = escapeName(file.path);
  const sizes = `${formatBytes(file.sizeBefore ?? 0)} → ${formatBytes(file.sizeAfter ?? 0)}`;
  switch (file.status) {
    case "added":
      return `${style.green("+")} ${name} ${style.dim(formatBytes(file.sizeAfter ?? 0))}`;
    case "deleted":
      return `${style.red("-")} ${name} ${style.dim(formatBytes(file.sizeBefore ?? 0))}`;
    case "renamed":
      return `${style.yellow("→")} ${escapeName(file.from ?? "")} → ${name}${file.isEdited === true ? ` ${style.dim(`edited, ${sizes}`)}` : ""}`;
    case "modified":
      return `${style.yellow("~")} ${name} ${style.dim(file.modeOnly === true ? "executable bit" : sizes)}`;
  }
}
