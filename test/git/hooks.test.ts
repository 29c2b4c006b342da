import * as fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findOwnSettings, removeDrivers, setDrivers } from "../../src/git/driver-config.ts";
import { driverCommands } from "../../src/git/driver-scripts.ts";
import { findHooksFolder, installHooks, removeHooks, type HookCommands } from "../../src/git/hooks.ts";
import { createSandbox, freshFolder, gitIn, type Sandbox } from "./sandbox.ts";

/** Makes a stand-in for mlv that writes what it was called with, and what it read, into a log. */
function fakeMlv(status = 0): { commands: HookCommands; calls: () => string[]; log: string } {
  const folder = path.join(freshFolder(), "it's ü");
  fs.mkdirSync(folder);
  const log = path.join(folder, "log");
  const program = path.join(folder, "mlv");
  fs.writeFileSync(
    program,
    `#!/bin/sh\ncase "$2" in pre-push) input=$(cat);; esac\necho "mlv $* <$input>" >>"$(dirname "$0")/log"\nexit ${status}\n`,
    { mode: 0o755 },
  );
  const quoted = `'${program.replaceAll("'", "'\\''")}'`;
  const commands = {
    "post-checkout": `${quoted} hook post-checkout`,
    "post-merge": `${quoted} hook post-merge`,
    "pre-push": `${quoted} hook pre-push`,
    "pre-commit": `${quoted} hook pre-commit`,
  };
  return { commands, log, calls: () => (fs.existsSync(log) ? fs.readFileSync(log, "utf8").trimEnd().split("\n") : []) };
}

/** Writes a hook of somebody else's that notes in the same log that it ran, and what it read. */
function otherHook(sandbox: Sandbox, name: string, log: string, ending = ""): void {
  sandbox.write(name, `#!/bin/sh\n# not mlv's ünï\necho "other $(basename "$0") <$(cat)>" >>"${log}"\n${ending}`);
  fs.chmodSync(path.join(sandbox.root, name), 0o755);
}

/** Returns every file under a folder with its mode and content. */
function snapshot(folder: string): Record<string, string> {
  const names = fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
  const files = names.filter((name) => !fs.lstatSync(path.join(folder, name)).isDirectory());
  return Object.fromEntries(
    files.sort().map((name) => {
      const file = path.join(folder, name);
      const stats = fs.lstatSync(file);
      return [
        name,
        stats.isSymbolicLink() ? `-> ${fs.readlinkSync(file)}` : `${(stats.mode & 0o777).toString(8)} ${fs.readFileSync(file, "latin1")}`,
      ];
    }),
  );
}

function withRemote(): { sandbox: Sandbox; hooks: string } {
  const sandbox = createSandbox();
  const remote = path.join(freshFolder(), "remote.git");
  gitIn(path.dirname(remote), ["init", "-q", "--bare", remote]);
  sandbox.git("remote", "add", "origin", remote);
  return { sandbox, hooks: path.join(sandbox.root, ".git/hooks") };
}

describe("hooks in Git's own folder", () => {
  test("are made, run with Git's arguments and input, and are gone after removal", async () => {
    const { sandbox, hooks } = withRemote();
    const before = snapshot(hooks);
    const mlv = fakeMlv();
    const planned = await installHooks(sandbox.repository, mlv.commands, { dryRun: true });
    expect(snapshot(hooks)).toEqual(before);
    expect(await installHooks(sandbox.repository, mlv.commands)).toEqual(planned);
    expect(planned.map((change) => [change.hook, change.action])).toEqual([
      ["post-checkout", "create"],
      ["post-merge", "create"],
      ["pre-push", "create"],
      ["pre-commit", "create"],
    ]);
    expect(await installHooks(sandbox.repository, mlv.commands)).toEqual([]);
    const commit = sandbox.commit({ a: "1" });
    sandbox.git("push", "-q", "origin", "main");
    sandbox.git("switch", "-q", "-c", "side");
    const zero = "0".repeat(40);
    expect(mlv.calls()).toEqual([
      "mlv hook pre-commit <>",
      `mlv hook pre-push origin ${sandbox.git("remote", "get-url", "origin")} <refs/heads/main ${commit} refs/heads/main ${zero}>`,
      `mlv hook post-checkout ${commit} ${commit} 1 <>`,
    ]);
    expect((await removeHooks(sandbox.repository, { dryRun: true })).map((change) => change.action)).toEqual([
      "delete",
      "delete",
      "delete",
      "delete",
    ]);
    await removeHooks(sandbox.repository);
    expect(snapshot(hooks)).toEqual(before);
    expect(await removeHooks(sandbox.repository)).toEqual([]);
  });

  test("go on with those that were there, and removal restores them byte for byte", async () => {
    const { sandbox, hooks } = withRemote();
    const mlv = fakeMlv();
    otherHook(sandbox, ".git/hooks/pre-push", mlv.log, "exit 0");
    otherHook(sandbox, "scripts/commit-hook", mlv.log);
    fs.symlinkSync("../../scripts/commit-hook", path.join(hooks, "pre-commit"));
    fs.writeFileSync(path.join(hooks, "post-checkout"), Buffer.from("#!/bin/sh\n# \xff\nexit 3", "latin1"), { mode: 0o644 });
    const before = snapshot(hooks);
    expect((await installHooks(sandbox.repository, mlv.commands)).map((change) => change.action)).toEqual([
      "chain",
      "create",
      "chain",
      "chain",
    ]);
    const commit = sandbox.commit({ a: "1" });
    sandbox.git("push", "-q", "origin", "main");
    sandbox.git("switch", "-q", "-c", "side");
    const input = `<refs/heads/main ${commit} refs/heads/main ${"0".repeat(40)}>`;
    const calls = mlv.calls();
    expect(calls.map((call) => call.split(" ").slice(0, 3).join(" "))).toEqual([
      "other pre-commit.before-mlv <>",
      "mlv hook pre-commit",
      `other pre-push.before-mlv ${input.split(" ")[0] ?? ""}`,
      "mlv hook pre-push",
      "mlv hook post-checkout",
    ]);
    expect(calls.filter((call) => call.endsWith(input))).toHaveLength(2);
    expect(await installHooks(sandbox.repository, mlv.commands)).toEqual([]);
    expect((await removeHooks(sandbox.repository)).map((change) => change.action)).toEqual(["restore", "delete", "restore", "restore"]);
    expect(snapshot(hooks)).toEqual(before);
  });

  test("stop a push or commit when mlv or the earlier hook says no, and never a checkout", async () => {
    const { sandbox } = withRemote();
    sandbox.commit({ a: "1" });
    await installHooks(sandbox.repository, fakeMlv(7).commands);
    expect(() => sandbox.git("push", "-q", "origin", "main")).toThrow("push");
    expect(() => sandbox.git("commit", "-q", "--allow-empty", "-m", "x")).toThrow("commit");
    sandbox.git("switch", "-q", "-c", "side");
    await removeHooks(sandbox.repository);
    const mlv = fakeMlv();
    sandbox.write(".git/hooks/pre-push", "#!/bin/sh\nexit 1\n");
    fs.chmodSync(path.join(sandbox.root, ".git/hooks/pre-push"), 0o755);
    await installHooks(sandbox.repository, mlv.commands);
    expect(() => sandbox.git("push", "-q", "origin", "main")).toThrow("push");
    expect(mlv.calls().filter((call) => call.includes("pre-push"))).toEqual([]);
  });

  test("without mlv in PATH a push is stopped with a way out, everything else goes on", async () => {
    const { sandbox } = withRemote();
    const commands = {
      "post-checkout": "no-such-mlv hook post-checkout",
      "post-merge": "no-such-mlv hook post-merge",
      "pre-push": "no-such-mlv hook pre-push",
      "pre-commit": "no-such-mlv hook pre-commit",
    };
    await installHooks(sandbox.repository, commands);
    sandbox.commit({ a: "1" });
    sandbox.git("switch", "-q", "-c", "side");
    expect(() => sandbox.git("push", "-q", "origin", "side")).toThrow("--no-verify");
    sandbox.git("push", "-q", "--no-verify", "origin", "side");
  });

  test("are brought up to date, finish an interrupted install, and do not overwrite a second earlier hook", async () => {
    const { sandbox, hooks } = withRemote();
    const [first, second] = [fakeMlv(), fakeMlv()];
    otherHook(sandbox, ".git/hooks/pre-push.before-mlv", second.log);
    await installHooks(sandbox.repository, first.commands);
    expect((await installHooks(sandbox.repository, second.commands)).map((change) => change.action)).toEqual([
      "update",
      "update",
      "update",
      "update",
    ]);
    sandbox.commit({ a: "1" });
    sandbox.git("push", "-q", "origin", "main");
    expect(second.calls().map((call) => call.split(" ")[0])).toEqual(["mlv", "other", "mlv"]);
    expect(first.calls()).toEqual([]);
    otherHook(sandbox, ".git/hooks/pre-push", second.log);
    const before = snapshot(hooks);
    expect(await installHooks(sandbox.repository, second.commands)).toMatchObject([{ hook: "pre-push", action: "blocked" }]);
    expect(snapshot(hooks)).toEqual(before);
  });
});

describe("hooks of a hook manager", () => {
  test.each([
    ["an ordinary script", "#!/bin/sh\necho other >>LOG\nexit 0\n"],
    ["bash through env, no newline at the end", "#!/usr/bin/env bash\necho other >>LOG; exec true"],
    ["no first line", "echo other >>LOG\n"],
    ["nothing but a first line", "#!/bin/sh"],
    ["a script in Latin-1", "#!/bin/sh\n# \xe9\necho other >>LOG\n"],
  ])("get a block that no exit skips, and lose it again: %s", async (_, text) => {
    const { sandbox } = withRemote();
    const mlv = fakeMlv();
    sandbox.git("config", "core.hooksPath", ".githooks");
    const folder = path.join(sandbox.root, ".githooks");
    fs.mkdirSync(folder);
    const log = path.join(sandbox.root, "other-log");
    fs.writeFileSync(path.join(folder, "pre-push"), Buffer.from(text.replace("LOG", log).replace("echo other", "cat"), "latin1"), {
      mode: 0o755,
    });
    fs.chmodSync(path.join(folder, "pre-push"), 0o775);
    const before = snapshot(folder);
    const changes = await installHooks(sandbox.repository, mlv.commands);
    expect(changes.map((change) => [change.hook, change.action])).toEqual([
      ["post-checkout", "create"],
      ["post-merge", "create"],
      ["pre-push", "insert"],
      ["pre-commit", "create"],
    ]);
    expect(changes.every((change) => change.path.startsWith(folder))).toBe(true);
    expect(await installHooks(sandbox.repository, mlv.commands)).toEqual([]);
    sandbox.commit({ a: "1" });
    sandbox.git("push", "-q", "origin", "main");
    expect(mlv.calls().map((call) => call.split(" ")[2])).toEqual(["pre-commit", "pre-push"]);
    if (text.includes("LOG")) expect(fs.readFileSync(log, "utf8")).toMatch(/^refs\/heads\/main [0-9a-f]{40} refs\/heads\/main 0{40}\n$/);
    const other = fakeMlv();
    expect((await installHooks(sandbox.repository, other.commands)).map((change) => change.action)).toEqual([
      "insert",
      "insert",
      "insert",
      "insert",
    ]);
    await removeHooks(sandbox.repository);
    expect(snapshot(folder)).toEqual(before);
  });

  test("that mlv's block cannot go into are chained: another language, a symlink, a hook that was turned off", async () => {
    const { sandbox } = withRemote();
    sandbox.git("config", "core.hooksPath", ".githooks");
    const folder = path.join(sandbox.root, ".githooks");
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, "pre-push"), "#!/usr/bin/env python3\nimport sys\nsys.exit(0)\n", { mode: 0o755 });
    fs.writeFileSync(path.join(folder, "pre-commit"), "#!/bin/sh\nexit 1\n", { mode: 0o644 });
    fs.symlinkSync("pre-push", path.join(folder, "post-checkout"));
    const before = snapshot(folder);
    const mlv = fakeMlv();
    expect((await installHooks(sandbox.repository, mlv.commands)).map((change) => change.action)).toEqual([
      "chain",
      "create",
      "chain",
      "chain",
    ]);
    sandbox.commit({ a: "1" });
    expect(mlv.calls()).toEqual(["mlv hook pre-commit <>"]);
    await removeHooks(sandbox.repository);
    expect(snapshot(folder)).toEqual(before);
  });

  test("husky's lie above the folder that husky rewrites", async () => {
    const sandbox = createSandbox();
    sandbox.git("config", "core.hooksPath", ".husky/_");
    sandbox.write(".husky/pre-commit", "npm test\n");
    fs.mkdirSync(path.join(sandbox.root, ".husky/_"));
    expect(await findHooksFolder(sandbox.repository)).toEqual({ path: path.join(sandbox.root, ".husky"), scope: "managed", isHusky: true });
    const before = snapshot(path.join(sandbox.root, ".husky"));
    const changes = await installHooks(sandbox.repository, fakeMlv().commands);
    expect(changes.find((change) => change.hook === "pre-commit")).toMatchObject({
      action: "insert",
      path: path.join(sandbox.root, ".husky/pre-commit"),
    });
    await removeHooks(sandbox.repository);
    expect(snapshot(path.join(sandbox.root, ".husky"))).toEqual(before);
  });

  test("in a folder outside the repository are left alone: the line to add is told", async () => {
    const sandbox = createSandbox();
    const shared = freshFolder();
    fs.writeFileSync(path.join(shared, "pre-push"), "#!/bin/sh\n", { mode: 0o755 });
    sandbox.git("config", "core.hooksPath", shared);
    const before = snapshot(shared);
    const { commands } = fakeMlv();
    const changes = await installHooks(sandbox.repository, commands);
    expect(changes.map((change) => [change.action, change.command])).toEqual(
      Object.values(commands).map((command) => ["manual", `${command} "$@"`]),
    );
    expect(snapshot(shared)).toEqual(before);
    expect(await removeHooks(sandbox.repository)).toEqual([]);
  });

  test("do not hide hooks that were installed before the manager came", async () => {
    const { sandbox, hooks } = withRemote();
    const before = snapshot(hooks);
    await installHooks(sandbox.repository, fakeMlv().commands);
    sandbox.git("config", "core.hooksPath", ".githooks");
    await removeHooks(sandbox.repository);
    expect(snapshot(hooks)).toEqual(before);
  });
});

describe("drivers", () => {
  const commands = driverCommands("mlv");

  test("are set in the repository's own configuration, once, and taken out", async () => {
    const sandbox = createSandbox();
    const config = path.join(sandbox.root, ".git/config");
    const before = fs.readFileSync(config, "utf8");
    const planned = await setDrivers(sandbox.repository, commands, { dryRun: true });
    expect(fs.readFileSync(config, "utf8")).toBe(before);
    expect(await setDrivers(sandbox.repository, commands)).toEqual(planned);
    expect(planned).toEqual([
      { kind: "config", key: "diff.mlv.textconv", after: commands.textconv },
      { kind: "config", key: "diff.mlv.command", after: commands.diff },
      { kind: "config", key: "merge.mlv.name", after: "mlv pointer merge" },
      { kind: "config", key: "merge.mlv.driver", after: commands.merge },
      { kind: "config", key: "merge.mlv.recursive", after: "mlv-ancestor" },
      { kind: "config", key: "merge.mlv-ancestor.driver", after: commands.ancestor },
    ]);
    expect(sandbox.git("config", "--local", "merge.mlv.driver")).toBe(commands.merge);
    expect(sandbox.git("config", "--local", "diff.mlv.command")).toBe(commands.diff);
    expect(await setDrivers(sandbox.repository, commands)).toEqual([]);
    expect(await setDrivers(sandbox.repository, { merge: commands.merge, ancestor: commands.ancestor, textconv: "mlv textconv" })).toEqual([
      { kind: "config", key: "diff.mlv.textconv", before: commands.textconv, after: "mlv textconv" },
      { kind: "config", key: "diff.mlv.command", before: commands.diff },
    ]);
    expect(await removeDrivers(sandbox.repository)).toHaveLength(5);
    expect(fs.readFileSync(config, "utf8")).toBe(before);
  });

  test("are set although the environment names editors, pagers and ssh commands", async () => {
    const sandbox = createSandbox();
    const env = {
      GIT_EDITOR: "vi",
      PAGER: "less",
      GIT_SSH_COMMAND: "ssh",
      EDITOR: "vi",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "user.name",
      GIT_CONFIG_VALUE_0: "x",
      SSH_ASKPASS: "x",
      GIT_ASKPASS: "x",
    };
    Object.assign(process.env, env);
    try {
      await setDrivers(sandbox.repository, commands);
    } finally {
      for (const name of Object.keys(env)) delete process.env[name];
    }
    expect(sandbox.git("config", "--local", "diff.mlv.textconv")).toBe(commands.textconv);
  });

  test("of somebody else's stay as they are, and one for merges with all that is set beside it", async () => {
    const sandbox = createSandbox();
    const config = path.join(sandbox.root, ".git/config");
    fs.appendFileSync(
      config,
      '[diff "mlv"] # mine\n\ttextconv = "own one"\n\ttextconv = own two\n[merge "mlv"]\n  driver=mine %A\n  name = mine\n',
    );
    const before = fs.readFileSync(config, "utf8");
    expect(await findOwnSettings(sandbox.repository, commands)).toEqual([
      { key: "diff.mlv.textconv", value: "own two" },
      { key: "merge.mlv.name", value: "mine" },
      { key: "merge.mlv.driver", value: "mine %A" },
    ]);
    expect(await setDrivers(sandbox.repository, commands)).toEqual([{ kind: "config", key: "diff.mlv.command", after: commands.diff }]);
    await removeDrivers(sandbox.repository);
    expect(fs.readFileSync(config, "utf8")).toBe(before);
  });

  test("that cannot be written are git-failed", async () => {
    const sandbox = createSandbox();
    sandbox.write(".git/config.lock", "");
    await expect(setDrivers(sandbox.repository, commands)).rejects.toMatchObject({
      code: "git-failed",
      cause: { message: expect.stringContaining("lock") },
    });
  });
});
