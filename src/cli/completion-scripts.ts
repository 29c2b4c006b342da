/** Is a word that can be typed, with what it means. */
export interface CompletedWord {
  readonly name: string;
  readonly summary: string;
}

/** Is a command as the completion scripts know it. */
export interface CompletedCommand extends CompletedWord {
  readonly options: readonly CompletedWord[];
  readonly subcommands: readonly CompletedWord[];
}

/** Take the name of a remote behind them. */
const REMOTE_SUBCOMMANDS = ["remove", "default", "check", "trust"];
const SHELLS = ["bash", "zsh", "fish"];

// The names of targets come with a commit, so no script may let the shell expand them: bash's `compgen -W` would run a `$(…)` in them.

/** Returns the completion script for bash, 3.2 and newer. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(
    ({ name, options, subcommands }) => `    ${name}) options="${namesOf(options)}" words="${namesOf(subcommands)}" ;;`,
  );
  return `# mlv completion for bash
_mlv_words() {
  local word
  for word in $1; do
    [[ $word == "$current"* ]] && COMPREPLY+=("$word")
  done
}
_mlv_lines() {
  local line
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done
}
_mlv() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}" name="" sub="" options="" words="" index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      -C | -j | --jobs) ((index++)) ;;
      -*) ;;
      *)
        if [[ -z $name ]]; then
          name="\${COMP_WORDS[index]}"
        elif [[ -z $sub ]]; then
          sub="\${COMP_WORDS[index]}"
        fi
        ;;
    esac
  done
  case "$name" in
    "" | help) words="${namesOf(commands)} help" options="--help --version" ;;
    completion) words="${SHELLS.join(" ")}" options="--help" ;;
${cases.filter((line) => !line.startsWith("    completion)")).join("\n")}
  esac
  [[ -n $name && $name != help && $name != completion && -n $sub ]] && words=""
  if [[ $current == -* ]]; then
    _mlv_words "$options"
    return
  fi
  if [[ -n $words ]]; then
    _mlv_words "$words"
    return
  fi
  # What was typed may be quoted or escaped; names are compared as they are.
  current="\${current//\\\\/}"
  current="\${current#[\\"\\']}"
  compopt -o filenames 2>/dev/null
  if [[ $before == -C ]]; then
    _mlv_lines < <(compgen -d -- "$current")
    return
  fi
  case "$name $before $sub" in
    *" -r "* | *" --remote "* | ${REMOTE_SUBCOMMANDS.map((sub) => `"remote "*" ${sub}"`).join(" | ")})
      _mlv_lines < <(command mlv __complete remotes "$current" 2>/dev/null)
      return
      ;;
  esac
  _mlv_lines < <({ command mlv __complete targets "$current" 2>/dev/null; compgen -f -- "$current"; } | sort -u)
}
complete -F _mlv mlv
`;
}

/** Returns the completion script for zsh, to be autoloaded as \`_mlv\`. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(
    ({ name, options, subcommands }) =>
      `    ${name})\n      options=(${describeAll(options)})\n      words_=(${name === "completion" ? SHELLS.join(" ") : describeAll(subcommands)})\n      ;;`,
  );
  return `#compdef mlv
_mlv() {
  local name="" sub="" before="\${words[CURRENT-1]}" index
  local -a commands options words_ found
  commands=(${describeAll(commands)} help)
  for ((index = 2; index < CURRENT; index++)); do
    case "\${words[index]}" in
      -C|-j|--jobs) ((index++)) ;;
      -*) ;;
      *) if [[ -z $name ]]; then name="\${words[index]}"; elif [[ -z $sub ]]; then sub="\${words[index]}"; fi ;;
    esac
  done
  if [[ $before == -C ]]; then
    _files -/
    return
  fi
  case "$name" in
    ""|help) _describe command commands; return ;;
${cases.join("\n")}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option options
    return
  fi
  if [[ -z $sub ]] && (( $#words_ )); then
    _describe word words_
    return
  fi
  if [[ $before == (-r|--remote) || ( $name == remote && $sub == (${REMOTE_SUBCOMMANDS.join("|")}) ) ]]; then
    found=("\${(@f)$(command mlv __complete remotes 2>/dev/null)}")
    found=(\${found:#})
    compadd -a found
    return
  fi
  found=("\${(@f)$(command mlv __complete targets "\${(Q)PREFIX}" 2>/dev/null)}")
  found=(\${found:#})
  compadd -a found
  _files
}
if [[ "\${funcstack[1]}" == _mlv ]]; then
  _mlv "$@"
else
  compdef _mlv mlv
fi
`;
}

/** Returns the completion script for fish. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = [
    "# mlv completion for fish",
    "function __mlv_targets",
    "  command mlv __complete targets (commandline -ct | string unescape) 2>/dev/null",
    "end",
    "function __mlv_remotes",
    "  command mlv __complete remotes 2>/dev/null",
    "end",
    "complete -c mlv -n __fish_use_subcommand -f",
    "complete -c mlv -s C -r -a '(__fish_complete_directories)' -d 'run as if started in this folder'",
    `complete -c mlv -n '__fish_seen_subcommand_from help' -f -a ${quote(namesOf(commands))}`,
    "complete -c mlv -n __fish_use_subcommand -a help -d 'show help'",
  ];
  for (const { name, summary, options, subcommands } of commands) {
    const isTyped = `-n '__fish_seen_subcommand_from ${name}'`;
    lines.push(`complete -c mlv -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`);
    for (const option of options) {
      if (!option.name.startsWith("--")) continue;
      const takes = option.name === "--remote" ? " -x -a '(__mlv_remotes)'" : "";
      lines.push(`complete -c mlv ${isTyped} -l ${option.name.slice(2)}${takes} -d ${quote(option.summary)}`);
    }
    const words = name === "completion" ? SHELLS.map((shell) => ({ name: shell, summary: "" })) : subcommands;
    const isOpen = `'__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${namesOf(words)}'`;
    for (const word of words) lines.push(`complete -c mlv -f -n ${isOpen} -a ${word.name} -d ${quote(word.summary)}`);
    if (name === "remote") {
      const isNamed = `'__fish_seen_subcommand_from remote; and __fish_seen_subcommand_from ${REMOTE_SUBCOMMANDS.join(" ")}'`;
      lines.push(`complete -c mlv -f -n ${isNamed} -a '(__mlv_remotes)'`);
    } else if (words.length === 0) {
      lines.push(`complete -c mlv ${isTyped} -a '(__mlv_targets)'`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function namesOf(words: readonly CompletedWord[]): string {
  return words.map(({ name }) => name).join(" ");
}

function describeAll(words: readonly CompletedWord[]): string {
  return words.map(({ name, summary }) => quote(`${name.replaceAll(":", "\\:")}:${summary}`)).join(" ");
}

/** Returns a text in single quotes as all three shells read them; apostrophes are left out. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "").replaceAll("\\", "\\\\")}'`;
}
