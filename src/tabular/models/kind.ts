/** Says what kind of file some bytes are, by what they begin with; the name decides only where bytes cannot. */

/** Names a kind of model or image file. */
export type FileKind = "safetensors" | "gguf" | "onnx" | "pickle" | "pickle-zip" | "hdf5" | "numpy" | "png" | "jpeg" | "gif" | "webp";

/** Returns a file's kind from its first bytes (1 KiB will do), its name, and its last bytes where a ZIP's list of files stands. */
export function sniffKind(head: Uint8Array, name: string, tail: Uint8Array = new Uint8Array(0)): FileKind | undefined {
  const extension = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  if (startsWith(head, "\x89PNG\r\n\x1a\n")) return "png";
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return "jpeg";
  if (startsWith(head, "GIF87a") || startsWith(head, "GIF89a")) return "gif";
  if (startsWith(head, "RIFF") && startsWith(head.subarray(8), "WEBP")) return "webp";
  if (startsWith(head, "GGUF")) return "gguf";
  if (startsWith(head, "\x89HDF\r\n\x1a\n")) return "hdf5";
  if (startsWith(head, "\x93NUMPY")) return "numpy";
  if (startsWith(head, "PK\x03\x04")) return holdsPickle(head) || holdsPickle(tail) ? "pickle-zip" : undefined;
  if (isSafetensors(head)) return "safetensors";
  if (extension === "onnx" && head[0] === 0x08) return "onnx";
  const isBinaryPickle = head[0] === 0x80 && (head[1] ?? 0) >= 1 && (head[1] ?? 0) <= 5;
  return isBinaryPickle || extension === "pkl" || extension === "pickle" ? "pickle" : undefined;
}

function startsWith(bytes: Uint8Array, magic: string): boolean {
  for (let at = 0; at < magic.length; at++) if (bytes[at] !== magic.charCodeAt(at)) return false;
  return true;
}

function holdsPickle(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(".pkl");
}

/** A safetensors file begins with the length of its header and the header's first brace. */
function isSafetensors(head: Uint8Array): boolean {
  if (head.length < 10 || head[8] !== 0x7b) return false;
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  return length >= 2n && length <= 100_000_000n && (head[9] === 0x22 || head[9] === 0x7d || head[9] === 0x20);
}
