import { existsSync } from "node:fs";
import path from "node:path";
import { diff } from "../../ops/diff.ts";
import { listOf, optionText, type CommandDefinition } from "../command.ts";
import { printDiff } from "../diff-report.ts";
import { EXIT } from "../exit-status.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv diff", "HEAD against the work tree"],
    ["mlv diff v1.0 v2.0 -- data/images", "two tags, one target"],
    ["mlv diff main...HEAD", "what this branch changed, as a pull request shows it"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[rev-or-path...]", "revisions `A [B]`, `A..B` or `A...B`; paths behind `--`")
      .option("-r, --remote <name>", "where lists that are not cached come from")
      .option("--exit-code", "exit 4 when there are differences")
      .option("--all", "list every changed file")
      .action(
        run(async ({ session, args, options, afterDashes }) => {
          const { revisions, paths } = splitArguments(session.operation.cwd, listOf(args[0]), afterDashes);
          const result = await diff(session.operation, { a: revisions[0], b: revisions[1], paths, remote: optionText(options, "remote") });
          session.document({ command: "diff", ...result });
          printDiff(session, result, options["all"] === true);
          if (result.unreadable.length > 0) return EXIT.malformed;
          return options["exitCode"] === true && result.targets.length > 0 ? EXIT.differences : EXIT.done;
        }),
      );
  },
};

/** Without `--`, what stands on disk (as data or as a pointer) is a path and anything else a revision, as Git reads it. */
function splitArguments(
  cwd: string,
  given: readonly string[],
  afterDashes: readonly string[] | undefined,
): { revisions: string[]; paths: string[] } {
  if (afterDashes !== undefined) return { revisions: given.slice(0, given.length - afterDashes.length), paths: [...afterDashes] };
  const isPath = (text: string): boolean => existsSync(path.resolve(cwd, text)) || existsSync(path.resolve(cwd, `${text}.mlv`));
  const firstPath = given.findIndex(isPath);
  const end = firstPath === -1 ? Math.min(2, given.length) : Math.min(2, firstPath);
  return { revisions: given.slice(0, end), paths: given.slice(end) };
}
