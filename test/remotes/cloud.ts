import { openRemote } from "../../src/remotes/open.ts";
import type { Remote } from "../../src/remotes/remote.ts";
import type { RunningServer } from "./servers.ts";

let counter = 0;

/** Opens a remote in a fresh prefix of a running server. */
export function openOn(
  server: RunningServer,
  options: Record<string, string> = {},
  prefix = `run-${process.pid}-${++counter}`,
): Promise<Remote> {
  return openRemote(
    {
      name: "origin",
      url: `${server.url}/${prefix}`,
      options: { ...server.options, ...options },
      origin: "local",
    },
    { repositoryRoot: undefined, env: server.env, isTrusted: () => false },
  );
}
