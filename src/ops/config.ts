import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

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
  return unbuilt(context, options);
}

/** Sets or removes a setting; returns the file it went to. Throws `usage` for a key that is none, `config-malformed`, `config-secret`. */
export async function setConfig(context: OperationContext, options: SetConfigOptions): Promise<{ readonly file: string }> {
  return unbuilt(context, options);
}

/** Lists every setting that counts here, with where it comes from. */
export async function listConfig(context: OperationContext): Promise<ConfigEntry[]> {
  return unbuilt(context);
}
