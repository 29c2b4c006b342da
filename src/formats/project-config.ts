/** mlv.yaml (written by people, committed) and local.yaml (this machine's): text ↔ value. Spec: docs/formats/config.md. */
import { parseDocument, isMap, type Document } from "yaml";
import { MlvError } from "../base/errors.ts";
import type { RemoteConfig } from "./remote-config.ts";

/** Are the ways a file of the workspace can share its bytes with the cache. */
export const LINK_KINDS = ["auto", "reflink", "copy", "hardlink", "symlink"] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

/** Is what mlv.yaml and local.yaml both may hold, as written. */
export interface ProjectConfig {
  readonly remotes: readonly RemoteConfig[];
  /** The name of the default remote. */
  readonly default?: string;
  /** Row keys by target, for `diff`. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

/** Is what only local.yaml holds. */
export interface LocalConfig extends ProjectConfig {
  readonly cacheDir?: string;
  readonly link?: LinkKind;
  readonly jobs?: number;
  /** Endpoint hosts that may get credentials. */
  readonly trust: readonly string[];
}

const SHARED_KEYS = new Set(["remotes", "default", "stages", "validation", "keys", "artifacts", "models", "vars"]);
const LOCAL_KEYS = new Set([...SHARED_KEYS, "cache", "link", "jobs", "trust"]);
const REMOTE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const SECRET_KEY = /secret|password|passwd|token|access-?key|account-?key|connection-?string|credential|private-?key|^sas/i;
const SECRET_VALUE = /[?&]sig=|AKIA[0-9A-Z]{16}|AccountKey=|SharedAccessSignature=|-----BEGIN|:\/\/[^/@\s]*:[^/@\s]+@/;

/** Returns what mlv.yaml says. Throws `config-malformed`, or `config-secret` when it carries a secret. */
export function parseProjectConfig(text: string, where: string): ProjectConfig {
  const value = parseYaml(text, where);
  checkKeys(value, SHARED_KEYS, where);
  refuseSecrets(value, where, []);
  return readShared(value, where, "committed");
}

/** Returns what local.yaml says. Throws `config-malformed`. */
export function parseLocalConfig(text: string, where: string): LocalConfig {
  const value = parseYaml(text, where);
  checkKeys(value, LOCAL_KEYS, where);
  const cache = value["cache"] === undefined ? {} : readMap(value["cache"], where, "cache");
  const { link, jobs, trust } = value;
  if (cache["dir"] !== undefined && typeof cache["dir"] !== "string") throw malformed(where, "`cache.dir` must be a path");
  if (link !== undefined && !LINK_KINDS.includes(link as LinkKind))
    throw malformed(where, `\`link\` must be one of ${LINK_KINDS.join(", ")}`);
  if (jobs !== undefined && (typeof jobs !== "number" || !Number.isInteger(jobs) || jobs < 1))
    throw malformed(where, "`jobs` must be a whole number from 1");
  if (trust !== undefined && !(Array.isArray(trust) && trust.every((host) => typeof host === "string"))) {
    throw malformed(where, "`trust` must be a list of hosts");
  }
  return {
    ...readShared(value, where, "local"),
    ...(typeof cache["dir"] === "string" ? { cacheDir: cache["dir"] } : {}),
    ...(link === undefined ? {} : { link: link as LinkKind }),
    ...(typeof jobs === "number" ? { jobs } : {}),
    trust: trust ?? [],
  };
}

/**
 * Returns `text` with the value at `path` set (or removed when undefined), comments and order kept.
 * Throws `config-malformed` when the text cannot be parsed.
 */
export function editConfig(text: string, path: readonly string[], value: unknown, where: string): string {
  const document = parseDocument(text, { maxAliasCount: 0 } as never) as Document;
  if (document.errors.length > 0) throw malformed(where, document.errors[0]?.message ?? "it is not YAML");
  if (document.contents === null || !isMap(document.contents)) document.contents = document.createNode({}) as never;
  if (value === undefined) {
    document.deleteIn(path);
    for (let depth = path.length - 1; depth > 0; depth--) {
      const parent = document.getIn(path.slice(0, depth));
      if (isMap(parent) && parent.items.length === 0) document.deleteIn(path.slice(0, depth));
    }
  } else {
    document.setIn(path, value);
  }
  const isEmpty = isMap(document.contents) && document.contents.items.length === 0;
  return isEmpty && document.commentBefore == null ? "" : document.toString({ lineWidth: 0 });
}

/** Throws `usage` when a remote's name could not be written or would be taken for an option or a path. */
export function assertRemoteName(name: string): void {
  if (!REMOTE_NAME.test(name)) {
    throw new MlvError("usage", `\`${name}\` is no name for a remote`, { hint: "use letters, digits, dots, dashes and underscores" });
  }
}

/** Tells whether an option's name or value looks like a secret, which belongs to local.yaml or the environment. */
export function looksSecret(key: string, value: string): boolean {
  return SECRET_KEY.test(key) || SECRET_VALUE.test(value);
}

function parseYaml(text: string, where: string): Record<string, unknown> {
  if (text.length > 1024 * 1024) throw malformed(where, "it is larger than 1 MiB");
  const document = parseDocument(text, { uniqueKeys: true, schema: "core" });
  if (document.errors.length > 0) throw malformed(where, document.errors[0]?.message ?? "it is not YAML");
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    throw malformed(where, "its aliases go too deep", error);
  }
  return value === null || value === undefined ? {} : readMap(value, where, "the file");
}

function readShared(value: Record<string, unknown>, where: string, origin: RemoteConfig["origin"]): ProjectConfig {
  const remotes = value["remotes"] === undefined ? {} : readMap(value["remotes"], where, "remotes");
  const keys = value["keys"] === undefined ? {} : readMap(value["keys"], where, "keys");
  if (value["default"] !== undefined && typeof value["default"] !== "string") throw malformed(where, "`default` must be a remote's name");
  return {
    remotes: Object.entries(remotes).map(([name, remote]) => readRemote(name, remote, where, origin)),
    ...(typeof value["default"] === "string" ? { default: value["default"] } : {}),
    keys: Object.fromEntries(
      Object.entries(keys).map(([target, columns]) => [target, (Array.isArray(columns) ? columns : [columns]).map(String)]),
    ),
  };
}

function readRemote(name: string, value: unknown, where: string, origin: RemoteConfig["origin"]): RemoteConfig {
  if (!REMOTE_NAME.test(name)) throw malformed(where, `\`${name}\` is no name for a remote`);
  const { url, ...options } = readMap(value, where, `remotes.${name}`);
  if (typeof url !== "string") throw malformed(where, `\`remotes.${name}\` needs a \`url\``);
  const texts: Record<string, string> = {};
  for (const [key, option] of Object.entries(options)) {
    if (!["string", "number", "boolean"].includes(typeof option))
      throw malformed(where, `\`remotes.${name}.${key}\` must be a text or a number`);
    texts[key] = String(option);
  }
  return { name, url, options: texts, origin };
}

function readMap(value: unknown, where: string, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(where, `\`${what}\` must be a map`);
  return value as Record<string, unknown>;
}

function checkKeys(value: Record<string, unknown>, known: ReadonlySet<string>, where: string): void {
  for (const key of Object.keys(value)) {
    if (!known.has(key) && !key.startsWith("x-"))
      throw malformed(where, `the key \`${key}\` is not known; known are ${[...known].join(", ")}`);
  }
}

function refuseSecrets(value: unknown, where: string, path: readonly string[]): void {
  if (typeof value === "object" && value !== null) {
    if (path[0] === "stages") return;
    for (const [key, inner] of Object.entries(value)) refuseSecrets(inner, where, [...path, key]);
    return;
  }
  const key = path.at(-1) ?? "";
  if (looksSecret(path[0] === "remotes" ? key : "", String(value))) {
    throw new MlvError("config-secret", `\`${where}\` carries a secret in \`${path.join(".")}\`, and it is committed`, {
      hint: `remove it there and set it on this machine only: \`mlv config set --local ${path.join(".")} VALUE\`; then change the secret, since Git's history keeps it`,
      details: { key: path.join(".") },
    });
  }
}

function malformed(where: string, why: string, cause?: unknown): MlvError {
  return new MlvError("config-malformed", `\`${where}\` is malformed: ${why}`, { cause, details: { path: where } });
}
