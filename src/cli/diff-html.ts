import {
  changedStatistics,
  describeRows,
  escapeHtml,
  showCell,
  showChange,
  type ContentDiff,
  type ContentsResult,
  type TableDiff,
} from "../ops/content-diff.ts";
import type { DiffResult, FileDiff, TargetDiff } from "../ops/diff.ts";
import type { FilesDiff } from "../ops/diff-files.ts";
import { describeContent } from "./diff-content-words.ts";
import { formatBytes, formatCount, formatPlural } from "./format.ts";
import { details, formatPage } from "./html-page.ts";

const MAX_FILES = 2000;
const MAX_STATISTICS = 200;
const MAX_CHANGED_COLUMNS = 20;
const MAX_CELLS_OF_ROW = 20;

/** Returns the report as one page that needs nothing else, in light and dark; nothing in the data becomes markup. */
export function formatDiffHtml(result: DiffResult): string {
  const { summary: counts } = result;
  const kinds = (["added", "modified", "renamed", "deleted"] as const).flatMap((kind) =>
    counts[kind] === 0 ? [] : [`${formatCount(counts[kind])} ${kind}`],
  );
  const sizes = `${formatBytes(counts.bytesBefore)} → ${formatBytes(counts.bytesAfter)}`;
  const summary = `${formatPlural(result.targets.length, "target")}: ${kinds.join(", ")}; ${sizes}`;
  const body = [
    result.targets.length === 0 ? "<p>No tracked data changed.</p>" : `<p class="lead">${summary}</p>`,
    ...result.unreadable.map(
      ({ target, message }) => `<p class="bad">Broken pointer <code>${escapeHtml(target)}</code>: ${escapeHtml(message)}</p>`,
    ),
    ...result.targets.map((target) => targetSection(target, result)),
    ...result.leftOut.map(leftOutNote),
  ];
  return page(`${result.a.name} → ${result.b.name}`, body.join("\n"));
}

/** Returns the report on two files as one page. */
export function formatFilesHtml(result: FilesDiff): string {
  const sizes = `<p class="lead">${formatBytes(result.a.size)} → ${formatBytes(result.b.size)}</p>`;
  const none = result.isSame ? "<p>The same bytes.</p>" : "<p>Other bytes; neither can be read as what its name says.</p>";
  if (result.contents.length === 0) return page(`${result.a.name} → ${result.b.name}`, `${sizes}\n${none}`);
  return page(`${result.a.name} → ${result.b.name}`, `${sizes}\n${result.contents.map((content) => contentBlock(content)).join("\n")}`);
}

function page(title: string, body: string): string {
  return formatPage({ generator: "mlv diff", title, body: `<h1>${escapeHtml(title)}</h1>\n${body}` });
}

/** Returns how one target differs, and what changed inside its files. */
export function targetSection(target: TargetDiff, result: ContentsResult): string {
  const { status, from, before, after, filesBefore, filesAfter, sizeBefore, sizeAfter } = target;
  const isFolder = before?.kind === "dir" || after?.kind === "dir";
  const hasRows = result.contents.some(({ path }) => path === target.target) || target.isWorkspace;
  const facts = [
    arrow(before && formatBytes(sizeBefore), after && formatBytes(sizeAfter)),
    ...(isFolder ? [arrow(before && formatPlural(filesBefore, "file"), after && formatPlural(filesAfter, "file"))] : []),
    ...(hasRows ? [] : [arrow(tableText(before), tableText(after))]),
    ...(target.isWorkspace ? ["not recorded yet"] : []),
  ].filter((fact) => fact !== "");
  const contents = result.contents.filter(({ path }) => path === target.target || path.startsWith(`${target.target}/`));
  const images = contents.filter(({ kind, path }) => kind === "image" && path !== target.target);
  const name = `${from === undefined ? "" : `${escapeHtml(from)} → `}${escapeHtml(target.target)}`;
  return [
    `<section><h2><span class="tag ${status}">${status}</span> ${name}</h2>`,
    `<p class="dim">${facts.join(" · ")}</p>`,
    fileList(target.files),
    target.omitted === undefined ? "" : `<p class="dim">left out: ${escapeHtml(target.omitted)}</p>`,
    imageTable(images, target.target),
    ...contents.filter((content) => !images.includes(content)).map((content) => contentBlock(content, target.target)),
    "</section>",
  ].join("\n");
}

function fileList(files: readonly FileDiff[]): string {
  if (files.length === 0) return "";
  const rows = files.slice(0, MAX_FILES).map((file) => {
    const size = file.modeOnly === true ? "executable bit" : arrow(sizeText(file.sizeBefore), sizeText(file.sizeAfter));
    const name = `${file.from === undefined ? "" : `${escapeHtml(file.from)} → `}${escapeHtml(file.path)}`;
    const word = file.isEdited === true ? "renamed, edited" : file.status;
    return `<tr><td><span class="tag ${file.status}">${word}</span></td><td>${name}</td><td class="number">${size}</td></tr>`;
  });
  const rest = files.length > MAX_FILES ? `<p class="dim">… and ${formatCount(files.length - MAX_FILES)} more files</p>` : "";
  return details(formatPlural(files.length, "file"), `<table class="lines">${rows.join("")}</table>${rest}`, files.length <= 20);
}

/** Many images change at once: they are lines of one table. */
function imageTable(images: readonly ContentDiff[], target: string): string {
  if (images.length === 0) return "";
  const rows = images.map(
    (content) => `<tr><th scope="row">${escapeHtml(content.path.slice(target.length + 1))}</th>${factCells(content)}</tr>`,
  );
  return details(formatPlural(images.length, "image"), `<table class="facts lines">${rows.join("")}</table>`, images.length <= 20);
}

function factCells(content: ContentDiff): string {
  if (content.kind === "table") return "";
  return describeContent(content)
    .map(({ before, after }) => `<td>${before === undefined ? "" : `<del>${escapeHtml(before)}</del> → `}${escapeHtml(after)}</td>`)
    .join("");
}

function tableText(pointer: TargetDiff["after"]): string | undefined {
  if (pointer?.table === undefined) return undefined;
  return `${formatPlural(pointer.table.rows, "row")} × ${formatPlural(pointer.table.columns.length, "column")}`;
}

function sizeText(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : formatBytes(bytes);
}

function arrow(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return after ?? "";
  return after === undefined || after === before ? before : `${before} → ${after}`;
}

function contentBlock(content: ContentDiff, target?: string): string {
  const title = content.path === target ? "" : `<h3>${escapeHtml(content.path)}</h3>`;
  if (content.kind === "table")
    return `${title}${content.note === undefined ? "" : `<p class="dim">${escapeHtml(content.note)}</p>`}${tableBlock(content.table)}`;
  const rows = describeContent(content).map(({ what, before, after }) => {
    const old = before === undefined ? "" : `<del>${escapeHtml(before)}</del> → `;
    return `<tr><th scope="row">${escapeHtml(what)}</th><td>${old}${escapeHtml(after)}</td></tr>`;
  });
  return `${title}<div class="scroll"><table class="facts lines">${rows.join("")}</table></div>`;
}

function tableBlock(diff: TableDiff): string {
  if (diff.isSame) return "<p>The same rows, written the same way.</p>";
  const { schema, samples, formatting } = diff;
  const code = (text: string): string => `<code>${escapeHtml(text)}</code>`;
  const headline = diff.formattingOnly ? "Formatting only: the same values" : describeRows(diff);
  const by =
    diff.key === undefined
      ? "matched by content"
      : `key ${diff.key.columns.map(code).join(", ")}${diff.key.origin === "inferred" ? ", inferred" : ""}`;
  const facts = [
    ...schema.added.map(
      (column) => `column added: <ins>${escapeHtml(column.name)}</ins> (${escapeHtml(column.nativeType ?? column.type)})`,
    ),
    ...schema.dropped.map(
      (column) => `column dropped: <del>${escapeHtml(column.name)}</del> (${escapeHtml(column.nativeType ?? column.type)})`,
    ),
    ...schema.renamed.map(({ before, after }) => `column renamed: <del>${escapeHtml(before)}</del> → <ins>${escapeHtml(after)}</ins>`),
    ...schema.retyped.map(
      ({ name, before, after }) => `type changed: ${code(name)} <del>${escapeHtml(before)}</del> → <ins>${escapeHtml(after)}</ins>`,
    ),
    ...(schema.isReordered ? ["columns in another order"] : []),
    ...formatting.map(
      ({ trait, before, after }) =>
        `${escapeHtml(trait)}: ${code(before === "" ? "(none)" : before)} → ${code(after === "" ? "(none)" : after)}`,
    ),
    ...(diff.keyNote === undefined ? [] : [escapeHtml(diff.keyNote)]),
  ];
  const changed = diff.changedCells.columns;
  const cells = changed.slice(0, MAX_CHANGED_COLUMNS).map(({ name, cells: count }) => `${code(name)} ${formatCount(count)}`);
  if (changed.length > cells.length) cells.push(`and ${formatPlural(changed.length - cells.length, "more column")}`);
  if (cells.length > 0) facts.push(`changed cells: ${cells.join(", ")}`);
  return [
    `<p><strong>${escapeHtml(headline)}</strong> <span class="dim">${by}</span></p>`,
    facts.length === 0
      ? ""
      : `<ul>${facts
          .slice(0, 200)
          .map((fact) => `<li>${fact}</li>`)
          .join("")}</ul>`,
    changedRows(diff),
    sampleRows("added", samples.added, diff.rows.added, diff.after.columns),
    sampleRows("removed", samples.removed, diff.rows.removed, diff.before.columns),
    statistics(diff),
  ].join("\n");
}

function changedRows({ samples, rows, key }: TableDiff): string {
  if (samples.changed.length === 0) return "";
  const lines = samples.changed.flatMap((row) => {
    const shown = row.cells.slice(0, MAX_CELLS_OF_ROW);
    const rest = row.cells.length - shown.length;
    const label = row.key.map((part) => escapeHtml(showCell(part))).join(", ");
    const height = shown.length + (rest > 0 ? 1 : 0);
    const head = `<th scope="rowgroup"${height > 1 ? ` rowspan="${height}"` : ""}>${label}</th>`;
    const cells = shown.map((cell, at) => {
      const [before, after] = showChange(cell.before, cell.after);
      return `<tr>${at === 0 ? head : ""}<td>${escapeHtml(cell.column)}</td><td><del>${escapeHtml(before)}</del></td><td><ins>${escapeHtml(after)}</ins></td></tr>`;
    });
    return rest > 0 ? [...cells, `<tr><td colspan="3" class="dim">… and ${formatPlural(rest, "more cell")}</td></tr>`] : cells;
  });
  const head = ["key", "column", "before", "after"].map(
    (text, at) => `<th>${at === 0 ? escapeHtml(key?.columns.join(", ") ?? "row") : text}</th>`,
  );
  return details(
    countOf(samples.changed.length, rows.changed, "changed row"),
    `<table class="pairs lines"><thead><tr>${head.join("")}</tr></thead><tbody>${lines.join("")}</tbody></table>`,
    true,
  );
}

function countOf(shown: number, total: number, what: string): string {
  return shown === total ? formatPlural(total, what) : `${formatCount(shown)} of ${formatPlural(total, what)}`;
}

function sampleRows(
  word: "added" | "removed",
  rows: TableDiff["samples"]["added"],
  total: number,
  columns: TableDiff["after"]["columns"],
): string {
  if (rows.length === 0) return "";
  const head = columns.map(({ name }) => `<th>${escapeHtml(name)}</th>`).join("");
  const lines = rows.map((row) => `<tr class="${word}">${row.map((cell) => `<td>${escapeHtml(showCell(cell))}</td>`).join("")}</tr>`);
  return details(
    countOf(rows.length, total, `${word} row`),
    `<table><thead><tr>${head}</tr></thead><tbody>${lines.join("")}</tbody></table>`,
    false,
  );
}

function statistics(diff: TableDiff): string {
  const rows = diff.statistics
    .slice(0, MAX_STATISTICS)
    .flatMap((column) =>
      changedStatistics(column).map(
        ([label, before, after]) =>
          `<tr><th scope="row">${escapeHtml(column.name)}</th><td>${label}</td><td>${escapeHtml(before)}</td><td>${escapeHtml(after)}</td></tr>`,
      ),
    );
  if (rows.length === 0) return "";
  return details(
    "Columns' statistics",
    `<table class="statistics pairs lines"><thead><tr><th>column</th><th></th><th>before</th><th>after</th></tr></thead><tbody>${rows.join("")}</tbody></table>`,
    false,
  );
}

/** Returns what was not compared, and why. */
export function leftOutNote({ path, count, reason }: ContentsResult["leftOut"][number]): string {
  const more = count > 1 ? ` and ${formatCount(count - 1)} more` : "";
  return `<p class="dim">Not compared: <code>${escapeHtml(path)}</code>${more}: ${escapeHtml(reason)}</p>`;
}
