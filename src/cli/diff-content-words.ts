import type { ContentDiff, ModelSummary, TensorChanges } from "../ops/content-diff.ts";
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
      image === undefined ? undefined : `${image.kind}, ${image.kind === "unknown" ? image.note : `${image.width} × ${image.height}`}`;
    return facts("image", words(content.before), words(content.after));
  }
  const { before, after, tensors, metadata } = content;
  const found = facts(
    "model",
    before === undefined ? undefined : describeModel(before),
    after === undefined ? undefined : describeModel(after),
  );
  if (tensors !== undefined) found.push(...describeTensors(tensors));
  for (const { name, before: from, after: to } of metadata?.changed ?? [])
    found.push(
      from === undefined
        ? { what: `metadata ${name} (new)`, after: to ?? "" }
        : { what: `metadata ${name}`, before: from, after: to ?? "(gone)" },
    );
  const unnamed = (metadata?.changedCount ?? 0) - (metadata?.changed.length ?? 0);
  if (unnamed > 0) found.push({ what: "metadata", after: `${formatCount(unnamed)} more changed` });
  return found;
}

/** Tensors that change alike, as all of a model do when it is converted, are one fact. */
function describeTensors(tensors: TensorChanges): ContentFact[] {
  const found: ContentFact[] = [];
  const listed = (names: readonly string[], count: number): string =>
    names.join(", ") + (count > names.length ? ` and ${formatCount(count - names.length)} more` : "");
  if (tensors.addedCount > 0)
    found.push({ what: `tensors added (${formatCount(tensors.addedCount)})`, after: listed(tensors.added, tensors.addedCount) });
  if (tensors.removedCount > 0)
    found.push({ what: `tensors removed (${formatCount(tensors.removedCount)})`, after: listed(tensors.removed, tensors.removedCount) });
  const alike = new Map<string, TensorChanges["reshaped"][number][]>();
  for (const change of tensors.reshaped) {
    const key = `${change.before}\0${change.after}`;
    alike.set(key, [...(alike.get(key) ?? []), change]);
  }
  for (const [change, ...others] of alike.values()) {
    if (change === undefined) continue;
    const names = [change, ...others].map(({ name }) => name);
    const what = others.length === 0 ? `tensor ${change.name}` : `tensors ${names.join(", ")}`;
    found.push({ what, before: change.before, after: change.after });
  }
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
