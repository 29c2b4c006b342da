/** Makes text from data harmless where it is shown: terminals, Markdown and HTML. */

/** Control characters, line and paragraph separators, bidirectional controls, and what is invisible: things that can hide or reorder text. */
const INVISIBLE =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]|\p{Cs}/gu;

/** Returns the text with everything invisible written out: `\n`, `\t`, `\u202E`. Safe to print on a terminal. */
export function escapeControls(text: string): string {
  return text.replace(INVISIBLE, (found) => {
    if (found === "\n") return "\\n";
    if (found === "\r") return "\\r";
    if (found === "\t") return "\\t";
    const code = (found.codePointAt(0) ?? 0).toString(16).toUpperCase();
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Returns the text as HTML that shows it and does nothing else, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return escapeControls(text).replace(/[&<>"']/g, (found) => HTML[found] ?? found);
}

/**
 * Returns the text as Markdown that shows it and does nothing else: punctuation becomes character references, which no Markdown rule
 * sees, tables included. Mentions (`@name`, `#1`) are found by GitHub after that, except in code: see `markdownCode`.
 */
export function escapeMarkdown(text: string): string {
  return escapeControls(text).replace(/[!-/:-@[-`{-~]/g, (found) => `&#${found.charCodeAt(0)};`);
}

/** Returns the text as Markdown in a code font, where nothing becomes a link or a mention. */
export function markdownCode(text: string): string {
  return `<code>${escapeMarkdown(text)}</code>`;
}
