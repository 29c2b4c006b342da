import { existsSync } from "node:fs";
import path from "node:path";
import { MlvError } from "../../base/errors.ts";
import { diff, type TargetDiff } from "../../ops/diff.ts";
import type { ContentsOptions } from "../../ops/diff-rows.ts";
import { listOf, optionText, type Call, type CommandDefinition } from "../command.ts";
import { printContent } from "../diff-contents.ts";
import { printDiff } from "../diff-report.ts";
import { EXIT } from "../exit-status.ts";
import { formatBytes } from "../format.ts";
import type { Session } from "../session.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv diff", "HEAD against the work tree"],
    ["mlv diff v1.0 v2.0 -- data/images", "two tags, one target"],
    ["mlv diff v1.0 -- 'data/**/*.csv'", "what a glob matches, in folders too, there or gone"],
    ["mlv diff main...HEAD", "what this branch changed, as a pull request shows it"],
    ["mlv diff main...HEAD --key id --html > diff.html", "rows matched by a column, as one page"],
    ["mlv diff --no-index a.csv b.csv", "two tables, without a repository"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[rev-or-path...]", "revisions `A [B]`, `A..B` or `A...B`; paths and globs behind `--`")
      .option("-r, --remote <name>", "where lists and content that are not cached come from")
      .option(
        "-k, --key <columns>",
        "columns that identify a row, separated by commas or each in an option of its own; also `keys:` in mlv.yaml",
        (text: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), text],
      )
      .option("--no-rows", "leave the insides of tables, models and images out")
      .option("--no-statistics", "leave the columns' statistics out")
      .option("--samples <n>", "how many rows of each kind are shown")
      .option("--fetch-limit <size>", "how much content may be fetched for the comparison; 1GiB unless said otherwise")
      .option("--no-index", "compare two files, tracked or not")
      .option("--md", "print Markdown for a pull request's comment")
      .option("--html", "print one self-contained page")
      .option("--exit-code", "exit 4 when there are differences")
      .option("--all", "list every changed file")
      .action(
        run(async (call) => {
          if (call.options["index"] === false) return diffTwoFiles(call);
          const { session, args, options, afterDashes } = call;
          const { revisions, paths } = splitArguments(session.operation.cwd, listOf(args[0]), afterDashes);
          const contents = options["rows"] === false ? undefined : readContents(options);
          const question = { a: revisions[0], b: revisions[1], paths, remote: optionText(options, "remote"), contents };
          const result = await diff(session.operation, question).catch((error: unknown) => {
            throw afterDashes === undefined ? withPathHint(error) : error;
          });
          session.document({ command: "diff", ...result, targets: result.targets.map(toJson) });
          if (options["md"] === true) {
            const { formatDiffMarkdown } = await import("../diff-markdown.ts");
            await printWhole(session, formatDiffMarkdown(result));
          } else if (options["html"] === true) {
            const { formatDiffHtml } = await import("../diff-html.ts");
            await printWhole(session, formatDiffHtml(result));
          } else {
            printDiff(session, result, options["all"] === true);
          }
          if (result.unreadable.length > 0) return EXIT.malformed;
          return options["exitCode"] === true && result.targets.length > 0 ? EXIT.differences : EXIT.done;
        }),
      );
  },
};

/** What is not on disk is taken for a revision; it may be a target that is gone. */
function withPathHint(error: unknown): unknown {
  if (!(error instanceof MlvError) || error.code !== "revision-not-found") return error;
  return new MlvError(error.code, error.message, {
    hint: `${error.hint ?? ""}${error.hint === undefined ? "" : "; "}a path that is not here any more goes behind \`--\`: \`mlv diff v1.0 -- data/old.csv\``,
    ...(error.details === undefined ? {} : { details: error.details }),
    cause: error.cause,
  });
}

/** Edits that nothing recorded have no hash yet: the pointer's would be that of other bytes. */
function toJson({ after, ...target }: TargetDiff): object {
  if (after === undefined || !target.isWorkspace) return { ...target, after };
  if (target.filesAfter === 0) return target;
  const files = after.files === undefined ? {} : { files: target.filesAfter };
  return { ...target, after: { kind: after.kind, size: target.sizeAfter, ...files } };
}

async function diffTwoFiles({ session, args, options }: Call): Promise<number> {
  const [before, after, ...rest] = listOf(args[0]);
  if (before === undefined || after === undefined || rest.length > 0)
    throw new MlvError("usage", "`mlv diff --no-index` takes two files", { hint: "`mlv diff --no-index before.csv after.csv`" });
  const { diffFiles } = await import("../../ops/diff-files.ts");
  const result = await diffFiles(session.operation, [before, after], readContents(options));
  session.document({ command: "diff", ...result });
  if (options["md"] === true) {
    const { formatFilesMarkdown } = await import("../diff-markdown.ts");
    await printWhole(session, formatFilesMarkdown(result));
  } else if (options["html"] === true) {
    const { formatFilesHtml } = await import("../diff-html.ts");
    await printWhole(session, formatFilesHtml(result));
  } else {
    const sizes = `${formatBytes(result.a.size)} → ${formatBytes(result.b.size)}`;
    session.print(`${escapeName(before)} → ${session.style.bold(escapeName(after))}  ${session.style.dim(sizes)}`);
    for (const content of result.contents) printContent(session, content, "    ");
    if (result.contents.length === 0)
      session.print(`    ${result.isSame ? "the same bytes" : "other bytes; neither can be read as what its name says"}`);
  }
  return options["exitCode"] === true && !result.isSame ? EXIT.differences : EXIT.done;
}

/** A report is the result itself, so `--quiet` does not take it away; `--json` has printed its own. */
async function printWhole(session: Session, text: string): Promise<void> {
  if (!session.isJson) await session.write(Buffer.from(text));
}

function readContents(options: Call["options"]): ContentsOptions {
  const samples = optionText(options, "samples");
  if (samples !== undefined && !/^\d{1,4}$/.test(samples))
    throw new MlvError("usage", `\`--samples\` takes a number from 0 to 9999, not \`${samples}\``);
  return {
    ...readKey(options["key"]),
    statistics: options["statistics"] !== false,
    samples: samples === undefined ? undefined : Number(samples),
    fetchLimit: optionText(options, "fetchLimit"),
  };
}

/** A single text is several columns only in tables without a column of that whole name; of several texts each is a column as it is. */
function readKey(texts: unknown): Pick<ContentsOptions, "key" | "keyColumn"> {
  const [text, ...others] = listOf(texts as Call["args"][number]);
  if (text === undefined) return {};
  if (others.length > 0) return { key: [text, ...others] };
  return { key: text.split(",").map((column) => column.trim()), keyColumn: text };
}

/** Without `--`, what stands on disk (as data or as a pointer) and what can only be a glob is a path and anything else a revision, as Git reads it. */
function splitArguments(
  cwd: string,
  given: readonly string[],
  afterDashes: readonly string[] | undefined,
): { revisions: string[]; paths: string[] } {
  if (afterDashes !== undefined) return { revisions: given.slice(0, given.length - afterDashes.length), paths: [...afterDashes] };
  const isPath = (text: string): boolean =>
    existsSync(path.resolve(cwd, text)) || existsSync(path.resolve(cwd, `${text}.mlv`)) || (/[*?[]/.test(text) && !/^:|\^\{/.test(text));
  const firstPath = given.findIndex(isPath);
  const end = firstPath === -1 ? Math.min(2, given.length) : Math.min(2, firstPath);
  return { revisions: given.slice(0, end), paths: given.slice(end) };
}
