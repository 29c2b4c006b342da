import type { RemoteConfig } from "../formats/remote-config.ts";
import { RemoteError } from "./remote-error.ts";

type Scheme = "folder" | "s3" | "gs" | "az";
type OptionKind = "text" | "url" | "flag" | "count" | "bytes" | "duration" | "secret";

const ALL: readonly Scheme[] = ["folder", "s3", "gs", "az"];
const CLOUD: readonly Scheme[] = ["s3", "gs", "az"];

/** Is every option of a remote by its documented name: what its value must look like and which schemes know it. */
const REMOTE_OPTIONS: Readonly<
  Record<
    string,
    {
      readonly kind: OptionKind;
      readonly schemes: readonly Scheme[];
      readonly pattern?: RegExp;
      readonly summary: string;
    }
  >
> = {
  endpoint: {
    kind: "url",
    schemes: CLOUD,
    summary: "The address of a service other than the vendor's own.",
  },
  // A region becomes part of a host name: nothing but a label may pass.
  region: {
    kind: "text",
    schemes: ["s3"],
    pattern: /^[a-z0-9-]{1,40}$/,
    summary: "The region of the bucket.",
  },
  profile: {
    kind: "text",
    schemes: ["s3"],
    pattern: /^[\w .@+-]{1,100}$/,
    summary: "The profile in ~/.aws.",
  },
  "path-style": {
    kind: "flag",
    schemes: ["s3"],
    summary: "Puts the bucket into the path, as most own S3 services need.",
  },
  "expected-bucket-owner": {
    kind: "text",
    schemes: ["s3"],
    pattern: /^\d{12}$/,
    summary: "The account that must own the bucket.",
  },
  "requester-pays": {
    kind: "flag",
    schemes: ["s3", "gs"],
    summary: "Agrees to pay for requests to someone else's bucket.",
  },
  project: {
    kind: "text",
    schemes: ["gs"],
    pattern: /^[a-z0-9.:-]{1,100}$/,
    summary: "The project that is billed.",
  },
  account: {
    kind: "text",
    schemes: ["az"],
    pattern: /^[a-z0-9]{3,24}$/,
    summary: "The storage account.",
  },
  anonymous: { kind: "flag", schemes: CLOUD, summary: "Sends no credentials." },
  "sas-token": { kind: "secret", schemes: ["az"], summary: "A shared access signature." },
  "account-key": { kind: "secret", schemes: ["az"], summary: "The storage account's key." },
  "connection-string": { kind: "secret", schemes: ["az"], summary: "A connection string." },
  "access-key-id": { kind: "secret", schemes: ["s3"], summary: "An access key's name." },
  "secret-access-key": { kind: "secret", schemes: ["s3"], summary: "An access key's secret." },
  "session-token": {
    kind: "secret",
    schemes: ["s3"],
    summary: "The token of a temporary access key.",
  },
  "key-file": {
    kind: "secret",
    schemes: ["gs"],
    summary: "The path of a service account's key file.",
  },
  "server-side-encryption": {
    kind: "text",
    schemes: ["s3"],
    pattern: /^(?:AES256|aws:kms|aws:kms:dsse)$/,
    summary: "How the service encrypts.",
  },
  "kms-key": {
    kind: "text",
    schemes: ["s3", "gs"],
    pattern: /^[\w:/.-]{1,500}$/,
    summary: "The key that the service encrypts with.",
  },
  "encryption-scope": {
    kind: "text",
    schemes: ["az"],
    pattern: /^[\w-]{1,63}$/,
    summary: "The encryption scope of new blobs.",
  },
  "storage-class": {
    kind: "text",
    schemes: CLOUD,
    pattern: /^[A-Za-z_]{1,40}$/,
    summary: "The storage class or access tier of new blobs.",
  },
  "connect-timeout": { kind: "duration", schemes: CLOUD, summary: "How long connecting may take." },
  "idle-timeout": {
    kind: "duration",
    schemes: ALL,
    summary: "How long a connection may be silent.",
  },
  "part-size": { kind: "bytes", schemes: CLOUD, summary: "The size of a part of a large upload." },
  concurrency: { kind: "count", schemes: ALL, summary: "How many requests run at once." },
  retries: { kind: "count", schemes: ALL, summary: "How often a failed request is tried again." },
};

/** Gives typed access to a remote's options. */
export interface RemoteOptions {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  count(name: string): number | undefined;
  bytes(name: string): number | undefined;
  milliseconds(name: string): number | undefined;
}

/**
 * Checks every option of a remote and returns typed access to them. Throws `misconfigured` for an unknown option, one that the scheme
 * does not know, a value of the wrong form, and a secret in a committed configuration.
 */
export function readRemoteOptions(config: RemoteConfig, scheme: Scheme): RemoteOptions {
  for (const [name, value] of Object.entries(config.options)) checkOption(config, scheme, name, value);
  const text = (name: string): string | undefined => {
    const value = Object.hasOwn(config.options, name) ? config.options[name] : undefined;
    return value === "" ? undefined : value;
  };
  return {
    text,
    flag: (name) => text(name) === "true",
    count: (name) => optional(text(name), Number),
    bytes: (name) => optional(text(name), (value) => parseBytes(value) ?? Number.NaN),
    milliseconds: (name) => optional(text(name), (value) => parseDuration(value) ?? Number.NaN),
  };
}

function optional(value: string | undefined, convert: (value: string) => number): number | undefined {
  return value === undefined ? undefined : convert(value);
}

function checkOption(config: RemoteConfig, scheme: Scheme, name: string, value: string): void {
  const known = Object.hasOwn(REMOTE_OPTIONS, name) ? REMOTE_OPTIONS[name] : undefined;
  const fail = (why: string, hint?: string): never => {
    throw new RemoteError(
      "misconfigured",
      `the option \`${name}\` of the remote \`${config.name}\` ${why}`,
      hint === undefined ? {} : { hint },
    );
  };
  if (known === undefined || !known.schemes.includes(scheme)) {
    const names = Object.keys(REMOTE_OPTIONS).filter((key) => REMOTE_OPTIONS[key]?.schemes.includes(scheme) === true);
    return fail("is not known for this kind of remote", `known are: ${names.join(", ")}`);
  }
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(value)) fail("holds a control character");
  if (value === "") return;
  if (known.pattern !== undefined && !known.pattern.test(value)) fail("has a value that is not allowed");
  switch (known.kind) {
    case "secret":
      if (config.origin === "committed" && config.localOptions?.includes(name) !== true) {
        fail(
          "is a secret and must not be committed",
          `\`mlv config set --local remotes.${config.name}.${name} …\` keeps it on this machine`,
        );
      }
      break;
    case "flag":
      if (value !== "true" && value !== "false") fail("must be `true` or `false`");
      break;
    case "count":
      if (!/^[1-9]\d{0,4}$/.test(value) && !(name === "retries" && value === "0")) fail("must be a whole number from 1");
      break;
    case "bytes":
      if (parseBytes(value) === undefined) fail("must be a size such as `16MiB`");
      break;
    case "duration":
      if (parseDuration(value) === undefined) fail("must be a duration such as `30s`");
      break;
    case "url":
      checkEndpoint(value, fail);
      break;
    case "text":
      break;
  }
}

function checkEndpoint(value: string, fail: (why: string) => never): void {
  const url = URL.parse(value);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return fail("must be an `https://` or `http://` address");
  if (url.username !== "" || url.password !== "") fail("must not hold a user name or password");
  if (url.search !== "" || url.hash !== "") fail("must not hold a query or fragment");
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kb: 1000,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1000 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1000 ** 3,
  gib: 1024 ** 3,
};

/** Returns the bytes that a size such as `16MiB`, `16M` or `500kB` means, or undefined. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,12})(?:\.(\d{1,6}))?\s?([kmg]?i?b?)$/i.exec(text);
  const unit = BYTE_UNITS[(match?.[3] ?? "?").toLowerCase()];
  if (match === null || unit === undefined) return undefined;
  return Math.round(Number(`${match[1]}.${match[2] ?? "0"}`) * unit);
}

/** Returns the milliseconds that a duration such as `30s`, `1500ms` or `2m` means, or undefined; a bare number is seconds. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h)?$/.exec(text);
  if (match === null) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? "s"] ?? 1000;
  return Number(match[1]) * unit;
}
