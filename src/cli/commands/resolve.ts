import { MlvError } from "../../base/errors.ts";
import { resolveConflicts } from "../../ops/resolve.ts";
import { listOf, type CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatBytes, formatPlural } from "../format.ts";
import { printToStage } from "../stage-hint.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv resolve --theirs data/train.csv", "take the version of the branch that is merged in"],
    ["mlv resolve --union data/images", "both sides' files; ours where both changed the same one"],
    ["mlv resolve --union --theirs", "every folder in conflict; theirs where both changed the same file"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[target...]", "targets or `mlv.lock` in conflict; all of them when none is named")
      .option("--ours", "take the version of the branch that is checked out")
      .option("--theirs", "take the version of the branch that is merged in")
      .option("--union", "merge folders file by file, `mlv.lock` stage by stage")
      .option("-n, --dry-run", "show what would be settled")
      .action(
        run(async ({ session, args, options }) => {
          const [ours, theirs, union] = [options["ours"] === true, options["theirs"] === true, options["union"] === true];
          if ((ours && theirs) || !(ours || theirs || union))
            throw new MlvError("usage", "`mlv resolve` takes one of `--ours`, `--theirs` and `--union`", {
              hint: "`mlv help resolve` shows what each does",
            });
          const dryRun = options["dryRun"] === true;
          const side = theirs ? "theirs" : "ours";
          const result = await resolveConflicts(session.operation, { paths: listOf(args[0]), side, union, dryRun });
          session.document({ command: "resolve", dryRun, ...result });
          const word = dryRun ? "would resolve" : "resolved";
          for (const { target, pointer, settled } of result.targets) {
            const files = pointer.files === undefined ? "" : `${formatPlural(pointer.files, "file")}, `;
            const how = settled === 0 ? "" : `; ${formatPlural(settled, "file")} that both sides changed`;
            session.print(`${word} ${session.style.bold(escapeName(target))} (${files}${formatBytes(pointer.size)}${how})`);
          }
          for (const { path, settled } of result.locks) {
            const how = settled.length === 0 ? "" : ` (${side} of ${settled.map(escapeName).join(", ")})`;
            session.print(`${word} ${session.style.bold(escapeName(path))}${how}`);
          }
          for (const target of result.left)
            session.note(`still in conflict: ${escapeName(target)}, which is no folder on both sides; \`mlv status\` says what to type`);
          if (result.toStage.length > 0) printToStage(session, result, dryRun);
          else if (result.left.length === 0) session.print("No pointer is in conflict.");
          return result.left.length > 0 ? EXIT.partly : EXIT.done;
        }),
      );
  },
};
