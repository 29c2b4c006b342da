import { MlvError } from "../base/errors.ts";
import type { RemoteConfig } from "../formats/remote-config.ts";
import { editConfiguration, selectRemote } from "./configuration.ts";
import { prepareState, withWorkspace, type OperationContext } from "./open-workspace.ts";

/** Says whose endpoint to trust. */
export interface TrustOptions {
  /** A remote's name. */
  readonly name: string;
  /** Takes the trust back. */
  readonly revoke: boolean;
}

/** Is what was trusted. */
export interface TrustResult {
  readonly remote: string;
  /** The endpoint's host, with its port when it has one; undefined when the remote names no endpoint of its own. */
  readonly host: string | undefined;
  /** False when nothing changed. */
  readonly isChanged: boolean;
}

/** Lets the endpoint of a remote have this machine's credentials, noted in local.yaml. Throws `remote-not-configured`, `remote-misconfigured`. */
export async function trust(context: OperationContext, options: TrustOptions): Promise<TrustResult> {
  return withWorkspace(context, async (workspace) => {
    prepareState(workspace);
    const configuration = await workspace.configuration();
    const config = selectRemote(configuration, options.name);
    const host = endpointHost(config);
    const { trust: trusted } = configuration.local;
    if (host === undefined || trusted.includes(host) !== options.revoke) return { remote: config.name, host, isChanged: false };
    const hosts = options.revoke ? trusted.filter((other) => other !== host) : [...trusted, host];
    await editConfiguration(workspace, "local", ["trust"], hosts.length === 0 ? undefined : hosts);
    return { remote: config.name, host, isChanged: true };
  });
}

/** Tells whether the user lets an endpoint have credentials: trusted on this machine, or named in MLV_TRUST_ENDPOINTS. */
export function isTrusted(host: string, trusted: readonly string[], fromEnvironment: string | undefined): boolean {
  return trusted.includes(host) || (fromEnvironment ?? "").split(",").some((entry) => entry.trim() === host);
}

function endpointHost({ name, options }: RemoteConfig): string | undefined {
  const endpoint = options["endpoint"];
  if (endpoint === undefined) return undefined;
  try {
    return new URL(endpoint).host;
  } catch (error) {
    throw new MlvError("remote-misconfigured", `the endpoint of the remote \`${name}\` is no URL`, {
      hint: `correct it with \`mlv remote add --force ${name} URL\``,
      cause: error,
    });
  }
}
