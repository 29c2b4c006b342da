/** The text of the hooks that `mlv install` writes; pure. */

/** Names the hooks that mlv installs. */
export const HOOK_NAMES = ["post-checkout", "post-merge", "pre-push", "pre-commit"] as const;

/** Names one of mlv's hooks. */
export type HookName = (typeof HOOK_NAMES)[number];

const OWN_MARK = "# This hook was written by `mlv install`; `mlv install --remove` puts back what was here before.";
const BEGIN = "# >>> mlv install >>>";
const BEGIN_IN_OWN_FILE = "# >>> mlv install (the file too) >>>";
const END = "# <<< mlv install <<<";

/** Is the ending that an existing hook gets when mlv's stands in its place. */
export const BEFORE_SUFFIX = ".before-mlv";

/** Tells whether a hook file is one that mlv wrote whole. */
export function isOwnHook(content: string): boolean {
  return content.startsWith(`#!/bin/sh\n${OWN_MARK}\n`);
}

/**
 * Returns the hook that runs the one renamed to `<hook>.before-mlv`, if any, and then `command` (a shell command line without
 * arguments). pre-push gives both the same input.
 */
export function ownHook(name: HookName, command: string): string {
  const earlier = `"$0${BEFORE_SUFFIX}"`;
  const runEarlier: Record<HookName, string> = {
    "pre-push": `mlv_feed | ${earlier} "$@" || exit $?`,
    "pre-commit": `${earlier} "$@" || exit $?`,
    // The checkout is done: mlv does its part whatever the other hook thought of it, and Git still hears of it.
    "post-checkout": `${earlier} "$@" || mlv_status=$?`,
    "post-merge": `${earlier} "$@" || mlv_status=$?`,
  };
  const lines = [
    "#!/bin/sh",
    OWN_MARK,
    ...(name === "pre-push" ? FEED : []),
    `if [ -x ${earlier} ]; then`,
    `  ${runEarlier[name]}`,
    "fi",
    ...callLines(name, command),
    ...(name === "post-checkout" || name === "post-merge" ? ['exit "${mlv_status:-0}"'] : []),
  ];
  return `${lines.join("\n")}\n`;
}

// Reads what Git says on stdin once and hands it to as many as want it.
const FEED = ["mlv_input=$(cat)", 'mlv_feed() { if [ -n "$mlv_input" ]; then printf \'%s\\n\' "$mlv_input"; fi; }'];

function callLines(name: HookName, command: string): string[] {
  const isThere = `command -v ${programOf(command)} >/dev/null 2>&1`;
  const checkOut = [`if ${isThere}; then ${command} "$@" || :; else echo 'mlv is not in PATH: data was not checked out' >&2; fi`];
  const lines: Record<HookName, string[]> = {
    "pre-push": [
      `if ! ${isThere}; then`,
      "  echo 'mlv is not in PATH, so nobody checked that the data is on its remote; `git push --no-verify` pushes without the check' >&2",
      "  exit 1",
      "fi",
      `mlv_feed | ${command} "$@" || exit $?`,
    ],
    "pre-commit": [
      `if ${isThere}; then ${command} "$@" || exit $?; else echo 'mlv is not in PATH: its pre-commit check was left out' >&2; fi`,
    ],
    "post-checkout": checkOut,
    "post-merge": checkOut,
  };
  return lines[name];
}

/** Returns the first word of a shell command line, quotes and all. */
function programOf(command: string): string {
  return /^(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+/.exec(command)?.[0] ?? command;
}

/** Returns the lines that go into a hook file of somebody else's, right behind its first line, so that no `exit` skips them. */
function block(name: HookName, command: string, begin: string): string {
  const before = name === "pre-push" ? FEED : [];
  // What follows reads the same input again.
  const after = name === "pre-push" ? ['if [ -n "$mlv_input" ]; then exec <<MLV_INPUT', "$mlv_input", "MLV_INPUT", "fi"] : [];
  return [begin, ...before, ...callLines(name, command), ...after, END].join("\n");
}

/** Tells whether a hook file is a shell script, or nothing that names another interpreter. */
export function isShellScript(content: string): boolean {
  return !content.startsWith("#!") || /^#!\s*(?:\S*\/)?(?:env\s+)?(?:\S*\/)?(?:sh|bash|dash|ksh|zsh)(?:\s|$)/.test(content);
}

/** Returns a hook file's content with mlv's block put in or brought up to date; a file that is not there is made of it alone. */
export function insertBlock(content: string | undefined, name: HookName, command: string): string {
  if (content === undefined) return `#!/bin/sh\n${block(name, command, BEGIN_IN_OWN_FILE)}\n`;
  const present = BLOCK.exec(content)?.groups;
  if (present !== undefined) return content.replace(BLOCK_BODY, () => block(name, command, present["begin"] ?? BEGIN));
  const lines = block(name, command, BEGIN);
  if (!content.startsWith("#!")) return `${lines}\n${content}`;
  const newline = content.indexOf("\n");
  return newline < 0 ? `${content}\n${lines}` : `${content.slice(0, newline + 1)}${lines}\n${content.slice(newline + 1)}`;
}

const BODY = "(?<begin># >>> mlv install (?:\\(the file too\\) )?>>>)\\n[^]*?\\n# <<< mlv install <<<";
const BLOCK_BODY = new RegExp(BODY);
const BLOCK = new RegExp(`(?<lead>^|\\n)${BODY}(?<trail>\\n|$)`);

/** Returns a hook file's content as it was before the block, and whether mlv made the file; undefined when it holds no block. */
export function removeBlock(content: string): { readonly content: string; readonly wasMade: boolean } | undefined {
  const match = BLOCK.exec(content);
  if (match?.groups === undefined) return undefined;
  const [head, tail] = [content.slice(0, match.index), content.slice(match.index + match[0].length)];
  const restored = match.groups["trail"] === "" ? head : `${head}${match.groups["lead"] ?? ""}${tail}`;
  return { content: restored, wasMade: match.groups["begin"] === BEGIN_IN_OWN_FILE && restored === "#!/bin/sh\n" };
}
