import { join } from "node:path";
import { isMlvError, MlvError } from "../base/errors.ts";
import { openCatFile, type CatFile } from "./cat-file.ts";
import { readGitIndex } from "./git-index.ts";
import { isOid } from "./head.ts";
import { toAbsolutePath, type Environment, type Repository } from "./repository.ts";
import { parseRaw } from "./changes.ts";
import type { GitCallOptions, PointerBlob } from "./revisions.ts";
import { gitRecords, runGit } from "./run-git.ts";
import { walkTrees } from "./trees.ts";
import { listWorktrees, privateObjectIds } from "./worktrees.ts";

/** Names the files that carry hashes of data: pointers, and lock files in any folder. */
const PATHSPECS = ["*.mlv", ":(glob)**/mlv.lock"];
const SUFFIXES = [".mlv", "mlv.lock"];
const REGULAR_FILE = 0o100000;
const FILE_TYPE = 0o170000;

function isPointerPath(path: string): boolean {
  return path.endsWith(".mlv") || path === "mlv.lock" || path.endsWith("/mlv.lock");
}

/**
 * Yields every pointer and lock file that Git still holds on to, each blob once, in no promised order: what any ref, reflog entry
 * (of any work tree), stash, HEAD, MERGE_HEAD and its like, unfinished rebase or Git index names. Pointers that lie in a work tree
 * and were never given to Git are the caller's to find (`listWorktrees`).
 * Throws `git-failed` when anything cannot be read, so that nothing is taken for garbage because of a broken repository.
 */
export async function* reachablePointerBlobs(
  repository: Repository,
  options: GitCallOptions = {},
): AsyncGenerator<PointerBlob, void, undefined> {
  const paths = new Map<string, string>();
  await collectFromIndexes(repository, paths);
  const { commits, trees } = await findTips(repository, options);
  // Replacements hide the objects they replace; both must be kept, and `refs/replace/` is walked like any ref.
  const env = { GIT_NO_REPLACE_OBJECTS: "1" };
  const selection = ["--all", "--reflog", "--stdin"];
  for await (const [path, oid] of blobsInHistory(repository, selection, { ...options, env, input: lines(commits) })) {
    if (!paths.has(oid)) paths.set(oid, path);
  }
  const catFile = openCatFile(repository, { signal: options.signal });
  try {
    for await (const entry of walkTrees(catFile, trees, repository.objectFormat)) {
      if (isRegular(entry.mode) && isPointerPath(entry.path) && !paths.has(entry.oid)) paths.set(entry.oid, entry.path);
    }
    yield* readBlobs(
      catFile,
      [...paths].map(([oid, path]) => ({ path, oid })),
    );
  } finally {
    await catFile.close();
  }
}

/** Says which commits' pointers to list besides HEAD's. */
export interface PointersOfOptions extends GitCallOptions {
  readonly allBranches?: boolean;
  readonly allTags?: boolean;
  /** Every commit that HEAD, a local branch or a tag leads to. */
  readonly allCommits?: boolean;
}

/**
 * Yields the pointers and lock files of HEAD and of what the options add, each pair of path and blob once, in no promised order.
 * Yields nothing of HEAD before the first commit. Throws `git-failed`.
 */
export async function* pointersOf(repository: Repository, options: PointersOfOptions = {}): AsyncGenerator<PointerBlob, void, undefined> {
  const { allBranches, allTags, allCommits, signal } = options;
  const head = await runGit(repository, ["rev-parse", "--verify", "--quiet", "HEAD"], { acceptStatus: [1], signal });
  const roots = [head.stdout.toString("utf8").trim()].filter(isOid);
  if (allBranches === true) roots.push(...(await refTips(repository, "refs/heads", options)));
  if (allTags === true) roots.push(...(await refTips(repository, "refs/tags", options)));
  const found = new Map<string, { readonly path: string; readonly oid: string }>();
  const add = (path: string, oid: string): void => void found.set(`${oid} ${path}`, { path, oid });
  if (allCommits === true) {
    const selection = [...roots, "--branches", "--tags"];
    for await (const [path, oid] of blobsInHistory(repository, selection, { signal })) add(path, oid);
  }
  const catFile = openCatFile(repository, { signal });
  try {
    for await (const entry of walkTrees(catFile, roots, repository.objectFormat)) {
      if (isRegular(entry.mode) && isPointerPath(entry.path)) add(entry.path, entry.oid);
    }
    yield* readBlobs(catFile, [...found.values()]);
  } finally {
    await catFile.close();
  }
}

/** Says which commits a `git push` sends: those that `tips` lead to and that neither `known` nor the remote's branches do. */
export interface OutgoingOptions extends GitCallOptions {
  readonly tips: readonly string[];
  /** Object ids that the other side has; those that are not here are passed over. */
  readonly known: readonly string[];
  /** Git's name of the remote. */
  readonly remote?: string | undefined;
}

/** Yields the pointers that the commits of a push wrote, the oldest first, each pair of path and blob once. Throws `git-failed`. */
export async function* outgoingPointers(
  repository: Repository,
  { tips, known, remote, signal }: OutgoingOptions,
): AsyncGenerator<PointerBlob, void, undefined> {
  const check = ["cat-file", "--batch-check=%(objecttype) %(objectname)"];
  const commitsOf = async (oids: readonly string[]): Promise<string[]> => {
    const { stdout } = await runGit(repository, check, { input: lines(oids.map((oid) => `${oid}^{commit}`)), signal });
    return stdout
      .toString("utf8")
      .split("\n")
      .flatMap((line) => (line.startsWith("commit ") ? [line.slice("commit ".length)] : []));
  };
  const roots = await commitsOf(tips);
  if (roots.length === 0) return;
  const branches = remote === undefined ? [] : [`--remotes=${remote.replaceAll(/[*?[\\]/g, "\\$&")}`];
  const selection = [...roots, "--not", ...(await commitsOf(known)), ...branches];
  const found = new Map<string, { readonly path: string; readonly oid: string }>();
  for await (const [path, oid] of blobsInHistory(repository, selection, { signal })) found.set(`${oid} ${path}`, { path, oid });
  const catFile = openCatFile(repository, { signal });
  try {
    yield* readBlobs(catFile, [...found.values()].reverse());
  } finally {
    await catFile.close();
  }
}

function isRegular(mode: number): boolean {
  return (mode & FILE_TYPE) === REGULAR_FILE;
}

function lines(values: Iterable<string>): string {
  return [...values].map((value) => `${value}\n`).join("");
}

interface HistoryOptions extends GitCallOptions {
  readonly env?: Environment;
  readonly input?: string;
}

/**
 * Yields path and blob wherever a selected commit's pointer differs from a parent's. By induction along first parents down to
 * a root (or a shallow clone's edge) that is every pointer of every commit. `git rev-list --objects` cannot serve: it names each
 * blob by one path only, so a pointer with a copy under another name would be missed, and its trees ignore wildcards.
 */
async function* blobsInHistory(
  repository: Repository,
  selection: readonly string[],
  options: HistoryOptions,
): AsyncGenerator<readonly [path: string, oid: string], void, undefined> {
  const diff = ["--raw", "-r", "-z", "--no-abbrev", "--no-renames", "--root", "-m", "--format="];
  const args = ["log", ...diff, "--full-history", ...selection, "--", ...PATHSPECS];
  for await (const { change } of parseRaw(gitRecords(repository, args, options))) {
    if (change?.newOid !== undefined && isRegular(change.newMode) && isPointerPath(change.path)) yield [change.path, change.newOid];
  }
}

async function collectFromIndexes(repository: Repository, paths: Map<string, string>): Promise<void> {
  const { commonDir, objectFormat } = repository;
  const places = listWorktrees(repository).map(({ gitDir }) => ({
    root: commonDir,
    indexFile: toAbsolutePath(join(gitDir, "index")),
    objectFormat,
    environment: { GIT_DIR: gitDir },
  }));
  for (const place of [repository, ...places]) {
    const index = await readGitIndex(place, { suffixes: SUFFIXES, filter: isPointerPath });
    for (const entry of index?.entries ?? []) {
      if (isRegular(entry.mode) && !entry.intentToAdd && !paths.has(entry.oid)) paths.set(entry.oid, entry.path);
    }
  }
}

interface Tips {
  readonly commits: ReadonlySet<string>;
  readonly trees: ReadonlySet<string>;
}

/** Finds what `git log --all --reflog` does not start from: private files of each work tree, and refs that name trees. */
async function findTips(repository: Repository, { signal }: GitCallOptions): Promise<Tips> {
  const candidates = new Set<string>();
  for (const { gitDir } of listWorktrees(repository)) {
    const isLinked = gitDir !== repository.commonDir;
    for (const id of privateObjectIds(gitDir, isLinked)) candidates.add(id);
    if (!isLinked || repository.refStorage === "files") continue;
    const env = { GIT_DIR: gitDir };
    for (const id of await refTips({ ...repository, root: repository.commonDir, environment: env }, "refs/", { signal }))
      candidates.add(id);
  }
  const trees = new Set<string>();
  const commits = new Set<string>();
  const format = "--format=%(objecttype) %(objectname)%0a%(*objecttype) %(*objectname)";
  for await (const line of gitRecords(repository, ["for-each-ref", format], { signal, separator: "\n" })) {
    if (line.startsWith("tree ")) trees.add(line.slice("tree ".length));
  }
  const check = ["cat-file", "--batch-check=%(objectname) %(objecttype)"];
  for await (const line of gitRecords(repository, check, { signal, separator: "\n", input: lines(candidates) })) {
    const [oid = "", type] = line.split(" ");
    if (type === "commit" || type === "tag") commits.add(oid);
    if (type === "tree") trees.add(oid);
  }
  return { commits, trees };
}

async function refTips(repository: Repository, prefix: string, { signal }: GitCallOptions): Promise<string[]> {
  const tips: string[] = [];
  const args = ["for-each-ref", "--format=%(objectname) %(objecttype) %(*objecttype)", prefix];
  for await (const line of gitRecords(repository, args, { signal, separator: "\n" })) {
    const [oid = "", ...types] = line.split(" ");
    // A ref or a tag may name a blob, which has no tree.
    if (isOid(oid) && !types.includes("blob")) tips.push(oid);
  }
  return tips;
}

const READ_AT_ONCE = 256;

async function* readBlobs(
  catFile: CatFile,
  blobs: readonly { readonly path: string; readonly oid: string }[],
): AsyncGenerator<PointerBlob, void, undefined> {
  for (let start = 0; start < blobs.length; start += READ_AT_ONCE) {
    const batch = blobs.slice(start, start + READ_AT_ONCE);
    const read = await Promise.all(batch.map(async (blob) => ({ blob, object: await readOne(catFile, blob) })));
    for (const { blob, object } of read) if (object !== undefined) yield { ...blob, content: object };
  }
}

/** Reads one blob; a pointer above the size limit cannot be a pointer and is left out, a lock file above it is a failure. */
async function readOne(catFile: CatFile, blob: { readonly path: string; readonly oid: string }): Promise<Buffer | undefined> {
  try {
    const object = await catFile.read(blob.oid);
    if (object !== undefined) return object.content;
  } catch (error) {
    if (isMlvError(error, "git-failed") && error.details?.["size"] !== undefined && blob.path.endsWith(".mlv")) return undefined;
    throw error;
  }
  throw new MlvError("git-failed", `Git's object of \`${blob.path}\` is missing`, {
    hint: "`git fsck` says what is damaged; in a partial clone `git fetch --refetch` brings it",
    details: { path: blob.path, oid: blob.oid },
  });
}
