import { isLockFile, mergePointer, type MergeOutcome } from "../../ops/merge-pointer.ts";
import { listOf, type CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatBytes, formatCount, formatPlural } from "../format.ts";
import type { Session } from "../session.ts";
import { quoteForShell } from "../../base/shell-words.ts";
import { escapeMessage, escapeName } from "../terminal.ts";

const SHOWN_FILES = 10;

export const command: CommandDefinition = {
  examples: [
    ["git config merge.mlv.driver 'mlv merge-driver %O %A %B %P'", "what `mlv install` sets, but for its way out where mlv is missing"],
  ],
  configure: (command_, run) => {
    command_
      .argument("<files...>", "Git's %O %A %B %P: ancestor, ours, theirs and the path")
      .option("--ancestor", "merge two common ancestors into one: what both changed is as it was before")
      .action(
        run(async ({ session, args, options }) => {
          const [base = "", ours = "", theirs = "", path = ""] = listOf(args[0]);
          const outcome = await mergePointer(session.operation, { base, ours, theirs, path, isAncestor: options["ancestor"] === true });
          session.document({ command: "merge-driver", ...outcome });
          return options["ancestor"] === true && outcome.status === "merged" ? EXIT.done : report(session, outcome);
        }),
      );
  },
};

function report(session: Session, outcome: MergeOutcome): number {
  const name = escapeName(outcome.target);
  if (outcome.status === "merged") {
    if (outcome.taken > 0 && isLockFile(outcome.target))
      session.note(`mlv: merged ${name} stage by stage: ${formatPlural(outcome.taken, "stage")} from their side`);
    else if (outcome.taken > 0)
      session.note(
        `mlv: merged ${name} file by file: ${formatPlural(outcome.taken, "file")} from their side; \`mlv pull\` brings what is not here`,
      );
    return EXIT.done;
  }
  const word = quoteForShell(outcome.target);
  if (outcome.status === "failed") {
    session.note(
      `mlv: cannot merge ${name}: ${escapeMessage(outcome.error.message)}\n  ${isLockFile(outcome.target) ? "it" : "the pointer"} stays ours; choose with \`mlv resolve --ours ${word}\` or \`--theirs\`, or merge again once that is mended`,
    );
    if (outcome.error.hint !== undefined) session.note(`${session.style.cyan("hint:")} ${escapeMessage(outcome.error.hint)}`);
    return EXIT.failed;
  }
  if (outcome.reason === "stages") return reportStages(session, outcome);
  const what = {
    "both-changed": "both sides changed it",
    "both-added": "both sides added it, with different content",
    kinds: "it is a file on one side and a folder on the other",
    files: `${formatPlural(outcome.files.length, "file")} in it changed on both sides`,
  }[outcome.reason];
  session.note(`mlv: conflict in ${name}: ${what}`);
  for (const { path, kind, ours, theirs } of outcome.files.slice(0, SHOWN_FILES)) {
    session.note(`  ${escapeName(path)}: ${FILE_CONFLICTS[kind]}`);
    session.note(`    ours   ${ours?.sha256 ?? "(not there)"}\n    theirs ${theirs?.sha256 ?? "(not there)"}`);
  }
  if (outcome.files.length > SHOWN_FILES) session.note(`  … and ${formatCount(outcome.files.length - SHOWN_FILES)} more files`);
  const { ours, theirs } = outcome;
  session.note(`  ours   ${ours.sha256} (${formatBytes(ours.size)})\n  theirs ${theirs.sha256} (${formatBytes(theirs.size)})`);
  const union = outcome.reason === "files" ? ", or unite them file by file with `--union`" : "";
  session.note(`  the pointer stays ours; choose with \`mlv resolve --ours ${word}\` or \`--theirs\`${union}`);
  return EXIT.failed;
}

/** What is kept is valid, but may not be what the merged code and data give: the stages have to be run. */
function reportStages(session: Session, { target, stages, keys, taken }: Extract<MergeOutcome, { readonly reason: "stages" }>): number {
  const word = quoteForShell(target);
  const shown = stages.slice(0, SHOWN_FILES);
  const more = stages.length > shown.length ? ` and ${formatCount(stages.length - shown.length)} more` : "";
  const what = [
    ...(stages.length > 0 ? [`both sides ran ${shown.map(escapeName).join(", ")}${more} with different results`] : []),
    ...(keys.length > 0 ? [`both sides changed ${keys.map(escapeName).join(", ")}`] : []),
  ];
  session.note(`mlv: conflict in ${escapeName(target)}: ${what.join("; ")}`);
  session.note(
    `  it holds our side of these${taken > 0 ? `, and ${formatPlural(taken, "stage")} from theirs` : ""}; \`mlv resolve --union --theirs ${word}\` takes theirs of these`,
  );
  const again = stages.length === 0 ? "" : `run ${stages.length === 1 ? "that stage" : "these stages"} again, or choose; then `;
  session.note(`  ${again}\`git add ${word}\``);
  return EXIT.failed;
}

const FILE_CONFLICTS = {
  "both-changed": "changed on both sides",
  "both-added": "added on both sides, with different content",
  "deleted-by-us": "deleted on our side, changed on theirs",
  "deleted-by-them": "changed on our side, deleted on theirs",
  "file-and-folder": "a file on one side, a folder on the other",
} as const;
