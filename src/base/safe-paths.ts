/**
 * Says why a path from outside (a pointer, manifest, recipe or configuration) must not be used, or undefined when it is safe.
 * Safe means: relative, `/` between segments, no empty, `.` or `..` segment, no control character, nothing that any file system
 * could take for `.git`, `.mlv` or Git's own files after case folding and Unicode normalisation, at most 255 bytes a segment
 * and 4,000 in all. Source of the traps: Git's `verify_path`, CVE-2014-9390, CVE-2019-1352, CVE-2021-21300.
 */
export function unsafePathReason(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (Buffer.byteLength(path) > 4000) return "it is longer than 4,000 bytes";
  if (path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("\\")) return "it is absolute";
  if (!path.isWellFormed()) return "it is not valid Unicode";
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(path)) return "it holds a control character";
  for (const segment of path.split("/")) {
    const reason = unsafeSegmentReason(segment);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

const PLAIN_MAX_BYTES = 255;
const [SLASH, DOT] = [0x2f, 0x2e];
// Letters, digits and what of ASCII means nothing to any file system.
const PLAIN = Uint8Array.from({ length: 256 }, (_, code) =>
  /[a-zA-Z0-9_ !#$%&'()+,\-./;=@[\]^`{}]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/**
 * Tells whether the bytes from `start` to `end` are a path so ordinary that one look at each byte shows it to be safe; `unsafePathReason` judges
 * the others, most of which are safe too.
 */
export function isPlainPath(bytes: Uint8Array, start: number, end: number): boolean {
  if (end === start || end - start > PLAIN_MAX_BYTES) return false;
  let before = SLASH;
  for (let index = start; index < end; index++) {
    const code = bytes[index] as number;
    if (PLAIN[code] === 0 || (before === SLASH && (code === SLASH || code === DOT))) return false;
    before = code;
  }
  return before !== SLASH;
}

function unsafeSegmentReason(segment: string): string | undefined {
  if (segment === "") return "it has an empty segment";
  if (segment === "." || segment === "..") return `it has the segment \`${segment}\``;
  if (segment.length > 80 && Buffer.byteLength(segment) > 255) return "a name in it is longer than 255 bytes";
  if (mayBeReserved(segment) && isReservedName(segment)) return `\`${segment}\` is a name that belongs to Git or mlv`;
  return undefined;
}

/** Lets ordinary names past without folding them: only names with `.` first, `~`, a backslash or beyond ASCII can be reserved. */
function mayBeReserved(segment: string): boolean {
  return segment.charCodeAt(0) === 0x2e || NON_PLAIN.test(segment);
}

// eslint-disable-next-line no-control-regex
const NON_PLAIN = /[^\u0000-\u007d]|\\/;
// Code points that HFS+ ignores in names (Git's `next_hfs_char`).
const IGNORABLE = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const RESERVED = new Set([".git", ".mlv", ".gitmodules", ".gitattributes", ".gitignore", ".mlvignore", ".mailmap"]);
// The names of eight characters that NTFS gives to the above, after Git's `is_ntfs_dot_generic`: the first four of a beginning are counted, ...
const SHORT_NAME = /^(?:git|mlv|gitmod|gitatt|gitign|mlvign|mailma)~[1-4]$/;
// ... then two characters and a hash of the long name take their place, and give way to the count's digits from the right.
const HASHED_SHORT_NAMES = ["gi7eba", "gi7d29", "gi250a", "maba30"];

function isShortNameOfReserved(folded: string): boolean {
  if (SHORT_NAME.test(folded)) return true;
  const [, beginning] = /^([a-z0-9]{1,6})~[1-9]\d*$/.exec(folded) ?? [];
  return beginning !== undefined && folded.length === 8 && HASHED_SHORT_NAMES.some((name) => name.startsWith(beginning));
}

function isReservedName(segment: string): boolean {
  const parts = segment.split("\\");
  return parts.some((part) => {
    const folded = part
      .replace(IGNORABLE, "")
      .normalize("NFKC")
      .toLowerCase()
      .replace(/[. ]*(?::.*)?$/s, "");
    if (part !== segment && part === "..") return true;
    return RESERVED.has(folded) || isShortNameOfReserved(folded);
  });
}

const WINDOWS_DEVICES = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/** Says why another platform could not hold a name (`:`, `CON`, a trailing dot, …), or undefined when every platform can. */
export function unportableReason(path: string): string | undefined {
  for (const segment of path.split("/")) {
    if (/[<>:"|?*\\]/.test(segment)) return "Windows cannot hold one of its characters";
    if (/[. ]$/.test(segment)) return "Windows drops a dot or space at the end of a name";
    if (WINDOWS_DEVICES.test(segment)) return "Windows reserves the name of a device";
  }
  return undefined;
}

/** Returns the form under which two names collide on a file system that folds case or normalises Unicode. */
export function collisionKey(path: string): string {
  // Upper then lower folds ß/ẞ/ss and final sigma together, as APFS and NTFS do for most scripts.
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}

/**
 * Compares two strings by their UTF-8 bytes: negative, zero or positive.
 * UTF-16 order differs from it only where surrogates (U+10000 and up) meet U+E000 to U+FFFF.
 */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    let a = left.charCodeAt(index);
    let b = right.charCodeAt(index);
    if (a === b) continue;
    if (a >= 0xd800 && b >= 0xd800) {
      a = a >= 0xe000 ? a - 0x800 : a + 0x2000;
      b = b >= 0xe000 ? b - 0x800 : b + 0x2000;
    }
    return a - b;
  }
  return left.length - right.length;
}
