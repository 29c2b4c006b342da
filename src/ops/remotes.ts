import { MlvError } from "../base/errors.ts";
import { redact } from "../base/redaction.ts";
import type { RemoteConfig } from "../formats/remote-config.ts";
import { editConfiguration, selectRemote } from "./configuration.ts";
import { prepareState, withWorkspace, type OperationContext } from "./open-workspace.ts";
import { isTrusted } from "./trust.ts";

/** Is a remote as `remote list` shows it. */
export interface ListedRemote extends RemoteConfig {
  readonly isDefault: boolean;
}

/** Returns the configured remotes, their secrets hidden. */
export async function listRemotes(context: OperationContext): Promise<ListedRemote[]> {
  return withWorkspace(context, async (workspace) => {
    const { remotes, defaultRemote } = await workspace.configuration();
    const { looksSecret } = await import("../formats/project-config.ts");
    return [...remotes.values()].map((remote) => ({
      ...remote,
      url: redact(remote.url),
      options: Object.fromEntries(
        Object.entries(remote.options).map(([key, value]) => [key, looksSecret(key, value) ? "(secret)" : value]),
      ),
      isDefault: remote.name === defaultRemote,
    }));
  });
}

/** Says which remote to add. */
export interface AddRemoteOptions {
  readonly name: string;
  readonly url: string;
  readonly options: Readonly<Record<string, string>>;
  /** Writes to local.yaml instead of mlv.yaml. */
  readonly local: boolean;
  readonly force: boolean;
}

/**
 * Adds a remote to mlv.yaml; the first one becomes the default. Secrets among the options go to local.yaml instead.
 * Throws `usage` for a bad name, `target-exists` for one that is taken, `remote-misconfigured` for a URL or an option that no driver understands.
 */
export async function addRemote(
  context: OperationContext,
  options: AddRemoteOptions,
): Promise<{ readonly isDefault: boolean; readonly kept: readonly string[]; readonly mustTrust: boolean }> {
  return withWorkspace(context, async (workspace) => {
    prepareState(workspace);
    const { assertRemoteName, looksSecret } = await import("../formats/project-config.ts");
    const { parseRemoteAddress } = await import("../remotes/remote-address.ts");
    assertRemoteName(options.name);
    const { readRemoteOptions } = await import("../remotes/remote-options.ts");
    const { scheme } = parseRemoteAddress(options.url, workspace.repository.root);
    readRemoteOptions({ name: options.name, url: options.url, options: options.options, origin: "local" }, scheme);
    const { remotes, local } = await workspace.configuration();
    if (remotes.has(options.name) && !options.force) {
      throw new MlvError("target-exists", `there is a remote \`${options.name}\` already`, {
        hint: `replace it with \`mlv remote add --force ${options.name} …\`, or remove it with \`mlv remote remove ${options.name}\``,
      });
    }
    const secrets = Object.entries(options.options).filter(([key, value]) => looksSecret(key, value));
    const open = Object.fromEntries(Object.entries(options.options).filter(([key, value]) => !looksSecret(key, value)));
    await editConfiguration(workspace, options.local ? "local" : "project", ["remotes", options.name], { url: options.url, ...open });
    if (secrets.length > 0) {
      await editConfiguration(workspace, "local", ["remotes", options.name], {
        url: options.url,
        ...(options.local ? open : {}),
        ...Object.fromEntries(secrets),
      });
    }
    const isDefault = remotes.size === 0;
    if (isDefault) await editConfiguration(workspace, options.local ? "local" : "project", ["default"], options.name);
    // What is in mlv.yaml comes with commits from now on, and an endpoint among it needs to be trusted on each machine, this one too.
    const { endpoint } = open;
    const mustTrust =
      !options.local &&
      endpoint !== undefined &&
      open["anonymous"] !== "true" &&
      !isTrusted(hostOf(endpoint), local.trust, context.env["MLV_TRUST_ENDPOINTS"]);
    return { isDefault, kept: secrets.map(([key]) => key), mustTrust };
  });
}

function hostOf(endpoint: string): string {
  return URL.parse(endpoint)?.host ?? "";
}

/** Removes a remote from both configuration files; what it stores stays. Throws `remote-not-configured`. */
export async function removeRemote(context: OperationContext, name: string): Promise<void> {
  await withWorkspace(context, async (workspace) => {
    prepareState(workspace);
    const { project, local, ...rest } = await workspace.configuration();
    selectRemote({ project, local, ...rest }, name);
    for (const [scope, config] of [
      ["project", project],
      ["local", local],
    ] as const) {
      if (config.remotes.some((remote) => remote.name === name)) await editConfiguration(workspace, scope, ["remotes", name], undefined);
      if (config.default === name) await editConfiguration(workspace, scope, ["default"], undefined);
    }
  });
}

/** Makes a remote the default one, for everybody or with `local` on this machine. Throws `remote-not-configured`. */
export async function setDefaultRemote(
  context: OperationContext,
  options: { readonly name: string; readonly local: boolean },
): Promise<void> {
  await withWorkspace(context, async (workspace) => {
    prepareState(workspace);
    selectRemote(await workspace.configuration(), options.name);
    await editConfiguration(workspace, options.local ? "local" : "project", ["default"], options.name);
  });
}
