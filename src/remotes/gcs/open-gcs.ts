import type { DriverSettings } from "../open.ts";
import { RemoteError } from "../remote-error.ts";
import type { Remote } from "../remote.ts";

/** Opens a remote of this scheme. */
export async function openGcs(settings: DriverSettings): Promise<Remote> {
  throw new RemoteError("unsupported", `${settings.url}: this build has no driver for it`);
}
