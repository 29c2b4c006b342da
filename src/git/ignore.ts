import type { Ignore } from "ignore";
import { appendLines, removeLines } from "./lines.ts";
import { compileSimpleRules, isSimpleRule } from "./simple-rules.ts";

/**
 * Returns the `.gitignore` line that ignores exactly one name in the folder of that `.gitignore`: anchored with `/`, wildcards,
 * backslashes and trailing spaces escaped. `#` and `!` mean nothing behind the slash.
 */
export function gitignoreLine(name: string): string {
  return `/${name.replace(/[\\*?[]/g, "\\$&").replace(/ +$/, (spaces) => "\\ ".repeat(spaces.length))}`;
}

/**
 * Returns a `.gitignore`'s content with a line for `name` appended, or undefined when it is there already.
 * All other bytes and the file's line ends stay as they are. Writing is the caller's.
 */
export function addGitignoreLine(content: Uint8Array | undefined, name: string): Buffer | undefined {
  return addGitignoreLines(content, [name]);
}

/** Does what `addGitignoreLine` does for many names at once. */
export function addGitignoreLines(content: Uint8Array | undefined, names: readonly string[]): Buffer | undefined {
  return appendLines(content, [...new Set(names)].map(gitignoreLine));
}

/** Returns a `.gitignore`'s content without the line for `name`, or undefined when there is none. An empty result may be deleted. */
export function removeGitignoreLine(content: Uint8Array | undefined, name: string): Buffer | undefined {
  const line = gitignoreLine(name);
  return removeLines(content, (candidate) => candidate === line);
}

/** Decides which paths a `.mlvignore` excludes. */
export interface MlvIgnore {
  /** True when there is no rule, so that callers can leave out the question. */
  readonly isEmpty: boolean;
  /** Tells whether a path, relative to the folder of the `.mlvignore`, is excluded by its own name or a parent's. */
  ignores(path: string, isFolder: boolean): boolean;
  /** Tells what the rules say, `undefined` when no rule speaks of the path: then the `.mlvignore` of a folder above decides. */
  decide(path: string, isFolder: boolean): "ignored" | "included" | undefined;
}

const NOTHING_IGNORED: MlvIgnore = { isEmpty: true, ignores: () => false, decide: () => undefined };

// The `ignore` package remembers every path that it was asked about; starting afresh now and then bounds its memory.
const ANSWERS_REMEMBERED = 50_000;

/**
 * Creates a matcher from a `.mlvignore`'s content (gitignore syntax, case counts everywhere). Rules that are names or globs of names are compiled; the
 * matcher for the others, and for all where one brings back what another excludes, is loaded only when there are any.
 */
export async function createMlvIgnore(content: string): Promise<MlvIgnore> {
  const rules = content
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  if (rules.length === 0) return NOTHING_IGNORED;
  const hasNegation = rules.some((rule) => rule.startsWith("!"));
  const simple = hasNegation ? [] : rules.filter(isSimpleRule);
  const rest = simple.length === 0 ? rules : rules.filter((rule) => !isSimpleRule(rule));
  const names = simple.length === 0 ? undefined : compileSimpleRules(simple);
  const decideRest = rest.length === 0 ? undefined : await createFullMatcher(rest);
  const decide: MlvIgnore["decide"] = (path, isFolder) =>
    names?.ignores(path, isFolder) === true ? "ignored" : decideRest?.(path, isFolder);
  return { isEmpty: false, decide, ignores: (path, isFolder) => decide(path, isFolder) === "ignored" };
}

async function createFullMatcher(rules: readonly string[]): Promise<MlvIgnore["decide"]> {
  const { default: ignore } = await import("ignore");
  const create = (): Ignore => ignore({ ignorecase: false, allowRelativePaths: true }).add(rules);
  let matcher = create();
  let asked = 0;
  return (path, isFolder) => {
    if (++asked % ANSWERS_REMEMBERED === 0) matcher = create();
    const { ignored, unignored } = matcher.test(isFolder ? `${path}/` : path);
    if (ignored) return "ignored";
    return unignored ? "included" : undefined;
  };
}

/** Is the `.mlvignore` of one folder, given relative to the repository's root; `""` for the root itself. */
export interface MlvIgnoreLevel {
  readonly folder: string;
  readonly rules: MlvIgnore;
}

/**
 * Combines the `.mlvignore` files from the root down to a folder: the deepest that speaks of a path decides. Paths are relative to
 * the root and lie under each level's folder. As in Git, nothing under an excluded folder comes back: do not walk into those.
 */
export function combineMlvIgnores(levels: readonly MlvIgnoreLevel[]): MlvIgnore {
  const active = levels
    .filter(({ rules }) => !rules.isEmpty)
    .map(({ folder, rules }) => ({ skip: folder === "" ? 0 : folder.length + 1, rules }))
    .sort((left, right) => right.skip - left.skip);
  if (active.length === 0) return NOTHING_IGNORED;
  const decide: MlvIgnore["decide"] = (path, isFolder) => {
    for (const { skip, rules } of active) {
      const decision = rules.decide(path.slice(skip), isFolder);
      if (decision !== undefined) return decision;
    }
    return undefined;
  };
  return { isEmpty: false, decide, ignores: (path, isFolder) => decide(path, isFolder) === "ignored" };
}
