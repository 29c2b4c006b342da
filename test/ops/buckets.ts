import * as fs from "node:fs";
import path from "node:path";
import { execFileSync } from "node:child_process";
import { addRemote } from "../../src/ops/remotes.ts";
import { openRemote } from "../../src/remotes/open.ts";
import type { Remote } from "../../src/remotes/remote.ts";
import { listAll, source } from "../remotes/helpers.ts";
import { startServer, type RunningServer, type ServerKind } from "../remotes/servers.ts";
import { freshFolder, openProject, type Project } from "./project.ts";

export const BACKENDS = ["folder", "s3", "gcs", "azure"] as const;
export type Backend = (typeof BACKENDS)[number];

/** Is a place for remotes: a server's bucket, or folders. */
export interface Place {
  readonly backend: Backend;
  /** The server, where there is one. */
  readonly server: RunningServer | undefined;
  /** Makes a repository whose default remote is a fresh prefix or folder of the place. */
  createProject(options?: Readonly<Record<string, string>>): Promise<StoredProject>;
  close(): Promise<void>;
}

/** Is a project with a look behind mlv's back at what its remote holds. */
export interface StoredProject extends Project {
  readonly remote: Remote;
  /** Returns the keys under a prefix, sorted. */
  keys(prefix?: string): Promise<string[]>;
  /** Deletes everything under a prefix. */
  drop(prefix: string): Promise<void>;
  place(key: string, content: string): Promise<void>;
  /** Clones the repository, with no data and no cache. */
  clone(): Project;
}

/** Opens a place; a real server where it is installed. */
export async function openPlace(backend: Backend): Promise<Place> {
  const server = backend === "folder" ? undefined : await startServer(backend satisfies ServerKind);
  let count = 0;
  return {
    backend,
    server,
    async createProject(options = {}) {
      const env = server === undefined ? {} : { ...server.env, MLV_TRUST_ENDPOINTS: new URL(server.options["endpoint"] ?? "").host };
      const project = openProject(freshFolder(), env);
      const url = server === undefined ? freshFolder() : `${server.url}/run-${++count}`;
      const given = { ...server?.options, ...options };
      await addRemote(project.context, { name: "origin", url, options: given, local: false, force: false });
      await project.record("start");
      const config = { name: "origin", url, options: given, origin: "local" } as const;
      const remote = await openRemote(config, { repositoryRoot: undefined, env, isTrusted: () => true });
      const keys = async (prefix = ""): Promise<string[]> => (await listAll(remote, prefix)).map(({ key }) => key).sort();
      return {
        ...project,
        remote,
        keys,
        drop: async (prefix) => remote.removeMany(await keys(prefix)),
        async place(key, content) {
          await remote.put(key, source(Buffer.from(content)));
        },
        clone() {
          const folder = path.join(freshFolder(), "clone");
          execFileSync("git", ["clone", "-q", project.root, folder], { env: project.context.env });
          fs.mkdirSync(path.join(folder, ".git/mlv"), { recursive: true });
          return openProject(folder, env);
        },
      };
    },
    async close() {
      await server?.stop();
    },
  };
}
