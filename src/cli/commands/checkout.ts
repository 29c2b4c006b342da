import { checkout } from "../../ops/checkout.ts";
import { printCheckout } from "../checkout-report.ts";
import { printLeftovers } from "../leftover-report.ts";
import { listOf, type CommandDefinition } from "../command.ts";
import { printUnreadable, unreadableDocument } from "../unreadable-report.ts";

export const command: CommandDefinition = {
  examples: [
    ["git checkout v1.0 && mlv checkout", "go back to the data of a tag"],
    ["mlv checkout data/images/cats", "only a part of a folder"],
    ["mlv checkout --force data/train.csv", "drop local edits (they stay in the cache)"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[path...]", "targets, or paths inside them")
      .option("--force", "replace local edits, keeping them in the cache")
      .option("-n, --dry-run", "show what would be written")
      .action(
        run(async ({ session, args, options }) => {
          const isDryRun = options["dryRun"] === true;
          const result = await checkout(session.operation, { paths: listOf(args[0]), force: options["force"] === true, dryRun: isDryRun });
          session.document({ command: "checkout", dryRun: isDryRun, ...result, unreadable: unreadableDocument(result.unreadable) });
          const left = printLeftovers(session, result.leftovers, isDryRun);
          const checkedOut = printCheckout(session, result.targets, isDryRun);
          return Math.max(left, checkedOut, printUnreadable(session, result.unreadable));
        }),
      );
  },
};
