import { isMlvError, MlvError } from "../base/errors.ts";
import { diffTables, type DiffTablesOptions, type TableDiff } from "../tabular/diff.ts";
import { describeImage } from "../tabular/models/image.ts";
import { describeModel, type ModelDescription, type Tensor } from "../tabular/models/model.ts";
import type { TableSource } from "../tabular/source.ts";
import { tableFormatOf } from "../tabular/describe.ts";
import type { ContentDiff, ImageSummary, MetadataChanges, ModelSummary, TensorChanges } from "./content-diff.ts";

/** Tells by a file's name how its inside is compared; undefined when it is not. */
export function contentKindOf(name: string): ContentDiff["kind"] | undefined {
  if (tableFormatOf(name) !== undefined) return "table";
  if (/\.(?:png|jpe?g|gif|webp)$/i.test(name)) return "image";
  return MODEL_NAME.test(name) ? "model" : undefined;
}

const MODEL_NAME = /\.(?:safetensors|gguf|onnx|pkl|pickle|pt|pth|bin|ckpt|joblib|h5|hdf5|keras|npy|npz)$/i;
const HEAD_BYTES = 1024 * 1024;
const MAX_NAMED = 20;

/** Tells whether a file with this name that is of no known kind must be damaged: endings such as `.bin` and `.pt` stand for anything. */
export function isKindCertain(name: string): boolean {
  return contentKindOf(name) === "image" || /\.(?:safetensors|gguf|onnx|npy|h5|hdf5)$/i.test(name);
}

/** Says how tables are compared. */
export interface CompareTablesOptions {
  readonly key?: readonly string[] | undefined;
  /** A column that is the key in place of `key` in tables that have it. */
  readonly keyColumn?: string | undefined;
  /** Where the key comes from, as a note names it. */
  readonly keyOrigin?: "mlv.yaml" | "--key" | undefined;
  /** True to fail, instead of matching in another way, when the key names a column that is not there. */
  readonly isKeyRequired: boolean;
  readonly statistics: boolean;
  readonly samples?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Compares two tables; a key that need not fit and does not is noted. Throws `table-unreadable`, `usage`. */
export async function compareTables(
  before: TableSource,
  after: TableSource,
  options: CompareTablesOptions,
): Promise<{ readonly table: TableDiff; readonly note?: string }> {
  const { signal, statistics } = options;
  const shared: DiffTablesOptions = { signal, statistics, ...(options.samples === undefined ? {} : { sampleLimit: options.samples }) };
  try {
    return { table: await diffTables(before, after, { ...shared, key: options.key, keyColumn: options.keyColumn }) };
  } catch (error) {
    if (options.key === undefined || options.isKeyRequired || !isMlvError(error, "usage")) throw error;
    return {
      table: await diffTables(before, after, shared),
      note: `the key of ${options.keyOrigin ?? "mlv.yaml"} was not used: ${error.message}`,
    };
  }
}

/** Compares two model files, or tells of the one that there is, by their headers; undefined when neither is a model. */
export async function compareModels(
  path: string,
  before: TableSource | undefined,
  after: TableSource | undefined,
): Promise<ContentDiff | undefined> {
  const old = before === undefined ? undefined : await describeModel(before.file, before.name);
  const now = after === undefined ? undefined : await describeModel(after.file, after.name);
  if (old === undefined && now === undefined) return undefined;
  const [was, is] = [old?.contents, now?.contents];
  const changes =
    was === undefined || is === undefined
      ? {}
      : { tensors: compareTensors(was.tensors, is.tensors), metadata: compareMetadata(was.metadata, is.metadata) };
  return {
    path,
    kind: "model",
    ...(before === undefined ? {} : { before: old === undefined ? UNKNOWN : summarise(old) }),
    ...(after === undefined ? {} : { after: now === undefined ? UNKNOWN : summarise(now) }),
    ...changes,
  };
}

/** Compares two images, or tells of the one that there is; undefined when neither is one. */
export async function compareImages(
  path: string,
  before: TableSource | undefined,
  after: TableSource | undefined,
): Promise<ContentDiff | undefined> {
  const [old, now] = [before === undefined ? undefined : await readImage(before), after === undefined ? undefined : await readImage(after)];
  if (old === undefined && now === undefined) return undefined;
  return {
    path,
    kind: "image",
    ...(before === undefined ? {} : { before: old ?? UNKNOWN_IMAGE }),
    ...(after === undefined ? {} : { after: now ?? UNKNOWN_IMAGE }),
  };
}

/** Compares two files of the same kind; undefined when they turn out to be of no kind that is known. */
export async function compareFiles(
  path: string,
  sides: { readonly before: TableSource | undefined; readonly after: TableSource | undefined },
  options: CompareTablesOptions,
): Promise<ContentDiff | undefined> {
  const { before, after } = sides;
  const kind = contentKindOf(after?.name ?? before?.name ?? path);
  if (kind === "image") return compareImages(path, before, after);
  if (kind !== "table") return compareModels(path, before, after);
  if (before === undefined || after === undefined) throw new MlvError("internal", "a table is compared with another one");
  return { path, kind, ...(await compareTables(before, after, options)) };
}

async function readImage({ file }: TableSource): Promise<ReturnType<typeof describeImage>> {
  return describeImage(new Uint8Array(await file.slice(0, Math.min(HEAD_BYTES, file.byteLength))));
}

/** Is a file beside a model that has a model's name and does not begin like one, as a damaged one may. */
const UNKNOWN: ModelSummary = { kind: "unknown", note: "it does not begin as a model that is known here" };
const UNKNOWN_IMAGE: ImageSummary = { kind: "unknown", note: "it does not begin as an image that is known here" };

function summarise({ kind, contents, note }: ModelDescription): ModelSummary {
  return {
    kind,
    ...(contents === undefined ? {} : { tensors: contents.tensorCount, parameters: contents.parameters, dtypes: contents.dtypes }),
    ...(note === undefined ? {} : { note }),
  };
}

function compareTensors(before: readonly Tensor[], after: readonly Tensor[]): TensorChanges {
  const shapes = (tensors: readonly Tensor[]): Map<string, string> =>
    new Map(tensors.map(({ name, dtype, shape }) => [name, `${dtype} [${shape.join(", ")}]`]));
  const [old, now] = [shapes(before), shapes(after)];
  const added = [...now.keys()].filter((name) => !old.has(name));
  const removed = [...old.keys()].filter((name) => !now.has(name));
  const reshaped = [...now].flatMap(([name, shape]) => {
    const from = old.get(name);
    return from === undefined || from === shape ? [] : [{ name, before: from, after: shape }];
  });
  return {
    added: added.slice(0, MAX_NAMED),
    addedCount: added.length,
    removed: removed.slice(0, MAX_NAMED),
    removedCount: removed.length,
    reshaped: reshaped.slice(0, MAX_NAMED),
    reshapedCount: reshaped.length,
  };
}

function compareMetadata(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): MetadataChanges {
  const [old, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const changed = [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [from, to] = [old.get(name), now.get(name)];
    return from === to ? [] : [{ name, ...(from === undefined ? {} : { before: from }), ...(to === undefined ? {} : { after: to }) }];
  });
  return { changed: changed.slice(0, MAX_NAMED), changedCount: changed.length };
}
