import * as fs from "node:fs";

/** Is one part of a file. */
export interface Part {
  readonly number: number;
  readonly offset: number;
  readonly length: number;
}

/** Is what a program of a vendor's SDK is asked to do. */
export interface VendorTask {
  readonly verb: string;
  readonly file: string;
  readonly key: string;
  readonly endpoint: string;
  readonly bucket: string;
  readonly partBytes: number;
  readonly concurrency: number;
}

/** Reads `VERB FILE KEY SETTINGS [SIZE]`, the settings as JSON. */
export function readVendorArguments([verb = "", file = "", key = "", settings = "{}"]: readonly string[]): VendorTask {
  return { verb, file, key, ...(JSON.parse(settings) as Pick<VendorTask, "endpoint" | "bucket" | "partBytes" | "concurrency">) };
}

/** Runs work for each part of a file, some at a time. */
export async function forEachPart(
  { size, partBytes, concurrency }: { readonly size: number; readonly partBytes: number; readonly concurrency: number },
  work: (part: Part) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next * partBytes < size) {
      const index = next++;
      const offset = index * partBytes;
      await work({ number: index + 1, offset, length: Math.min(partBytes, size - offset) });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

/** Reads a part of a file into memory. */
export async function readPart(descriptor: number, { offset, length }: Part): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  return new Promise((resolve, reject) => {
    fs.read(descriptor, bytes, 0, length, offset, (error, read) => {
      if (error !== null) reject(error);
      else if (read < length) reject(new Error("the file became shorter"));
      else resolve(bytes);
    });
  });
}

/** Writes bytes at their place. */
export async function writePart(descriptor: number, bytes: Uint8Array, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.write(descriptor, bytes, 0, bytes.length, offset, (error) => (error === null ? resolve() : reject(error)));
  });
}
