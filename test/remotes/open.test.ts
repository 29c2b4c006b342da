import { describe, expect, test } from "vitest";
import type { AbsolutePath } from "../../src/base/ids.ts";
import type { RemoteConfig } from "../../src/formats/remote-config.ts";
import { fromStatusOrNetwork, parseRetryAfter } from "../../src/remotes/cloud-errors.ts";
import { openRemote } from "../../src/remotes/open.ts";
import { redactSecrets } from "../../src/remotes/redact.ts";
import type { Remote } from "../../src/remotes/remote.ts";
import { parseRemoteAddress } from "../../src/remotes/remote-address.ts";
import { parseBytes, parseDuration } from "../../src/remotes/remote-options.ts";
import { failureOf } from "./helpers.ts";

const ROOT = "/repo" as AbsolutePath;

function open(config: Partial<RemoteConfig>, trusted: readonly string[] = []): Promise<Remote> {
  return openRemote(
    { name: "origin", url: "s3://bucket/prefix", options: {}, origin: "committed", ...config },
    {
      repositoryRoot: ROOT,
      env: { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_REGION: "eu-west-1" },
      isTrusted: (host) => trusted.includes(host),
    },
  );
}

describe("a remote's URL", () => {
  test.each([
    ["s3://bucket/a/b/", { scheme: "s3", bucket: "bucket", prefix: "a/b" }],
    ["gs://bucket", { scheme: "gs", bucket: "bucket", prefix: "" }],
    ["az://container/x", { scheme: "az", bucket: "container", prefix: "x" }],
    ["file:///srv/data", { scheme: "folder", root: "/srv/data" }],
    ["/srv/data", { scheme: "folder", root: "/srv/data" }],
    ["../store", { scheme: "folder", root: "/store" }],
    ["data/remote", { scheme: "folder", root: "/repo/data/remote" }],
  ])("%s is understood", (url, expected) => {
    expect(parseRemoteAddress(url, ROOT)).toEqual(expected);
  });

  test.each([
    "",
    "-oProxyCommand=x",
    "s3://user:secret@bucket/x",
    "s3://bucket@evil/x",
    "s3://bucket:80/x",
    "s3://bucket/x#y",
    "s3://bucket/x?sig=secret",
    "s3://bucket/../x",
    "s3://bucket/%2e%2e/x",
    "s3://bucket/a%0d%0ab",
    "s3://bucket/a%00b",
    "s3://bucket/a\nb",
    "s3://bucket/a//b",
    "s3://bucket/%zz",
    "s3://",
    "s3:bucket",
    "file://host/path",
    "http://example.com/x",
    "ext::sh -c x",
    "~/data",
  ])("%j is refused, and no secret of it is repeated", async (url) => {
    const failure = await failureOf(open({ url }));
    expect(failure).toMatchObject({ code: "remote-misconfigured" });
    expect(failure.message).not.toContain("secret");
  });

  test("a relative folder without a repository is refused", async () => {
    expect(() => parseRemoteAddress("data", undefined)).toThrow("relative folder");
  });
});

describe("a remote's options", () => {
  test.each([
    [{ nonsense: "1" }],
    [{ region: "x.evil.com/" }],
    [{ "path-style": "yes" }],
    [{ "part-size": "big" }],
    [{ endpoint: "ftp://x" }],
    [{ endpoint: "https://u:p@x" }],
    [{ profile: "a\nb" }],
    [{ "access-key-id": "AKIA" }],
    [{ account: "x" }],
  ])("%j is refused in a committed configuration", async (options) => {
    expect(await failureOf(open({ options: options }))).toMatchObject({
      code: "remote-misconfigured",
    });
  });

  test("sizes and durations are read with their units", () => {
    expect([parseBytes("16MiB"), parseBytes("1.5k"), parseBytes("10 MB"), parseBytes("7"), parseBytes("x")]).toEqual([
      16_777_216,
      1536,
      10_000_000,
      7,
      undefined,
    ]);
    expect([parseDuration("30s"), parseDuration("1500ms"), parseDuration("2m"), parseDuration("5"), parseDuration("-1")]).toEqual([
      30_000,
      1500,
      120_000,
      5000,
      undefined,
    ]);
  });
});

describe("an endpoint that came with a commit", () => {
  const options = { endpoint: "https://minio.example:9000" };

  test("gets no credentials before the user trusted it", async () => {
    expect(await failureOf(open({ options }))).toMatchObject({
      code: "endpoint-untrusted",
      hint: expect.stringContaining("mlv remote trust origin") as string,
      details: { host: "minio.example:9000" },
    });
  });

  test("is opened once it is trusted, when it is local, and when no credentials would be sent", async () => {
    await open({ options }, ["minio.example:9000"]);
    await open({ options, origin: "local" });
    await open({ options: { ...options, anonymous: "true" } });
  });

  test("of another port is another endpoint", async () => {
    expect(await failureOf(open({ options }, ["minio.example"]))).toMatchObject({ code: "endpoint-untrusted" });
  });
});

test("secrets of every known form are taken out of a text", () => {
  const text = redactSecrets(
    [
      "https://x/y?sv=1&sig=CANARY&se=2",
      "AccountKey=CANARY;x",
      "Authorization: Bearer CANARY",
      "X-Amz-Signature=CANARY&",
      "?X-Amz-Credential=CANARY%2F2026&X-Amz-Signature=CANARY",
      "AKIAABCDEFGHIJKLMNOP",
      "https://user:CANARY@host/",
    ].join("\n"),
  );
  expect(text).not.toMatch(/CANARY|AKIA/);
});

test("a failure says which name nobody knows, and with what to look into refused credentials", () => {
  const lookup = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND", hostname: "bucket.lab.example" });
  const error = new TypeError("fetch failed", { cause: lookup });
  const failure = { doing: "read `a/b`", url: "s3://bucket", status: undefined, name: undefined, retryAfter: undefined, error };
  expect(fromStatusOrNetwork(failure)).toMatchObject({
    message: "cannot read `a/b` at s3://bucket: the name `bucket.lab.example` cannot be resolved (ENOTFOUND)",
    hint: expect.stringContaining("`path-style`") as string,
  });
  for (const status of [401, 403])
    expect(fromStatusOrNetwork({ ...failure, error: new Error("no"), status })).toMatchObject({
      hint: expect.stringContaining("`mlv remote check`") as string,
    });
});

test("Retry-After is seconds or a date", () => {
  expect(parseRetryAfter("7", 0)).toBe(7000);
  expect(parseRetryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 10_000)).toBe(50_000);
  expect(parseRetryAfter("soon", 0)).toBeUndefined();
});

test("an Azure remote over plain http without a key says what to set: no token goes that way", async () => {
  const options = { endpoint: "http://127.0.0.1:1/lab", account: "lab" };
  const remote = await open({ url: "az://container/x", options }, ["127.0.0.1:1"]);
  expect(await failureOf(remote.stat("a/b"))).toMatchObject({
    code: "remote-unauthenticated",
    retryable: false,
    hint: expect.stringContaining("AZURE_STORAGE_KEY") as string,
  });
});

test("a Google remote whose requests a project is to pay for says so when none is named", async () => {
  const options = { "requester-pays": "true" };
  expect(await failureOf(open({ url: "gs://bucket/x", options }))).toMatchObject({
    code: "remote-misconfigured",
    hint: expect.stringContaining("`project`") as string,
  });
});

test("an S3 remote without any region says so, and what to set", async () => {
  const env = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
  const before = { ...process.env };
  for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"]) delete process.env[name];
  process.env["AWS_CONFIG_FILE"] = "/dev/null";
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null";
  try {
    const config: RemoteConfig = { name: "origin", url: "s3://bucket", options: {}, origin: "local" };
    const remote = await openRemote(config, { repositoryRoot: ROOT, env, isTrusted: () => false });
    expect(await failureOf(remote.stat("a/b"))).toMatchObject({
      code: "remote-misconfigured",
      hint: expect.stringContaining("AWS_REGION") as string,
    });
  } finally {
    process.env = before;
  }
});
