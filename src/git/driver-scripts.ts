/**
 * The shell command lines that `mlv install` gives Git for pointers; pure. Git runs them through its own `sh`, on Windows too. Where `mlv`
 * is not in PATH or does not start (another shell, a graphical client), they do what Git does with plain text.
 */

import type { DriverCommands } from "./driver-config.ts";

/** Returns the drivers that call `program` (a shell word); each is one line. */
export function driverCommands(program: string): Required<DriverCommands> {
  return { textconv: textconv(program), diff: diff(program), merge: merge(program, ""), ancestor: merge(program, "--ancestor ") };
}

/** Tells whether a driver is one that an earlier mlv set: without a way out where it is missing, so that Git dies of it there. */
export function isBareDriver(command: string): boolean {
  return /^mlv (?:textconv|diff-driver|merge-driver(?: --ancestor)? %O %A %B %P)$/.test(command);
}

/** Tells whether a driver is one that some `mlv install` set, and not somebody's own. */
export function isInstalledDriver(command: string): boolean {
  return isBareDriver(command) || /^(?:f\(\) \{ (?:mlv textconv -- |if command -v mlv >)|if command -v mlv >)/.test(command);
}

/** Silent: `git log -p` calls it twice for each change. */
function textconv(program: string): string {
  return inFunction(`${program} textconv -- "$1" 2>/dev/null || cat -- "$1";`);
}

/** Git gives the path alone of one in conflict; whatever the driver fails at, `git diff` must go on. */
function diff(program: string): string {
  const asText = 'git --no-pager diff --no-index --no-ext-diff --no-textconv -- "$2" "$5" || :';
  return inFunction(
    `if command -v ${program} >/dev/null 2>&1; then ${program} diff-driver -- "$@" && return; fi; ` +
      `printf '%s\\n' "diff --mlv $1 (as text: ${MISSING})"; if [ $# -gt 4 ]; then ${asText}; fi;`,
  );
}

/**
 * Ends with a status that says that `program` did not start (126, 127, or 70 of an mlv that is not whole) only when the text was merged, so that both
 * sides stand in the file; Git expands the `%` words, and keeps other statuses' meaning.
 */
function merge(program: string, options: string): string {
  return (
    `if command -v ${program} >/dev/null 2>&1; then ${program} merge-driver ${options}%O %A %B %P; s=$?; ` +
    "case $s in 70|126|127) ;; *) exit $s;; esac; fi; " +
    `echo ${MISSING}, merging as text: %P >&2; git merge-file -q --marker-size=%L -L ours -L base -L theirs %A %O %B || exit 1`
  );
}

const MISSING = "mlv does not run here";

/** Git appends the arguments to the command line. */
function inFunction(body: string): string {
  return `f() { ${body} }; f`;
}
