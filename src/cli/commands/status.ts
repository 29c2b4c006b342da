import { status, type ConflictedLock, type StatusResult, type TargetStatus } from "../../ops/status.ts";
import { listOf, type Call, type CommandDefinition } from "../command.ts";
import { EXIT, exitStatusOf } from "../exit-status.ts";
import { formatBytes, formatCount, formatPlural } from "../format.ts";
import type { Session } from "../session.ts";
import { typedPath } from "../stage-hint.ts";
import { escapeName } from "../terminal.ts";

const SHOWN_CHANGES = 20;

export const command: CommandDefinition = {
  examples: [
    ["mlv status", "everything that is tracked"],
    ["mlv status data/images --exit-code", "exit 4 when anything differs"],
    ["mlv status --json", "for scripts; docs/json.md has the fields"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[path...]", "targets, or paths inside them")
      .option("--exit-code", "exit 4 when there are differences")
      .option("--all", "list every changed file")
      .action(run(runStatus));
  },
};

/** Runs `mlv status`; returns its exit status. */
export async function runStatus({ session, args, options }: Call): Promise<number> {
  const result = await status(session.operation, { paths: listOf(args[0]) });
  const { remote, targets, locks, leftovers } = result;
  session.document({ command: "status", remote, targets: targets.map(toJson), locks, leftovers });
  const isClean = printStatus(session, result, options["all"] === true);
  const problem = result.targets.find((target) => target.problem !== undefined)?.problem;
  if (problem !== undefined) return exitStatusOf(problem.code);
  return options["exitCode"] === true && !isClean ? EXIT.differences : EXIT.done;
}

function toJson(target: TargetStatus): object {
  const { problem, ...rest } = target;
  return problem === undefined ? rest : { ...rest, problem: { code: problem.code, message: problem.message, hint: problem.hint } };
}

function printStatus(session: Session, result: StatusResult, isAll: boolean): boolean {
  if (result.targets.length + result.leftovers.length + result.locks.length === 0) {
    session.print("Nothing is tracked yet.\nNext: mlv add PATH");
    return true;
  }
  const typed = (file: string): string => typedPath(session, result.root, file);
  let differing = 0;
  const unpushed: TargetStatus[] = [];
  for (const target of result.targets) {
    const lines = describe(session, target, { isAll, typed });
    if (lines.length > 0) {
      differing += 1;
      session.print(lines.join("\n"));
    }
    if (target.isPushed === false) unpushed.push(target);
  }
  if (differing === 0 && result.targets.length > 0) session.print(`${formatPlural(result.targets.length, "target")} clean.`);
  for (const { target, files, sizeBytes } of result.leftovers)
    session.print(
      `${session.style.bold(escapeName(target))}: ${session.style.yellow("its pointer is gone")}, ${formatPlural(files, "file")} still here (${formatBytes(sizeBytes)})\n    ${session.style.dim("→ mlv checkout removes what the cache holds; mlv add tracks it again")}`,
    );
  for (const lock of result.locks) {
    const by = lock.deletedBy === undefined ? "" : `: ${SIDES[lock.deletedBy]} deleted it`;
    session.print(
      `${session.style.bold(escapeName(lock.path))}: ${session.style.red(`in conflict${by}`)}\n    ${session.style.dim(`→ ${lockSteps(lock, typed).join(", ")}`)}`,
    );
  }
  const conflicted = [
    ...result.targets.filter((target) => target.isConflicted).map((target) => conflictSteps(target, typed)),
    ...result.locks.map((lock) => lockSteps(lock, typed)),
  ];
  if (unpushed.length > 0) {
    const names = unpushed.slice(0, 5).map((target) => escapeName(target.target));
    const more = unpushed.length > 5 ? ` and ${formatCount(unpushed.length - 5)} more` : "";
    session.print(`${session.style.yellow("not pushed")} to ${result.remote}: ${names.join(", ")}${more}`);
  }
  const [conflict] = conflicted;
  if (conflict !== undefined) {
    const others = conflicted.length > 1 ? ` (and the same for ${formatPlural(conflicted.length - 1, "other")} in conflict)` : "";
    session.print(`Next: ${conflict.join(", then ")}${others}`);
  } else if (unpushed.length > 0) session.print("Next: mlv push");
  return differing + unpushed.length + result.leftovers.length + result.locks.length === 0;
}

interface Telling {
  readonly isAll: boolean;
  /** Returns a path of the repository as the user would type it from where they are. */
  readonly typed: (file: string) => string;
}

function describe(session: Session, status_: TargetStatus, { isAll, typed }: Telling): string[] {
  const { style } = session;
  const { target } = status_;
  const notes: string[] = [];
  if (status_.problem !== undefined && status_.isConflicted)
    return [
      `${style.bold(escapeName(target))}: ${style.red("in conflict")}`,
      `    ${escapeName(status_.problem.message)}`,
      `    ${style.dim(`→ ${conflictSteps(status_, typed).join(", ")}`)}`,
    ];
  if (status_.problem !== undefined) {
    const hint = status_.problem.hint === undefined ? [] : [`    ${style.cyan("hint:")} ${status_.problem.hint}`];
    return [`${style.bold(escapeName(target))}: ${style.red("broken pointer")}`, `    ${escapeName(status_.problem.message)}`, ...hint];
  }
  const hints: string[] = [];
  if (status_.isUntracked) notes.push(style.yellow("pointer not in Git yet"));
  if (status_.isConflicted) {
    notes.push(style.red(status_.deletedBy === undefined ? "in conflict" : `in conflict: ${SIDES[status_.deletedBy]} deleted it`));
    hints.push(...conflictSteps(status_, typed));
  }
  if (status_.inside !== undefined) {
    notes.push(style.red(`lies inside the target ${escapeName(status_.inside)}`));
    hints.push(`mlv remove ${typed(target)} (or ${typed(status_.inside)})`);
  }
  if (status_.isAbsent) {
    notes.push(`not here (${formatBytes(status_.pointer?.size ?? 0)})`);
    hints.push(status_.notCached > 0 ? `mlv pull ${typed(target)}` : `mlv checkout ${typed(target)}`);
  }
  if (status_.isOutOfDate) {
    notes.push(style.yellow(status_.changes.length > 0 ? "out of date, and edited here" : "out of date"));
    hints.push(status_.notCached > 0 ? `mlv pull ${typed(target)}` : `mlv checkout ${typed(target)}`);
  } else if (status_.changes.length > 0) {
    const isAllGone = status_.changes.every(({ kind }) => kind === "deleted") && status_.changes.length >= (status_.pointer?.files ?? 1);
    const comeBack = status_.notCached > 0 ? "mlv pull" : "mlv checkout";
    hints.push(`${isAllGone ? comeBack : "mlv add"} ${typed(target)}`);
  }
  if (!status_.isAbsent && status_.notHere > 0) notes.push(`${formatPlural(status_.notHere, "file")} not here`);
  if (!status_.isAbsent && !status_.isOutOfDate && status_.notCached > 0) {
    notes.push(`${status_.pointer?.kind === "dir" ? formatPlural(status_.notCached, "file") : "its content"} missing from the cache`);
    // A pull that is hinted at already fetches.
    if (!hints.includes(`mlv pull ${typed(target)}`)) hints.push(`mlv fetch ${typed(target)}`);
  }
  // What records edits tells of what is to be staged by itself.
  const records = hints.some((hint) => hint.startsWith("mlv add "));
  if (status_.toStage !== undefined && !records) hints.push(`git add ${status_.toStage.map(typed).join(" ")}`);
  if (notes.length === 0 && status_.changes.length === 0) return [];
  const title = `${style.bold(escapeName(target))}${notes.length > 0 ? `: ${notes.join(", ")}` : ""}`;
  return [
    title,
    ...describeChanges(session, status_, isAll),
    ...(hints.length === 0 ? [] : [`    ${style.dim(`→ ${[...new Set(hints)].join(", ")}`)}`]),
  ];
}

const SIDES = { ours: "our side", theirs: "their side" } as const;

/** Returns what to type, one after another, to settle a conflict. */
function conflictSteps({ target, pointer, deletedBy }: TargetStatus, typed: Telling["typed"]): string[] {
  const [word, pointerWord] = [typed(target), typed(`${target}.mlv`)];
  if (deletedBy !== undefined)
    return [`mlv resolve --${deletedBy === "ours" ? "theirs" : "ours"} ${word}`, `git add ${pointerWord} (or git rm ${pointerWord})`];
  const union = pointer === undefined ? "; --union for a folder" : pointer.kind === "dir" ? ", --union" : "";
  return [`mlv resolve --ours ${word} (or --theirs${union})`, `git add ${pointerWord}`];
}

/** Returns what to type, one after another, to settle a conflict of run records. */
function lockSteps({ path, deletedBy }: ConflictedLock, typed: Telling["typed"]): string[] {
  const word = typed(path);
  if (deletedBy !== undefined)
    return [`mlv resolve --${deletedBy === "ours" ? "theirs" : "ours"} ${word}`, `git add ${word} (or git rm ${word})`];
  return [`mlv resolve --union ${word} (or --ours, --theirs)`, `git add ${word}`];
}

function describeChanges(session: Session, { changes, target, pointer }: TargetStatus, isAll: boolean): string[] {
  const { style } = session;
  const shown = isAll ? changes : changes.slice(0, SHOWN_CHANGES);
  const lines = shown.map((change) => {
    const name = pointer?.kind === "dir" ? escapeName(change.path) : escapeName(target);
    const size = change.size === undefined ? "" : style.dim(` (${formatBytes(change.size)})`);
    switch (change.kind) {
      case "new":
        return `    ${style.green("new:       ")} ${name}${size}`;
      case "modified":
        return `    ${style.yellow("modified:  ")} ${name}${change.modeOnly === true ? style.dim(" (executable bit)") : size}`;
      case "deleted":
        return `    ${style.red("deleted:   ")} ${name}`;
      case "renamed":
        return `    ${style.yellow("renamed:   ")} ${escapeName(change.from ?? "")} → ${name}`;
      case "unsupported":
        return `    ${style.red("cannot add:")} ${name} is no regular file`;
    }
  });
  if (shown.length < changes.length)
    lines.push(`    … and ${formatCount(changes.length - shown.length)} more (\`mlv status --all\` lists them)`);
  return lines;
}
