import * as fs from "node:fs";
import path from "node:path";
import { startCountingProxy, type CountingProxy } from "../support/counting-proxy.ts";
import type { Scene } from "../support/scenario.ts";
import { rotate } from "../support/scenario.ts";
import { hasS3Server, startS3Server, type S3Server } from "../support/s3-server.ts";
import { commit, type Versioner } from "../support/versioners.ts";

const DELAY_MS = 30;

interface Setting {
  readonly server: S3Server;
  readonly endpoint: string;
  /** What counts requests and bytes, where a proxy is in front of the server. */
  readonly proxy?: CountingProxy;
  /** What the cases' names end with. */
  readonly label: string;
}

/** Measures 10,000 small files and one file of 512 MiB on versitygw, straight and behind a proxy that delays every request by 30 ms. */
export async function measureS3(scene: Scene): Promise<void> {
  const { arena } = scene;
  if (!hasS3Server()) {
    process.stderr.write("versitygw is not installed (`npm run servers`): the group s3 is left out\n");
    return;
  }
  const server = await startS3Server(arena.fresh("s3-server"));
  const proxy = await startCountingProxy(server.port, DELAY_MS);
  const straight = `http://127.0.0.1:${server.port}`;
  arena.addVariables({ ...server.env, MLV_TRUST_ENDPOINTS: `${new URL(straight).host},${new URL(proxy.url).host}` });
  try {
    const settings: readonly Setting[] = [
      { server, endpoint: straight, label: "" },
      { server, endpoint: proxy.url, proxy, label: `, ${DELAY_MS} ms a request` },
    ];
    for (const setting of settings) {
      for (let run = 0; run < scene.runs; run++) {
        const versioners = scene.versioners.filter(({ name }) => name !== "git-lfs");
        for (const versioner of rotate(versioners, run)) {
          await measureSet(scene, setting, { versioner, set: "tenThousand", target: "data", run });
          await measureSet(scene, setting, { versioner, set: "half", target: "big.bin", run });
        }
      }
    }
  } finally {
    await proxy.stop();
    await server.stop();
  }
}

interface Turn {
  readonly versioner: Versioner;
  readonly set: "tenThousand" | "half";
  readonly target: string;
  readonly run: number;
}

async function measureSet(scene: Scene, { server, endpoint, proxy, label }: Setting, { versioner, set, target, run }: Turn): Promise<void> {
  const { arena } = scene;
  const folder = arena.fresh(`s3-${set}-${versioner.name}`);
  const project = path.join(folder, "project");
  const source = set === "half" ? path.join(scene.data.get(set), target) : scene.data.get(set);
  const what = set === "half" ? "512 MiB" : "10,000 files";
  const at = (step: string): { group: string; step: string; tool: string; run: number } => ({
    group: "s3",
    step: `${what}: ${step}${label}`,
    tool: versioner.name,
    run,
  });
  await versioner.create(arena, folder, { url: `s3://${server.bucket}/${path.basename(folder)}`, endpoint });
  fs.cpSync(source, path.join(project, target), { recursive: true });
  await arena.prepare(versioner.add(target), project);
  await arena.prepare(commit("data"), project);
  const counted = proxy === undefined ? {} : { traffic: () => proxy.take() };
  await arena.step(at("push"), versioner.push(), { cwd: project, ...counted });
  await arena.step(at("no-op push"), versioner.push(), { cwd: project, ...counted });
  await arena.step(at("clone and pull"), versioner.clone(), { cwd: folder, ...counted });
  arena.assertSame(path.join(folder, "clone", target), source);
  arena.reclaim(folder);
}
