import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { findNode, findProgram } from "../cli/program.ts";
import { makeSandbox, type Sandbox } from "../cli/sealed.ts";
import { spawn } from "node:child_process";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const servers: Server[] = [];
afterAll(() => servers.forEach((server) => server.close()));

interface Comment {
  readonly id: number;
  body: string;
  /** True for somebody else's, which the token may not change. */
  readonly isForeign?: boolean;
}

/** Serves what the action uses of GitHub's comments. */
async function fakeGitHub(comments: Comment[]): Promise<string> {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (data: Buffer) => void (text += data.toString()));
    request.on("end", () => {
      const [, id] = /^\/repos\/o\/r\/issues\/comments\/(\d+)$/.exec(request.url ?? "") ?? [];
      if (request.headers.authorization !== "Bearer secret") response.statusCode = 401;
      else if (request.method === "POST") comments.push({ id: comments.length + 1, body: (JSON.parse(text) as Comment).body });
      else if (request.method === "PATCH") {
        const own = comments.find((comment) => comment.id === Number(id));
        if (own?.isForeign === true) response.statusCode = 403;
        else if (own !== undefined) own.body = (JSON.parse(text) as Comment).body;
      }
      response.end(JSON.stringify(request.method === "GET" ? comments : {}));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

function run(sandbox: Sandbox, step: string, env: Record<string, string>): Promise<Outcome> {
  const child = spawn(findNode(), [path.join(root, "action/review.js"), step], {
    cwd: sandbox.at("clone"),
    env: { ...sandbox.env, MLV_PROGRAM: findProgram(), ...env },
  });
  let output = "";
  child.stdout.on("data", (data: Buffer) => void (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => void (output += data.toString()));
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, output })));
}

/** Makes a repository with a pull request and a shallow clone of its head, as actions/checkout makes one. */
function pullRequest(isPushed: boolean): { readonly sandbox: Sandbox; readonly env: Record<string, string> } {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  fs.writeFileSync(sandbox.at("r/t.csv"), "id,v\n1,a\n2,b\n");
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  const base = sandbox.commit("r", "one");
  sandbox.mlv("r", ["push", "-q"]);
  sandbox.git("r", "checkout", "-q", "-b", "topic");
  fs.writeFileSync(sandbox.at("r/t.csv"), "id,v\n1,a\n2,c\n");
  sandbox.mlv("r", ["add", "-q", "t.csv"]);
  sandbox.commit("r", "two");
  if (isPushed) sandbox.mlv("r", ["push", "-q"]);
  sandbox.git("r", "config", "uploadpack.allowAnySHA1InWant", "true");
  sandbox.git("", "clone", "-q", "--depth=1", "--branch", "topic", `file://${sandbox.at("r")}`, "clone");
  fs.writeFileSync(sandbox.at("event.json"), JSON.stringify({ pull_request: { number: 7, base: { sha: base } } }));
  return { sandbox, env: { GITHUB_EVENT_PATH: sandbox.at("event.json") } };
}

test("the action pulls, verifies and posts one comment that it updates, in a clone of depth one", async () => {
  const { sandbox, env } = pullRequest(true);
  const comments: Comment[] = [{ id: 1, body: "hello" }];
  const report = {
    ...env,
    GITHUB_API_URL: await fakeGitHub(comments),
    GITHUB_REPOSITORY: "o/r",
    GITHUB_TOKEN: "secret",
    GITHUB_STEP_SUMMARY: sandbox.at("summary.md"),
  };
  expect(await run(sandbox, "pushed", env)).toMatchObject({ status: 0, output: expect.stringContaining("1 changed targets") as string });
  expect((await run(sandbox, "pull", env)).status).toBe(0);
  expect((await run(sandbox, "verify", env)).status).toBe(0);
  expect(await run(sandbox, "report", report)).toEqual({ status: 0, output: "" });
  expect(await run(sandbox, "report", report)).toEqual({ status: 0, output: "" });
  expect(comments).toHaveLength(2);
  expect(comments[1]?.body).toContain("**2 rows: 1 changed**");
  expect(fs.readFileSync(sandbox.at("summary.md"), "utf8")).toContain("<!-- mlv:diff -->");
  const refused = await run(sandbox, "report", { ...report, GITHUB_TOKEN: "wrong" });
  expect(refused).toMatchObject({
    status: 0,
    output: expect.stringContaining("::warning::the comment could not be posted: 401") as string,
  });
});

test("a comment of somebody else's that looks like the report is left alone, and no second report is posted", async () => {
  const { sandbox, env } = pullRequest(true);
  const comments: Comment[] = [{ id: 1, body: "<!-- mlv:diff --> mine", isForeign: true }];
  const report = { ...env, GITHUB_API_URL: await fakeGitHub(comments), GITHUB_REPOSITORY: "o/r", GITHUB_TOKEN: "secret" };
  for (let run_ = 0; run_ < 2; run_++) expect((await run(sandbox, "report", report)).status).toBe(0);
  expect(comments.map(({ body }) => body.slice(0, 24))).toEqual(["<!-- mlv:diff --> mine", expect.stringContaining("<!-- mlv:diff -->")]);
});

test("the merge that GitHub made is compared with its first parent, in a clone of depth one and with a stale event", async () => {
  const { sandbox } = pullRequest(true);
  const base = sandbox.git("r", "rev-parse", "main");
  const head = sandbox.git("r", "rev-parse", "topic");
  sandbox.git("r", "checkout", "-q", "main");
  fs.writeFileSync(sandbox.at("r/other.csv"), "id,v\n1,a\n");
  sandbox.mlv("r", ["add", "-q", "other.csv"]);
  sandbox.commit("r", "somebody else's");
  sandbox.mlv("r", ["push", "-q"]);
  sandbox.git("r", "merge", "-q", "--no-ff", "--no-edit", "-X", "theirs", "topic");
  sandbox.git("r", "branch", "merged");
  fs.rmSync(sandbox.at("clone"), { recursive: true });
  sandbox.git("", "clone", "-q", "--depth=1", "--branch", "merged", `file://${sandbox.at("r")}`, "clone");
  const event = { pull_request: { number: 7, base: { sha: base }, head: { sha: head } } };
  fs.writeFileSync(sandbox.at("event.json"), JSON.stringify(event));
  const env = { GITHUB_EVENT_PATH: sandbox.at("event.json") };
  expect((await run(sandbox, "pushed", env)).output).toContain("1 changed targets");
  const { output } = await run(sandbox, "report", env);
  expect([output.includes("t&#46;csv"), output.includes("other&#46;csv"), output.includes("::warning::")]).toEqual([true, false, false]);
});

test("the push of a new branch is compared with the default one, and what a shallow clone cannot know is said", async () => {
  const { sandbox } = pullRequest(true);
  sandbox.git("r", "checkout", "-q", "main");
  sandbox.commit("r", "main goes on");
  fs.writeFileSync(sandbox.at("event.json"), JSON.stringify({ before: "0".repeat(40), repository: { default_branch: "main" } }));
  const { status, output } = await run(sandbox, "report", { GITHUB_EVENT_PATH: sandbox.at("event.json") });
  expect([status, output.includes("t&#46;csv"), output.includes("::warning::compared with the base as it is now")]).toEqual([
    0,
    true,
    true,
  ]);
  const missing = await run(sandbox, "report", { MLV_BASE: "nowhere", GITHUB_EVENT_PATH: sandbox.at("event.json") });
  expect(missing).toMatchObject({ status: 1, output: expect.stringContaining("set `fetch-depth: 0` in actions/checkout") as string });
});

test("the action fails when the data of a changed pointer is not on the remote", async () => {
  const { sandbox, env } = pullRequest(false);
  const outcome = await run(sandbox, "pushed", env);
  expect(outcome.status).toBe(1);
  expect(outcome.output).toContain("::error::t.csv is not on the remote");
});

test("the action and the template put no input into a shell command, and name only steps and commands that there are", () => {
  interface ActionStep {
    readonly run?: string;
  }
  const action = parse(fs.readFileSync(path.join(root, "action.yml"), "utf8")) as { runs: { steps: ActionStep[] } };
  const scripts = action.runs.steps.flatMap((step) => step.run ?? []);
  expect(scripts.filter((script) => script.includes("${{"))).toEqual([]);
  expect(scripts.flatMap((script) => /review\.js" (\w+)$/.exec(script)?.[1] ?? [])).toEqual(["pushed", "pull", "verify", "report", "trim"]);
  const hooks = parse(fs.readFileSync(path.join(root, ".pre-commit-hooks.yaml"), "utf8")) as { entry: string; language: string }[];
  // pre-commit cannot build mlv from Git: https://github.com/npm/cli/issues/8440.
  expect(new Set(hooks.map(({ language }) => language))).toEqual(new Set(["system"]));
  expect(hooks.map(({ entry }) => entry)).toEqual([
    "mlv hook pre-commit",
    "mlv hook post-checkout",
    "mlv hook pre-push",
    "mlv hook post-merge",
  ]);
});

/** Makes five commits with large and small files of their own, all pushed; returns their ids. */
function versions(): { readonly sandbox: Sandbox; readonly commits: readonly string[] } {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  fs.mkdirSync(sandbox.at("r/set"));
  const commits = Array.from({ length: 5 }, (_, version) => {
    fs.writeFileSync(sandbox.at("r/large.bin"), randomBytes(200_000));
    fs.writeFileSync(sandbox.at("r/set", `${version}.bin`), randomBytes(20_000));
    if (version > 0) fs.rmSync(sandbox.at("r/set", `${version - 1}.bin`));
    sandbox.mlv("r", ["add", "-q", "large.bin", "set"]);
    const commit = sandbox.commit("r", `version ${version}`);
    sandbox.mlv("r", ["push", "-q"]);
    return commit;
  });
  sandbox.git("r", "config", "uploadpack.allowAnySHA1InWant", "true");
  return { sandbox, commits };
}

/** Returns how many bytes a cache holds of files and packs. */
function cachedBytes(cache: string): number {
  const files = ["objects", "packs"].flatMap((kind) => {
    const folder = path.join(cache, kind);
    const names = fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
    return names.map((name) => fs.statSync(path.join(folder, name)));
  });
  return files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}

test("the cache that the action saves holds what HEAD and the base name, whatever earlier runs left in it, and edits on disk", async () => {
  const { sandbox, commits } = versions();
  for (const [place, commit] of commits.entries()) {
    sandbox.git("r", "checkout", "-q", "-B", "topic", commit);
    sandbox.git("", "clone", "-q", "--depth=1", "--branch", "topic", `file://${sandbox.at("r")}`, "clone");
    for (const kind of ["objects", "packs"])
      if (fs.existsSync(sandbox.at("saved", kind)))
        fs.cpSync(sandbox.at("saved", kind), sandbox.at("clone/.git/mlv", kind), { recursive: true });
    const env = { MLV_BASE: commits[Math.max(0, place - 1)] ?? commit };
    expect((await run(sandbox, "pull", {})).status).toBe(0);
    expect((await run(sandbox, "report", { ...env, GITHUB_STEP_SUMMARY: sandbox.at("summary.md") })).status).toBe(0);
    if (place === 4) {
      fs.writeFileSync(sandbox.at("clone/large.bin"), randomBytes(200_000));
      sandbox.mlv("clone", ["add", "-q", "large.bin"]);
    }
    expect(await run(sandbox, "trim", env)).toEqual({ status: 0, output: "" });
    const versionsKept = place === 4 ? 3 : Math.min(2, place + 1);
    expect(cachedBytes(sandbox.at("clone/.git/mlv"))).toBeLessThan(versionsKept * 225_000);
    expect(sandbox.run(["verify"], { cwd: "clone" }).status).toBe(0);
    fs.rmSync(sandbox.at("saved"), { recursive: true, force: true });
    for (const kind of ["objects", "packs"])
      if (fs.existsSync(sandbox.at("clone/.git/mlv", kind)))
        fs.cpSync(sandbox.at("clone/.git/mlv", kind), sandbox.at("saved", kind), { recursive: true });
    if (place < 4) fs.rmSync(sandbox.at("clone"), { recursive: true });
  }
  // What stays is enough without the remote.
  fs.renameSync(sandbox.at("store"), sandbox.at("gone"));
  for (const commit of commits.slice(3)) {
    sandbox.git("clone", "fetch", "-q", "--depth=1", "origin", commit);
    sandbox.git("clone", "checkout", "-q", "-f", commit);
    expect(sandbox.run(["checkout", "--force"], { cwd: "clone" }).status).toBe(0);
  }
});

test("what cannot be trimmed is a warning, and a cache elsewhere is left alone", async () => {
  const { sandbox } = pullRequest(true);
  expect(await run(sandbox, "trim", {})).toEqual({ status: 0, output: "" });
  expect((await run(sandbox, "pull", {})).status).toBe(0);
  expect(await run(sandbox, "trim", { MLV_CACHE_DIR: sandbox.at("elsewhere") })).toEqual({ status: 0, output: "" });
  const stopped = await run(sandbox, "trim", { MLV_PROGRAM: sandbox.at("nothing.js") });
  expect([stopped.status, stopped.output.includes("::warning::the cache was not trimmed: mlv gc ended with 1")]).toEqual([0, true]);
});

interface GitLabOutcome {
  readonly status: number | undefined;
  readonly stderr: string;
}

/** Runs the template's script in a clone, with the API of a server that is not there. */
function runGitLab(sandbox: Sandbox, env: Record<string, string>): GitLabOutcome {
  interface Job {
    readonly script: readonly string[];
  }
  const { "mlv-review": job } = parse(fs.readFileSync(path.join(root, "ci/gitlab.yml"), "utf8")) as { "mlv-review": Job };
  fs.mkdirSync(sandbox.at("bin"), { recursive: true });
  fs.writeFileSync(sandbox.at("bin/mlv"), `#!/bin/sh\nexec '${findNode()}' '${findProgram()}' "$@"\n`, { mode: 0o755 });
  return sandbox.exec("bash", ["-eo", "pipefail", "-c", job.script.join("\n")], {
    cwd: "clone",
    env: {
      PATH: `${sandbox.at("bin")}:${path.dirname(findNode())}:${sandbox.env["PATH"] ?? ""}`,
      MLV_GITLAB_TOKEN: "secret",
      CI_API_V4_URL: "http://127.0.0.1:9",
      ...env,
    },
  });
}

function mergeRequest(isPushed: boolean): { readonly sandbox: Sandbox; readonly base: string } {
  const { sandbox } = pullRequest(isPushed);
  sandbox.git("clone", "fetch", "-q", "--unshallow", "origin", "topic");
  return { sandbox, base: sandbox.git("r", "rev-parse", "main") };
}

test("the GitLab template's script leaves the report, and goes on where no note can be posted", () => {
  const { sandbox, base } = mergeRequest(true);
  const { status, stderr } = runGitLab(sandbox, { CI_MERGE_REQUEST_DIFF_BASE_SHA: base });
  expect([status, stderr.trim()]).toEqual([0, "the note could not be posted: fetch failed"]);
  expect(fs.readFileSync(sandbox.at("clone/mlv-diff.md"), "utf8")).toContain("**2 rows: 1 changed**");
  expect(fs.readFileSync(sandbox.at("clone/t.csv"), "utf8")).toContain("2,c");
});

test("the cache that the GitLab template keeps holds what HEAD and the target name, though the clone has all history", () => {
  const { sandbox, commits } = versions();
  const cache = sandbox.at("clone/.mlv-cache");
  sandbox.git("", "clone", "-q", `file://${sandbox.at("r")}`, "clone");
  for (const [place, commit] of commits.entries()) {
    sandbox.git("clone", "checkout", "-q", commit);
    const base = commits[Math.max(0, place - 1)] ?? commit;
    const { status, stderr } = runGitLab(sandbox, { CI_MERGE_REQUEST_DIFF_BASE_SHA: base, MLV_CACHE_DIR: cache, MLV_GITLAB_TOKEN: "" });
    expect([status, stderr]).toEqual([0, ""]);
    // Two versions, and what gc leaves in packs of which more than half is needed.
    expect(cachedBytes(cache)).toBeLessThan(500_000);
  }
  expect(cachedBytes(cache)).toBeGreaterThan(220_000);
});

test("the GitLab template's script fails and names what is not pushed, what the remote lost, and what is no pointer", () => {
  const unpushed = mergeRequest(false);
  const bad = runGitLab(unpushed.sandbox, { CI_MERGE_REQUEST_DIFF_BASE_SHA: unpushed.base });
  expect([bad.status, bad.stderr.includes('"t.csv" is not on the remote')]).toEqual([1, true]);

  const { sandbox, base } = mergeRequest(true);
  for (const kind of ["objects", "packs"]) fs.rmSync(sandbox.at("store", kind), { recursive: true, force: true });
  const lost = runGitLab(sandbox, { CI_MERGE_REQUEST_DIFF_BASE_SHA: base });
  expect([lost.status, lost.stderr.includes('a blob of ["t.csv"] is missing on the remote')]).toEqual([1, true]);

  fs.writeFileSync(sandbox.at("clone/t.csv.mlv"), "{}\n");
  sandbox.commit("clone", "broken");
  const broken = runGitLab(sandbox, { CI_MERGE_REQUEST_DIFF_BASE_SHA: base });
  expect([broken.status, broken.stderr.includes('"t.csv": the pointer `t.csv.mlv` is malformed')]).toEqual([1, true]);
});

test("the GitLab template's script asks for changed targets alone, and takes the target branch's side out of merged results", () => {
  const { sandbox, base } = mergeRequest(true);
  sandbox.git("r", "checkout", "-q", "main");
  fs.writeFileSync(sandbox.at("r/other.csv"), "id,v\n1,a\n");
  sandbox.mlv("r", ["add", "-q", "other.csv"]);
  const target = sandbox.commit("r", "somebody else's, which is not pushed");
  sandbox.git("r", "merge", "-q", "--no-ff", "--no-edit", "-X", "theirs", "topic");
  sandbox.git("clone", "fetch", "-q", "origin", "main");
  sandbox.git("clone", "checkout", "-q", "FETCH_HEAD");
  const { stderr } = runGitLab(sandbox, { CI_MERGE_REQUEST_DIFF_BASE_SHA: base, CI_MERGE_REQUEST_TARGET_BRANCH_SHA: target });
  expect(stderr).not.toContain("is not on the remote: push it");
  const report = fs.readFileSync(sandbox.at("clone/mlv-diff.md"), "utf8");
  expect([report.includes("t&#46;csv"), report.includes("other&#46;csv")]).toEqual([true, false]);
});
