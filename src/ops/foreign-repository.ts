import * as fs from "node:fs";
import path from "node:path";
import { isMlvError, MlvError } from "../base/errors.ts";
import type { AbsolutePath } from "../base/ids.ts";
import { parseProjectConfig } from "../formats/project-config.ts";
import type { RemoteConfig } from "../formats/remote-config.ts";
import { openCatFile } from "../git/cat-file.ts";
import { addressRoot } from "../git/worktrees.ts";
import { findRepository, toAbsolutePath } from "../git/repository.ts";
import { runGit } from "../git/run-git.ts";
import { PROJECT_FILE } from "./configuration.ts";
import type { OperationContext } from "./open-workspace.ts";
import { findAtCommit, type SpecPlace } from "./revision-spec.ts";

/** Says what to look for in somebody's repository. */
export interface ForeignQuestion {
  readonly repository: string;
  readonly path: string;
  readonly rev?: string | undefined;
  readonly remote?: string | undefined;
  /** An empty or missing folder for what little of the repository is fetched. */
  readonly folder: string;
}

/** Is a target of a repository that is not here. */
export interface ForeignTarget extends Omit<SpecPlace, "commit"> {
  readonly commit: string;
  /** As that repository's mlv.yaml has it: nothing in it is trusted with credentials for an endpoint of its own. */
  readonly remote: RemoteConfig;
  /** What a relative folder remote is relative to; undefined when the repository is not on this machine. */
  readonly root: AbsolutePath | undefined;
}

/**
 * Reads a pointer and mlv.yaml of a repository at a revision, fetching one commit without its files and then those two.
 * Runs nothing that the repository could name. Throws `git-failed`, `revision-not-found`, `target-not-found`, `remote-not-configured`.
 */
export async function readForeign(context: OperationContext, question: ForeignQuestion): Promise<ForeignTarget> {
  const { signal } = context;
  const source = findSource(context, question.repository);
  fs.mkdirSync(question.folder, { recursive: true });
  const place = { root: toAbsolutePath(question.folder) };
  await runGit(place, ["init", "--quiet", "--bare", "--template="], { signal });
  await runGit(place, ["remote", "add", "origin", source.url], { signal });
  const commit = await fetchCommit(context, place, question);
  const catFile = openCatFile(place, { signal });
  try {
    const wanted = path.posix.normalize(question.path).replace(/^\/+|\/+$/g, "");
    const found = await findAtCommit(catFile, commit, wanted);
    if (found === undefined) {
      throw new MlvError("target-not-found", `\`${question.path}\` is no target of that repository, nor inside one`, {
        hint: "the path is relative to that repository's root",
        details: { path: question.path },
      });
    }
    const config = await catFile.read(`${commit}:${PROJECT_FILE}`);
    return { ...found, commit, remote: chooseRemote(config?.content.toString("utf8") ?? "", question.remote), root: source.root };
  } finally {
    await catFile.close();
  }
}

interface Source {
  readonly url: string;
  readonly root: AbsolutePath | undefined;
}

function findSource(context: OperationContext, given: string): Source {
  // eslint-disable-next-line no-control-regex
  if (given === "" || given.startsWith("-") || /[\u0000-\u001f]/.test(given)) throw new MlvError("usage", `\`${given}\` is no repository`);
  const folder = path.resolve(context.cwd, given.replace(/^file:\/\//, ""));
  const isLocal = !/^[a-z][a-z0-9+.-]*:/i.test(given) || given.startsWith("file://");
  if (!isLocal || fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    if (/^[a-z]+::/i.test(given)) throw new MlvError("usage", `\`${given}\` names a helper program, which mlv does not start`);
    return { url: given, root: undefined };
  }
  return { url: folder, root: rootOf(folder) };
}

/** A bare repository has no root; its folder stands in. */
function rootOf(folder: string): AbsolutePath {
  try {
    return addressRoot(findRepository(folder));
  } catch (error) {
    if (isMlvError(error, "not-a-repository")) return toAbsolutePath(folder);
    throw error;
  }
}

const FETCH = [
  "-c",
  "protocol.ext.allow=never",
  "-c",
  "fetch.fsckObjects=true",
  "fetch",
  "--quiet",
  "--no-tags",
  "--no-recurse-submodules",
  "--filter=blob:none",
];

/** One commit by name; what no server gives by name (a short hash, `main~2`) is looked for in all branches and tags. */
async function fetchCommit(
  context: OperationContext,
  place: { readonly root: AbsolutePath },
  { rev = "HEAD", repository }: ForeignQuestion,
): Promise<string> {
  const { signal } = context;
  // eslint-disable-next-line no-control-regex
  if (rev === "" || /^[-+^]|[:*?[\\\u0000-\u0020]/.test(rev)) throw notFound(rev, repository);
  let failure: unknown;
  try {
    if (!/[~^@]/.test(rev)) {
      await runGit(place, [...FETCH, "--depth=1", "origin", rev], { signal });
      return await resolve(place, "FETCH_HEAD", signal);
    }
  } catch (error) {
    if (!isMlvError(error, "git-failed")) throw error;
    failure = error;
  }
  try {
    await runGit(place, [...FETCH, "origin", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"], { signal });
  } catch (error) {
    // The repository itself cannot be reached: that is what to say.
    throw failure ?? error;
  }
  try {
    return await resolve(place, rev, signal);
  } catch (error) {
    if (isMlvError(error, "git-failed")) throw notFound(rev, repository);
    throw error;
  }
}

async function resolve(place: { readonly root: AbsolutePath }, name: string, signal: AbortSignal | undefined): Promise<string> {
  const { stdout } = await runGit(place, ["rev-parse", "--verify", "--quiet", `${name}^{commit}`], { signal });
  return stdout.toString("utf8").trim();
}

function notFound(rev: string, repository: string): MlvError {
  return new MlvError("revision-not-found", `\`${repository}\` has no revision \`${rev}\``, {
    hint: "name a branch, a tag or a full commit hash",
    details: { revision: rev },
  });
}

function chooseRemote(text: string, name: string | undefined): RemoteConfig {
  const { remotes, default: byDefault } = parseProjectConfig(text, PROJECT_FILE);
  const only = remotes.length === 1 ? remotes[0]?.name : undefined;
  const wanted = name ?? byDefault ?? only;
  const found = remotes.find((remote) => remote.name === wanted);
  if (found !== undefined) return found;
  throw new MlvError(
    "remote-not-configured",
    wanted === undefined ? "that repository's mlv.yaml names no remote" : `that repository's mlv.yaml has no remote \`${wanted}\``,
    {
      hint:
        remotes.length === 0
          ? "its owner may keep it in local.yaml: ask for it to be committed"
          : `its remotes are ${remotes.map((remote) => remote.name).join(", ")}`,
    },
  );
}
