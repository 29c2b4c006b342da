import { crc32, deflateSync } from "node:zlib";
import { SeededBytes } from "./seeded.ts";

/** Returns a true PNG: a smooth picture with noise, 8-bit RGB. */
export function createPng(width: number, height: number, seed: string): Buffer {
  const noise = new SeededBytes(seed).next(width * height);
  const pixels = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (1 + width * 3) + 1 + x * 3;
      const grain = (noise[y * width + x] ?? 0) & 15;
      pixels[at] = (x + grain) & 255;
      pixels[at + 1] = (y + grain) & 255;
      pixels[at + 2] = (x + y + grain) & 255;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, part("IHDR", header), part("IDAT", deflateSync(pixels, { level: 3 })), part("IEND", Buffer.alloc(0))]);
}

function part(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), whole.length - 4);
  return whole;
}
