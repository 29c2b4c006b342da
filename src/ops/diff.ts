import { quoteForShell } from "../base/shell-words.ts";
import { throwIfAborted } from "../base/concurrency.ts";
import { MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { headCommit } from "../git/head.ts";
import { mergeBase, resolveRevision } from "../git/revisions.ts";
import type { ContentsResult } from "./content-diff.ts";
import { selectPaths } from "./diff-paths.ts";
import type { ContentsOptions } from "./diff-rows.ts";
import { compareVersions, type FileDiff, type TargetDiff } from "./diff-versions.ts";
import { RETRIES_TO_LOOK, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { NO_PAIRING, pairByContent } from "./pair-contents.ts";
import type { TargetSide } from "./pair-folders.ts";
import { pairTargets } from "./pair-targets.ts";
import type { FetchBudget } from "./prefetch-contents.ts";
import { assertRemote } from "./remote-session.ts";
import { readPointersAt, readPointersHere, type UnsafePointer } from "./read-pointers.ts";

export type { FileDiff, TargetDiff };

/** Says what to compare. */
export interface DiffOptions {
  /** A revision, or `A...B` or `A..B`; HEAD against the work tree when absent. */
  readonly a?: string | undefined;
  /** A second revision; the work tree when absent. */
  readonly b?: string | undefined;
  /** Targets, paths inside them, or globs of both; everything when empty. */
  readonly paths: readonly string[];
  readonly remote?: string | undefined;
  /** Compares the insides of files too; left alone when absent. */
  readonly contents?: ContentsOptions | undefined;
}

/** Is one side of a comparison. */
export interface DiffSide {
  /** As the caller named it; `work tree` for the pointers and data on disk. */
  readonly name: string;
  readonly commit: string | undefined;
}

/** Counts a comparison. */
export interface DiffSummary {
  readonly added: number;
  readonly deleted: number;
  readonly modified: number;
  readonly renamed: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Is how two revisions, or a revision and the work tree, differ. */
export interface DiffResult extends ContentsResult {
  readonly a: DiffSide;
  readonly b: DiffSide;
  readonly targets: readonly TargetDiff[];
  /** Pointers that cannot be read, and new ones whose name mlv does not take, with why. */
  readonly unreadable: readonly UnsafePointer[];
  readonly summary: DiffSummary;
}

/**
 * Compares targets, and folders file by file, opening only the leaves of their lists that differ; fetches lists, and content only with
 * `contents`. Throws `revision-not-found`, `target-not-found`; a list that cannot be had is said in `omitted`.
 */
export async function diff(context: OperationContext, options: DiffOptions): Promise<DiffResult> {
  return withWorkspace({ ...context, retries: RETRIES_TO_LOOK }, async (workspace) => {
    await assertRemote(workspace, options.remote);
    const [before, after] = await readSides(workspace, options);
    const unreadable = [...namedOnce(before.unreadable, after.unreadable), ...newOnes(before.unsafe, after.unsafe)];
    const isWorkTree = after.side.commit === undefined;
    const selection = await selectPaths(workspace, options.paths, {
      pointers: [before.pointers, after.pointers],
      unreadable: unreadable.map(({ target }) => target),
      withWorkTree: isWorkTree,
      remote: options.remote,
    });
    const { wanted } = selection;
    const isBroken = new Set<string>(unreadable.map(({ target }) => target));
    const ignore = isWorkTree ? await workspace.ignore() : undefined;
    const targets: TargetDiff[] = [];
    const isAsked = ({ target }: TargetSide): boolean => wanted(target, undefined) !== "none";
    const byContent = pairByContent(workspace, options.remote);
    const { pairs, leftOut } = await pairTargets(before.pointers, after.pointers, {
      folders: (gone, fresh) => ([...gone, ...fresh].some(isAsked) ? byContent : NO_PAIRING).folders(gone, fresh),
      files: (gone, fresh) => ([...gone, ...fresh].some(isAsked) ? byContent : NO_PAIRING).files(gone, fresh),
    });
    const budget = budgetForRenames(options.contents);
    for (const pair of pairs) {
      throwIfAborted(context.signal);
      const part = wanted(pair.target, pair.from);
      if (part === "none" || isBroken.has(pair.target)) continue;
      const isOneSided = pair.before === undefined || pair.after === undefined;
      const pointer = pair.after ?? pair.before;
      if (part !== "all" && isOneSided && pointer !== undefined && !(await selection.holds(part, pair.target, pointer))) continue;
      const question = {
        ...pair,
        ...(part === "all" ? { only: undefined } : part),
        remote: options.remote,
        isIgnored: ignore?.ignores.bind(ignore),
        budget,
      };
      const found = await compareVersions(workspace, question, isWorkTree);
      if (found !== undefined) targets.push(found);
    }
    await selection.assertFound(targets);
    if (isWorkTree) saveQuietly(workspace);
    const shown = unreadable.filter(({ target }) => wanted(target, undefined) !== "none");
    const inside = await compareInside(workspace, targets, { ...options, isWorkTree });
    return {
      a: before.side,
      b: after.side,
      targets,
      unreadable: shown,
      summary: summarise(targets),
      contents: inside.contents,
      leftOut: [...leftOut, ...inside.leftOut],
    };
  });
}

/** The readers of tables are loaded only where there is something for them to read. */
async function compareInside(
  workspace: Workspace,
  targets: readonly TargetDiff[],
  { contents, remote, isWorkTree }: DiffOptions & { readonly isWorkTree: boolean },
): Promise<ContentsResult> {
  if (contents === undefined || targets.length === 0) return { contents: [], leftOut: [] };
  const { compareContents } = await import("./diff-rows.ts");
  return compareContents(workspace, targets, { ...contents, remote, isWorkTree });
}

/** All folders have one budget; nothing is loaded for it before it is asked for. */
function budgetForRenames(contents: ContentsOptions | undefined): (() => Promise<FetchBudget>) | undefined {
  if (contents === undefined) return undefined;
  let budget: Promise<FetchBudget> | undefined;
  return () => (budget ??= import("./fetch-likely-tables.ts").then(({ likelyTablesBudget }) => likelyTablesBudget(contents)));
}

/** A pointer that is broken in the same way on both sides is named once. */
function namedOnce(...sides: readonly (readonly UnsafePointer[])[]): UnsafePointer[] {
  return [...new Map(sides.flat().map((pointer) => [`${pointer.target}\0${pointer.message}`, pointer])).values()];
}

function newOnes(before: readonly UnsafePointer[], after: readonly UnsafePointer[]): UnsafePointer[] {
  const known = new Set(before.map(({ target }) => target));
  return after.filter(({ target }) => !known.has(target));
}

interface ReadSide {
  readonly side: DiffSide;
  readonly pointers: ReadonlyMap<RepoPath, Pointer>;
  readonly unreadable: readonly UnsafePointer[];
  readonly unsafe: readonly UnsafePointer[];
}

/** Understands `A`, `A B`, `A..B` and, from where the two parted, `A...B`. */
async function readSides(workspace: Workspace, options: DiffOptions): Promise<readonly [ReadSide, ReadSide]> {
  const { repository } = workspace;
  const { signal } = workspace.context;
  const range = options.b === undefined ? /^(.*?)(\.{2,3})(.*)$/.exec(options.a ?? "") : null;
  if (range === null) {
    const b = options.b === undefined ? await readWorkTree(workspace) : await readRevision(workspace, options.b);
    if (options.a !== undefined) return [await readRevision(workspace, options.a), b];
    const head = await headCommit(repository);
    return [
      head === undefined
        ? { side: { name: "HEAD", commit: undefined }, pointers: new Map(), unreadable: [], unsafe: [] }
        : await readRevision(workspace, "HEAD"),
      b,
    ];
  }
  const left = range[1] === "" ? "HEAD" : (range[1] ?? "HEAD");
  const right = range[3] === "" ? "HEAD" : (range[3] ?? "HEAD");
  if (range[2] === "..") return [await readRevision(workspace, left), await readRevision(workspace, right)];
  const base = await mergeBase(repository, left, right, { signal });
  if (base === undefined) {
    throw new MlvError("revision-not-found", `\`${left}\` and \`${right}\` share no history`, {
      hint: `compare them directly: \`mlv diff ${quoteForShell(left)} ${quoteForShell(right)}\`; in a shallow clone \`git fetch --unshallow\` brings the history`,
      details: { revision: `${left}...${right}` },
    });
  }
  const parted = await readRevision(workspace, base);
  return [{ ...parted, side: { ...parted.side, name: base.slice(0, 10) } }, await readRevision(workspace, right)];
}

async function readRevision(workspace: Workspace, name: string): Promise<ReadSide> {
  const { signal } = workspace.context;
  const commit = await resolveRevision(workspace.repository, name, { signal });
  const { pointers, unreadable, unsafe } = await readPointersAt(workspace, commit);
  return { side: { name, commit }, pointers, unreadable, unsafe };
}

async function readWorkTree(workspace: Workspace): Promise<ReadSide> {
  const { pointers, unreadable } = await readPointersHere(workspace);
  return { side: { name: "work tree", commit: undefined }, pointers, unreadable, unsafe: [] };
}

function summarise(targets: readonly TargetDiff[]): DiffSummary {
  const count = (status: TargetDiff["status"]): number => targets.filter((target) => target.status === status).length;
  return {
    added: count("added"),
    deleted: count("deleted"),
    modified: count("modified"),
    renamed: count("renamed"),
    bytesBefore: targets.reduce((sum, target) => sum + target.sizeBefore, 0),
    bytesAfter: targets.reduce((sum, target) => sum + target.sizeAfter, 0),
  };
}

/** What was learned of the workspace saves time later; a read-only repository must not make it fail. */
function saveQuietly(workspace: Workspace): void {
  try {
    workspace.index.save();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
