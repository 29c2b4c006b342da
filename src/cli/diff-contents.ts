import { escapeControls, formatTableDiffText, isSampleHeader, type ContentDiff, type ContentsResult } from "../ops/content-diff.ts";
import { describeContent } from "./diff-content-words.ts";
import { formatCount } from "./format.ts";
import type { Session } from "./session.ts";
import { escapeName } from "./terminal.ts";

/** Prints what changed inside one file, a line a fact. */
export function printContent(session: Session, content: ContentDiff, indent: string): void {
  for (const line of contentLines(content)) session.print(`${indent}${colourLine(session, line)}`);
}

/** Prints what was not compared, and why. */
export function printLeftOut(session: Session, leftOut: ContentsResult["leftOut"]): void {
  for (const { path, count, reason } of leftOut) {
    const more = count > 1 ? ` and ${formatCount(count - 1)} more` : "";
    session.print(session.style.dim(`not compared: ${escapeName(path)}${more}: ${escapeName(reason)}`));
  }
}

function contentLines(content: ContentDiff): string[] {
  if (content.kind === "table")
    return [
      ...(content.note === undefined ? [] : [escapeControls(content.note)]),
      ...formatTableDiffText(content.table, { samples: Number.POSITIVE_INFINITY }),
    ];
  return describeContent(content).map(({ what, before, after }) =>
    escapeControls(before === undefined ? `${what}: ${after}` : `${what}: ${before} → ${after}`),
  );
}

function colourLine({ style }: Session, line: string): string {
  if (line.startsWith("  + ")) return style.green(line);
  if (line.startsWith("  - ")) return style.red(line);
  if (isSampleHeader(line)) return style.dim(line);
  return line.startsWith("  ~ ") ? style.yellow(line) : line;
}
