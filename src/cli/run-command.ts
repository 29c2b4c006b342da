import { Command, CommanderError } from "commander";
import { MlvError } from "../base/errors.ts";
import type { Action, Call, CommandDefinition } from "./command.ts";
import type { CommandEntry } from "./command-table.ts";
import { EXIT } from "./exit-status.ts";
import { runAction } from "./run-action.ts";

/** Parses a command's arguments and runs it; returns its exit status. Throws `usage` for arguments that do not fit. */
export async function runCommand(entry: CommandEntry, definition: CommandDefinition, argv: readonly string[]): Promise<number> {
  const dashes = argv.indexOf("--");
  const afterDashes = dashes === -1 ? undefined : argv.slice(dashes + 1);
  const outcome = { status: EXIT.done as number };
  const command = createCommand(entry, definition, (action) => async (...parameters: unknown[]) => {
    const self = parameters.at(-1) as Command;
    outcome.status = await runAction(action, self.processedArgs as Call["args"], self.opts(), afterDashes);
  });
  try {
    await command.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.done;
    throw toUsageError(error, entry.name);
  }
  return outcome.status;
}

/** Returns a command with the options that every command has; also what help and completion are made from. */
export function createCommand(
  entry: CommandEntry,
  definition: CommandDefinition,
  run: (action: Action) => (...parameters: unknown[]) => Promise<void>,
): Command {
  const command = new Command(entry.name).description(entry.summary);
  // Sub-commands inherit the handling of errors only when it is set before they are added.
  command.exitOverride().configureOutput({ writeErr: () => undefined, outputError: () => undefined });
  command.showSuggestionAfterError(true);
  definition.configure(command, run);
  const leaves = command.commands.length === 0 ? [command] : command.commands;
  for (const leaf of leaves) addGlobalOptions(leaf);
  const examples = definition.examples.map(([line, what]) => `  $ ${line}\n      ${what}`).join("\n");
  if (examples !== "") command.addHelpText("after", `\nExamples:\n${examples}`);
  command.usage(
    command.commands.length === 0
      ? `[options]${command.registeredArguments.map((argument) => ` ${describeArgument(argument)}`).join("")}`
      : "<command> [options]",
  );
  command.name(`mlv ${entry.name}`);
  return command;
}

function describeArgument(argument: { name(): string; required: boolean; variadic: boolean }): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function addGlobalOptions(command: Command): void {
  command
    .option("-C <dir>", "run as if started in DIR")
    .option("-j, --jobs <n>", "how many files or requests at once")
    .option("--json", "print one JSON document")
    .option("-q, --quiet", "print nothing but errors and warnings")
    .option("--no-wait", "fail instead of waiting for a lock")
    .option("--no-progress", "show no progress")
    .option("--debug", "show the stack of an error");
}

function toUsageError(error: CommanderError, name: string): MlvError {
  if (error.code === "commander.help") {
    return new MlvError("usage", `\`mlv ${name}\` needs a sub-command`, { hint: `\`mlv help ${name}\` lists them` });
  }
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /\(Did you mean (.+?)\?\)/.exec(rest.join(" "))?.[1];
  return new MlvError("usage", `\`mlv ${name}\`: ${first}`, {
    hint: suggestion === undefined ? `\`mlv help ${name}\` shows its options and examples` : `did you mean \`${suggestion}\`?`,
  });
}
