/** Takes JSON objects apart into the source text of their members, so that numbers, unknown keys and their order survive byte for byte. */

/** Is one member of a JSON object; `raw` is its value's source text. */
export interface JsonMember {
  readonly key: string;
  readonly raw: string;
}

/** Is a JSON object's members in order; undefined for what is no JSON object, or names a key twice. */
export function splitJsonObject(text: string): JsonMember[] | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  // The text is valid from here on, so nothing below has to expect anything else.
  let at = skipSpace(text, 0);
  if (text[at] !== "{") return undefined;
  at = skipSpace(text, at + 1);
  const members = new Map<string, JsonMember>();
  let count = 0;
  while (text[at] !== "}") {
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    members.set(key, { key, raw: text.slice(start, end) });
    count += 1;
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return members.size === count ? [...members.values()] : undefined;
}

/** Returns a value's source text without the space between its tokens: the same for values that differ only in layout. */
export function compactJson(raw: string): string {
  let compact = "";
  for (let at = 0; at < raw.length;) {
    const end = raw[at] === '"' ? endOfString(raw, at) : at + 1;
    if (!isSpace(raw[at])) compact += raw.slice(at, end);
    at = end;
  }
  return compact;
}

function isSpace(character: string | undefined): boolean {
  return character === " " || character === "\n" || character === "\r" || character === "\t";
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text[at])) at += 1;
  return at;
}

/** Returns where a string literal that begins at `from` ends. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (depth === 0 && (",}]".includes(character) || isSpace(character))) return at;
    if (character === "{" || character === "[") depth += 1;
    if (character === "}" || character === "]") depth -= 1;
    at += 1;
  }
  return at;
}
