/** Sizes of images, from their headers. */
import { sniffKind } from "./kind.ts";

/** Says how large a picture is, in pixels. */
export interface ImageDescription {
  readonly kind: "png" | "jpeg" | "gif" | "webp";
  readonly width: number;
  readonly height: number;
}

/** Returns an image's size from its first bytes; a JPEG with long metadata may need up to 1 MiB of them. Undefined when they do not tell. */
export function describeImage(head: Uint8Array): ImageDescription | undefined {
  const kind = sniffKind(head, "");
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  try {
    if (kind === "png") return { kind, width: view.getUint32(16), height: view.getUint32(20) };
    if (kind === "gif") return { kind, width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (kind === "jpeg") return describeJpeg(view);
    return kind === "webp" ? describeWebp(view) : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Walks from marker to marker until a frame's header. */
function describeJpeg(view: DataView): ImageDescription | undefined {
  let at = 2;
  while (at + 4 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { kind: "jpeg", width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    const isAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    if (marker === 0xd9 || marker === 0xda) return undefined;
    at += isAlone ? 2 : 2 + Math.max(2, view.getUint16(at + 2));
  }
  return undefined;
}

function describeWebp(view: DataView): ImageDescription | undefined {
  const chunk = Buffer.from(view.buffer, view.byteOffset + 12, 4).toString("latin1");
  const uint24 = (at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  if (chunk === "VP8X") return { kind: "webp", width: uint24(24) + 1, height: uint24(27) + 1 };
  if (chunk === "VP8 ") return { kind: "webp", width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (chunk !== "VP8L") return undefined;
  const bits = view.getUint32(21, true);
  return { kind: "webp", width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}
