import * as fs from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { makeSandbox, type RunResult, type Sandbox } from "../cli/sealed.ts";

/** Is no real secret: where it shows up in what mlv prints, a real one would. */
const CANARY = "CaNaRy0123456789abcdefCaNaRy0123456789ab";
/** Nothing listens there. */
const NOWHERE = "http://127.0.0.1:9";
const env = {
  AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
  AWS_SECRET_ACCESS_KEY: CANARY,
  AWS_SESSION_TOKEN: CANARY,
  AZURE_STORAGE_KEY: CANARY,
};

/** Are command lines that meet a secret, or that end in an error while one is at hand. */
const COMMANDS: readonly (readonly string[])[] = [
  ["config", "list"],
  ["config", "get", "remotes.keyed.secret-access-key"],
  ["remote", "list"],
  ["remote", "check", "keyed"],
  ["remote", "check", "signed"],
  ["doctor"],
  ["push", "-r", "keyed"],
  ["pull", "-r", "signed"],
  ["remote", "add", "web", `https://user:${CANARY}@127.0.0.1/x`],
  ["remote", "add", "bucket", `s3://user:${CANARY}@bucket/x`],
  ["remote", "add", "query", `az://container/x?sig=${CANARY}`],
  ["get", `${NOWHERE.replace("//", `//user:${CANARY}@`)}/x.git`, "data"],
];

describe("a secret", () => {
  let sandbox: Sandbox;
  const run = (...args: readonly string[]): RunResult => sandbox.run(args, { cwd: "project", env });

  beforeAll(() => {
    sandbox = makeSandbox();
    sandbox.makeRepository("project", { tree: { "data.txt": "x\n" } });
    const remotes = [
      ["keyed", "s3://bucket/x", `endpoint=${NOWHERE}`, "region=x", "access-key-id=AKIAIOSFODNN7EXAMPLE", `secret-access-key=${CANARY}`],
      ["signed", "az://container/x", "account=someone", `endpoint=${NOWHERE}/someone`, `sas-token=sv=1&sig=${CANARY}`],
    ];
    for (const [name = "", url = "", ...options] of remotes) {
      const added = run("remote", "add", name, url, ...options.flatMap((option) => ["--option", option]));
      expect([name, added.status, added.stdout.includes(CANARY), added.stderr]).toEqual([name, 0, false, expect.any(String)]);
    }
    expect(run("add", "data.txt").status).toBe(0);
  });

  test.each(COMMANDS.map((command) => [command.slice(0, 3).join(" ").replaceAll(CANARY, "…"), command] as const))(
    "is not printed by `mlv %s`, with or without --debug and --json",
    (_, command) => {
      const printed = [[], ["--debug"], ["--json", "--debug"]].map((options) => run(...command, ...options));
      for (const { stdout, stderr } of printed) {
        expect(`${stdout}${stderr}`.length).toBeGreaterThan(0);
        expect([stdout.includes(CANARY), stderr.includes(CANARY)]).toEqual([false, false]);
      }
    },
  );

  test("that was given as an option is in local.yaml, for its owner alone, and in nothing that Git sees", () => {
    const local = sandbox.at("project", ".git", "mlv", "local.yaml");
    expect(fs.readFileSync(local, "utf8")).toContain(CANARY);
    expect(fs.statSync(local).mode & 0o077).toBe(0);
    expect(fs.readFileSync(sandbox.at("project", "mlv.yaml"), "utf8")).not.toContain(CANARY);
  });
});
