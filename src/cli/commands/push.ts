import { push } from "../../ops/push.ts";
import { listOf, optionText, type CommandDefinition } from "../command.ts";
import { formatBytes, formatDuration, formatPlural } from "../format.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv push", "what the work tree and HEAD name, to the default remote"],
    ["mlv push -r backup --all-tags", "every tagged version, to another remote"],
    ["mlv push --dry-run", "what would be sent"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[path...]", "targets")
      .option("-r, --remote <name>", "another remote than the default")
      .option("--bwlimit <rate>", "send and receive at most so much a second, e.g. 10MiB")
      .option("--all-branches", "the versions of every local branch too")
      .option("--all-tags", "the versions of every tag too")
      .option("--all-commits", "every version in history")
      .option("-n, --dry-run", "show what would be sent")
      .action(
        run(async ({ session, args, options }) => {
          const startedAt = Date.now();
          const isDryRun = options["dryRun"] === true;
          const result = await push(session.operation, {
            paths: listOf(args[0]),
            remote: optionText(options, "remote"),
            allBranches: options["allBranches"] === true,
            allTags: options["allTags"] === true,
            allCommits: options["allCommits"] === true,
            dryRun: isDryRun,
          });
          session.document({ command: "push", dryRun: isDryRun, ...result });
          const sent = result.versions.filter((version) => version.status !== "up-to-date");
          if (result.versions.length === 0) session.print("Nothing is tracked yet.");
          else if (sent.length === 0) session.print(`${result.remote} is up to date.`);
          for (const version of sent)
            session.print(
              `${isDryRun ? "would push" : version.status} ${session.style.bold(escapeName(version.target))} (${formatBytes(version.pointer.size)})`,
            );
          if (sent.length === 0 || isDryRun) return;
          const saved = result.savedBytes > 0 ? `, ${formatBytes(result.savedBytes)} saved` : "";
          session.print(
            `${formatPlural(sent.length, "version")} to ${result.remote}: ${formatBytes(result.sentBytes)} sent${saved}, ${formatPlural(result.requests, "request")}, ${formatDuration(Date.now() - startedAt)}\nNext: git push`,
          );
        }),
      );
  },
};
