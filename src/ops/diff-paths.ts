import * as fs from "node:fs";
import path from "node:path";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { RepoPath } from "../base/ids.ts";
import type { Pointer } from "../formats/pointer.ts";
import { isUnder, readManifestEntries } from "../store/manifests.ts";
import { isPointerPath, targetOf } from "../workspace/target.ts";
import type { TargetDiff } from "./diff-versions.ts";
import { ensureManifest } from "./ensure-manifest.ts";
import { globMatcher, type GlobMatcher } from "./match-globs.ts";
import type { Workspace } from "./open-workspace.ts";
import { toRepoPath, toTypedPath } from "./targets.ts";

/** Is a part of a target that was asked for. */
export interface WantedPart {
  /** Paths inside the target; anything when undefined. */
  readonly only: readonly string[] | undefined;
  /** Returns those of these paths inside the target that were asked for; all when undefined. */
  readonly isWanted?: (inner: readonly string[]) => ReadonlySet<string>;
}

/** Tells what of a target was asked for, by its name and its earlier one. */
export type Wanted = (target: string, from: string | undefined) => "all" | "none" | WantedPart;

/** Is what the caller's paths and globs select of two sides. */
export interface PathSelection {
  readonly wanted: Wanted;
  /** Tells whether a folder that one side alone has holds anything that was asked for; true where its list cannot be had. */
  holds(part: WantedPart, target: RepoPath, pointer: Pointer): Promise<boolean>;
  /** Throws `target-not-found` for a path or glob that selects nothing on either side, given what was found to differ. */
  assertFound(found: readonly TargetDiff[]): Promise<void>;
}

/** Is what can be selected. */
export interface SelectableSides {
  readonly pointers: readonly ReadonlyMap<RepoPath, Pointer>[];
  /** Targets whose pointer cannot be read. */
  readonly unreadable: readonly string[];
  /** True when one side is the work tree. */
  readonly withWorkTree: boolean;
  readonly remote: string | undefined;
}

/** Is one path as the caller typed it. */
interface Given {
  readonly text: string;
  readonly path: string;
  readonly glob: { readonly matcher: GlobMatcher; readonly targets: ReadonlySet<string>; readonly inside: ReadonlySet<string> } | undefined;
}

/** Reads the caller's paths; everything when there are none. Throws `target-not-found` for one that no target of either side is in the way of. */
export async function selectPaths(workspace: Workspace, paths: readonly string[], sides: SelectableSides): Promise<PathSelection> {
  const targets = [...new Set([...sides.pointers.flatMap((side) => [...side.keys()]), ...sides.unreadable])];
  const folders = targets.filter(
    (target) => sides.unreadable.includes(target) || sides.pointers.some((side) => side.get(target as RepoPath)?.kind === "dir"),
  );
  const given: Given[] = [];
  for (const text of paths) {
    const repoPath = toRepoPath(workspace, text);
    const literal = isPointerPath(repoPath) && targets.includes(targetOf(repoPath)) ? targetOf(repoPath) : repoPath;
    const matcher = await globMatcher(workspace, text);
    const glob = matcher === undefined ? undefined : { matcher, targets: matcher.match(targets), inside: matcher.reach(folders) };
    const isLiteral = targets.some((target) => isUnder(target, literal)) || folders.some((target) => isUnder(literal, target));
    if (!isLiteral && (glob === undefined || glob.targets.size + glob.inside.size === 0)) throw notFound(text, glob !== undefined);
    given.push({ text, path: literal, glob });
  }
  const wanted: Wanted = (target, from) =>
    given.length === 0 ? "all" : wantedOf(given, folders, from === undefined ? [target] : [target, from]);
  return {
    wanted,
    holds: ({ only, isWanted }, target, pointer) =>
      holds(workspace, { target, pointer, remote: sides.remote, only, isWanted: isWanted ?? ((inner) => new Set(inner)) }),
    async assertFound(found) {
      for (const one of given)
        if (!(await isFound(workspace, { given: one, targets, folders, sides, found }))) throw notFoundInside(workspace, one, folders);
    },
  };
}

function wantedOf(given: readonly Given[], folders: readonly string[], names: readonly string[]): "all" | "none" | WantedPart {
  if (given.some(({ path: wanted, glob }) => names.some((name) => isUnder(name, wanted) || glob?.targets.has(name) === true))) return "all";
  const inner = names
    .filter((name) => folders.includes(name))
    .flatMap((name) => given.filter(({ path: wanted }) => isUnder(wanted, name)).map(({ path: wanted }) => wanted.slice(name.length + 1)));
  const globs = names.flatMap((name) =>
    given.flatMap(({ glob }) => (glob?.inside.has(name) === true ? [{ name, matcher: glob.matcher }] : [])),
  );
  if (globs.length === 0) return inner.length === 0 ? "none" : { only: inner };
  return {
    only: undefined,
    isWanted(files) {
      const found = new Set(files.filter((file) => inner.some((prefix) => isUnder(file, prefix))));
      for (const { name, matcher } of globs)
        for (const file of matcher.match(files.map((each) => `${name}/${each}`))) found.add(file.slice(name.length + 1));
      return found;
    },
  };
}

interface Question {
  readonly given: Given;
  readonly targets: readonly string[];
  readonly folders: readonly string[];
  readonly sides: SelectableSides;
  readonly found: readonly TargetDiff[];
}

/** Looks at what differs first: only where nothing of that is meant are lists of what does not differ opened, and fetched. */
async function isFound(workspace: Workspace, { given, targets, folders, sides, found }: Question): Promise<boolean> {
  const { path: wanted, glob } = given;
  if (targets.some((target) => isUnder(target, wanted)) || (glob !== undefined && glob.targets.size > 0)) return true;
  const around = folders.filter((folder) => isUnder(wanted, folder) || glob?.inside.has(folder) === true);
  if (around.some((folder) => sides.unreadable.includes(folder))) return true;
  if (sides.withWorkTree && fs.lstatSync(path.join(workspace.root, wanted), { throwIfNoEntry: false }) !== undefined) return true;
  const select = (files: readonly string[]): Set<string> =>
    new Set([...files.filter((file) => isUnder(file, wanted)), ...(glob?.matcher.match(files) ?? [])]);
  for (const { target, from, files, omitted } of found) {
    if (![target, from].some((name) => name !== undefined && around.includes(name))) continue;
    if (omitted !== undefined) return true;
    const names = files.flatMap((file) => [
      `${target}/${file.path}`,
      ...(file.from === undefined ? [] : [`${from ?? target}/${file.from}`]),
    ]);
    if (select(names).size > 0) return true;
  }
  for (const target of around as RepoPath[]) {
    const versions = sides.pointers.map((side) => side.get(target)).filter((pointer) => pointer?.kind === "dir");
    for (const pointer of new Map(versions.map((version) => [version?.sha256, version])).values()) {
      if (pointer === undefined) continue;
      const only = glob === undefined ? [wanted.slice(target.length + 1)] : undefined;
      const isWanted = (inner: readonly string[]): Set<string> => select(inner.map((file) => `${target}/${file}`));
      if (await holds(workspace, { target, pointer, remote: sides.remote, only, isWanted })) return true;
    }
  }
  return false;
}

const BATCH = 10_000;

interface ListQuestion extends Required<WantedPart> {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  readonly remote: string | undefined;
}

async function holds(workspace: Workspace, { target, pointer, remote, only, isWanted }: ListQuestion): Promise<boolean> {
  try {
    await ensureManifest(workspace, { target, pointer, ...(only === undefined ? {} : { only }) }, remote);
    for (const prefix of only ?? [undefined]) {
      let batch: string[] = [];
      for (const entry of readManifestEntries(workspace.cache, pointer.sha256, `\`${target}\``, prefix)) {
        batch.push(entry.path);
        if (batch.length < BATCH) continue;
        if (isWanted(batch).size > 0) return true;
        batch = [];
      }
      if (isWanted(batch).size > 0) return true;
    }
    return false;
  } catch (error) {
    if (!isMlvError(error) || error.kind === "internal" || error.kind === "interrupted") throw error;
    return true;
  }
}

function notFound(text: string, isGlob: boolean): MlvError {
  const message = isGlob
    ? `nothing that is tracked matches \`${text}\`, on either side`
    : `\`${text}\` is no tracked target, nor inside one, on either side`;
  return new MlvError("target-not-found", message, { hint: "`mlv ls` lists what is tracked", details: { path: text } });
}

function notFoundInside(workspace: Workspace, { text, path: wanted, glob }: Given, folders: readonly string[]): MlvError {
  const target = folders.find((folder) => isUnder(wanted, folder));
  if (glob !== undefined || target === undefined) return notFound(text, glob !== undefined);
  return new MlvError("target-not-found", `nothing lies at or under \`${text}\` in \`${target}\`, on either side`, {
    hint: `\`mlv ls ${toTypedPath(workspace, target)}\` lists what is in it`,
    details: { path: text },
  });
}
