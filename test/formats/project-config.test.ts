import { describe, expect, test } from "vitest";
import { assertRemoteName, editConfig, parseLocalConfig, parseProjectConfig } from "../../src/formats/project-config.ts";
import { codeOf } from "./golden.ts";

const EXAMPLE = `# Ours.
remotes:
  origin: { url: s3://ml-data/churn, region: eu-west-1, retries: 3 } # Frankfurt is full
default: origin
keys:
  data/train.csv: id
  data/pairs.csv: [left, right]
stages:
  train: { cmd: "PASSWORD=none python train.py" }
x-team: { token-bucket: 3 }
`;

describe("mlv.yaml", () => {
  test("gives remotes, default and keys", () => {
    expect(parseProjectConfig(EXAMPLE, "mlv.yaml")).toEqual({
      remotes: [{ name: "origin", url: "s3://ml-data/churn", options: { region: "eu-west-1", retries: "3" }, origin: "committed" }],
      default: "origin",
      keys: { "data/train.csv": ["id"], "data/pairs.csv": ["left", "right"] },
    });
    expect(parseProjectConfig("", "mlv.yaml")).toEqual({ remotes: [], keys: {} });
  });

  test.each([
    ["a list", "- a\n"],
    ["an unknown key", "remote: {}\n"],
    ["a local key", "cache: { dir: /tmp }\n"],
    ["a key twice", "default: a\ndefault: b\n"],
    ["a remote without url", "remotes: { origin: { region: x } }\n"],
    ["a remote that is a text", "remotes: { origin: s3://x }\n"],
    ["a remote that is named like an option", "remotes: { -r: { url: x } }\n"],
    ["a remote that is named like a path", "remotes: { ../x: { url: x } }\n"],
    ["an option that is a map", "remotes: { origin: { url: x, region: { a: 1 } } }\n"],
    ["a default that is a number", "default: 3\n"],
    ["broken YAML", "remotes: {\n"],
    ["a billion laughs", `x-a: &a [1,1]\nx-b: &b [*a,*a,*a,*a]\nx-c: &c [*b,*b,*b,*b]\nx-d: &d [*c,*c,*c,*c]\nx-e: [*d,*d,*d,*d]\n`],
    ["more than 1 MiB", `# ${"a".repeat(1024 * 1024)}\n`],
  ])("that holds %s is malformed", (_, text) => {
    expect(codeOf(() => parseProjectConfig(text, "mlv.yaml"))).toBe("config-malformed");
  });

  test.each([
    "secret-access-key: abc",
    "sas-token: abc",
    "account-key: abc",
    "Password: abc",
    "connection-string: abc",
    "endpoint: https://user:word@host",
    "endpoint: https://host/?sv=1&sig=abc",
    "profile: AKIAABCDEFGHIJKLMNOP",
  ])("is refused when a remote carries the secret %s", (option) => {
    expect(codeOf(() => parseProjectConfig(`remotes:\n  origin:\n    url: s3://b\n    ${option}\n`, "mlv.yaml"))).toBe("config-secret");
  });

  test("keeps comments and order when a value is set and taken away again", () => {
    const edited = editConfig(EXAMPLE, ["remotes", "origin", "region"], "us-east-1", "mlv.yaml");
    expect(edited).toContain("# Ours.");
    expect(edited).toContain("# Frankfurt is full");
    expect(parseProjectConfig(edited, "mlv.yaml").remotes[0]?.options["region"]).toBe("us-east-1");
    const added = editConfig("", ["remotes", "a", "url"], "/data", "mlv.yaml");
    expect(parseProjectConfig(added, "mlv.yaml").remotes).toEqual([{ name: "a", url: "/data", options: {}, origin: "committed" }]);
    expect(editConfig(added, ["remotes", "a", "url"], undefined, "mlv.yaml")).toBe("");
  });
});

describe("local.yaml", () => {
  test("gives what only this machine says, secrets included", () => {
    const text =
      "cache: { dir: /mnt/c }\nlink: hardlink\njobs: 4\ntrust: [minio:9000]\nremotes: { o: { url: s3://b, secret-access-key: abc } }\n";
    expect(parseLocalConfig(text, "local.yaml")).toEqual({
      remotes: [{ name: "o", url: "s3://b", options: { "secret-access-key": "abc" }, origin: "local" }],
      keys: {},
      cacheDir: "/mnt/c",
      link: "hardlink",
      jobs: 4,
      trust: ["minio:9000"],
    });
  });

  test.each([
    "link: soft",
    "jobs: 0",
    "jobs: 1.5",
    "jobs: many",
    "trust: host",
    "trust: [1]",
    "cache: /tmp",
    "cache: { dir: 1 }",
    "colour: red",
  ])("that says %s is malformed", (text) => {
    expect(codeOf(() => parseLocalConfig(`${text}\n`, "local.yaml"))).toBe("config-malformed");
  });
});

test("a remote's name is letters, digits, dots, dashes and underscores", () => {
  for (const name of ["origin", "a", "S3.eu-1_x", "0"]) expect(codeOf(() => assertRemoteName(name))).toBe("nothing");
  for (const name of ["", "-r", ".x", "a/b", "a b", "a\n", "a".repeat(65)]) expect(codeOf(() => assertRemoteName(name))).toBe("usage");
});
