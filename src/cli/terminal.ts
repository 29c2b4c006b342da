// C0 (tab and newline too), DEL, C1, and the bidirectional and invisible formatting characters that can reorder or hide text.
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Returns a name from outside with everything that could steer a terminal shown as an escape, e.g. `\x1b`. */
export function escapeName(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Returns a message with the same escapes, its line breaks kept. */
export function escapeMessage(text: string): string {
  return text.split("\n").map(escapeName).join("\n");
}

/** Returns a path as a POSIX shell takes it: bare where that is safe, in single quotes otherwise. */
export function quoteForShell(text: string): string {
  if (/^[A-Za-z0-9_./@%+,:=][A-Za-z0-9_./@%+,:=-]*$/.test(text)) return text;
  const safe = text.startsWith("-") ? `./${text}` : text;
  return `'${safe.replaceAll("'", `'\\''`)}'`;
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
