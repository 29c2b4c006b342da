import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { getConfig, listConfig, setConfig } from "../../src/ops/config.ts";
import { doctor } from "../../src/ops/doctor.ts";
import { remoteCheck } from "../../src/ops/remote-check.ts";
import { addRemote } from "../../src/ops/remotes.ts";
import { trust } from "../../src/ops/trust.ts";
import { url } from "../../src/ops/url.ts";
import { createProject, filesUnder, freshFolder, noise, openProject } from "./project.ts";

test("settings are read and written with their origin, machine-bound ones and secrets to local.yaml", async () => {
  const project = await createProject();
  await addRemote(project.context, { name: "bucket.eu", url: "s3://data/x", options: { region: "eu-west-1" }, local: false, force: false });
  await setConfig(project.context, { key: "link", value: "copy", local: false });
  await setConfig(project.context, { key: "jobs", value: "3", local: false });
  await setConfig(project.context, { key: "remotes.bucket.eu.storage-class", value: "STANDARD_IA", local: false });
  const { file } = await setConfig(project.context, { key: "remotes.bucket.eu.secret-access-key", value: "hush", local: false });
  await setConfig(project.context, { key: "default", value: "bucket.eu", local: true });

  expect(path.basename(file)).toBe("local.yaml");
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(project.read("mlv.yaml")).not.toContain("hush");
  const shown = (await listConfig(project.context)).map(({ key, value, origin }) => `${key}=${value} (${origin})`);
  expect(shown).toEqual([
    `cache.dir=${path.join(project.root, ".git/mlv")} (default)`,
    "default=bucket.eu (local.yaml)",
    "jobs=3 (local.yaml)",
    "link=copy (local.yaml)",
    "remotes.bucket.eu.region=eu-west-1 (mlv.yaml)",
    "remotes.bucket.eu.secret-access-key=(secret) (local.yaml)",
    "remotes.bucket.eu.storage-class=STANDARD_IA (mlv.yaml)",
    "remotes.bucket.eu.url=s3://data/x (mlv.yaml)",
    `remotes.origin.url=${project.remote} (mlv.yaml)`,
  ]);
  await setConfig(project.context, { key: "default", value: undefined, local: true });
  expect(await getConfig(project.context, { key: "default" })).toMatchObject({ value: "origin", origin: "mlv.yaml" });
  await expect(getConfig(project.context, { key: "nonsense" })).rejects.toMatchObject({ code: "usage" });
  await expect(setConfig(project.context, { key: "link", value: "teleport", local: false })).rejects.toMatchObject({
    code: "config-malformed",
  });
  await expect(setConfig(project.context, { key: "default", value: "nobody", local: false })).rejects.toMatchObject({
    code: "remote-not-configured",
  });
  expect(await getConfig(project.context, { key: "link" })).toMatchObject({ value: "copy" });
});

test("trusting an endpoint is noted on this machine only and can be taken back", async () => {
  const project = await createProject();
  await addRemote(project.context, {
    name: "own",
    url: "s3://data",
    options: { endpoint: "https://minio.example.org:9000" },
    local: false,
    force: false,
  });
  expect(await trust(project.context, { name: "own", revoke: false })).toEqual({
    remote: "own",
    host: "minio.example.org:9000",
    isChanged: true,
  });
  expect((await trust(project.context, { name: "own", revoke: false })).isChanged).toBe(false);
  expect(project.read(".git/mlv/local.yaml")).toContain("minio.example.org:9000");
  expect(project.git("status", "--porcelain")).not.toContain("local.yaml");
  expect((await trust(project.context, { name: "own", revoke: true })).isChanged).toBe(true);
  expect(project.read(".git/mlv/local.yaml")).not.toContain("minio");
  expect((await trust(project.context, { name: "origin", revoke: false })).host).toBeUndefined();
});

test("checking a remote tries every step and leaves nothing behind", async () => {
  const project = await createProject();
  const result = await remoteCheck(project.context, {});
  expect(result).toMatchObject({ remote: "origin", isOk: true });
  expect(result.steps.filter((step) => step.state === "ok").map((step) => step.name)).toEqual(
    expect.arrayContaining(["open", "marker", "write", "read", "range", "create-only", "replace", "list", "remove"]),
  );
  expect(filesUnder(project.remote)).toEqual([]);
  fs.writeFileSync(path.join(project.remote, "mlv.json"), '{"mlv":9}\n');
  const newer = await remoteCheck(project.context, { name: "origin" });
  expect(newer.isOk).toBe(false);
  expect(newer.steps.find((step) => step.name === "marker")).toMatchObject({ state: "failed", hint: "update mlv" });
  expect(newer.steps.find((step) => step.name === "write")).toMatchObject({ state: "skipped" });
});

test("doctor names what is wrong with a hint, also outside a repository", async () => {
  const project = await createProject();
  project.write("a.csv", "a");
  await project.record("one", "a.csv");
  const healthy = await doctor(project.context, { offline: false });
  expect(healthy.failures).toBe(0);
  expect(healthy.checks.map((check) => check.name)).toEqual([
    "node-version",
    "git-version",
    "repository",
    "configuration",
    "cache",
    "free-space",
    "links",
    "pointers",
    "leftovers",
    "hooks",
    "remote-origin",
  ]);
  expect(healthy.checks.find((check) => check.name === "links")?.message).toContain("hardlink");
  const messages = healthy.checks.map((check) => check.message).join("\n");
  expect(messages).toContain("and holds 105 B in 0 objects and 1 pack");
  expect(messages).toContain("1 target, every pointer can be read");
  expect(messages).toMatch(/\d [KMGTP]iB are free/);
  expect(messages).not.toMatch(/\d bytes/);
  project.write("a.csv.mlv", "{}");
  fs.writeFileSync(path.join(project.remote, "mlv.json"), '{"mlv":9}\n');
  const ill = await doctor(project.context, { offline: false });
  expect(ill.checks.filter((check) => check.state === "failed").map((check) => check.name)).toEqual(["pointers", "remote-origin"]);

  const outside = freshFolder();
  const nowhere = await doctor(
    { ...project.context, cwd: outside, env: { ...project.context.env, GIT_CEILING_DIRECTORIES: outside } },
    { offline: true },
  );
  expect(nowhere.checks.at(-1)).toMatchObject({ name: "repository", state: "failed" });
});

test("a URL is made for what is one plain object, and anything else points to get", async () => {
  const project = await createProject();
  project.write("big.bin", noise(3, 9 * 1024 * 1024));
  project.write("set/small.txt", "small");
  await project.record("one", "big.bin", "set");
  await project.push();
  await expect(url(project.context, { spec: "set/small.txt" })).rejects.toMatchObject({
    code: "remote-unsupported",
    hint: expect.stringContaining("mlv get"),
  });
  // A folder has no signed URLs: the plain object was found, the driver refused.
  await expect(url(project.context, { spec: "big.bin" })).rejects.toMatchObject({
    code: "remote-unsupported",
    message: expect.not.stringContaining("pieces"),
  });
  expect(openProject(project.root).exists("big.bin")).toBe(true);
});
