import { escapeMarkdown, formatTableDiffMarkdown, type ContentDiff, type ContentsResult } from "../ops/content-diff.ts";
import type { DiffResult, FileDiff, TargetDiff } from "../ops/diff.ts";
import type { FilesDiff } from "../ops/diff-files.ts";
import { describeContent } from "./diff-content-words.ts";
import { formatBytes, formatCount, formatPlural } from "./format.ts";

/** Is the comment by which a report is found again in a pull request, so that it is updated and not posted twice. */
export const MARKDOWN_MARKER = "<!-- mlv:diff -->";

/** GitHub takes 65,536 characters in a comment. */
const MAX_CHARACTERS = 64_500;
const MAX_TARGETS = 200;
const MAX_FILES = 20;
const MAX_NAME_CHARACTERS = 300;
const NOTE_CHARACTERS = 400;
const MAX_LINE_CHARACTERS = 40;
const LINE_PIECES = /[^/_]{0,30}[/_]|[^/_]{1,30}/gu;

/** Returns the report as Markdown, at most 64,500 characters; nothing in the data becomes markup, a link or a mention. */
export function formatDiffMarkdown(result: DiffResult): string {
  const blocks = new Blocks();
  blocks.add(`${MARKDOWN_MARKER}\n### Data: ${name(result.a.name)} → ${name(result.b.name)}`);
  if (result.targets.length === 0 && result.unreadable.length === 0) blocks.add("No tracked data changed.");
  if (result.targets.length > 0) blocks.add(...[MAX_TARGETS, 50, 10, 0].map((limit) => overview(result, limit)));
  for (const { target, message } of result.unreadable.slice(0, MAX_FILES))
    blocks.add(`**Broken pointer** ${name(target)}: ${name(message)}`);
  for (const target of result.targets) {
    const contents = contentsOf(result, target);
    const files = fileList(target);
    if (files === undefined && contents.length === 0) continue;
    if (files !== undefined) blocks.add(`#### ${name(target.target)}\n\n${files}`);
    const inside = contents.filter(({ kind, path }) => kind === "image" && path !== target.target);
    if (inside.length > 0) blocks.add(...[inside.length, 50, 10].map((limit) => imageTable(inside, { target, limit })));
    for (const content of contents) if (!inside.includes(content)) addContent(blocks, content);
  }
  for (const left of result.leftOut) blocks.add(describeLeftOut(left));
  return blocks.finish();
}

/** Returns the report on two files as Markdown. */
export function formatFilesMarkdown(result: FilesDiff): string {
  const blocks = new Blocks();
  const sizes = `${formatBytes(result.a.size)} → ${formatBytes(result.b.size)}`;
  blocks.add(`${MARKDOWN_MARKER}\n### Data: ${name(result.a.name)} → ${name(result.b.name)} (${sizes})`);
  for (const content of result.contents) addContent(blocks, content);
  if (result.contents.length === 0)
    blocks.add(result.isSame ? "The same bytes." : "Other bytes; neither can be read as what its name says.");
  return blocks.finish();
}

/** Collects blocks as long as they fit. */
class Blocks {
  readonly #texts: string[] = [];
  #length = 0;
  #dropped = 0;

  /** Adds the first of the variants that fits; returns whether one did. */
  add(...variants: readonly string[]): void {
    const room = MAX_CHARACTERS - NOTE_CHARACTERS - this.#length;
    const text = variants.find((variant) => variant.length + 2 <= room);
    if (text === undefined) {
      this.#dropped += 1;
      return;
    }
    this.#texts.push(text);
    this.#length += text.length + 2;
  }

  finish(): string {
    if (this.#dropped > 0)
      this.#texts.push(
        `_${formatPlural(this.#dropped, "section")} left out: a comment has room for 65,000 characters. \`mlv diff --html\` shows all._`,
      );
    return `${this.#texts.join("\n\n")}\n`;
  }
}

function addContent(blocks: Blocks, content: ContentDiff): void {
  const title = `#### ${name(content.path)}`;
  if (content.kind === "table") {
    const note = content.note === undefined ? "" : `${name(content.note)}\n\n`;
    const variant = (options: { samples?: number; statistics?: boolean }): string =>
      `${title}\n\n${note}${formatTableDiffMarkdown(content.table, options).trimEnd()}`;
    blocks.add(
      variant({ samples: 100 }),
      variant({ samples: 10 }),
      variant({ samples: 3 }),
      variant({ samples: 3, statistics: false }),
      variant({ samples: 0, statistics: false }),
    );
    return;
  }
  const lines = describeContent(content).map(
    ({ what, before, after }) => `- ${name(what)}: ${before === undefined ? "" : `${name(before)} → `}${name(after)}`,
  );
  blocks.add(`${title}\n\n${lines.join("\n")}`);
}

/** Many images change at once: they are lines of one table. */
function imageTable(images: readonly ContentDiff[], { target, limit }: { readonly target: TargetDiff; readonly limit: number }): string {
  const rows = images.slice(0, limit).flatMap((content) => {
    if (content.kind === "table") return [];
    return describeContent(content).map(
      ({ before, after }) =>
        `| ${name(content.path.slice(target.target.length + 1))} | ${before === undefined ? "" : `${name(before)} → `}${name(after)} |`,
    );
  });
  if (images.length > limit) rows.push(`| … | ${formatCount(images.length - limit)} more |`);
  const title = formatPlural(images.length, "image");
  return `<details${images.length <= 5 ? " open" : ""}><summary>${title}</summary>\n\n| image | kind and pixels |\n| --- | --- |\n${rows.join("\n")}\n\n</details>`;
}

function contentsOf(result: ContentsResult, { target }: TargetDiff): ContentDiff[] {
  return result.contents.filter(({ path }) => path === target || path.startsWith(`${target}/`));
}

/** Where names are long, fewer of them fit; that the rest is there is always said. */
function overview(result: DiffResult, limit: number): string {
  const rows = result.targets.slice(0, limit).map((target) => {
    const from = target.from === undefined ? "" : `${name(target.from)} → `;
    return `| ${target.status} | ${from}${name(target.target)} | ${unbroken(describeFiles(target))} | ${unbroken(describeSize(target))} | ${unbroken(describeRows(target))} |`;
  });
  const rest = result.targets.length - rows.length;
  const { bytesBefore, bytesAfter } = result.summary;
  return [
    "| | target | files | size | rows |",
    "| --- | --- | ---: | ---: | ---: |",
    ...rows,
    ...(rest > 0 ? [`| … | ${formatCount(rest)} more | | | |`] : []),
    "",
    `${formatPlural(result.targets.length, "target")}, ${formatBytes(bytesBefore)} → ${formatBytes(bytesAfter)}`,
  ].join("\n");
}

function describeFiles({ before, after, filesBefore, filesAfter }: TargetDiff): string {
  if (before?.kind !== "dir" && after?.kind !== "dir") return "";
  return change(before && formatCount(filesBefore), after && formatCount(filesAfter));
}

function describeSize({ before, after, sizeBefore, sizeAfter }: TargetDiff): string {
  return change(before && formatBytes(sizeBefore), after && formatBytes(sizeAfter));
}

function describeRows({ before, after, isWorkspace }: TargetDiff): string {
  if (isWorkspace) return "";
  return change(before?.table && formatCount(before.table.rows), after?.table && formatCount(after.table.rows));
}

function change(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return after ?? "";
  return after === undefined || before === after ? before : `${before} → ${after}`;
}

function fileList({ files, omitted }: TargetDiff): string | undefined {
  const lines = files.slice(0, MAX_FILES).map((file) => `- ${describeFile(file)}`);
  if (files.length > MAX_FILES) lines.push(`- … and ${formatCount(files.length - MAX_FILES)} more files`);
  if (omitted !== undefined) lines.push(`- left out: ${name(omitted)}`);
  if (lines.length === 0) return undefined;
  return `<details${files.length <= 5 ? " open" : ""}><summary>${formatPlural(files.length, "file")}</summary>\n\n${lines.join("\n")}\n\n</details>`;
}

function describeFile(file: FileDiff): string {
  const sizes = `${formatBytes(file.sizeBefore ?? 0)} → ${formatBytes(file.sizeAfter ?? 0)}`;
  switch (file.status) {
    case "added":
      return `added ${name(file.path)} ${formatBytes(file.sizeAfter ?? 0)}`;
    case "deleted":
      return `deleted ${name(file.path)} ${formatBytes(file.sizeBefore ?? 0)}`;
    case "renamed":
      return `renamed ${name(file.from ?? "")} → ${name(file.path)}${file.isEdited === true ? ` and edited, ${sizes}` : ""}`;
    case "modified":
      return `modified ${name(file.path)} ${file.modeOnly === true ? "(executable bit)" : sizes}`;
  }
}

function describeLeftOut({ path, count, reason }: ContentsResult["leftOut"][number]): string {
  return `Not compared: ${name(path)}${count > 1 ? ` and ${formatCount(count - 1)} more` : ""}: ${name(reason)}`;
}

/** A long name must not push everything else out: it is cut, and may go on in another line. */
function name(text: string): string {
  const shown = text.length > MAX_NAME_CHARACTERS ? `${text.slice(0, MAX_NAME_CHARACTERS).toWellFormed()}…` : text;
  const pieces = shown.length > MAX_LINE_CHARACTERS ? (shown.match(LINE_PIECES) ?? []) : [shown];
  return `<code>${pieces.map(escapeMarkdown).join("<wbr>")}</code>`;
}

/** Is numbers that stay in one line of a table's cell. */
function unbroken(text: string): string {
  return text.replaceAll(" ", "&nbsp;");
}
