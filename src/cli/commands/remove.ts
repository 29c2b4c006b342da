import { remove } from "../../ops/remove.ts";
import { listOf, type CommandDefinition } from "../command.ts";
import { formatBytes, formatPlural } from "../format.ts";
import { printToStage } from "../stage-hint.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv remove data/old.csv", "stop tracking, keep the file"],
    ["mlv remove data/old.csv --delete", "stop tracking and delete the file; the cache keeps what was recorded"],
  ],
  configure: (command_, run) => {
    command_
      .argument("<target...>", "targets")
      .option("--delete", "delete the data in the workspace too")
      .option("--force", "delete unrecorded edits too, keeping them in the cache")
      .option("-n, --dry-run", "show what would be done")
      .action(
        run(async ({ session, args, options }) => {
          const isDryRun = options["dryRun"] === true;
          const result = await remove(session.operation, {
            targets: listOf(args[0]),
            delete: options["delete"] === true,
            force: options["force"] === true,
            dryRun: isDryRun,
          });
          session.document({ command: "remove", dryRun: isDryRun, ...result });
          for (const { target, deletedFiles, deletedBytes, isDataKept } of result.targets) {
            const data =
              deletedFiles > 0
                ? `; deleted ${formatPlural(deletedFiles, "file")}, ${formatBytes(deletedBytes)}`
                : isDataKept
                  ? "; its data stay here"
                  : "";
            session.print(`${isDryRun ? "would stop" : "stopped"} tracking ${session.style.bold(escapeName(target))}${data}`);
          }
          printToStage(session, result, isDryRun);
        }),
      );
  },
};
