import * as fs from "node:fs";
import path from "node:path";
import { MlvError } from "../base/errors.ts";

/** Finds what makes a path a glob. */
export const GLOB_CHARACTERS = /[*?[\]{}]/;

/** Returns a glob with each `?` as the class that it stands for: in a folder's name `fast-glob` would take it for a plain character. */
export function withoutQuestionMarks(pattern: string): string {
  return pattern.replace(/\\.|\[(?:[!^]?\]|[!^])?[^\]]*\]|\?(?!\()/g, (found, place: number) => {
    if (found !== "?") return found;
    // A name's first dot is matched by none but a dot.
    return /^$|[/{,(|]/.test(pattern.charAt(place - 1)) ? "[^./]" : "[^/]";
  });
}

/**
 * Returns the paths with globs replaced by what they match, sorted; a path that exists under its literal name is no glob.
 * Pointers are left out of what a glob matches. Throws `path-not-found` for a glob without a match.
 */
export async function expandGlobs(cwd: string, patterns: readonly string[]): Promise<string[]> {
  const expanded: string[] = [];
  for (const pattern of patterns) {
    if (!GLOB_CHARACTERS.test(pattern) || fs.existsSync(path.resolve(cwd, pattern))) {
      expanded.push(pattern);
      continue;
    }
    const { default: fastGlob } = await import("fast-glob");
    const matches = await fastGlob(withoutQuestionMarks(pattern), {
      cwd,
      onlyFiles: false,
      dot: false,
      ignore: ["**/.git/**", "**/*.mlv", "**/.gitignore"],
      followSymbolicLinks: false,
    });
    if (matches.length === 0)
      throw new MlvError("path-not-found", `nothing matches \`${pattern}\``, {
        hint: "check the pattern, and the folder that it is typed in",
        details: { path: pattern },
      });
    // A folder and what it holds both match `**`: the folder stands for its content.
    const sorted = matches.sort();
    expanded.push(...sorted.filter((match) => !sorted.some((other) => match.startsWith(`${other}/`))));
  }
  return expanded;
}
