import { pull } from "../../ops/pull.ts";
import { printCheckout } from "../checkout-report.ts";
import { printLeftovers } from "../leftover-report.ts";
import { listOf, optionText, type CommandDefinition } from "../command.ts";
import { fetchDocument, printFetch } from "../fetch-report.ts";
import { printUnreadable, unreadableDocument } from "../unreadable-report.ts";

export const command: CommandDefinition = {
  examples: [
    ["git pull && mlv pull", "the data of the commit that you are at"],
    ["mlv pull data/images/cats", "only a part of a folder"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[path...]", "targets, or paths inside them")
      .option("-r, --remote <name>", "another remote than the default")
      .option("--force", "replace local edits, keeping them in the cache")
      .option("--bwlimit <rate>", "send and receive at most so much a second, e.g. 10MiB")
      .option("-n, --dry-run", "show what would be fetched")
      .action(
        run(async ({ session, args, options }) => {
          const startedAt = Date.now();
          const isDryRun = options["dryRun"] === true;
          const result = await pull(session.operation, {
            paths: listOf(args[0]),
            remote: optionText(options, "remote"),
            force: options["force"] === true,
            dryRun: isDryRun,
          });
          session.document({
            command: "pull",
            dryRun: isDryRun,
            ...result,
            fetched: fetchDocument(result.fetched),
            unreadable: unreadableDocument(result.unreadable),
          });
          const fetched = printFetch(session, result.fetched, startedAt);
          const left = printLeftovers(session, result.leftovers, isDryRun);
          const checkedOut = printCheckout(session, result.targets, isDryRun);
          return Math.max(fetched, left, checkedOut, printUnreadable(session, result.unreadable));
        }),
      );
  },
};
