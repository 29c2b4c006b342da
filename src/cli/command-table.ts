import { MlvError } from "../base/errors.ts";
import type { CommandDefinition } from "./command.ts";

/** Is a command as help, completion and did-you-mean know it; its module is loaded when it is run. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly isHidden?: boolean;
  load(): Promise<CommandDefinition>;
}

const TRACK = "Track";
const SHARE = "Share";
const LOOK = "Look";
const KEEP = "Keep in order";

/** Lists every command there is, in the order in which help shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  entry("init", TRACK, "prepare a Git repository for mlv"),
  entry("add", TRACK, "track files and folders, or record edits of them"),
  entry("status", TRACK, "show what changed, what is out of date and what is not pushed"),
  entry("checkout", TRACK, "make the workspace what the pointers say, from the cache"),
  entry("remove", TRACK, "stop tracking a target"),
  entry("move", TRACK, "rename a target with its pointer"),
  entry("push", SHARE, "send versions to a remote"),
  entry("fetch", SHARE, "bring versions from a remote into the cache"),
  entry("pull", SHARE, "fetch and check out"),
  entry("resolve", SHARE, "settle conflicts of a merge"),
  entry("remote", SHARE, "add, list, check and remove remotes"),
  entry("get", SHARE, "download from another repository without cloning it"),
  entry("url", SHARE, "print a link to one file on the remote"),
  entry("ls", LOOK, "list targets and the files inside them"),
  entry("log", LOOK, "show the versions of a target"),
  entry("diff", LOOK, "show what differs between two revisions"),
  entry("report", LOOK, "write one page on targets, growth and history"),
  entry("show", LOOK, "explain a pointer"),
  entry("cat", LOOK, "print a file as a pointer names it"),
  entry("verify", KEEP, "re-hash cache, workspace or remote, and mend them"),
  entry("gc", KEEP, "free what nothing names any more"),
  entry("config", KEEP, "read and change settings"),
  entry("doctor", KEEP, "look for trouble with this machine and repository"),
  entry("install", KEEP, "readable diffs, merges of pointers and hooks in Git"),
  entry("completion", KEEP, "print a completion script for bash, zsh or fish"),
  { ...entry("diff-driver", KEEP, "compare two versions of a pointer, for Git"), isHidden: true },
  { ...entry("textconv", KEEP, "print a pointer as text, for Git"), isHidden: true },
  { ...entry("hook", KEEP, "run a hook, for Git"), isHidden: true },
  { ...entry("merge-driver", KEEP, "merge two versions of a pointer, for Git"), isHidden: true },
  { ...entry("__complete", KEEP, "complete a word"), isHidden: true },
];

/** The everyday commands are one chunk of the program: Node takes longer to open thirty small modules than to read one. */
function entry(name: string, group: string, summary: string): CommandEntry {
  return {
    name,
    group,
    summary,
    load: async () => {
      const found = (await import("./commands/all.ts")).commands[name];
      if (found === undefined) throw new MlvError("internal", `the command \`${name}\` has no module`);
      return typeof found === "function" ? found() : found;
    },
  };
}

/** Returns a command by its name, or undefined. */
export function findCommand(name: string): CommandEntry | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** What hands that know Git, DVC or a shell type first. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ["mv", "move"],
  ["rename", "move"],
  ["rm", "remove"],
  ["untrack", "remove"],
  ["track", "add"],
  ["ls-files", "ls"],
  ["list", "ls"],
  ["import", "get"],
  ["fsck", "verify"],
  ["prune", "gc"],
]);

/** Returns the command whose name is nearest to a mistyped one, or undefined when none is near. */
export function suggest(name: string): string | undefined {
  const known = SYNONYMS.get(name);
  if (known !== undefined) return known;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const command of COMMANDS) {
    if (command.isHidden === true) continue;
    const distance = command.name.startsWith(name) && name.length > 1 ? 0.5 : editDistance(name, command.name);
    if (distance <= Math.max(1, Math.floor(command.name.length / 3)) && (best === undefined || distance < best.distance))
      best = { name: command.name, distance };
  }
  return best?.name;
}

/** Counts insertions, deletions, replacements and swaps of neighbours (Damerau's distance, restricted). */
function editDistance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const cost = left[row - 1] === right[column - 1] ? 0 : 1;
      let distance = Math.min(
        (rows[row - 1]?.[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (rows[row - 1]?.[column - 1] ?? 0) + cost,
      );
      const isSwap = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (isSwap) distance = Math.min(distance, (rows[row - 2]?.[column - 2] ?? 0) + 1);
      current.push(distance);
    }
    rows.push(current);
  }
  return rows[left.length]?.[right.length] ?? 0;
}
