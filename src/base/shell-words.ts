/**
 * Is, as the inside of a character class, what a name may hold that a terminal must not see, beside C0: DEL, C1, lone surrogates, and the formatting
 * characters that reorder or hide text.
 */
export const HIDDEN =
  "\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}\\ud800-\\udfff";
const UNSAFE = new RegExp(`[\\u0000-\\u001f${HIDDEN}]`, "u");

/**
 * Returns a path as a shell takes it: bare where that is safe, in single quotes otherwise, and as `$'…'` (bash, zsh, ksh) where it holds what a
 * terminal must not see.
 */
export function quoteForShell(text: string): string {
  if (/^[A-Za-z0-9_./@%+,:=][A-Za-z0-9_./@%+,:=-]*$/.test(text)) return text;
  const safe = text.startsWith("-") ? `./${text}` : text;
  if (UNSAFE.test(safe)) return `$'${Array.from(safe, quoteCharacter).join("")}'`;
  return `'${safe.replaceAll("'", `'\\''`)}'`;
}

function quoteCharacter(character: string): string {
  if (character === "'" || character === "\\") return `\\${character}`;
  if (!UNSAFE.test(character)) return character;
  return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
