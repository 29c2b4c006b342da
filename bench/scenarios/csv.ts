import * as fs from "node:fs";
import path from "node:path";
import type { Scene } from "../support/scenario.ts";
import { rotate } from "../support/scenario.ts";
import { commit, type Versioner } from "../support/versioners.ts";

interface Turn {
  readonly versioner: Versioner;
  readonly first: string;
  readonly second: string;
  readonly run: number;
}

/** Measures a table and an edited copy of it: what each version's push sends, and a pull onto a clone that has the first. */
export async function measureCsv(scene: Scene): Promise<void> {
  const folder = scene.data.get("csv");
  const [first, second] = [path.join(folder, "first.csv"), path.join(folder, "second.csv")];
  for (let run = 0; run < scene.runs; run++) {
    for (const versioner of rotate(scene.versioners, run)) await measureVersioner(scene, { versioner, first, second, run });
  }
}

async function measureVersioner(scene: Scene, { versioner, first, second, run }: Turn): Promise<void> {
  const { arena } = scene;
  const folder = arena.fresh(`csv-${versioner.name}`);
  const project = path.join(folder, "project");
  const clone = path.join(folder, "clone");
  const table = path.join("data", "table.csv");
  const remoteBytes = (): number => versioner.remoteBytes(folder);
  const at = (step: string): { group: string; step: string; tool: string; run: number } => ({
    group: "csv",
    step,
    tool: versioner.name,
    run,
  });
  await versioner.create(arena, folder);
  fs.mkdirSync(path.join(project, "data"));
  fs.copyFileSync(first, path.join(project, table));
  await arena.step(at("add"), versioner.add(table), { cwd: project });
  await arena.prepare(commit("first"), project);
  await arena.step(at("first push"), versioner.push(), { cwd: project, remoteBytes });
  await arena.prepare(versioner.clone(), folder);
  fs.copyFileSync(second, path.join(project, table));
  await arena.step(at("edited: add"), versioner.add(table), { cwd: project });
  await arena.prepare(commit("second"), project);
  await arena.step(at("edited: push"), versioner.push(), { cwd: project, remoteBytes });
  await arena.step(at("edited: pull"), pullCommit(versioner), { cwd: clone });
  arena.assertSame(path.join(clone, table), second);
  arena.reclaim(folder);
}

/** Brings Git's commits and then the data. Git LFS smudges while Git merges. */
function pullCommit(versioner: Versioner): string {
  const pull = versioner.pull();
  const line = typeof pull === "string" ? pull : pull.map((word) => `"${word}"`).join(" ");
  return `git pull -q --ff-only && ${line}`;
}
