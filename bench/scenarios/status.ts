import * as fs from "node:fs";
import path from "node:path";
import type { Scene } from "../support/scenario.ts";
import { rotate } from "../support/scenario.ts";
import { MLV } from "../support/tools.ts";
import { commit, type Versioner } from "../support/versioners.ts";

const REPETITIONS = 8;

/** Measures `status` with nothing to do: a repository with three pointers, one with a thousand, and Node's own start. */
export async function measureStatus(scene: Scene): Promise<void> {
  await measureIn(scene, "no-op status, 3 pointers", 3);
  await measureIn(scene, "no-op status, 1,000 pointers", Math.max(10, Math.round(1000 * scene.scale)));
}

async function measureIn(scene: Scene, step: string, pointers: number): Promise<void> {
  const { arena } = scene;
  const places: { readonly versioner: Versioner; readonly project: string }[] = [];
  for (const versioner of scene.versioners) {
    const folder = arena.fresh(`status-${pointers}-${versioner.name}`);
    await versioner.create(arena, folder);
    const project = path.join(folder, "project");
    fs.mkdirSync(path.join(project, "data"));
    for (let number = 0; number < pointers; number++)
      fs.writeFileSync(path.join(project, "data", `${number}.csv`), `id,value\n${number},1\n`);
    await arena.prepare(addFiles(versioner), project);
    await arena.prepare(commit("data"), project);
    await arena.prepare(versioner.push(), project);
    places.push({ versioner, project });
  }
  const home = arena.fresh("start");
  for (let run = 0; run < scene.runs * REPETITIONS; run++) {
    for (const { versioner, project } of rotate(places, run)) {
      const check = (stdout: string): void => {
        if (versioner.sawChange(stdout)) throw new Error(`${versioner.name} sees a change where there is none:\n${stdout}`);
      };
      await arena.step({ group: "status", step, tool: versioner.name, run }, versioner.status(), { cwd: project, check });
    }
    if (!scene.hasFloor) continue;
    await arena.step({ group: "status", step, tool: "node -e 0", run }, [process.execPath, "-e", "0"], { cwd: home });
    await arena.step({ group: "status", step, tool: "mlv --version", run }, [process.execPath, MLV, "--version"], { cwd: home });
  }
}

/** Tracks each file by itself: a pointer for each. */
function addFiles(versioner: Versioner): string {
  const add = versioner.add("FILES");
  const words = typeof add === "string" ? add.split(" ") : add;
  return words.map((word) => (word === "FILES" ? "data/*.csv" : `"${word}"`)).join(" ");
}
