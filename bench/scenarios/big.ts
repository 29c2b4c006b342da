import * as fs from "node:fs";
import path from "node:path";
import type { Scene } from "../support/scenario.ts";
import { rotate } from "../support/scenario.ts";
import { commit, type Versioner } from "../support/versioners.ts";

/** Measures one large random file: add, push to a folder, fresh clone and pull. */
export async function measureBig(scene: Scene): Promise<void> {
  const source = path.join(scene.data.get("big"), "big.bin");
  for (let run = 0; run < scene.runs; run++) {
    const contestants = scene.versioners.map((versioner) => async (): Promise<void> => measureVersioner(scene, { versioner, source, run }));
    if (scene.hasFloor) contestants.push(async () => measureFloor(scene, source, run));
    for (const contestant of rotate(contestants, run)) await contestant();
  }
}

interface Turn {
  readonly versioner: Versioner;
  readonly source: string;
  readonly run: number;
}

async function measureVersioner(scene: Scene, { versioner, source, run }: Turn): Promise<void> {
  const { arena } = scene;
  const folder = arena.fresh(`big-${versioner.name}`);
  const project = path.join(folder, "project");
  await versioner.create(arena, folder);
  fs.copyFileSync(source, path.join(project, "big.bin"));
  const at = (step: string): { group: string; step: string; tool: string; run: number } => ({
    group: "big",
    step,
    tool: versioner.name,
    run,
  });
  await arena.step(at("add"), versioner.add("big.bin"), { cwd: project });
  await arena.prepare(commit("data"), project);
  const remoteBytes = (): number => versioner.remoteBytes(folder);
  await arena.step(at("push to a folder"), versioner.push(), { cwd: project, remoteBytes });
  await arena.step(at("fresh clone and pull"), versioner.clone(), { cwd: folder });
  arena.assertSame(path.join(folder, "clone", "big.bin"), source);
  arena.reclaim(folder);
}

async function measureFloor(scene: Scene, source: string, run: number): Promise<void> {
  const { arena } = scene;
  const cwd = arena.fresh("big-floor");
  const at = (step: string, tool: string): { group: string; step: string; tool: string; run: number } => ({
    group: "big",
    step,
    tool,
    run,
  });
  await arena.prepare(["cp", source, "big.bin"], cwd);
  await arena.step(at("add", "cp and openssl side by side"), "cp big.bin added.bin & openssl dgst -sha256 big.bin & wait", { cwd });
  await arena.step(at("push to a folder", "cp"), ["cp", "added.bin", "pushed.bin"], { cwd });
  await arena.step(at("fresh clone and pull", "two cp"), "cp pushed.bin fetched.bin && cp fetched.bin out.bin", { cwd });
  arena.assertSame(path.join(cwd, "out.bin"), source);
  arena.reclaim(cwd);
}
