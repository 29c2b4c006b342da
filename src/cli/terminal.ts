import { HIDDEN } from "../base/shell-words.ts";

const UNSAFE = new RegExp(`[\\u0000-\\u001f${HIDDEN}]`, "gu");
const UNSAFE_IN_JSON = new RegExp(`[${HIDDEN}]`, "gu");
/** The sequences of `createStyle`, kept, and everything unsafe but a newline. */
const UNSAFE_IN_LINE = new RegExp(`\\u001b\\[(?:1|2|22|31|32|33|36|39)m|[\\u0000-\\u0009\\u000b-\\u001f${HIDDEN}]`, "gu");

/** Returns a name from outside with everything that could steer a terminal shown as an escape, e.g. `\x1b`. */
export function escapeName(text: string): string {
  return text.replace(UNSAFE, showCode);
}

function showCode(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** Returns a message with the same escapes; its further lines are indented, so that none of them passes for a line of mlv's own. */
export function escapeMessage(text: string): string {
  return text.trimEnd().split("\n").map(escapeName).join("\n    ");
}

/** Returns a composed line with everything escaped but line breaks and the colours of `createStyle`: the last guard before a terminal. */
export function escapeLine(line: string): string {
  return line.replace(UNSAFE_IN_LINE, (found) => (found.length > 2 ? found : showCode(found)));
}

/** Returns JSON of the same value in which nothing can steer a terminal or reorder text; JSON itself escapes only C0. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE_IN_JSON, (character) =>
    Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** Colours text, or does not. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** Returns a style that colours where `isColored` is set. */
export function createStyle(isColored: boolean): Style {
  const wrap = (open: number, close: number) => (text: string) => (isColored ? `\u001b[${open}m${text}\u001b[${close}m` : text);
  return { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39), green: wrap(32, 39), yellow: wrap(33, 39), cyan: wrap(36, 39) };
}

/** Decides whether to colour: FORCE_COLOR, then NO_COLOR, then whether the stream is a terminal that can. */
export function wantsColor(env: Readonly<Record<string, string | undefined>>, isTty: boolean): boolean {
  const force = env["FORCE_COLOR"];
  if (force !== undefined && force !== "") return force !== "0";
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  return isTty && env["TERM"] !== "dumb";
}
