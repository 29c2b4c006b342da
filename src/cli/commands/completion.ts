import { MlvError } from "../../base/errors.ts";
import { COMMANDS } from "../command-table.ts";
import { textOf, type CommandDefinition } from "../command.ts";
import { createCommand } from "../run-command.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv completion bash > ~/.local/share/bash-completion/completions/mlv", "for bash"],
    ['mlv completion zsh > "${fpath[1]}/_mlv"', "for zsh"],
    ["mlv completion fish > ~/.config/fish/completions/mlv.fish", "for fish"],
  ],
  configure: (command_, run) => {
    command_.argument("<shell>", "bash, zsh or fish").action(
      run(async ({ args }) => {
        const shell = textOf(args[0]);
        const scripts: Record<string, () => Promise<string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };
        const script = scripts[shell];
        if (script === undefined)
          throw new MlvError("usage", `there is no completion for \`${shell}\``, { hint: "the shells are bash, zsh and fish" });
        process.stdout.write(await script());
      }),
    );
  },
};

interface Completion {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
  readonly subcommands: readonly string[];
}

async function collect(): Promise<Completion[]> {
  const completions: Completion[] = [];
  for (const entry of COMMANDS) {
    if (entry.isHidden === true) continue;
    const built = createCommand(entry, await entry.load(), () => async () => undefined);
    const leaves = built.commands.length === 0 ? [built] : built.commands;
    const options = new Set(leaves.flatMap((leaf) => leaf.options.flatMap((option) => (option.long === undefined ? [] : [option.long]))));
    completions.push({
      name: entry.name,
      summary: entry.summary,
      options: [...options, "--help"],
      subcommands: built.commands.map((leaf) => leaf.name()),
    });
  }
  return completions;
}

async function bashScript(): Promise<string> {
  const commands = await collect();
  const cases = commands.map(
    ({ name, options, subcommands }) => `    ${name}) options="${options.join(" ")}"; words="${subcommands.join(" ")}";;`,
  );
  return `# mlv completion for bash
_mlv() {
  local current="\${COMP_WORDS[COMP_CWORD]}" name="" index options="" words=""
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      -C | -j | --jobs) ((index++)) ;;
      -*) ;;
      *) name="\${COMP_WORDS[index]}"; break ;;
    esac
  done
  if [[ -z $name ]]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} help" -- "$current"))
    return
  fi
  case "$name" in
${cases.join("\n")}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    local IFS=$'\\n'
    COMPREPLY=($(compgen -W "$(mlv __complete targets 2>/dev/null)" -- "$current") $(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _mlv mlv
`;
}

async function zshScript(): Promise<string> {
  const commands = await collect();
  const names = commands.map(({ name, summary }) => `    '${name}:${summary.replaceAll("'", "")}'`);
  const cases = commands.map(
    ({ name, options, subcommands }) =>
      `    ${name}) compadd -- ${subcommands.join(" ")}; [[ $PREFIX == -* ]] && compadd -- ${options.join(" ")} ;;`,
  );
  return `#compdef mlv
_mlv() {
  local -a commands targets
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
${cases.join("\n")}
  esac
  targets=(\${(f)"$(mlv __complete targets 2>/dev/null)"})
  compadd -- $targets
  _files
}
_mlv "$@"
`;
}

async function fishScript(): Promise<string> {
  const commands = await collect();
  const lines = ["# mlv completion for fish", "complete -c mlv -n __fish_use_subcommand -f"];
  for (const { name, summary, options, subcommands } of commands) {
    lines.push(`complete -c mlv -n __fish_use_subcommand -a ${name} -d '${summary.replaceAll("'", "")}'`);
    for (const option of options) lines.push(`complete -c mlv -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`);
    if (subcommands.length > 0) lines.push(`complete -c mlv -n '__fish_seen_subcommand_from ${name}' -a '${subcommands.join(" ")}'`);
  }
  lines.push("complete -c mlv -n 'not __fish_use_subcommand' -a '(mlv __complete targets 2>/dev/null)'");
  return `${lines.join("\n")}\n`;
}
