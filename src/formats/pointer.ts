/**
 * Pointer files: `TARGET.mlv`, the small file that Git tracks in a target's place. Spec: docs/formats/pointer.md.
 * Canonical JSON, two-space indent, fixed key order, one newline at the end, at most 64 KiB: exactly one valid encoding.
 */
import { quoteForShell } from "../base/shell-words.ts";
import { MlvError } from "../base/errors.ts";
import { isSha256, type Sha256 } from "../base/ids.ts";

/** Is what every pointer's name ends with. */
export const POINTER_SUFFIX = ".mlv";

/** Is the most bytes that a pointer may have. */
export const MAX_POINTER_BYTES = 64 * 1024;

const MAX_POINTER_DEPTH = 64;
const POINTER_VERSION = 1;

/** Describes a table cheaply, for reviewers: never part of a version's identity. */
export interface TableSummary {
  readonly format: string;
  readonly rows: number;
  /** `name:type`, at most 200. */
  readonly columns: readonly string[];
  readonly delimiter?: string;
}

/** Says where an imported target came from. */
export interface PointerSource {
  readonly url?: string;
  readonly path?: string;
  readonly rev?: string;
  readonly commit?: string;
  readonly etag?: string;
}

/** Is the value of a pointer file. Identity is `kind`, `sha256`, `size` and `mode`; everything else describes. */
export interface Pointer {
  readonly kind: "file" | "dir";
  /** The object's hash for a file, the manifest root's for a folder. */
  readonly sha256: Sha256;
  /** Bytes of the file, or the sum over a folder's files. */
  readonly size: number;
  /** Number of files; present for folders only. */
  readonly files?: number;
  /** `"x"` for an executable file. */
  readonly mode?: "x";
  readonly table?: TableSummary;
  readonly source?: PointerSource;
  /** Keys that begin with `x-`, kept as they are. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Tells whether two pointers name the same bytes and mode. */
export function isSameVersion(left: Pointer, right: Pointer): boolean {
  return left.kind === right.kind && left.sha256 === right.sha256 && left.size === right.size && left.mode === right.mode;
}

/** Returns the one valid encoding of a pointer. */
export function formatPointer(pointer: Pointer): string {
  const value: Record<string, unknown> = { mlv: POINTER_VERSION, kind: pointer.kind, sha256: pointer.sha256, size: pointer.size };
  if (pointer.files !== undefined) value["files"] = pointer.files;
  if (pointer.mode !== undefined) value["mode"] = pointer.mode;
  if (pointer.table !== undefined) value["table"] = orderKeys(pointer.table, ["format", "rows", "columns", "delimiter"]);
  if (pointer.source !== undefined) value["source"] = orderKeys(pointer.source, ["url", "path", "rev", "commit", "etag"]);
  const extensions = pointer.extensions ?? {};
  for (const key of Object.keys(extensions).sort()) value[key] = extensions[key];
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function orderKeys(value: object, keys: readonly string[]): Record<string, unknown> {
  const source = value as Record<string, unknown>;
  const ordered: Record<string, unknown> = {};
  for (const key of keys) if (source[key] !== undefined) ordered[key] = source[key];
  return ordered;
}

/** Says where a pointer's text comes from. */
export interface PointerPlace {
  /** The pointer's path. */
  readonly path: string;
  /** Tells several versions of one path apart, such as `ours`. */
  readonly version?: string;
  /** The path as one would type it where one is, for the file on disk alone: what Git holds cannot be mended by writing the file. */
  readonly typed?: string;
}

/**
 * Returns the pointer that `text` encodes; `given` names the file in messages, and in hints where it is the one on disk.
 * Throws `pointer-conflicted` for Git's conflict markers, `format-newer` for a version or key that a newer mlv wrote, and
 * `pointer-malformed` for anything that is not the one valid encoding.
 */
export function parsePointer(text: string, given: string | PointerPlace): Pointer {
  const where = typeof given === "string" ? { path: given } : given;
  if (text.length > MAX_POINTER_BYTES) throw malformed(where, "it is larger than 64 KiB");
  if (/^(?:<{7}|>{7}) /m.test(text)) {
    const word = where.typed === undefined ? undefined : quoteForShell(where.typed);
    const choose = `choose one side with \`mlv resolve --ours ${word}\` or \`--theirs\`, then \`git add ${word}\``;
    throw new MlvError("pointer-conflicted", `the pointer ${nameOf(where)} holds merge conflict markers`, {
      ...(word === undefined ? hintInGit(where) : { hint: choose }),
      details: { path: where.path },
    });
  }
  if (isNestedDeeper(text, MAX_POINTER_DEPTH)) throw malformed(where, `it is nested deeper than ${MAX_POINTER_DEPTH} levels`);
  const value = parseJsonObject(text, where);
  if (!("mlv" in value)) throw malformed(where, "the key `mlv` is missing");
  if (typeof value["mlv"] === "number" && value["mlv"] > POINTER_VERSION) throw newer(where, `format ${value["mlv"]}`);
  if (value["mlv"] !== POINTER_VERSION) throw malformed(where, "the key `mlv` must be 1");
  const pointer = readFields(value, where);
  if (formatPointer(pointer) !== text) throw malformed(where, "it is not in its one valid form (key order, spacing or line ends)");
  return pointer;
}

/** Tells whether JSON has more levels of lists and objects than that, without following them: the next reader would run out of stack. */
function isNestedDeeper(text: string, max: number): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{\]}]/gs)) {
    if (token === "[" || token === "{") depth += 1;
    else if (token === "]" || token === "}") depth -= 1;
    if (depth > max) return true;
  }
  return false;
}

function parseJsonObject(text: string, where: PointerPlace): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(where, "it is not JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(where, "it is not a JSON object");
  return value as Record<string, unknown>;
}

const KNOWN_KEYS = new Set(["mlv", "kind", "sha256", "size", "files", "mode", "table", "source"]);

function readFields(value: Record<string, unknown>, where: PointerPlace): Pointer {
  for (const key of Object.keys(value)) {
    if (!KNOWN_KEYS.has(key) && !key.startsWith("x-")) throw newer(where, `the key \`${key}\``);
  }
  const { kind, sha256, size, files, mode } = value;
  if (kind !== "file" && kind !== "dir") throw malformed(where, '`kind` must be "file" or "dir"');
  if (typeof sha256 !== "string" || !isSha256(sha256)) throw malformed(where, "`sha256` must be 64 lower-case hexadecimal digits");
  if (!isCount(size)) throw malformed(where, "`size` must be a whole number of bytes");
  if (kind === "dir" ? !isCount(files) : files !== undefined) throw malformed(where, "`files` must be there for a folder and only there");
  if (mode !== undefined && (mode !== "x" || kind !== "file")) throw malformed(where, '`mode` can only be "x", for a file');
  const extensions = Object.fromEntries(Object.entries(value).filter(([key]) => key.startsWith("x-")));
  return {
    kind,
    sha256,
    size,
    ...(isCount(files) ? { files } : {}),
    ...(mode === "x" ? { mode } : {}),
    ...(value["table"] === undefined ? {} : { table: readTable(value["table"], where) }),
    ...(value["source"] === undefined ? {} : { source: readSource(value["source"], where) }),
    ...(Object.keys(extensions).length > 0 ? { extensions } : {}),
  };
}

function readTable(value: unknown, where: PointerPlace): TableSummary {
  const table = readStringKeyed(value, where, "table", ["format", "rows", "columns", "delimiter"]);
  const { format, rows, columns, delimiter } = table;
  if (typeof format !== "string" || !isCount(rows)) throw malformed(where, "`table` needs `format` and `rows`");
  if (!Array.isArray(columns) || columns.length > 200 || !columns.every((column) => typeof column === "string")) {
    throw malformed(where, "`table.columns` must be at most 200 texts");
  }
  if (delimiter !== undefined && typeof delimiter !== "string") throw malformed(where, "`table.delimiter` must be a text");
  return { format, rows, columns: columns, ...(delimiter === undefined ? {} : { delimiter }) };
}

function readSource(value: unknown, where: PointerPlace): PointerSource {
  const source = readStringKeyed(value, where, "source", ["url", "path", "rev", "commit", "etag"]);
  for (const text of Object.values(source)) {
    if (typeof text !== "string") throw malformed(where, "`source` must hold texts");
  }
  return source;
}

function readStringKeyed(value: unknown, where: PointerPlace, name: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(where, `\`${name}\` must be an object`);
  for (const key of Object.keys(value)) if (!known.includes(key)) throw newer(where, `the key \`${name}.${key}\``);
  return value as Record<string, unknown>;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function malformed(where: PointerPlace, why: string, cause?: unknown): MlvError {
  const { typed } = where;
  const restore = (word: string): string =>
    `restore it with \`git checkout -- ${quoteForShell(word)}\`, or delete it and write it anew with \`mlv add ${quoteForShell(word.replace(/\.mlv$/, ""))}\``;
  return new MlvError("pointer-malformed", `the pointer ${nameOf(where)} is malformed: ${why}`, {
    ...(typed === undefined ? hintInGit(where) : { hint: restore(typed) }),
    details: { path: where.path },
    cause,
  });
}

function newer(where: PointerPlace, what: string): MlvError {
  return new MlvError("format-newer", `the pointer ${nameOf(where)} was written by a newer mlv: ${what} is not known here`, {
    hint: "update mlv (`npm install --global mlv@latest`)",
    details: { path: where.path },
  });
}

function nameOf({ path, version }: PointerPlace): string {
  return `\`${version === undefined ? path : `${path} (${version})`}\``;
}

/** What a commit holds stays as it is; who merges knows more than this room what can be done. */
function hintInGit({ version }: PointerPlace): { readonly hint?: string } {
  return version === undefined ? { hint: "Git has it so; `mlv log` with its name lists versions that may be whole" } : {};
}
