import * as fs from "node:fs";
import path from "node:path";
import { correctParquet, tuneWeights } from "../support/data.ts";
import type { Scene } from "../support/scenario.ts";
import { rotate } from "../support/scenario.ts";
import { createPng } from "../support/png.ts";
import { commit, type Versioner } from "../support/versioners.ts";

/** Is a data set as people have them, and the edit that its second version makes. */
interface RealCase {
  readonly set: "images" | "parquet" | "weights";
  edit(data: string, scale: number): void;
}

const CASES: readonly RealCase[] = [
  {
    set: "images",
    edit: (data) => {
      for (let image = 0; image < 20; image++)
        fs.writeFileSync(path.join(data, "07", `more-${image}.png`), createPng(200, 150, `more ${image}`));
      fs.rmSync(path.join(data, "03", "3.png"));
    },
  },
  { set: "parquet", edit: (data, scale) => correctParquet(path.join(data, "part-3.parquet"), scale) },
  { set: "weights", edit: (data) => tuneWeights(path.join(data, "model.safetensors")) },
];

/** Measures a folder of images, a Parquet set and model weights: first version, then an everyday edit. */
export async function measureReal(scene: Scene): Promise<void> {
  for (const real of CASES) {
    const source = scene.data.get(real.set);
    for (let run = 0; run < scene.runs; run++) {
      for (const versioner of rotate(scene.versioners, run)) await measureCase(scene, { real, source, versioner, run });
    }
  }
}

interface Turn {
  readonly real: RealCase;
  readonly source: string;
  readonly versioner: Versioner;
  readonly run: number;
}

async function measureCase(scene: Scene, { real, source, versioner, run }: Turn): Promise<void> {
  const { arena } = scene;
  const folder = arena.fresh(`${real.set}-${versioner.name}`);
  const project = path.join(folder, "project");
  const remoteBytes = (): number => versioner.remoteBytes(folder);
  const at = (step: string): { group: string; step: string; tool: string; run: number } => ({
    group: "real",
    step: `${real.set}: ${step}`,
    tool: versioner.name,
    run,
  });
  await versioner.create(arena, folder);
  fs.cpSync(source, path.join(project, "data"), { recursive: true });
  await arena.step(at("add"), versioner.add("data"), { cwd: project });
  await arena.prepare(commit("first"), project);
  await arena.step(at("push"), versioner.push(), { cwd: project, remoteBytes });
  await arena.step(at("clone and pull"), versioner.clone(), { cwd: folder });
  arena.assertSame(path.join(folder, "clone", "data"), source);
  real.edit(path.join(project, "data"), scene.scale);
  await arena.step(at("edited: add"), versioner.add("data"), { cwd: project });
  await arena.prepare(commit("second"), project);
  await arena.step(at("edited: push"), versioner.push(), { cwd: project, remoteBytes });
  arena.reclaim(folder);
}
