import { MlvError } from "../base/errors.ts";
import { compactJson, splitJsonObject, type JsonMember } from "./json-members.ts";

/** Is what the file of run records is called, in whatever folder. */
export const LOCK_FILE = "mlv.lock";

/** Is three versions of an `mlv.lock`; an empty `base` when there is no common ancestor. */
export interface LockVersions {
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
  /** Names the file in messages. */
  readonly where: string;
}

/** Is a merged `mlv.lock`. */
export interface LockMerge {
  /** A valid file: where both sides changed a stage differently it has the preferred side's, or the common ancestor's. */
  readonly text: string;
  /** The stages that both sides changed differently, in the file's order. */
  readonly stages: readonly string[];
  /** Other keys of the document that both sides changed differently. */
  readonly keys: readonly string[];
  /** How many stages came from their side. */
  readonly taken: number;
}

/**
 * Merges run records stage by stage, three ways: a record is taken or left whole, for half of one run and half of another describe no run. Only
 * `stages` and `mlv` mean anything here; every other key is kept and merged in the same way, and nothing is reformatted.
 * Throws `lock-malformed` for a version that is no JSON object, and `format-newer` when the two sides are of different formats.
 */
export function mergeLockFiles(versions: LockVersions, prefer: "ours" | "theirs" | "base" = "ours"): LockMerge {
  const { ours: text, where } = versions;
  const base = versions.base.trim() === "" ? [] : parse(versions.base, where, "common ancestor");
  const ours = parse(text, where, "ours");
  const theirs = parse(versions.theirs, where, "theirs");
  const format = (members: readonly JsonMember[]): string => compactJson(members.find(({ key }) => key === "mlv")?.raw ?? "");
  if (format(ours) !== format(theirs)) {
    throw new MlvError("format-newer", `the two sides of \`${where}\` are of different formats`, {
      hint: "update mlv (`npm install --global mlv@latest`), and run the stages again",
      details: { path: where },
    });
  }
  const indent = /^\s*\{\r?\n([ \t]+)/.exec(text)?.[1];
  const document = mergeMembers(withoutStages(base), withoutStages(ours), { theirs: withoutStages(theirs), prefer });
  const stages = mergeMembers(stagesOf(base, where, "common ancestor"), stagesOf(ours, where, "ours"), {
    theirs: stagesOf(theirs, where, "theirs"),
    prefer,
  });
  const order = mergeOrder(keysOf(ours), keysOf(theirs));
  const members = new Map(document.members.map((member) => [member.key, member]));
  if (order.includes(STAGES)) members.set(STAGES, { key: STAGES, raw: join(stages.members, indent, 1) });
  const merged = order.flatMap((key) => members.get(key) ?? []);
  const tail = /\s*$/.exec(text)?.[0] ?? "";
  return { text: join(merged, indent, 0) + tail, stages: stages.conflicts, keys: document.conflicts, taken: stages.taken };
}

const STAGES = "stages";

function parse(text: string, where: string, version: string): JsonMember[] {
  const members = splitJsonObject(text.replace(/^\uFEFF/, ""));
  if (members !== undefined) return members;
  throw new MlvError("lock-malformed", `\`${where} (${version})\` is no JSON object`, {
    details: { path: where },
  });
}

function withoutStages(members: readonly JsonMember[]): JsonMember[] {
  return members.filter(({ key }) => key !== STAGES);
}

function stagesOf(members: readonly JsonMember[], where: string, version: string): JsonMember[] {
  const stages = members.find(({ key }) => key === STAGES);
  return stages === undefined ? [] : parse(stages.raw, where, `${version}: stages`);
}

function keysOf(members: readonly JsonMember[]): string[] {
  return members.map(({ key }) => key);
}

interface MergedMembers {
  readonly members: readonly JsonMember[];
  readonly conflicts: readonly string[];
  readonly taken: number;
}

interface OtherSide {
  readonly theirs: readonly JsonMember[];
  readonly prefer: "ours" | "theirs" | "base";
}

function mergeMembers(base: readonly JsonMember[], ours: readonly JsonMember[], { theirs, prefer }: OtherSide): MergedMembers {
  const [before, own, other] = [base, ours, theirs].map((members) => new Map(members.map((member) => [member.key, member]))) as [
    Map<string, JsonMember>,
    Map<string, JsonMember>,
    Map<string, JsonMember>,
  ];
  const isSame = (left: JsonMember | undefined, right: JsonMember | undefined): boolean =>
    (left === undefined ? undefined : compactJson(left.raw)) === (right === undefined ? undefined : compactJson(right.raw));
  const order = mergeOrder(keysOf(ours), keysOf(theirs));
  const conflicts: string[] = [];
  let taken = 0;
  const members = order.flatMap((key) => {
    const [was, left, right] = [before.get(key), own.get(key), other.get(key)];
    if (isSame(left, right) || isSame(was, right)) return left ?? [];
    const isConflict = !isSame(was, left);
    if (isConflict) conflicts.push(key);
    const isTheirs = !isConflict || prefer === "theirs";
    if (isTheirs) taken += 1;
    return (isTheirs ? right : prefer === "base" ? was : left) ?? [];
  });
  return { members, conflicts, taken };
}

/** Puts their names among ours: sorted when both are, else each behind the one that it follows over there. */
function mergeOrder(ours: readonly string[], theirs: readonly string[]): string[] {
  const isSorted = (keys: readonly string[]): boolean => keys.every((key, at) => at === 0 || (keys[at - 1] ?? "") < key);
  const known = new Set(ours);
  if (isSorted(ours) && isSorted(theirs)) return [...ours, ...theirs.filter((key) => !known.has(key))].sort();
  const order = [...ours];
  for (const [at, key] of theirs.entries()) {
    if (known.has(key)) continue;
    const previous = theirs[at - 1];
    order.splice(previous === undefined ? 0 : order.indexOf(previous) + 1, 0, key);
  }
  return order;
}

/** Writes an object in the layout of our file: a member a line with its indentation, or all of it in one line. */
function join(members: readonly JsonMember[], indent: string | undefined, depth: number): string {
  if (members.length === 0) return "{}";
  const space = indent === undefined ? "" : " ";
  const lines = members.map(({ key, raw }) => `${(indent ?? "").repeat(depth + 1)}${JSON.stringify(key)}:${space}${raw}`);
  return indent === undefined ? `{${lines.join(",")}}` : `{\n${lines.join(",\n")}\n${indent.repeat(depth)}}`;
}
