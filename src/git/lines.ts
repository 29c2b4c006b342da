/**
 * Edits of small files that people write too (`.gitignore`, `.gitattributes`): a line is appended or taken out, and every other
 * byte, also one that is not UTF-8, stays as it is. Content is handled as Latin-1 so that each byte is one character.
 */

/** Appends lines that are not there yet, in the file's own line ends; returns undefined when all are there. */
export function appendLines(content: Uint8Array | undefined, wanted: readonly string[]): Buffer | undefined {
  const text = toText(content);
  const present = new Set(splitLines(text).map((line) => line.text));
  const missing = wanted.map(encode).filter((line) => !present.has(line));
  if (missing.length === 0) return undefined;
  const newline = /\r\n/.test(text) && !/[^\r]\n/.test(text) ? "\r\n" : "\n";
  const start = text === "" || text.endsWith("\n") ? text : `${text}${newline}`;
  return Buffer.from(`${start}${missing.map((line) => `${line}${newline}`).join("")}`, "latin1");
}

/** Takes out every line for which `isUnwanted` is true; returns undefined when there is none. */
export function removeLines(content: Uint8Array | undefined, isUnwanted: (line: string) => boolean): Buffer | undefined {
  const lines = splitLines(toText(content));
  const kept = lines.filter(({ text }) => !isUnwanted(Buffer.from(text, "latin1").toString("utf8")));
  if (kept.length === lines.length) return undefined;
  return Buffer.from(kept.map(({ text, end }) => `${text}${end}`).join(""), "latin1");
}

function toText(content: Uint8Array | undefined): string {
  return content === undefined ? "" : Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("latin1");
}

function encode(line: string): string {
  return Buffer.from(line, "utf8").toString("latin1");
}

function splitLines(text: string): { readonly text: string; readonly end: string }[] {
  return [...text.matchAll(/([^\n]*?)(\r?\n|$)/g)]
    .map(([, line = "", end = ""]) => ({ text: line, end }))
    .filter((line) => line.text !== "" || line.end !== "");
}
