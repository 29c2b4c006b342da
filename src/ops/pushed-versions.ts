import type { Pointer } from "../formats/pointer.ts";
import { KnownHeads } from "../transfer/known-heads.ts";
import type { Workspace } from "./open-workspace.ts";

/** Knows which versions the default remote is known to have, from earlier pushes and pulls. */
export interface PushedVersions {
  readonly remote: string;
  has(pointer: Pointer): boolean;
}

/** Returns what is known of the default remote without asking it, or undefined when there is none. */
export async function readPushedVersions(workspace: Workspace): Promise<PushedVersions | undefined> {
  const { defaultRemote } = await workspace.configuration();
  if (defaultRemote === undefined) return undefined;
  const known = new KnownHeads(workspace.stateFolder, defaultRemote);
  return { remote: defaultRemote, has: (pointer) => known.get(pointer.sha256) !== undefined };
}
