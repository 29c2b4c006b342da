import path from "node:path";
import { MlvError } from "../base/errors.ts";
import { redact } from "../base/redaction.ts";
import { compareUtf8 } from "../base/safe-paths.ts";
import { editConfiguration, LOCAL_FILE, PROJECT_FILE, selectRemote } from "./configuration.ts";
import { prepareState, withWorkspace, type OperationContext } from "./open-workspace.ts";

/** Says where a value comes from. */
export type ConfigOrigin = "environment" | "local.yaml" | "mlv.yaml" | "default";

/** Is one setting with its value as text. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: string;
  readonly origin: ConfigOrigin;
  /** True for a secret, whose value is not given. */
  readonly isSecret: boolean;
}

/** Says what to set. */
export interface SetConfigOptions {
  readonly key: string;
  /** Undefined removes the setting. */
  readonly value: string | undefined;
  /** Writes to local.yaml; settings that belong there go there anyway. */
  readonly local: boolean;
}

/** Returns one setting, or undefined when it is not set and has no default. Throws `usage` for a key that is none. */
export async function getConfig(context: OperationContext, options: { readonly key: string }): Promise<ConfigEntry | undefined> {
  keyPath(options.key);
  return (await listConfig(context)).find((entry) => entry.key === options.key);
}

/** Sets or removes a setting; returns the file it went to. Throws `usage` for a key that is none, `config-malformed`, `config-secret`. */
export async function setConfig(context: OperationContext, options: SetConfigOptions): Promise<{ readonly file: string }> {
  const { key, value } = options;
  const keys = keyPath(key);
  return withWorkspace(context, async (workspace) => {
    prepareState(workspace);
    const { looksSecret } = await import("../formats/project-config.ts");
    const configuration = await workspace.configuration();
    const [first, name = "", option = ""] = keys;
    if (first === "default" && value !== undefined) selectRemote(configuration, value);
    if (first === "remotes" && !configuration.remotes.has(name)) selectRemote(configuration, name);
    const isSecret = first === "remotes" && looksSecret(option, value ?? "");
    const scope = options.local || LOCAL_ONLY.has(key) || isSecret ? "local" : "project";
    if (scope === "local" && first === "remotes" && value !== undefined) {
      // A local remote stands beside the committed one of the same URL.
      const url = configuration.remotes.get(name)?.url;
      if (option !== "url") await editConfiguration(workspace, "local", ["remotes", name, "url"], url);
    }
    await editConfiguration(workspace, scope, keys, value === undefined ? undefined : toValue(key, value));
    return { file: scope === "local" ? path.join(workspace.stateFolder, LOCAL_FILE) : path.join(workspace.root, PROJECT_FILE) };
  });
}

/** Lists every setting that counts here, with where it comes from. */
export async function listConfig(context: OperationContext): Promise<ConfigEntry[]> {
  return withWorkspace(context, async (workspace) => {
    const { looksSecret } = await import("../formats/project-config.ts");
    const { project, local, remotes, defaultRemote } = await workspace.configuration();
    const entries: ConfigEntry[] = [];
    const put = (key: string, value: string | undefined, origin: ConfigOrigin, isSecret = false): void => {
      if (value !== undefined) entries.push({ key, value: isSecret ? "(secret)" : value, origin, isSecret });
    };
    const isFromEnvironment = (context.env["MLV_CACHE_DIR"] ?? "") !== "";
    put("cache.dir", workspace.cache.folder, isFromEnvironment ? "environment" : local.cacheDir === undefined ? "default" : "local.yaml");
    put("default", defaultRemote, local.default !== undefined ? "local.yaml" : project.default === undefined ? "default" : "mlv.yaml");
    put("jobs", String(local.jobs ?? workspace.jobs), local.jobs === undefined ? "default" : "local.yaml");
    put("link", local.link ?? "auto", local.link === undefined ? "default" : "local.yaml");
    for (const { name, url, options } of remotes.values()) {
      const committed = project.remotes.find((remote) => remote.name === name && remote.url === url);
      put(`remotes.${name}.url`, redact(url), committed === undefined ? "local.yaml" : "mlv.yaml");
      for (const [key, value] of Object.entries(options)) {
        put(`remotes.${name}.${key}`, value, committed?.options[key] === value ? "mlv.yaml" : "local.yaml", looksSecret(key, value));
      }
    }
    if (local.trust.length > 0) put("trust", local.trust.join(", "), "local.yaml");
    return entries.sort((a, b) => compareUtf8(a.key, b.key));
  });
}

const LOCAL_ONLY = new Set(["cache.dir", "link", "jobs"]);

/** A remote's name may hold dots, an option's never does. */
function keyPath(key: string): readonly string[] {
  if (key === "cache.dir") return ["cache", "dir"];
  if (key === "link" || key === "jobs" || key === "default") return [key];
  const match = /^remotes\.(.+)\.([a-z0-9-]+)$/.exec(key);
  if (match !== null) return ["remotes", match[1] ?? "", match[2] ?? ""];
  if (key === "trust") throw new MlvError("usage", "`trust` is changed with `mlv remote trust`");
  throw new MlvError("usage", `\`${key}\` is no setting`, {
    hint: "the settings are cache.dir, link, jobs, default and remotes.NAME.OPTION",
  });
}

function toValue(key: string, value: string): unknown {
  return key === "jobs" && /^\d+$/.test(value) ? Number(value) : value;
}
