import { expect } from "vitest";
import { makeSandbox, makeTree, readTree, type RunResult, type Sandbox, type SeenEntry, type Tree } from "../cli/sealed.ts";
import { openOn } from "../remotes/cloud.ts";
import { startFaultProxy, type FaultProxy, type SeenRequest } from "../remotes/fault-proxy.ts";
import { listAll, source } from "../remotes/helpers.ts";
import { startServer, type RunningServer, type ServerKind } from "../remotes/servers.ts";

/** Is a sandbox whose repository `project` has a bucket behind a fault proxy as its remote, and clones of it the same. */
export interface CloudProject {
  readonly kind: ServerKind;
  readonly box: Sandbox;
  readonly server: RunningServer;
  readonly proxy: FaultProxy;
  /** What a child process needs besides the sandbox's own environment: credentials, and trust in the proxy. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs mlv to its end, whatever that is. */
  run(cwd: string, ...args: readonly string[]): Promise<RunResult>;
  /** Runs mlv and throws, with all that it printed, unless it succeeds. */
  mlv(cwd: string, ...args: readonly string[]): Promise<RunResult>;
  /** Clones `project` anew and pulls; the clone must have the same files. */
  expectWhole(from?: string): Promise<void>;
  /** Returns the keys under a prefix of the remote, as the server has them. */
  keys(prefix: string): Promise<string[]>;
  /** Takes blobs away behind mlv's back. */
  lose(keys: readonly string[]): Promise<void>;
  /** Puts a blob there behind mlv's back. */
  place(key: string, content: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

let count = 0;

/** Starts a server, a proxy before it, and makes a repository with a committed remote there. */
export async function makeCloudProject(
  kind: ServerKind,
  options: { readonly tree?: Tree; readonly remote?: Readonly<Record<string, string>> } = {},
): Promise<CloudProject> {
  const server = await startServer(kind);
  const address = server.options["endpoint"] ?? "";
  const { origin } = new URL(address);
  const proxy = await startFaultProxy(origin, kind);
  const box = makeSandbox();
  const env = { ...server.env, MLV_TRUST_ENDPOINTS: new URL(proxy.url).host };
  const run = (cwd: string, ...args: readonly string[]): Promise<RunResult> => box.start(args, { cwd, env }).done;
  const mlv = async (cwd: string, ...args: readonly string[]): Promise<RunResult> => {
    const result = await run(cwd, ...args);
    if (result.status === 0) return result;
    throw new Error(`mlv ${args.join(" ")} ended with ${result.status}\n${result.stdout}${result.stderr}`);
  };
  const direct = await openOn(server, {}, "data");
  box.makeRepository("project");
  const given = { ...server.options, endpoint: address.replace(origin, proxy.url), ...options.remote };
  const flags = Object.entries(given).flatMap(([key, value]) => ["--option", `${key}=${value}`]);
  await mlv("project", "remote", "add", "origin", `${server.url}/data`, ...flags);
  box.commit("project", "remote");
  if (options.tree !== undefined) makeTree(box.at("project"), options.tree);
  return {
    kind,
    box,
    server,
    proxy,
    env,
    run,
    mlv,
    async expectWhole(from = "project") {
      const clone = `whole-${++count}`;
      box.clone(from, clone);
      await mlv(clone, "pull");
      expect(filesOf(box, clone)).toEqual(filesOf(box, from));
    },
    async keys(prefix) {
      return (await listAll(direct, prefix)).map(({ key }) => key).sort();
    },
    lose: (keys) => direct.removeMany(keys),
    async place(key, content) {
      await direct.put(key, source(content));
    },
    async close() {
      await direct.close();
      await proxy.stop();
      await server.stop();
    },
  };
}

/** Returns what lies in a work tree besides Git's folder. */
export function filesOf(box: Sandbox, cwd: string): readonly SeenEntry[] {
  return readTree(box.at(cwd), [".git"]);
}

/** Returns a choice of requests by method and by a part of the key that they are about. */
export function about(part: string, method = "GET"): (request: SeenRequest) => boolean {
  return (request) => request.method === method && !isListing(request) && decodeURIComponent(request.path).includes(`/data/${part}`);
}

/** Tells whether a request lists keys. */
export function isListing({ method, path }: SeenRequest): boolean {
  return method === "GET" && (/list-type=2|comp=list(?:&|$)/.test(path) || /\/o\?/.test(path));
}
