/** What `diff` says of the insides of files; and, for the rooms above, the words of table reports. */
import type { TableDiff } from "../tabular/diff.ts";
import type { ImageDescription } from "../tabular/models/image.ts";
import type { ModelDescription } from "../tabular/models/model.ts";

export type { TableDiff } from "../tabular/diff.ts";
export { escapeControls, escapeHtml, escapeMarkdown, formatTableDiffMarkdown, formatTableDiffText } from "../tabular/report.ts";
export { isSampleHeader } from "../tabular/report-samples.ts";
export { changedStatistics, describeRows, showCell, showChange } from "../tabular/report-cells.ts";

/** Is a model file's header without its list of tensors, which may be long. */
export interface ModelSummary {
  /** `unknown` for a file that has a model's name and is none that is known. */
  readonly kind: ModelDescription["kind"] | "unknown";
  readonly tensors?: number;
  readonly parameters?: number;
  /** Parameters by type. */
  readonly dtypes?: Readonly<Record<string, number>>;
  /** Says why there is no more to tell. */
  readonly note?: string;
}

/** Is what an image's header says; `unknown` for a file that has an image's name and is none that is known. */
export type ImageSummary = ImageDescription | { readonly kind: "unknown"; readonly note: string };

/** Names tensors that differ in being there, in type or in shape; each list at most 20 long, with the whole count beside it. */
export interface TensorChanges {
  readonly added: readonly string[];
  readonly addedCount: number;
  readonly removed: readonly string[];
  readonly removedCount: number;
  readonly reshaped: readonly { readonly name: string; readonly before: string; readonly after: string }[];
  readonly reshapedCount: number;
}

/** Names facts in a model's header (metadata, opsets, hyperparameters) that differ; at most 20, with the whole count beside them. */
export interface MetadataChanges {
  /** Without `before` where the fact is new, and without `after` where it is gone. */
  readonly changed: readonly { readonly name: string; readonly before?: string; readonly after?: string }[];
  readonly changedCount: number;
}

/** Is what changed inside one file; `path` is relative to the repository's root. */
export type ContentDiff =
  | { readonly path: string; readonly kind: "table"; readonly table: TableDiff; readonly note?: string }
  | {
      readonly path: string;
      readonly kind: "model";
      readonly before?: ModelSummary;
      readonly after?: ModelSummary;
      readonly tensors?: TensorChanges;
      readonly metadata?: MetadataChanges;
    }
  | { readonly path: string; readonly kind: "image"; readonly before?: ImageSummary; readonly after?: ImageSummary };

/** Is a file, or a number of them, whose inside was not compared. */
export interface LeftOut {
  /** Relative to the repository's root; the first of them when `count` says that there are more. */
  readonly path: string;
  readonly count: number;
  readonly reason: string;
}

/** Is all that was found inside files. */
export interface ContentsResult {
  readonly contents: readonly ContentDiff[];
  readonly leftOut: readonly LeftOut[];
}
