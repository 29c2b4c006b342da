/** What a model file's header says. Weights are never read, and pickles never loaded: unpickling runs whatever code the file names. */
import type { RandomAccessFile } from "../source.ts";
import type { ModelContents } from "./contents.ts";
import { describeGguf } from "./gguf.ts";
import { sniffKind, type FileKind } from "./kind.ts";
import { describeOnnx } from "./onnx.ts";
import { describeSafetensors } from "./safetensors.ts";

export type { ModelContents, Tensor } from "./contents.ts";

/** Describes a model file. */
export interface ModelDescription {
  readonly kind: FileKind;
  /** Absent where the header is not read: pickles. */
  readonly contents?: ModelContents;
  /** Says why there is no more to tell. */
  readonly note?: string;
}

const HEAD_BYTES = 64 * 1024;

/** Returns what a file is and, for models whose header can be read safely, what it holds; undefined when it is no model. */
export async function describeModel(file: RandomAccessFile, name: string): Promise<ModelDescription | undefined> {
  const head = new Uint8Array(await file.slice(0, Math.min(HEAD_BYTES, file.byteLength)));
  const tail = new Uint8Array(await file.slice(Math.max(0, file.byteLength - HEAD_BYTES), file.byteLength));
  const kind = sniffKind(head, name, tail);
  try {
    if (kind === "safetensors") return { kind, contents: await describeSafetensors(file) };
    if (kind === "gguf") return { kind, contents: await describeGguf(file) };
    if (kind === "onnx") return { kind, contents: await describeOnnx(file) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return kind === undefined ? undefined : { kind, note: `its header cannot be read: ${error.message}` };
  }
  if (kind === "pickle" || kind === "pickle-zip")
    return { kind, note: "a pickle can run any code when it is loaded, so it was not opened" };
  return kind === "hdf5" || kind === "numpy" ? { kind } : undefined;
}
