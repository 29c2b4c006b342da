import { appendLines, removeLines } from "./lines.ts";

const DRIVER_LINES: readonly string[] = ["*.mlv diff=mlv merge=mlv text eol=lf", "mlv.lock diff=mlv merge=mlv text eol=lf"];
const UNION_LINE = ".gitignore merge=union";

/**
 * Lists the lines that `mlv install` keeps in the root's `.gitattributes`. Branches that each track something new append to the same `.gitignore`:
 * Git's own `union` keeps the lines of both.
 */
export const ATTRIBUTE_LINES: readonly string[] = [...DRIVER_LINES, UNION_LINE];

/**
 * Returns a `.gitattributes`' content with mlv's lines appended, or undefined when they are there already. One without a final newline has none
 * afterwards either: `removeAttributes` sees by that, in any clone, what was there.
 */
export function addAttributes(content: Uint8Array | undefined): Buffer | undefined {
  const added = appendLines(content, ATTRIBUTE_LINES);
  return added === undefined || content === undefined || endsLine(content) ? added : withoutLastEnd(added);
}

/**
 * Returns a `.gitattributes`' content without mlv's lines, and whether mlv made the file; undefined when it has none. A line for `.gitignore` counts as
 * mlv's only where mlv puts it, right behind the others: elsewhere it is the user's own.
 */
export function removeAttributes(content: Uint8Array | undefined): { readonly content: Buffer; readonly wasMade: boolean } | undefined {
  if (content === undefined) return undefined;
  let previous = "";
  let isLastRemoved = false;
  const removed = removeLines(content, (line) => {
    isLastRemoved = DRIVER_LINES.includes(line) || (line === UNION_LINE && previous === DRIVER_LINES.at(-1));
    previous = line;
    return isLastRemoved;
  });
  if (removed === undefined) return undefined;
  const hadEnd = endsLine(content);
  return { content: isLastRemoved && !hadEnd ? withoutLastEnd(removed) : removed, wasMade: removed.length === 0 && hadEnd };
}

function endsLine(content: Uint8Array): boolean {
  return content.at(-1) === NEWLINE;
}

function withoutLastEnd(content: Buffer): Buffer {
  if (!endsLine(content)) return content;
  return content.subarray(0, content.at(-2) === CARRIAGE_RETURN ? -2 : -1);
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
