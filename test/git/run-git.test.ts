import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { openCatFile } from "../../src/git/cat-file.ts";
import { toAbsolutePath } from "../../src/git/repository.ts";
import { changedPointers, logFile } from "../../src/git/changes.ts";
import { listTree } from "../../src/git/revisions.ts";
import { findGit, gitEnvironment, gitFailure, gitRecords, runGit } from "../../src/git/run-git.ts";
import { collect, createSandbox, freshFolder, pointer } from "./sandbox.ts";

test("a failing Git becomes git-failed with Git's own words as cause", async () => {
  const { repository } = createSandbox();
  await expect(runGit(repository, ["--literal-pathspecs", "cat-file", "-p", "nope"])).rejects.toMatchObject({
    code: "git-failed",
    message: "`git cat-file` failed with status 128",
    cause: { message: expect.stringContaining("nope") },
  });
  await expect(collect(gitRecords(repository, ["cat-file", "-p", "nope"]))).rejects.toMatchObject({ code: "git-failed" });
  await expect(runGit({ root: toAbsolutePath("/nowhere/at/all") }, ["version"])).rejects.toMatchObject({ code: "git-failed" });
});

test.each([
  [["-c", "color.ui=false", "log", "--nope"], "log"],
  [["-C", "/", "--no-pager", "rev-parse", "--verify", "nope"], "rev-parse"],
  [["--git-dir=/nowhere", "-c", "a.b=c", "status"], "status"],
  [["--version"], "--version"],
])("a failing Git is named by its command, not by its options' values (%j)", (args, command) => {
  expect(gitFailure(args, 128, "")).toMatchObject({ message: `\`git ${command}\` failed with status 128`, details: { command } });
});

test("Git is found only in absolute folders of PATH", () => {
  const folder = freshFolder();
  fs.writeFileSync(path.join(folder, "git"), "#!/bin/sh\n", { mode: 0o755 });
  expect(findGit({ PATH: `.:${path.basename(folder)}::${folder}` })).toBe(path.join(folder, "git"));
  expect(() => findGit({ PATH: "." })).toThrow(/not installed/);
});

test("the environment keeps who the user is and drops what redirects Git or names programs", () => {
  const kept = { HOME: "/h", GIT_CONFIG_GLOBAL: "/c", GIT_SSH_COMMAND: "ssh -i k", GIT_CONFIG_COUNT: "0", https_proxy: "p" };
  const dropped = {
    GIT_DIR: "/evil",
    GIT_EXTERNAL_DIFF: "x",
    GIT_PAGER: "x",
    PAGER: "x",
    GIT_INDEX_FILE: "i",
    GIT_TRACE: "1",
    GIT_LITERAL_PATHSPECS: "1",
  };
  expect(gitEnvironment({ ...kept, ...dropped, LC_ALL: "de_DE" })).toEqual({ ...kept, LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" });
});

test("nothing that the repository's configuration names is run while mlv reads", async () => {
  const sandbox = createSandbox();
  const proof = path.join(freshFolder(), "ran");
  const script = path.join(freshFolder(), "evil.sh");
  fs.writeFileSync(script, `#!/bin/sh\necho "$0 $*" >>${proof}\n`, { mode: 0o755 });
  sandbox.commit({ "a.mlv": pointer("1"), ".gitattributes": "*.mlv diff=evil filter=evil merge=evil\n" });
  sandbox.commit({ "a.mlv": pointer("2") });
  sandbox.git("update-index", "--split-index");
  const signed = sandbox
    .git("cat-file", "commit", "HEAD")
    .replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n");
  sandbox.git("update-ref", "HEAD", sandbox.gitWithInput(`${signed}\n`, "hash-object", "-w", "-t", "commit", "--stdin"));
  const hooks = path.join(sandbox.root, ".git", "hooks");
  for (const hook of ["post-checkout", "reference-transaction", "post-index-change"]) fs.copyFileSync(script, path.join(hooks, hook));
  const keys = [
    "core.fsmonitor",
    "core.pager",
    "core.sshCommand",
    "core.editor",
    "diff.external",
    "diff.evil.textconv",
    "diff.evil.command",
  ];
  const more = ["filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "gpg.program", "core.gitProxy", "pager.log", "alias.log"];
  for (const key of [...keys, ...more]) sandbox.git("config", key, key.startsWith("alias") ? `!${script}` : script);
  sandbox.git("config", "log.showSignature", "true");
  fs.rmSync(proof, { force: true });
  const { repository } = sandbox;
  await collect(gitRecords(repository, ["ls-files", "-s", "-z"]));
  await listTree(repository, "HEAD");
  await changedPointers(repository, "HEAD~1", "HEAD");
  expect(await collect(logFile(repository, "a.mlv"))).toHaveLength(2);
  const catFile = openCatFile(repository);
  await catFile.read("HEAD:a.mlv");
  await catFile.close();
  expect(fs.existsSync(proof)).toBe(false);
});

test("a repository of another owner is refused by Git with a hint", async () => {
  const { repository } = createSandbox();
  await expect(runGit(repository, ["status"], { env: { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" } })).rejects.toMatchObject({
    code: "git-failed",
    hint: expect.stringContaining("safe.directory"),
  });
});

test("output above the limit and an abort stop Git", async () => {
  const { repository, gitWithInput } = createSandbox();
  const oid = gitWithInput("x".repeat(100_000), "hash-object", "-w", "--stdin");
  await expect(runGit(repository, ["cat-file", "-p", oid], { maxBytes: 1000 })).rejects.toMatchObject({ code: "git-failed" });
  const controller = new AbortController();
  const waiting = runGit(repository, ["cat-file", "--batch"], { signal: controller.signal, input: `${oid}\n`.repeat(2000) });
  controller.abort(new Error("stopped"));
  await expect(waiting).rejects.toThrow("stopped");
  await expect(runGit(repository, ["version"], { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
});
