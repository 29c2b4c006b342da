import { install, type InstallResult } from "../../ops/install.ts";
import type { CommandDefinition } from "../command.ts";
import { printToStage } from "../stage-hint.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv install", "readable diffs, merges of pointers, and hooks, in this repository"],
    ["mlv install --no-hooks", "diffs and merges only"],
    ["mlv install --remove", "take it out and put back what was there"],
  ],
  configure: (command_, run) => {
    command_
      .option("--remove", "take everything out again")
      .option("--no-hooks", "leave the hooks out")
      .option("--diff-driver", "`git diff` shows the rows that changed; content may be fetched")
      .option("-n, --dry-run", "show what would change")
      .action(
        run(async ({ session, options }) => {
          const isDryRun = options["dryRun"] === true;
          const isRemoval = options["remove"] === true;
          const result = await install(session.operation, {
            remove: isRemoval,
            hooks: options["hooks"] !== false,
            diffDriver: options["diffDriver"] === true,
            dryRun: isDryRun,
          });
          session.document({ command: "install", dryRun: isDryRun, ...result });
          for (const change of result.changes) session.print(`${isDryRun ? "would: " : ""}${describeChange(change)}`);
          for (const { key, value } of result.kept) {
            session.print(`${key} is your own and stays: ${escapeName(value)}`);
            session.print(`  for mlv's: git config --unset-all ${key}, and then mlv install`);
          }
          if (result.changes.length === 0)
            session.print(isRemoval ? "Nothing of mlv is installed here." : "Everything is installed already.");
          printToStage(session, result, isDryRun);
        }),
      );
  },
};

function describeChange(change: InstallResult["changes"][number]): string {
  if (change.kind === "config") return `${change.after === undefined ? "unset" : "set"} ${change.key}`;
  if (change.kind === "attributes") return `${change.action} .gitattributes`;
  const file = escapeName(change.path);
  switch (change.action) {
    case "create":
      return `${change.hook} hook: written to ${file}`;
    case "chain":
      return `${change.hook} hook: written to ${file}; the one that was there runs first`;
    case "insert":
    case "update":
      return `${change.hook} hook: mlv's lines in ${file}`;
    case "restore":
      return `${change.hook} hook: ${file} is as it was before`;
    case "delete":
      return `${change.hook} hook: ${file} is gone`;
    case "manual":
      return `${change.hook} hook: ${file} is shared with other repositories; add this line to it yourself: ${escapeName(change.command ?? "")}`;
    case "blocked":
      return `${change.hook} hook: not installed, ${file}.before-mlv is in the way`;
  }
}
