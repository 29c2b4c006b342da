// The steps of the GitHub Action, one a call: `node review.js pull|verify|pushed|report|trim`. Everything comes from the environment, nothing is
// put together to a shell command. Names from the repository are data: they are escaped wherever GitHub would read them as commands.
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";

const env = process.env;
const MARKER = "<!-- mlv:diff -->";
const STEPS = { pull, verify, pushed, report, trim };

const step = STEPS[process.argv[2]];
if (step === undefined) fail(`unknown step; the steps are ${Object.keys(STEPS).join(", ")}`);
else await step();

/** Brings the data; a pull request that changes much gets no more than what its pointers name. */
function pull() {
  exitWith(mlv(["pull", "--no-progress", ...remoteOption()], "inherit").status);
}

/** Re-hashes what came. */
function verify() {
  exitWith(mlv(["verify", "--workspace"], "inherit").status);
}

/** Fails when a pointer that changed names data that is not on the remote. */
function pushed() {
  const [from, to] = range();
  const diff = json(["diff", "--json", "--no-rows", from, to]);
  const broken = diff.unreadable.map(({ target, message }) => `${target}: ${message}`);
  const targets = diff.targets.filter(({ after }) => after !== undefined).map(({ target }) => target);
  const problems = [...broken];
  if (targets.length > 0) {
    const remote = env.MLV_REMOTE ? [`--remote=${env.MLV_REMOTE}`] : ["--remote"];
    const result = json(["verify", "--json", ...remote, "--quick", "--", ...targets], [0, 14]);
    for (const target of result.remote?.notPushed ?? []) problems.push(`${target} is not on the remote: push it with \`mlv push\``);
    for (const item of result.items)
      problems.push(`a blob of ${(item.names ?? []).join(", ") || "the data"} is ${item.problem ?? "damaged"} on the remote`);
  }
  for (const problem of problems) fail(problem);
  if (problems.length === 0) console.log(`mlv: the data of ${targets.length} changed targets is on the remote`);
}

/** Posts what changed as one comment, updated in place, and in the step's summary. */
async function report() {
  const [from, to] = range();
  const key = env.MLV_KEY ? ["--key", env.MLV_KEY] : [];
  const { status, stdout } = mlv(["diff", "--md", ...key, ...remoteOption(), from, to], "pipe");
  if (status !== 0 && status !== 15) return exitWith(status);
  if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, stdout);
  const number = event().pull_request?.number;
  if (env.MLV_COMMENT === "false" || number === undefined || !env.GITHUB_TOKEN) {
    if (!env.GITHUB_STEP_SUMMARY) console.log(stdout);
    return;
  }
  const problem = await postComment(number, stdout);
  // The token of a pull request from a fork may not write; its summary still says everything.
  if (problem !== undefined) console.log(`::warning::${escapeCommand(`the comment could not be posted: ${problem}`)}`);
}

/**
 * Leaves in the cache, before it is saved, what HEAD, the base and the pointers on disk name, and nothing else: a saved cache is restored for other
 * pointers too, so it would come to hold every version that there was. What these name is told to `mlv gc` by a repository that has only them.
 * A cache that lies elsewhere is not the one that is saved.
 */
function trim() {
  const cache = path.resolve(git(["rev-parse", "--git-common-dir"]).stdout.trim(), "mlv");
  if (env.MLV_CACHE_DIR || !existsSync(cache)) return;
  const folder = mkdtempSync(path.join(os.tmpdir(), "mlv-trim-"));
  try {
    const repository = path.join(folder, "r");
    required(["init", "--quiet", `--object-format=${required(["rev-parse", "--show-object-format"])}`, repository]);
    const objects = path.resolve(required(["rev-parse", "--git-path", "objects"]));
    writeFileSync(path.join(repository, ".git/objects/info/alternates"), `${objects}\n`);
    const named = ["HEAD", findRange()?.[0]].filter((commit) => commit !== undefined);
    const trees = [...named.map((commit) => required(["rev-parse", `${commit}^{tree}`])), treeOnDisk(path.join(folder, "index"))];
    for (const [place, tree] of trees.entries()) {
      const author = ["-c", "user.name=mlv", "-c", "user.email=mlv@localhost"];
      const commit = required(["-C", repository, ...author, "commit-tree", "-m", "kept", tree]);
      required(["-C", repository, "update-ref", `refs/heads/kept-${place}`, commit]);
    }
    const kept = mlv(["-C", repository, "gc", "--yes", "--force"], "ignore", { ...env, MLV_CACHE_DIR: cache });
    if (kept.status !== 0) throw new Error(`mlv gc ended with ${kept.status}`);
  } catch (error) {
    console.log(`::warning::${escapeCommand(`the cache was not trimmed: ${error instanceof Error ? error.message : String(error)}`)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns a tree of the pointers as they are on disk; `index` is a file for Git to work with. */
function treeOnDisk(index) {
  const options = { env: { ...env, GIT_INDEX_FILE: index } };
  for (const pattern of ["*.mlv", "*mlv.lock"]) git(["add", "--force", "--", pattern], options);
  return required(["write-tree"], options);
}

async function postComment(number, body) {
  const api = `${env.GITHUB_API_URL ?? "https://api.github.com"}/repos/${env.GITHUB_REPOSITORY}/issues`;
  const headers = {
    accept: "application/vnd.github+json",
    authorization: `Bearer ${env.GITHUB_TOKEN}`,
    "content-type": "application/json",
  };
  const call = (url, method, content) =>
    fetch(url, {
      method,
      headers,
      ...(content === undefined ? {} : { body: JSON.stringify(content) }),
      signal: AbortSignal.timeout(30_000),
    });
  try {
    const own = [];
    for (let page = 1; page <= 30; page++) {
      const listed = await call(`${api}/${number}/comments?per_page=100&page=${page}`, "GET");
      if (!listed.ok) return `${listed.status} ${listed.statusText}`;
      const comments = await listed.json();
      own.push(...comments.filter((comment) => comment.body?.startsWith(MARKER)));
      if (comments.length < 100) break;
    }
    // Anybody can write a comment that begins so; ours is the one that this token may change.
    for (const { id } of own) {
      const patched = await call(`${api}/comments/${id}`, "PATCH", { body });
      if (patched.ok) return undefined;
      if (patched.status !== 403 && patched.status !== 404) return `${patched.status} ${patched.statusText}`;
    }
    const posted = await call(`${api}/${number}/comments`, "POST", { body });
    return posted.ok ? undefined : `${posted.status} ${posted.statusText}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Returns what to compare: the base and HEAD. In a shallow clone the base is fetched alone. HEAD of a pull request is the merge that GitHub
 * made, so the comparison with its first parent is the change itself; elsewhere it is from where the branches parted, when that is known.
 */
function range() {
  const found = findRange();
  if (found !== undefined) return found;
  fail(`the base \`${nameOfBase()}\` is not in this clone and could not be fetched; set \`fetch-depth: 0\` in actions/checkout`);
  process.exit(1);
}

function nameOfBase() {
  return env.MLV_BASE || mergedInto() || event().pull_request?.base?.sha || pushedOnto();
}

function findRange() {
  const given = nameOfBase();
  const base = hasCommit(given) ? given : fetchCommit(given);
  if (base === undefined) return undefined;
  if (parentsOfHead().includes(base)) return [base, "HEAD"];
  const parted = git(["merge-base", base, "HEAD"]);
  if (parted.status === 0) return [parted.stdout.trim(), "HEAD"];
  const isShallow = git(["rev-parse", "--is-shallow-repository"]).stdout.trim() === "true";
  if (isShallow && step === report)
    console.log(
      `::warning::${escapeCommand("compared with the base as it is now; `fetch-depth: 0` in actions/checkout compares from where the branches parted")}`,
    );
  return [base, "HEAD"];
}

/** Returns the first parent of the merge that GitHub made of a pull request. */
function mergedInto() {
  const head = event().pull_request?.head?.sha;
  const parents = parentsOfHead();
  return parents.length === 2 && parents[1] === head ? parents[0] : undefined;
}

/** A shallow clone lacks the parents, but the commit still names them. */
function parentsOfHead() {
  return [
    ...git(["cat-file", "commit", "HEAD"])
      .stdout.split("\n\n")[0]
      .matchAll(/^parent ([0-9a-f]+)$/gm),
  ].map(([, id]) => id);
}

/** Returns what a push was made onto; for a new branch that is the default one, and in a clone without an event the parent. */
function pushedOnto() {
  const { before, repository } = event();
  if (before !== undefined && !/^0+$/.test(before)) return before;
  return repository?.default_branch ?? "HEAD~1";
}

/** Fetches a commit, a branch or a tag without its history; returns its id. */
function fetchCommit(name) {
  if (name.startsWith("-") || git(["check-ref-format", "--allow-onelevel", name]).status !== 0) return undefined;
  if (git(["fetch", "--quiet", "--no-tags", "--depth=1", "origin", name]).status !== 0) return undefined;
  const { status, stdout } = git(["rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}"]);
  return status === 0 ? stdout.trim() : undefined;
}

function hasCommit(name) {
  return !name.startsWith("-") && git(["rev-parse", "--quiet", "--verify", `${name}^{commit}`]).status === 0;
}

function event() {
  return env.GITHUB_EVENT_PATH ? JSON.parse(readFileSync(env.GITHUB_EVENT_PATH, "utf8")) : {};
}

function remoteOption() {
  return env.MLV_REMOTE ? ["--remote", env.MLV_REMOTE] : [];
}

function git(args, options = {}) {
  return spawnSync("git", args, { encoding: "utf8", ...options });
}

/** Returns what Git says; throws when it fails. */
function required(args, options) {
  const { status, stdout, stderr } = git(args, options);
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.trim()}`);
  return stdout.trim();
}

/** MLV_PROGRAM is a JavaScript file to run in place of the `mlv` in PATH. */
function mlv(args, stdout, environment = env) {
  const [program, ...first] = env.MLV_PROGRAM ? [process.execPath, env.MLV_PROGRAM] : ["mlv"];
  const result = spawnSync(program, [...first, ...args], {
    encoding: "utf8",
    maxBuffer: 512 * 1024 * 1024,
    stdio: ["ignore", stdout, "inherit"],
    env: environment,
  });
  if (result.error !== undefined) throw result.error;
  return result;
}

function json(args, statuses = [0, 15]) {
  const { status, stdout } = mlv(args, "pipe");
  if (!statuses.includes(status)) process.exit(status ?? 1);
  return JSON.parse(stdout);
}

function exitWith(status) {
  process.exitCode = status ?? 1;
}

function fail(message) {
  console.log(`::error::${escapeCommand(message)}`);
  process.exitCode = 1;
}

function escapeCommand(text) {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
