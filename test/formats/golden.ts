import * as fs from "node:fs";
import path from "node:path";
import * as fc from "fast-check";
import { expect } from "vitest";
import { ERROR_CODES, type ErrorCode } from "../../src/base/error-codes.ts";
import { isMlvError } from "../../src/base/errors.ts";
import type { Sha256 } from "../../src/base/ids.ts";

const ROOT = path.resolve(import.meta.dirname, "../../fixtures/formats");

/** Is one golden file; a malformed one's name begins with the code of the error that it must cause. */
export interface GoldenFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly code: ErrorCode;
}

/** Returns the golden files of a format, sorted by name; fails when there are none. */
export function readGolden(format: string, kind: "valid" | "malformed", extension = format): readonly GoldenFile[] {
  const folder = path.join(ROOT, format, kind);
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(`.${extension}`));
  expect(names.length).toBeGreaterThan(0);
  return names.sort().map((name) => {
    const code = name.split(".")[0] ?? "";
    if (kind === "malformed" && !(code in ERROR_CODES)) throw new Error(`${name} does not begin with an error's code`);
    return { name, bytes: fs.readFileSync(path.join(folder, name)), code: code as ErrorCode };
  });
}

/** Returns the code of the MlvError that `work` throws; fails for any other error, and says "nothing" for none. */
export function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isMlvError(error)) return error.code;
    throw error;
  }
  return "nothing";
}

/** Makes a text of lower-case hexadecimal digits. */
export function anyHex(length: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: length, maxLength: length });
}

/** Makes a SHA-256. */
export const anySha256 = anyHex(64) as fc.Arbitrary<Sha256>;

/** Tries `parse` on every file with one to four bits flipped, or cut short: it may take the bytes or throw an MlvError, nothing else. */
export function survivesFlips(files: readonly Buffer[], parse: (bytes: Buffer) => unknown): void {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...files), flips, fc.option(fc.nat(), { freq: 5 }), (file, places, cut) => {
      const bytes = Buffer.from(file);
      for (const [place, bit] of places) {
        const at = place % Math.max(1, bytes.length);
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      }
      codeOf(() => parse(cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1))));
    }),
    { numRuns: 2000 },
  );
}
