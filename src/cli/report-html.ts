import { escapeHtml } from "../ops/content-diff.ts";
import type { CommitDiff, ReportChange, ReportCommit, ReportResult, ReportTarget } from "../ops/report.ts";
import { leftOutNote, targetSection } from "./diff-html.ts";
import { formatBytes, formatCount, formatPlural } from "./format.ts";
import { details, formatPage, generatorMark } from "./html-page.ts";
import { day, growthChart, sparkline } from "./report-chart.ts";

const GENERATOR = "mlv report";
const OPEN_CHANGES = 8;
const OPEN_TARGETS = 50;

/** Tells from its beginning whether a file is a page that `formatReportHtml` made. */
export function isReportPage(beginning: string): boolean {
  return beginning.startsWith("<!doctype html>") && beginning.slice(0, 1024).includes(generatorMark(GENERATOR));
}

/** Returns the report as one page that needs nothing else; nothing in the data becomes markup. A part that has nothing to show is not there. */
export function formatReportHtml(result: ReportResult): string {
  const { revision, since, totals } = result;
  const range = since === undefined ? name(revision) : `${name(since)} → ${name(revision)}`;
  const body = [
    `<header><h1>Data report</h1><p class="dim">${range}</p></header>`,
    tiles([
      [formatPlural(totals.targets, "target").split(" ")[1] ?? "", formatCount(totals.targets)],
      ["files", formatCount(totals.files)],
      ["size", formatBytes(totals.sizeBytes)],
      ["commits listed", formatCount(result.commits.length)],
    ]),
    section("Size", growthChart(result.growth), notes(result, "growth")),
    section("Targets", targetTable(result), notes(result, "targets")),
    section("Last differences", ...result.diffs.map((diff) => commitDiff(diff, result.commits))),
    section("Commits", ...result.commits.map(commitBlock), notes(result, "commits")),
  ];
  return formatPage({ generator: GENERATOR, title: revision.name, body: body.filter((part) => part !== "").join("\n") });
}

function name({ name: given, commit }: ReportResult["revision"]): string {
  return `${escapeHtml(given)} <code>${escapeHtml(commit.slice(0, 10))}</code>`;
}

function tiles(facts: readonly (readonly [what: string, value: string])[]): string {
  return `<dl class="tiles">${facts.map(([what, value]) => `<div><dt>${what}</dt><dd>${value}</dd></div>`).join("")}</dl>`;
}

function section(title: string, ...parts: readonly string[]): string {
  const shown = parts.filter((part) => part !== "");
  return shown.length === 0 ? "" : `<h2 class="part">${title}</h2>\n${shown.join("\n")}`;
}

function notes({ gaps }: ReportResult, part: ReportResult["gaps"][number]["part"]): string {
  return gaps
    .filter((gap) => gap.part === part)
    .map(({ reason }) => `<p class="dim">Left out: ${escapeHtml(reason)}</p>`)
    .join("\n");
}

function targetTable({ targets, unreadable }: ReportResult): string {
  const broken = unreadable.map(
    ({ target, message }) => `<p class="bad">Broken pointer <code>${escapeHtml(target)}</code>: ${escapeHtml(message)}</p>`,
  );
  if (targets.length === 0) return broken.join("\n");
  const table = `<table class="targets"><thead><tr><th>target</th><th class="number">size</th><th>holds</th><th class="number">versions</th><th>sizes</th><th>last change</th></tr></thead><tbody>${targets.map(targetRow).join("")}</tbody></table>`;
  return [...broken, details(formatPlural(targets.length, "target"), table, targets.length <= OPEN_TARGETS)].join("\n");
}

function targetRow({ target, pointer, versions, sizes }: ReportTarget): string {
  const last = sizes.at(-1);
  const changed =
    last === undefined || last.isEdge === true
      ? ""
      : `${escapeHtml(day(last.date))}<br> <span class="dim">${escapeHtml(last.author)}</span>`;
  return `<tr><th scope="row">${escapeHtml(target)}</th><td class="number">${formatBytes(pointer.size)}</td><td>${holds(pointer)}</td><td class="number">${formatCount(versions)}</td><td>${sparkline(sizes)}</td><td>${changed}</td></tr>`;
}

function holds({ files, table }: ReportTarget["pointer"]): string {
  if (table !== undefined) return `${formatPlural(table.rows, "row")} × ${formatPlural(table.columns.length, "column")}`;
  return files === undefined ? "a file" : formatPlural(files, "file");
}

function commitLine({ commit, author, date, subject }: ReportCommit): string {
  return `<strong>${escapeHtml(subject === "" ? "(no message)" : subject)}</strong> <span class="dim">${escapeHtml(author)} · ${escapeHtml(day(date))} · <code>${escapeHtml(commit.slice(0, 10))}</code></span>`;
}

function commitBlock(commit: ReportCommit): string {
  const { changes, moreChanges } = commit;
  const more = moreChanges === undefined ? "" : `<li class="dim">… and ${formatCount(moreChanges)} more</li>`;
  const list = `<ul class="changes">${changes.map(changeLine).join("")}${more}</ul>`;
  const count = changes.length + (moreChanges ?? 0);
  const shown = count <= OPEN_CHANGES ? list : details(formatPlural(count, "target"), list, false);
  return `<section class="commit"><p>${commitLine(commit)}</p>${shown}</section>`;
}

const TAGS = { added: "added", deleted: "deleted", changed: "modified", renamed: "renamed", present: "there already" } as const;

function changeLine({ target, from, action, before, after, unsafe }: ReportChange): string {
  const names = `${from === undefined ? "" : `${escapeHtml(from)} → `}${escapeHtml(target)}`;
  const facts = [
    arrow(before && formatBytes(before.size), after && formatBytes(after.size)),
    arrow(countFiles(before), countFiles(after)),
    arrow(countRows(before), countRows(after)),
  ].filter((fact) => fact !== "");
  const problem = before === undefined && after === undefined ? ["its pointer cannot be read"] : [];
  if (unsafe !== undefined) problem.push(`mlv does not take its name: ${escapeHtml(unsafe)}`);
  return `<li><span class="tag ${TAGS[action]}">${TAGS[action]}</span> <span class="name">${names}</span> <span class="dim">${[...facts, ...problem].join(" · ")}</span></li>`;
}

function countFiles(pointer: ReportChange["after"]): string | undefined {
  return pointer?.files === undefined ? undefined : formatPlural(pointer.files, "file");
}

function countRows(pointer: ReportChange["after"]): string | undefined {
  return pointer?.table === undefined ? undefined : formatPlural(pointer.table.rows, "row");
}

function arrow(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return after ?? "";
  return after === undefined || after === before ? before : `${before} → ${after}`;
}

function commitDiff(diff: CommitDiff, commits: readonly ReportCommit[]): string {
  const commit = commits.find((entry) => entry.commit === diff.commit);
  if (commit === undefined) return "";
  const more =
    diff.moreTargets === undefined ? "" : `<p class="dim">Not compared: ${formatPlural(diff.moreTargets, "more changed target")}</p>`;
  const parts = [...diff.targets.map((target) => targetSection(target, diff)), ...diff.leftOut.map(leftOutNote), more];
  return `<details class="diff"><summary>${commitLine(commit)}</summary>\n${parts.join("\n")}\n</details>`;
}
