import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AccountSASPermissions, AccountSASResourceTypes, generateAccountSASQueryParameters } from "@azure/storage-blob";
import { AccountSASServices, StorageSharedKeyCredential } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashFile, makeSandbox, noise, type RunResult } from "../cli/sealed.ts";
import { about, isListing, makeCloudProject, type CloudProject } from "../faults/cloud-project.ts";
import type { SeenRequest } from "./fault-proxy.ts";
import { hashOf } from "./helpers.ts";
import type { RunningServer, ServerKind } from "./servers.ts";

const KINDS = ["s3", "gcs", "azure"] as const;
const STEPS = ["open", "credentials", "marker", "write", "read", "range", "create-only", "replace", "list", "remove"];
/** Keeps SDKs from asking a cloud that is not there. */
const NO_CLOUD = { AWS_EC2_METADATA_DISABLED: "true", METADATA_SERVER_DETECTION: "none" };
const ALWAYS = 1000;

/** Is where credentials may lie: options, environment and files, and how `remote check` calls the place. */
interface Source {
  readonly says: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  /** Files of the user's home. */
  readonly home?: Readonly<Record<string, string>>;
}

function sourcesOf(kind: ServerKind, server: RunningServer): readonly Source[] {
  const { env, options } = server;
  switch (kind) {
    case "s3": {
      const id = env["AWS_ACCESS_KEY_ID"] ?? "";
      const secret = env["AWS_SECRET_ACCESS_KEY"] ?? "";
      const file = `aws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`;
      return [
        { says: "environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", env },
        { says: "the access key in local.yaml", options: { "access-key-id": id, "secret-access-key": secret } },
        { says: "the profile `lab` (option `profile`)", options: { profile: "lab" }, home: { ".aws/credentials": `[lab]\n${file}` } },
        { says: "the AWS SDK's default chain (profile `default`, ", home: { ".aws/credentials": `[default]\n${file}` } },
      ];
    }
    case "gcs": {
      const key = env["GOOGLE_APPLICATION_CREDENTIALS"] ?? "";
      const wellKnown = { ".config/gcloud/application_default_credentials.json": fs.readFileSync(key, "utf8") };
      return [
        { says: "environment variable GOOGLE_APPLICATION_CREDENTIALS", env },
        { says: "the key file named in local.yaml", options: { "key-file": key } },
        { says: "application default credentials", home: wellKnown },
      ];
    }
    case "azure": {
      const key = env["AZURE_STORAGE_KEY"] ?? "";
      const account = options["account"] ?? "";
      const connection = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=${options["endpoint"]}`;
      const sas = makeSas(account, key);
      return [
        { says: "the account's key (AZURE_STORAGE_KEY)", env },
        { says: "the account's key (AZURE_STORAGE_CONNECTION_STRING)", env: { AZURE_STORAGE_CONNECTION_STRING: connection } },
        { says: "the account's key (local.yaml)", options: { "account-key": key } },
        { says: "the account's key (local.yaml)", options: { "connection-string": connection } },
        { says: "a shared access signature (AZURE_STORAGE_SAS_TOKEN)", env: { AZURE_STORAGE_SAS_TOKEN: sas } },
        { says: "a shared access signature (local.yaml)", options: { "sas-token": sas } },
      ];
    }
  }
}

function makeSas(account: string, key: string): string {
  const permissions = AccountSASPermissions.parse("rwdlacup");
  const resourceTypes = AccountSASResourceTypes.parse("sco").toString();
  const expiresOn = new Date(Date.now() + 3_600_000);
  const services = AccountSASServices.parse("b").toString();
  const credential = new StorageSharedKeyCredential(account, key);
  return generateAccountSASQueryParameters({ permissions, resourceTypes, expiresOn, services }, credential).toString();
}

describe.each(KINDS)("commands about a remote on %s", (kind) => {
  let cloud: CloudProject;

  beforeAll(async () => {
    const tree = { "model.bin": noise("model", 9 * 1024 * 1024), "small.txt": "small\n" };
    cloud = await makeCloudProject(kind, { tree, remote: { retries: "1" } });
    await cloud.mlv("project", "add", "model.bin", "small.txt");
    cloud.box.commit("project", "data");
    await cloud.mlv("project", "push");
  });
  afterAll(() => cloud?.close());

  function checkOf(result: RunResult): { readonly isOk: boolean; readonly steps: readonly Readonly<Record<string, unknown>>[] } {
    return JSON.parse(result.stdout) as ReturnType<typeof checkOf>;
  }

  test("`remote check` names the source of the credentials, tries every right with each source, and leaves nothing", async () => {
    const host = cloud.env["MLV_TRUST_ENDPOINTS"] ?? "";
    for (const [index, { says, env = {}, options = {}, home = {} }] of sourcesOf(kind, cloud.server).entries()) {
      const box = makeSandbox();
      box.exec("git", ["clone", "-q", cloud.box.at("project"), "clone"]);
      for (const [file, content] of Object.entries(home)) {
        fs.mkdirSync(box.at("home", file, ".."), { recursive: true });
        fs.writeFileSync(box.at("home", file), content);
      }
      const run = (...args: string[]): Promise<RunResult> =>
        box.start(args, { cwd: "clone", env: { ...NO_CLOUD, MLV_TRUST_ENDPOINTS: host, ...env } }).done;
      for (const [name, value] of Object.entries(options))
        expect((await run("config", "set", "--local", `remotes.origin.${name}`, value)).stderr).toBe("");
      const json = await run("remote", "check", "origin", "--json");
      const { isOk, steps } = checkOf(json);
      expect([index, isOk, steps.map(({ name, state }) => [name, state])]).toEqual([index, true, STEPS.map((name) => [name, "ok"])]);
      expect(steps[1]).toMatchObject({ name: "credentials", message: expect.stringContaining(says) as string });
      const shown = await run("remote", "check", "origin");
      for (const secret of [...cloud.server.secrets, "sig="]) expect(shown.stdout + shown.stderr + json.stdout).not.toContain(secret);
    }
    expect(await cloud.keys("check/")).toEqual([]);
  });

  test("`remote check` without any credentials says what to set, and asks the service for nothing", async () => {
    const before = cloud.proxy.seen.length;
    const env = { ...NO_CLOUD, MLV_TRUST_ENDPOINTS: cloud.env["MLV_TRUST_ENDPOINTS"] ?? "" };
    const result = await cloud.box.start(["remote", "check", "origin", "--json"], { cwd: "project", env }).done;
    expect(result.status).toBe(12);
    const hint = expect.stringMatching(/AWS_ACCESS_KEY_ID|GOOGLE_APPLICATION_CREDENTIALS|AZURE_STORAGE_KEY/) as string;
    expect(checkOf(result).steps[1]).toMatchObject({ name: "credentials", state: "failed", hint });
    expect(cloud.proxy.seen.slice(before)).toEqual([]);
  });

  const isWrite = ({ method, path }: SeenRequest): boolean => method === "PUT" || (method === "POST" && path.includes("/upload/"));
  test.each([
    ["write", isWrite, ["write"]],
    ["read", about("check/"), ["read", "range"]],
    ["list", isListing, ["list"]],
    ["remove", ({ method }: SeenRequest) => method === "DELETE", ["remove"]],
  ] as const)("`remote check` names the right to %s when it is refused", async (_right, refuses, failed) => {
    cloud.proxy.inject("denied", refuses, ALWAYS);
    const result = await cloud.run("project", "remote", "check", "origin", "--json").finally(() => cloud.proxy.clear());
    expect(result.status).toBe(12);
    const { steps } = checkOf(result);
    const names = steps.filter(({ state }) => state === "failed").map(({ name }) => name);
    // Google has no way to look at an object that is not a way to read one.
    expect(names.filter((name) => name !== "create-only" || kind !== "gcs")).toEqual(failed);
    for (const step of steps) if (step["state"] === "failed") expect(step["message"]).toContain("the credentials lack the right");
    await cloud.lose(await cloud.keys("check/"));
  });

  test("`remote check` tells who may not write whether he may list, and says soon when nobody answers", async () => {
    cloud.proxy.inject("denied", isWrite, ALWAYS);
    const refused = await cloud.run("project", "remote", "check", "origin", "--json").finally(() => cloud.proxy.clear());
    expect(refused.status).toBe(12);
    const { steps } = checkOf(refused);
    expect(steps.find(({ name }) => name === "write")).toMatchObject({ state: "failed", code: "remote-denied" });
    expect(steps.find(({ name }) => name === "list")).toMatchObject({ state: "ok" });

    const before = cloud.proxy.seen.length;
    cloud.proxy.inject("status-503", () => true, ALWAYS);
    const down = await cloud.run("project", "remote", "check", "origin", "--json").finally(() => cloud.proxy.clear());
    expect(down.status).toBe(13);
    expect(checkOf(down).steps.find(({ name }) => name === "marker")).toMatchObject({ state: "failed" });
    expect(cloud.proxy.seen.length - before).toBeLessThan(6);
  });

  test("what proves who we are is in no error, with --debug neither, and goes to no other origin", async () => {
    const sas = kind === "azure" ? makeSas(cloud.server.options["account"] ?? "", cloud.server.env["AZURE_STORAGE_KEY"] ?? "") : "";
    const env = kind === "azure" ? { ...cloud.env, AZURE_STORAGE_KEY: "", AZURE_STORAGE_SAS_TOKEN: sas } : cloud.env;
    const signature = new URLSearchParams(sas).get("sig") ?? "none";
    const secrets = [...cloud.server.secrets, signature, encodeURIComponent(signature), "Bearer ey", "Credential="];
    for (const fault of ["denied", "expired-credentials", "redirect-elsewhere", "html-200", "reset-download"] as const) {
      cloud.proxy.inject(fault, () => true, ALWAYS);
      const { done } = cloud.box.start(["verify", "--remote", "--debug"], { cwd: "project", env });
      const result = await done.finally(() => cloud.proxy.clear());
      expect([fault, result.status]).toEqual([fault, expect.toBeOneOf([12, 13, 14]) as number]);
      for (const secret of secrets) expect(result.stdout + result.stderr).not.toContain(secret);
    }
    expect(cloud.proxy.elsewhere).toEqual([]);
  });

  test("an endpoint that came with a commit gets nothing before it is trusted, and nothing once that is revoked", async () => {
    const env = { ...cloud.server.env, ...NO_CLOUD };
    const run = (...args: string[]): Promise<RunResult> => cloud.box.start(args, { cwd: "careful", env }).done;
    cloud.box.clone("project", "careful");
    const expectRefused = async (): Promise<void> => {
      const before = cloud.proxy.seen.length;
      for (const args of [["pull"], ["push"], ["url", "model.bin"], ["verify", "--remote"], ["gc", "--remote", "origin", "--yes"]]) {
        const result = await run(...args);
        expect([args, result.status]).toEqual([args, 12]);
        expect(result.stderr).toContain("mlv remote trust origin");
      }
      expect((await run("remote", "check", "origin")).status).toBe(12);
      expect(cloud.proxy.seen.slice(before)).toEqual([]);
      expect(fs.existsSync(cloud.box.at("careful/model.bin"))).toBe(false);
    };
    await expectRefused();
    expect((await run("remote", "trust", "origin")).stdout).toContain("is trusted on this machine");
    expect((await run("remote", "check", "origin")).status).toBe(0);
    expect((await run("remote", "trust", "origin", "--revoke")).stdout).toContain("is no longer trusted");
    await expectRefused();
    await run("remote", "trust", "origin");
    expect(await run("pull")).toMatchObject({ status: 0 });
    expect(hashFile(cloud.box.at("careful/model.bin"))).toBe(hashFile(cloud.box.at("project/model.bin")));
    // Another endpoint, in a later commit, is another question.
    const file = cloud.box.at("careful/mlv.yaml");
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/(endpoint: .*127\.0\.0\.1:)\d+/, "$19"));
    expect((await run("push")).status).toBe(12);
  });

  test("`url --expires` gives anyone the bytes for that long and no longer", async () => {
    const { stdout } = await cloud.mlv("project", "url", "model.bin", "--expires", "15m");
    const url = new URL(stdout.trim());
    // The server that stands in for Google's serves signed URLs under its own address alone.
    if (kind === "gcs") url.host = new URL(cloud.server.options["endpoint"] ?? "").host;
    expect(secondsOf(url)).toBeGreaterThan(14 * 60);
    expect(secondsOf(url)).toBeLessThanOrEqual(15 * 60);
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(hashOf(Buffer.from(await answer.arrayBuffer()))).toBe(hashFile(cloud.box.at("project/model.bin")));
    for (const secret of cloud.server.secrets) expect(url.href).not.toContain(secret);

    // The servers that stand in for Google's do not look at the signature.
    if (kind !== "gcs") {
      const short = (await cloud.mlv("project", "url", "model.bin", "--expires", "1s")).stdout.trim();
      await sleep(2500);
      expect((await fetch(short)).status).toBe(403);
      const forged = new URL(url);
      for (const name of ["X-Amz-Expires", "se"]) {
        if (forged.searchParams.has(name)) forged.searchParams.set(name, name === "se" ? "2030-01-01T00:00:00Z" : "100000");
      }
      // The in-repository server knows how long a URL is good for, and not how it is signed.
      if (cloud.server.name !== "fake-s3") expect((await fetch(forged)).status).toBe(403);
    }
    const pieces = await cloud.run("project", "url", "small.txt");
    expect([pieces.status, pieces.stderr]).toEqual([12, expect.stringContaining("mlv cat small.txt") as string]);
    const long = await cloud.run("project", "url", "model.bin", "--expires", "8d");
    // An account key of Azure signs for any time.
    if (kind === "azure") expect(secondsOf(new URL(long.stdout.trim()))).toBeGreaterThan(7 * 86_400);
    else {
      expect(long).toMatchObject({ status: 12, stdout: "" });
      expect(long.stderr).toMatch(/is good for at most seven days\nhint: `--expires 7d` is the longest/);
      expect((await cloud.run("project", "url", "model.bin", "--expires", "7d")).status).toBe(0);
    }
    for (const time of ["soon", "0s", "99999999d"])
      expect((await cloud.run("project", "url", "model.bin", "--expires", time)).status).toBe(2);
  });
});

/** Returns how many seconds a signed URL is good for from now on. */
function secondsOf({ searchParams }: URL): number {
  const seconds = searchParams.get("X-Amz-Expires") ?? searchParams.get("X-Goog-Expires");
  return seconds === null ? (Date.parse(searchParams.get("se") ?? "") - Date.now()) / 1000 : Number(seconds);
}

test("a folder needs no credentials and no trust, is checked in every right, and has no URLs", () => {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { "model.bin": noise("model", 9 * 1024 * 1024) } });
  box.mlv("project", ["add", "model.bin"]);
  box.mlv("project", ["push"]);
  const { steps } = JSON.parse(box.mlv("project", ["remote", "check", "origin", "--json"]).stdout) as {
    readonly steps: readonly Readonly<Record<string, unknown>>[];
  };
  expect(steps.map(({ name, state }) => [name, state])).toEqual(STEPS.map((name) => [name, "ok"]));
  expect(steps[1]).toMatchObject({ message: "none needed" });
  expect(box.mlv("project", ["remote", "trust", "origin"]).stdout).toContain("nothing to trust");
  expect(box.run(["url", "model.bin"], { cwd: "project" })).toMatchObject({ status: 12 });
});
