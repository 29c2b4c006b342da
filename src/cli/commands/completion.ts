import { MlvError } from "../../base/errors.ts";
import { COMMANDS } from "../command-table.ts";
import { textOf, type CommandDefinition } from "../command.ts";
import { bashScript, fishScript, zshScript, type CompletedCommand } from "../completion-scripts.ts";
import { createCommand } from "../run-command.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv completion bash > ~/.local/share/bash-completion/completions/mlv", "for bash"],
    ['mlv completion zsh > "${fpath[1]}/_mlv"', "for zsh"],
    ["mlv completion fish > ~/.config/fish/completions/mlv.fish", "for fish"],
  ],
  configure: (command_, run) => {
    command_.argument("<shell>", "bash, zsh or fish").action(
      run(async ({ session, args }) => {
        const shell = textOf(args[0]);
        const scripts: Record<string, (commands: readonly CompletedCommand[]) => string> = {
          bash: bashScript,
          zsh: zshScript,
          fish: fishScript,
        };
        const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
        if (script === undefined)
          throw new MlvError("usage", `there is no completion for \`${shell}\``, { hint: "the shells are bash, zsh and fish" });
        await session.write(Buffer.from(script(await collect())));
      }),
    );
  },
};

/** Returns what can be typed behind each command, from its own definition. */
async function collect(): Promise<CompletedCommand[]> {
  const completed: CompletedCommand[] = [];
  for (const entry of COMMANDS) {
    if (entry.isHidden === true) continue;
    const built = createCommand(entry, await entry.load(), () => async () => undefined);
    const leaves = built.commands.length === 0 ? [built] : built.commands;
    const options = new Map([["--help", "show its options and examples"]]);
    for (const leaf of leaves) for (const option of leaf.options) options.set(option.long ?? option.short ?? "", option.description);
    completed.push({
      name: entry.name,
      summary: entry.summary,
      options: [...options].map(([name, summary]) => ({ name, summary })),
      subcommands: built.commands.map((leaf) => ({ name: leaf.name(), summary: leaf.description() })),
    });
  }
  return completed;
}
