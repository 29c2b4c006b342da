import type { FileSystemAdapter } from "fast-glob";
import * as fs from "node:fs";
import path from "node:path";
import { GLOB_CHARACTERS, withoutQuestionMarks } from "./expand-globs.ts";
import type { Workspace } from "./open-workspace.ts";

/** Is a glob that was typed in the caller's folder, for paths of versions that need not be on disk. */
export interface GlobMatcher {
  /** Returns those of these paths (relative to the repository's root) that it matches, or that lie under a folder that it matches. */
  match(repoPaths: readonly string[]): Set<string>;
  /** Returns those of these folders inside which it may match something. */
  reach(folders: readonly string[]): Set<string>;
}

const BATCH = 20_000;

/**
 * Returns a matcher for what `expandGlobs` would take for a glob, by the same rules, or undefined for a path: `fast-glob` walks a tree that is made of
 * the paths in question alone.
 */
export async function globMatcher(workspace: Workspace, given: string): Promise<GlobMatcher | undefined> {
  const { context, root } = workspace;
  if (!GLOB_CHARACTERS.test(given) || fs.existsSync(path.resolve(context.cwd, given))) return undefined;
  const { default: fastGlob } = await import("fast-glob");
  const cwd = fs.realpathSync(context.cwd);
  const walk = (tree: PathTree): string[] =>
    fastGlob
      .sync(withoutQuestionMarks(given), { cwd, onlyFiles: false, dot: false, followSymbolicLinks: false, fs: tree.adapter })
      .map((found) => path.relative(root, path.resolve(cwd, found)).split(path.sep).join("/"));
  return {
    match(repoPaths) {
      const matched = new Set<string>();
      for (let start = 0; start < repoPaths.length; start += BATCH) {
        const batch = repoPaths.slice(start, start + BATCH);
        const found = new Set(walk(new PathTree(root, batch)));
        for (const repoPath of batch) if (withParents(repoPath).some((part) => found.has(part))) matched.add(repoPath);
      }
      return matched;
    },
    reach(folders) {
      const tree = new PathTree(root, folders, { areFolders: true });
      walk(tree);
      return new Set(folders.filter((folder) => tree.lookedInto.has(folder)));
    },
  };
}

function withParents(repoPath: string): string[] {
  const parts = repoPath.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

type Kind = "file" | "folder";

/** Is a tree of names for `fast-glob` to walk in place of a disk. */
class PathTree {
  /** The folders, without those above the paths, that were opened or in which a name was asked for. */
  readonly lookedInto = new Set<string>();
  readonly adapter: Partial<FileSystemAdapter>;
  readonly #root: string;
  readonly #folders = new Map<string, Map<string, Kind>>([["", new Map()]]);

  constructor(root: string, repoPaths: readonly string[], options: { readonly areFolders?: boolean } = {}) {
    this.#root = root;
    for (const repoPath of repoPaths) this.#add(repoPath, options.areFolders === true ? "folder" : "file");
    const stat = (file: fs.PathLike): fs.Stats => this.#stat(String(file)) as fs.Stats;
    this.adapter = {
      lstatSync: stat,
      statSync: stat,
      readdirSync: ((folder: fs.PathLike) => this.#read(String(folder))) as unknown as typeof fs.readdirSync,
    };
  }

  #add(repoPath: string, kind: Kind): void {
    if (kind === "folder" && !this.#folders.has(repoPath)) this.#folders.set(repoPath, new Map());
    for (let [name, below] = [repoPath, kind]; name !== ""; [name, below] = [parentOf(name), "folder"]) {
      const siblings = this.#folders.get(parentOf(name));
      const isKnown = siblings !== undefined;
      const inside = siblings ?? new Map<string, Kind>();
      inside.set(path.posix.basename(name), below);
      if (isKnown) return;
      this.#folders.set(parentOf(name), inside);
    }
  }

  #read(folder: string): object[] {
    const inner = this.#inside(folder);
    const names = this.#folders.get(inner);
    if (names === undefined) throw missing(folder);
    this.lookedInto.add(inner);
    return [...names].map(([name, kind]) => ({ name, ...kindOf(kind) }));
  }

  #stat(file: string): object {
    const inner = this.#inside(file);
    for (let parent = parentOf(inner); parent !== ""; parent = parentOf(parent)) this.lookedInto.add(parent);
    const kind = this.#folders.has(inner) ? "folder" : this.#folders.get(parentOf(inner))?.get(path.posix.basename(inner));
    if (kind === undefined) throw missing(file);
    return kindOf(kind);
  }

  #inside(file: string): string {
    return path.relative(this.#root, file).split(path.sep).join("/");
  }
}

function parentOf(repoPath: string): string {
  const slash = repoPath.lastIndexOf("/");
  return slash === -1 ? "" : repoPath.slice(0, slash);
}

function kindOf(kind: Kind): object {
  return {
    isFile: () => kind === "file",
    isDirectory: () => kind === "folder",
    isSymbolicLink: () => false,
    isBlockDevice: () => false,
    isCharacterDevice: () => false,
    isFIFO: () => false,
    isSocket: () => false,
  };
}

function missing(file: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, '${file}'`), { code: "ENOENT" });
}
