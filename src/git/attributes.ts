import { appendLines, removeLines } from "./lines.ts";

/**
 * Lists the lines that `mlv install` keeps in the root's `.gitattributes`. Branches that each track something new append to the same `.gitignore`:
 * Git's own `union` keeps the lines of both.
 */
export const ATTRIBUTE_LINES: readonly string[] = [
  "*.mlv diff=mlv merge=mlv text eol=lf",
  "mlv.lock diff=mlv merge=mlv text eol=lf",
  ".gitignore merge=union",
];

/** Returns a `.gitattributes`' content with mlv's lines appended, or undefined when they are there already. */
export function addAttributes(content: Uint8Array | undefined): Buffer | undefined {
  return appendLines(content, ATTRIBUTE_LINES);
}

/** Returns a `.gitattributes`' content without mlv's lines, or undefined when it has none. An empty result may be deleted. */
export function removeAttributes(content: Uint8Array | undefined): Buffer | undefined {
  return removeLines(content, (line) => ATTRIBUTE_LINES.includes(line));
}
