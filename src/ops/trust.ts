import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

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
  return unbuilt(context, options);
}
