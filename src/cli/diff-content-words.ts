import type { ContentDiff, ModelSummary } from "../ops/content-diff.ts";
import { formatCount, formatPlural } from "./format.ts";

/** Is one fact about a model or an image in words: what, before and after; names and values are not escaped. */
export interface ContentFact {
  readonly what: string;
  readonly before?: string;
  readonly after: string;
}

/** Returns what there is to say of a model or an image, most important first. */
export function describeContent(content: Exclude<ContentDiff, { kind: "table" }>): ContentFact[] {
  if (content.kind === "image") {
    const words = (image: typeof content.before): string | undefined =>
      image === undefined ? undefined : `${image.kind}, ${image.width} × ${image.height}`;
    return facts("image", words(content.before), words(content.after));
  }
  const { before, after, tensors } = content;
  const found = facts(
    "model",
    before === undefined ? undefined : describeModel(before),
    after === undefined ? undefined : describeModel(after),
  );
  if (tensors === undefined) return found;
  const listed = (names: readonly string[], count: number): string =>
    names.join(", ") + (count > names.length ? ` and ${formatCount(count - names.length)} more` : "");
  if (tensors.addedCount > 0)
    found.push({ what: `tensors added (${formatCount(tensors.addedCount)})`, after: listed(tensors.added, tensors.addedCount) });
  if (tensors.removedCount > 0)
    found.push({ what: `tensors removed (${formatCount(tensors.removedCount)})`, after: listed(tensors.removed, tensors.removedCount) });
  for (const { name, before: from, after: to } of tensors.reshaped) found.push({ what: `tensor ${name}`, before: from, after: to });
  if (tensors.reshapedCount > tensors.reshaped.length)
    found.push({
      what: "tensors",
      after: `${formatCount(tensors.reshapedCount - tensors.reshaped.length)} more with another type or shape`,
    });
  return found;
}

function facts(what: string, before: string | undefined, after: string | undefined): ContentFact[] {
  if (after === undefined) return before === undefined ? [] : [{ what, before, after: "(gone)" }];
  return [{ what, ...(before === undefined || before === after ? {} : { before }), after }];
}

function describeModel({ kind, tensors, parameters, dtypes, note }: ModelSummary): string {
  const parts: string[] = [kind];
  if (tensors !== undefined) parts.push(formatPlural(tensors, "tensor"));
  if (parameters !== undefined) parts.push(formatPlural(parameters, "parameter"));
  const types = Object.keys(dtypes ?? {});
  if (types.length > 0) parts.push(types.slice(0, 5).join(" "));
  if (note !== undefined) parts.push(note);
  return parts.join(", ");
}
