import { quoteForShell } from "../base/shell-words.ts";
import * as fs from "node:fs";
import path from "node:path";
import { MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import { unsafePathReason } from "../base/safe-paths.ts";
import { parsePointer, type Pointer } from "../formats/pointer.ts";
import { openCatFile, type CatFile } from "../git/cat-file.ts";
import { resolveRevision } from "../git/revisions.ts";
import { isPointerPath, pointerPath, targetOf } from "../workspace/target.ts";
import type { Workspace } from "./open-workspace.ts";
import { enclosingTarget, requirePointer, toRepoPath } from "./targets.ts";

/** Is a target, or a path inside one, as the work tree or a commit has it. */
export interface SpecPlace {
  /** Undefined for the work tree. */
  readonly commit: string | undefined;
  readonly target: RepoPath;
  readonly pointer: Pointer;
  /** The path inside the target, `""` for the target itself. */
  readonly inner: string;
}

/**
 * Finds what `PATH` or `REV:PATH` names. A path of the work tree that holds a colon comes first; as in Git, the path behind a revision is
 * relative to the repository's root unless it begins with `./` or `../`.
 * Throws `target-not-found`, `revision-not-found`, `path-outside-repository`, and what reading a pointer throws.
 */
export async function resolveSpec(workspace: Workspace, spec: string): Promise<SpecPlace> {
  const split = splitSpec(spec);
  if (split === undefined || isHere(workspace, spec)) return resolveHere(workspace, spec);
  const { signal } = workspace.context;
  const commit = await resolveRevision(workspace.repository, split.revision, { signal });
  const repoPath = /^\.\.?(?:\/|$)/.test(split.path) ? toRepoPath(workspace, split.path) : trimSlashes(path.posix.normalize(split.path));
  const catFile = openCatFile(workspace.repository, { signal });
  try {
    const found = await findAtCommit(catFile, commit, repoPath);
    if (found !== undefined) return { commit, ...found };
  } finally {
    await catFile.close();
  }
  throw new MlvError("target-not-found", `\`${repoPath}\` is no tracked target, nor inside one, at \`${split.revision}\``, {
    hint: `\`mlv ls ${quoteForShell(split.revision)}\` lists what is tracked there`,
    details: { path: repoPath, revision: split.revision },
  });
}

/** Finds the pointer that a path is, stands for or lies under in a commit's tree; undefined when there is none. */
export async function findAtCommit(catFile: CatFile, commit: string, repoPath: string): Promise<Omit<SpecPlace, "commit"> | undefined> {
  const asked = isPointerPath(repoPath) ? [repoPath.slice(0, -".mlv".length), repoPath] : [repoPath];
  for (const candidate of asked) {
    for (let current = candidate; current !== "" && current !== "."; current = path.posix.dirname(current)) {
      if (unsafePathReason(current) !== undefined) break;
      const object = await catFile.read(`${commit}:${pointerPath(current)}`);
      if (object?.type !== "blob") continue;
      const pointer = parsePointer(object.content.toString("utf8"), pointerPath(current));
      return { target: targetOf(pointerPath(current)), pointer, inner: candidate.slice(current.length + 1) };
    }
  }
  return undefined;
}

function resolveHere(workspace: Workspace, spec: string): SpecPlace {
  const given = toRepoPath(workspace, spec);
  const asTarget = isPointerPath(given) ? enclosingTarget(workspace, targetOf(given)) : undefined;
  const repoPath = asTarget !== undefined && pointerPath(asTarget) === given ? asTarget : given;
  const target = enclosingTarget(workspace, repoPath);
  if (target === undefined) {
    throw new MlvError("target-not-found", `\`${spec}\` is no tracked target, nor inside one`, {
      hint: "`mlv ls` lists what is tracked",
      details: { path: spec },
    });
  }
  return { commit: undefined, target, pointer: requirePointer(workspace, target), inner: repoPath.slice(target.length + 1) };
}

/** A path with a colon must be there itself: `HEAD:./../x` is none, though it could be normalised to one. */
function isHere(workspace: Workspace, spec: string): boolean {
  if (spec.split("/").includes("..")) return false;
  const file = path.join(workspace.root, toRepoPath(workspace, spec));
  return fs.existsSync(file) || fs.existsSync(pointerPath(file));
}

/** Cuts at the first colon outside braces, so that `HEAD^{/fix: it}:data/x` works. */
function splitSpec(spec: string): { readonly revision: string; readonly path: string } | undefined {
  let depth = 0;
  for (let index = 0; index < spec.length; index++) {
    if (spec[index] === "{") depth += 1;
    else if (spec[index] === "}") depth -= 1;
    else if (spec[index] === ":" && depth === 0)
      return index === 0 ? undefined : { revision: spec.slice(0, index), path: spec.slice(index + 1) };
  }
  return undefined;
}

function trimSlashes(text: string): string {
  return text.replace(/^\/+|\/+$/g, "");
}
