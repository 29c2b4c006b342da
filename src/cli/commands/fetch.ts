import { fetch } from "../../ops/fetch.ts";
import { listOf, optionText, type CommandDefinition } from "../command.ts";
import { fetchDocument, printFetch } from "../fetch-report.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv fetch", "bring what the pointers name into the cache"],
    ["mlv fetch -r backup data/train.csv", "one target, from another remote"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[path...]", "targets, or paths inside them")
      .option("-r, --remote <name>", "another remote than the default")
      .option("--bwlimit <rate>", "send and receive at most so much a second, e.g. 10MiB")
      .option("-n, --dry-run", "show what would be fetched")
      .action(
        run(async ({ session, args, options }) => {
          const startedAt = Date.now();
          const result = await fetch(session.operation, {
            paths: listOf(args[0]),
            remote: optionText(options, "remote"),
            dryRun: options["dryRun"] === true,
          });
          session.document({ command: "fetch", ...fetchDocument(result) });
          if (result.versions.every((version) => version.status === "cached")) session.print("Everything is in the cache.");
          return printFetch(session, result, startedAt);
        }),
      );
  },
};
