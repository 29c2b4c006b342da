import { MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { formatPointer, parsePointer, type Pointer } from "../formats/pointer.ts";
import { openCatFile } from "../git/cat-file.ts";
import { readGitIndex } from "../git/git-index.ts";
import { isPointerPath, pointerPath, targetOf } from "../workspace/target.ts";
import { mergeFolders } from "./merge-folders.ts";
import { prepareState, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { writePointer } from "./pointer-files.ts";
import { toRepoPath } from "./targets.ts";

/** Says how conflicts are settled. */
export interface ResolveOptions {
  /** Targets or their pointers; every pointer in conflict when empty. */
  readonly paths: readonly string[];
  /** Which side's version is taken, or with `union` which side wins where both changed the same file. */
  readonly side: "ours" | "theirs";
  /** Merges folders file by file instead of taking one side whole. */
  readonly union: boolean;
}

/** Is one target whose conflict was settled. */
export interface ResolvedTarget {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  /** Files that both sides changed and that the preferred side won. */
  readonly settled: number;
}

/** Is what `resolve` did. */
export interface ResolveResult {
  readonly targets: readonly ResolvedTarget[];
  /** Paths to stage, relative to the repository's root. */
  readonly toStage: readonly string[];
  readonly root: string;
}

/**
 * Settles conflicts of pointers from the versions that Git's index keeps of them, and writes the chosen pointer; stages nothing.
 * Throws `target-not-found` for what is in no conflict, `usage` for a union of what is no folder or a side that deleted the pointer.
 */
export async function resolveConflicts(context: OperationContext, options: ResolveOptions): Promise<ResolveResult> {
  return withWorkspace(context, async (workspace) => {
    const stages = await readStages(workspace);
    const wanted = options.paths.length === 0 ? [...stages.keys()] : options.paths.map((given) => asTarget(workspace, given));
    for (const [place, target] of wanted.entries()) {
      if (stages.has(target)) continue;
      throw new MlvError("target-not-found", `\`${options.paths[place] ?? target}\` is in no conflict`, {
        hint: "`git status` lists what is",
        details: { path: target },
      });
    }
    prepareState(workspace);
    const targets: ResolvedTarget[] = [];
    for (const target of wanted) {
      const resolved = await settle(workspace, { target, ...stages.get(target) }, options);
      writePointer(workspace, target, formatPointer(resolved.pointer));
      targets.push(resolved);
    }
    return { targets, toStage: targets.map(({ target }) => pointerPath(target)), root: workspace.root };
  });
}

interface Stages {
  readonly base?: string;
  readonly ours?: string;
  readonly theirs?: string;
}

const STAGES = { 1: "base", 2: "ours", 3: "theirs" } as const;

async function readStages(workspace: Workspace): Promise<Map<RepoPath, Stages>> {
  const index = await readGitIndex(workspace.repository, { suffixes: [".mlv"] });
  const found = new Map<RepoPath, Stages>();
  const catFile = openCatFile(workspace.repository, { signal: workspace.context.signal });
  try {
    for (const { path, oid, stage } of index?.entries ?? []) {
      const name = STAGES[stage as keyof typeof STAGES] as (typeof STAGES)[keyof typeof STAGES] | undefined;
      if (name === undefined || !isPointerPath(path)) continue;
      const object = await catFile.read(oid);
      const target = targetOf(path);
      if (object !== undefined) found.set(target, { ...found.get(target), [name]: object.content.toString("utf8") });
    }
  } finally {
    await catFile.close();
  }
  return found;
}

function asTarget(workspace: Workspace, given: string): RepoPath {
  const repoPath = toRepoPath(workspace, given);
  return isPointerPath(repoPath) ? targetOf(repoPath) : repoPath;
}

async function settle(
  workspace: Workspace,
  { target, base, ours, theirs }: Stages & { readonly target: RepoPath },
  { side, union }: ResolveOptions,
): Promise<ResolvedTarget> {
  const where = pointerPath(target);
  const parse = (text: string, name: string): Pointer => parsePointer(text, `${where} (${name})`);
  if (!union) {
    const text = side === "ours" ? ours : theirs;
    if (text !== undefined) return { target, pointer: parse(text, side), settled: 0 };
    throw new MlvError("usage", `${side === "ours" ? "our" : "their"} side deleted \`${target}\``, {
      hint: `to delete it: \`git rm ${where}\`; to keep it: \`mlv resolve --${side === "ours" ? "theirs" : "ours"} ${target}\``,
      details: { target },
    });
  }
  const [left, right] = [ours === undefined ? undefined : parse(ours, "ours"), theirs === undefined ? undefined : parse(theirs, "theirs")];
  if (left?.kind !== "dir" || right?.kind !== "dir") {
    throw new MlvError("usage", `\`${target}\` is no folder on both sides, so there is nothing to unite`, {
      hint: `choose one: \`mlv resolve --ours ${target}\` or \`mlv resolve --theirs ${target}\``,
      details: { target },
    });
  }
  const ancestor = base === undefined ? undefined : parse(base, "common ancestor");
  const versions = { target, base: ancestor?.kind === "dir" ? ancestor : undefined, ours: left, theirs: right };
  const merged = await mergeFolders(workspace, versions, side);
  if (merged.pointer !== undefined) return { target, pointer: merged.pointer, settled: merged.conflicts.length };
  const first = merged.conflicts.find(({ kind }) => kind === "file-and-folder")?.path ?? "";
  throw new MlvError("usage", `\`${target}/${first}\` is a file on one side and a folder on the other`, {
    hint: `choose one side: \`mlv resolve --ours ${target}\` or \`mlv resolve --theirs ${target}\`, then add the other files again`,
    details: { target, path: first },
  });
}
