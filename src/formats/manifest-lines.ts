import * as buffer from "node:buffer";
import { MlvError } from "../base/errors.ts";
import { isSha256, type RepoPath, type Sha256 } from "../base/ids.ts";
import { isPlainPath, unsafePathReason } from "../base/safe-paths.ts";

/** Is one file of a folder; `path` is relative to the folder. */
export interface ManifestEntry {
  readonly path: RepoPath;
  readonly sha256: Sha256;
  readonly size: number;
  readonly isExecutable: boolean;
}

const HASH_LENGTH = 64;
const [SPACE, DASH, EXECUTABLE, ZERO] = [0x20, 0x2d, 0x78, 0x30];
const HEXADECIMAL = Uint8Array.from({ length: 256 }, (_, code) => (/[0-9a-f]/.test(String.fromCharCode(code)) ? 1 : 0));

/** Returns the one valid line of an entry. */
export function formatLine(entry: ManifestEntry): string {
  return `${entry.sha256} ${entry.size} ${entry.isExecutable ? "x" : "-"} ${entry.path}\n`;
}

/**
 * Returns the entries of a leaf's lines, each in its one valid form and with a safe path; their order is not looked at.
 * Throws `manifest-malformed`, `path-unsafe`.
 */
export function parseLines(bytes: Uint8Array, where: string): ManifestEntry[] {
  const entries: ManifestEntry[] = [];
  // In ASCII a byte is a character, so the bytes are looked at, which is three times as fast, and the text is only cut.
  const isAscii = buffer.isAscii(bytes);
  const text = isAscii ? buffer.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1") : decodeText(bytes, where);
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    if (end === -1) throw malformed(where, "a line has no end");
    entries.push((isAscii ? parsePlainLine(bytes, text, start, end) : undefined) ?? parseLine(text.slice(start, end), where));
    start = end + 1;
  }
  return entries;
}

/** Returns the entry of a line that one look at each byte shows to be right; undefined for one that has to be judged. */
function parsePlainLine(bytes: Uint8Array, text: string, start: number, end: number): ManifestEntry | undefined {
  let at = start;
  for (const hashEnd = start + HASH_LENGTH; at < hashEnd; at++) if (HEXADECIMAL[bytes[at] as number] !== 1) return undefined;
  if (bytes[at] !== SPACE) return undefined;
  const sizeStart = ++at;
  let size = 0;
  for (; at < end && bytes[at] !== SPACE; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    size = size * 10 + digit;
  }
  const isOneForm = at > sizeStart && at - sizeStart < 16 && (bytes[sizeStart] !== ZERO || at - sizeStart === 1);
  const mode = bytes[at + 1];
  const isExecutable = mode === EXECUTABLE;
  if (!isOneForm || (mode !== DASH && !isExecutable) || bytes[at + 2] !== SPACE || !isPlainPath(bytes, at + 3, end)) return undefined;
  const sha256 = text.slice(start, start + HASH_LENGTH) as Sha256;
  return { path: text.slice(at + 3, end) as RepoPath, sha256, size, isExecutable };
}

function parseLine(line: string, where: string): ManifestEntry {
  const sizeEnd = line.indexOf(" ", HASH_LENGTH + 1);
  const hash = line.slice(0, HASH_LENGTH);
  const sizeText = line.slice(HASH_LENGTH + 1, sizeEnd);
  const mode = line[sizeEnd + 1];
  const path = line.slice(sizeEnd + 3);
  const isFormed =
    line[HASH_LENGTH] === " " &&
    sizeEnd !== -1 &&
    line[sizeEnd + 2] === " " &&
    (mode === "-" || mode === "x") &&
    isSha256(hash) &&
    /^(?:0|[1-9]\d{0,15})$/.test(sizeText) &&
    Number.isSafeInteger(Number(sizeText));
  if (!isFormed) throw malformed(where, "a line is not `<sha256> <size> <- or x> <path>`");
  const reason = unsafePathReason(path);
  if (reason !== undefined) throw unsafe(where, path, reason);
  return { path: path as RepoPath, sha256: hash, size: Number(sizeText), isExecutable: mode === "x" };
}

/** Returns the text that bytes of a manifest encode. Throws `manifest-malformed`. */
export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw malformed(where, "it is not UTF-8", error);
  }
}

/** Makes the error that says what is wrong with a manifest. */
export function malformed(where: string, why: string, cause?: unknown): MlvError {
  return new MlvError("manifest-malformed", `the manifest of ${where} is malformed: ${why}`, { cause });
}

/** Makes the error that says why a path in a manifest must not be used. */
export function unsafe(where: string, path: string, reason: string): MlvError {
  return new MlvError("path-unsafe", `the manifest of ${where} names an unsafe path \`${path}\`: ${reason}`, { details: { path } });
}
