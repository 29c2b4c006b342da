import { move } from "../../ops/move.ts";
import { textOf, type CommandDefinition } from "../command.ts";
import { printToStage } from "../stage-hint.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv move data/train.csv data/v1/train.csv", "rename a target, its pointer and its ignore line"],
    ["mlv move data/train.csv archive/", "move it into a folder"],
  ],
  configure: (command_, run) => {
    command_
      .argument("<from>", "a target")
      .argument("<to>", "its new name, or a folder to move into")
      .option("--force", "replace a file that stands there, keeping it in the cache")
      .option("-n, --dry-run", "show what would be done")
      .action(
        run(async ({ session, args, options }) => {
          const isDryRun = options["dryRun"] === true;
          const result = await move(session.operation, {
            from: textOf(args[0]),
            to: textOf(args[1]),
            force: options["force"] === true,
            dryRun: isDryRun,
          });
          session.document({ command: "move", dryRun: isDryRun, ...result });
          session.print(`${isDryRun ? "would move" : "moved"} ${escapeName(result.from)} to ${session.style.bold(escapeName(result.to))}`);
          printToStage(session, result, isDryRun);
        }),
      );
  },
};
