import * as fs from "node:fs";
import path from "node:path";
import { MlvError } from "../base/errors.ts";
import { openTableFile } from "../tabular/source.ts";
import { compareFiles, contentKindOf } from "./compare-contents.ts";
import type { ContentDiff } from "./content-diff.ts";
import type { ContentsOptions } from "./diff-rows.ts";
import type { OperationContext } from "./open-workspace.ts";

/** Is how two files, tracked or not, differ. */
export interface FilesDiff {
  readonly a: { readonly name: string; readonly size: number };
  readonly b: { readonly name: string; readonly size: number };
  readonly isSame: boolean;
  readonly contents: readonly ContentDiff[];
}

const PACKED = /\.(?:gz|bz2|xz|zst|lz4|zip|7z)$/i;

/** Compares two tables, models or images without a repository. Throws `path-not-found`, `table-unreadable`, `usage` for files of other kinds. */
export async function diffFiles(
  context: OperationContext,
  files: readonly [before: string, after: string],
  options: ContentsOptions,
): Promise<FilesDiff> {
  const [a, b] = files;
  const packed = files.find((file) => PACKED.test(file));
  if (packed !== undefined) {
    throw new MlvError("usage", `\`${packed}\` is compressed, and what is in it is not compared`, {
      hint: "decompress it first",
      details: { a, b },
    });
  }
  const kind = contentKindOf(b) ?? contentKindOf(a);
  if (kind === undefined || (contentKindOf(a) ?? kind) !== (contentKindOf(b) ?? kind)) {
    throw new MlvError("usage", `\`${a}\` and \`${b}\` are not two tables, two models or two images by their names`, {
      hint: "CSV, TSV, JSON lines (.jsonl), Parquet, safetensors, GGUF, ONNX, PNG, JPEG, GIF and WebP can be compared",
      details: { a, b },
    });
  }
  const paths = files.map((file) => path.resolve(context.cwd, file));
  for (const [place, file] of paths.entries()) {
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true) continue;
    throw new MlvError("path-not-found", `\`${files[place] ?? ""}\` is no file`, { details: { path: file } });
  }
  const before = await openTableFile(paths[0] ?? "", a);
  try {
    // A name without an ending is read as what the other one is.
    const after = await openTableFile(paths[1] ?? "", contentKindOf(b) === undefined ? `${b}${path.extname(a)}` : b);
    try {
      const named = contentKindOf(a) === undefined ? { ...before, name: `${a}${path.extname(b)}` } : before;
      const found = await compareFiles(
        b,
        { before: named, after },
        {
          key: options.key,
          keyColumn: options.keyColumn,
          isKeyRequired: true,
          statistics: options.statistics ?? true,
          samples: options.samples,
          signal: context.signal,
        },
      );
      return {
        a: { name: a, size: before.file.byteLength },
        b: { name: b, size: after.file.byteLength },
        isSame: found?.kind === "table" ? found.table.isSame : await haveSameBytes(before.path, after.path),
        contents: found === undefined ? [] : [found],
      };
    } finally {
      await after.close();
    }
  } finally {
    await before.close();
  }
}

async function haveSameBytes(left: string, right: string): Promise<boolean> {
  if (fs.statSync(left).size !== fs.statSync(right).size) return false;
  const other = fs.createReadStream(right)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for await (const piece of fs.createReadStream(left) as AsyncIterable<Buffer>) {
    const next = await other.next();
    if (next.done === true || !piece.equals(next.value)) return false;
  }
  return true;
}
